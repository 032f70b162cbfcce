//! Compiles the few lines of C++ around Boost's message queue.

fn main() {
    println!("cargo:rerun-if-changed=src/queue.cpp");
    cc::Build::new().cpp(true).std("c++14").opt_level(3).file("src/queue.cpp").compile("peers_boost_queue");
    println!("cargo:rustc-link-lib=rt");
}
