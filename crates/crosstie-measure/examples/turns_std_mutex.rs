//! The standard library's, between the threads of one process.

use std::sync::Mutex;
use std::thread;

static VISITS: Mutex<u64> = Mutex::new(0);

fn main() {
    thread::scope(|scope| {
        scope.spawn(|| *VISITS.lock().unwrap() += 1);
    });
    println!("{}", VISITS.lock().unwrap());
}
