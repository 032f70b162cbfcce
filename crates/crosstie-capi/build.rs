//! Names the shared library as programs ask for it, and keeps it loaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // While the major number is 0, the minor one says which programs fit.
    let number = |part: &str| std::env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    let (major, minor) = (number("MAJOR"), number("MINOR"));
    let fits = if major == "0" { format!("0.{minor}") } else { major };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcrosstie.so.{fits}");
    // A thread of the library may live as long as the process: its code stays, also after dlclose.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
