//! What the proof of a deadlock costs whoever closes the circle.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use crosstie::ledger::Domain;
use crosstie::os::{clock, process};
use crosstie::sync::{LockError, Mutex, Shared};
use crosstie::{Error, ErrorKind, Result};

use super::asleep::wait_until_asleep;
use crate::percentiles::median;

/// Others in the circle.
pub const HOPS: usize = 10;
/// Attempts that are not counted.
const WARM_UP: usize = 20;

/// The medians of a lock that ends in a deadlock over [`HOPS`] others, and of one that only finds the
/// same mutex held, nanoseconds; in a domain of its own in `folder`.
///
/// # Errors
/// The domain cannot be had; a lock ends otherwise.
pub fn refused_ns(folder: &Path, count: usize) -> Result<[f64; 2]> {
    let domain = Domain::open(folder.join("domain"))?;
    let open = |index: usize| Mutex::<u64>::open_or_create_in(domain, &format!("link-{index}"), || 0);
    let mutexes = (0..=HOPS).map(open).collect::<Result<Vec<_>>>()?;
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let last = mutexes[HOPS].lock().map_err(Error::from)?;
        let mut links = Vec::new();
        for pair in mutexes.windows(2).rev() {
            let tell = tell.clone();
            links.push(scope.spawn(move || -> Result<()> {
                let _has = pair[0].lock().map_err(Error::from)?;
                // The measuring thread waits for it as long as this one lives.
                let _ = tell.send(process::tid());
                let _wants = pair[1].lock().map_err(Error::from)?;
                Ok(())
            }));
            // One after the other, so that nobody is in another's way before it has its first.
            let tid = told.recv().map_err(|_| unexpected("a thread of the circle ended"))?;
            wait_until_asleep(process::pid(), tid)?;
        }
        let measured = attempts(&mutexes[0], count);
        drop(last);
        for link in links {
            link.join().unwrap_or_else(|_| Err(unexpected("a thread of the circle panicked")))?;
        }
        measured
    })
}

fn attempts(mutex: &Shared<Mutex<u64>>, count: usize) -> Result<[f64; 2]> {
    let (mut deadlocks, mut bare) = (Vec::new(), Vec::new());
    for attempt in 0..WARM_UP + count {
        let start_ns = clock::now_ns();
        let refusal = mutex.try_lock().err();
        let busy_ns = clock::now_ns() - start_ns;
        if !matches!(refusal, Some(LockError::Busy(_))) {
            return Err(unexpected("a held mutex was not busy"));
        }
        let start_ns = clock::now_ns();
        let refusal = mutex.lock().err();
        let deadlock_ns = clock::now_ns() - start_ns;
        match refusal {
            Some(LockError::Deadlock(cycle)) if cycle.length() == HOPS + 1 => {}
            _ => return Err(unexpected("a circle of locks was no deadlock")),
        }
        if attempt >= WARM_UP {
            bare.push(busy_ns as f64);
            deadlocks.push(deadlock_ns as f64);
        }
    }
    Ok([median(&deadlocks), median(&bare)])
}

fn unexpected(what: &str) -> Error {
    Error::new("measure", "a deadlock", ErrorKind::Failed).because(what)
}
