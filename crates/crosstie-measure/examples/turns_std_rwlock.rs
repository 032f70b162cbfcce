//! The standard library's, between the threads of one process.

use std::sync::RwLock;
use std::thread;

static LIMIT: RwLock<u64> = RwLock::new(10);

fn main() {
    thread::scope(|scope| {
        scope.spawn(|| *LIMIT.write().unwrap() += 1);
    });
    println!("{}", LIMIT.read().unwrap());
}
