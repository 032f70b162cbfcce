//! `demo kill`: a holder is killed, in Python's multiprocessing and here.

use std::time::Duration;

use crosstie::os::clock;
use crosstie::sync::{LockError, Mutex};

use super::role::{Role, refused};
use super::stage::{Stage, claim, say, since};
use crate::exit::{Failure, Outcome};

/// How long is called a hang.
const BOUND: Duration = Duration::from_secs(2);

/// The holder says that it has the lock and is killed; then its parent wants it.
const PYTHON: &str = "
import multiprocessing, os, signal, time
def hold(lock, ready):
    lock.acquire()
    ready.set()
    time.sleep(60)
if __name__ == '__main__':
    multiprocessing.set_start_method('fork')
    lock, ready = multiprocessing.Lock(), multiprocessing.Event()
    holder = multiprocessing.Process(target=hold, args=(lock, ready), daemon=True)
    holder.start()
    ready.wait()
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    began = time.monotonic()
    had = lock.acquire(timeout=2)
    print('outcome', 'had' if had else 'hangs', '%.1f' % (time.monotonic() - began), flush=True)
";

pub fn tell(stage: &Stage) -> Outcome {
    say("A process takes a lock and is killed with kill -9 while it has it. Another process wants it.\n")?;
    let left = python(stage)?;
    let right = crosstie(stage)?;
    say(format!("  Python's multiprocessing.Lock   {left}"))?;
    say(format!("  crosstie                        {right}"))?;
    say("\nThe left one is a bare semaphore: nobody knows who has it, so nobody can know that they died.")?;
    say("Here the kernel itself marks the dead, and wakes the one who waits; the data are called abandoned")?;
    say("until somebody has mended them.")
}

fn python(stage: &Stage) -> Result<String, Failure> {
    let Ok(mut python) = stage.program("python3", &["-c", PYTHON]) else {
        return Ok("SKIPPED: there is no python3 on this machine".to_owned());
    };
    let outcome = match python.says("outcome") {
        Ok(outcome) => outcome,
        Err(failure) => return Ok(format!("SKIPPED: python3 did not play it: {}", failure.text())),
    };
    Ok(match outcome.split_once(' ') {
        Some(("hangs", _)) => {
            format!("hangs: not had within {} s; without a limit it waits for ever", BOUND.as_secs())
        }
        Some((_, after)) => format!("had after {after} s"),
        None => outcome,
    })
}

fn crosstie(stage: &Stage) -> Result<String, Failure> {
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain(), "held", || 0)?;
    let mut holder = stage.actor("holder", &[])?;
    holder.says("has")?;
    let pid = holder.pid();
    let mut waiter = stage.actor("waiter", &[])?;
    waiter.says("asks")?;
    // Waiting for the fact that it waits.
    while stage.domain().waiting_count() == 0 {
        std::thread::yield_now();
    }
    let began = clock::now_ns();
    holder.kill();
    let who = waiter.says("had")?;
    let after = clock::in_words(since(began));
    claim(who.starts_with(&pid.to_string()), "that the dead one is named")?;
    claim(mutex.counters().deaths == 1, "that one death is counted")?;
    Ok(format!("had {after} after the kill, and told who died: {who}"))
}

pub fn play(role: &mut Role) -> Outcome {
    let mutex = Mutex::<u64>::open_or_create_in(role.domain, "held", || 0)?;
    if role.name == "holder" {
        let _guard = mutex.lock().map_err(refused)?;
        role.say("has", "it")?;
        return role.wait();
    }
    role.say("asks", "for it")?;
    match mutex.lock() {
        Err(LockError::Abandoned(guard)) => {
            let who = guard.dead_owner().map_or("somebody".to_owned(), |who| who.to_string());
            role.say("had", who)
        }
        Ok(_) => role.say("had", "nobody died"),
        Err(refusal) => Err(refused(refusal)),
    }
}
