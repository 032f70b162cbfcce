//! What is asked for wrongly, and what is left behind: an answer, never a hang.

use std::time::Duration;

use crosstie::ErrorKind;
use crosstie::os::clock::deadline_in;
use crosstie::sync::{RwLock, Semaphore};

use super::stage::Stage;

const SOON: Duration = Duration::from_millis(5);

#[test]
fn a_request_for_several_permits_ends_at_its_deadline_beside_a_dead_holder() {
    let stage = Stage::new();
    let gate = Semaphore::open_or_create_in(stage.domain, "gate", 2).unwrap();
    let mut lives = stage.role("acquire gate; pause", &[]);
    let mut dies = stage.role("acquire gate; pause", &[]);
    lives.says("locked");
    dies.says("locked");
    dies.kill();
    dies.until_ended();
    assert_eq!(gate.acquire_many(2, deadline_in(SOON)).unwrap_err().kind(), ErrorKind::TimedOut);
    lives.go_on();
    lives.says("done");
    assert_eq!(gate.acquire_many(2, deadline_in(SOON)).unwrap().len(), 2);
}

#[test]
fn a_reader_for_whom_no_cell_is_free_ends_at_its_deadline_beside_a_dead_writer() {
    let stage = Stage::new();
    let lock = RwLock::<u64>::open_or_create_in(stage.domain, "r", || 0).unwrap();
    let left = std::sync::Arc::new(std::sync::RwLock::new(()));
    let leave = left.write().unwrap();
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let (lock, left) = (lock.clone(), std::sync::Arc::clone(&left));
            let (tell, told) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                let guard = lock.read().unwrap();
                tell.send(()).unwrap();
                drop(left.read().unwrap());
                drop(guard);
            });
            told.recv().unwrap();
            thread
        })
        .collect();
    let mut writer = stage.role("write r; pause", &[]);
    let tid = writer.says("tid").parse().unwrap();
    super::stage::until_asleep(writer.pid(), tid);
    writer.kill();
    writer.until_ended();
    assert_eq!(lock.read_for(SOON).unwrap_err().kind(), ErrorKind::TimedOut);
    drop(leave);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}
