//! Names the shared library as programs ask for it, and keeps it loaded; makes what cargo-c installs for CMake.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=packaging");
    // While the major number is 0, the minor one says which programs fit.
    let number = |part: &str| env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    let (major, minor) = (number("MAJOR"), number("MINOR"));
    let fits = if major == "0" { format!("0.{minor}") } else { major };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcrosstie.so.{fits}");
    // A thread of the library may live as long as the process: its code stays, also after dlclose.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Where cargo-c looks for what is made here.
    let Some(out) = env::var_os("OUT_DIR") else { return Ok(()) };
    let share = Path::new(&out).join("capi/share");
    fs::create_dir_all(&share)?;
    for (template, made) in [
        ("CrosstieConfig.cmake", "CrosstieConfig.cmake"),
        ("CrosstieConfigVersion.cmake.in", "CrosstieConfigVersion.cmake"),
    ] {
        let text = fs::read_to_string(Path::new("packaging").join(template))?;
        let text = text.replace("@VERSION@", &env::var("CARGO_PKG_VERSION").unwrap_or_default());
        let text = text.replace("@MAJOR@", &number("MAJOR")).replace("@MINOR@", &number("MINOR"));
        fs::write(share.join(made), text)?;
    }
    Ok(())
}
