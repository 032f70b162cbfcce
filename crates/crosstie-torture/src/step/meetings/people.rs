//! Who goes on after a kill, each in a thread: it meets as often as it is asked to, and tells how that went.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crosstie::os::{clock, process, single_step};

use super::thing::{Met, Opened};

/// What a survivor gets that never comes: with the net off, nothing wakes it later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// How long somebody may take to fall asleep.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Somebody.
pub struct Person {
    ask: Sender<()>,
    go_on: Sender<()>,
    told: Receiver<(u64, Result<Met, String>)>,
    thread: JoinHandle<()>,
    tid: u32,
}

impl Person {
    /// Somebody comes. One that `lingers` makes what is made once only when it is told to go on.
    pub fn new(opened: Opened, lingers: bool) -> Result<Self, String> {
        let (ask, asked) = channel::<()>();
        let (go_on, going_on) = channel::<()>();
        let (tell, told) = channel();
        let (tell_tid, tid) = channel();
        let thread = std::thread::spawn(move || {
            // A judge that waits no more has judged.
            let _ = tell_tid.send(process::tid());
            for () in asked {
                let met = opened.meet(|| {
                    if lingers {
                        let _ = going_on.recv();
                    }
                });
                let _ = tell.send((clock::now_ns(), met));
            }
        });
        let tid = tid.recv().map_err(|_| "nobody came")?;
        Ok(Self { ask, go_on, told, thread, tid })
    }

    /// Asks for one meeting.
    pub fn ask(&self) {
        // An error: it has panicked, which shows when it tells nothing.
        let _ = self.ask.send(());
    }

    /// Lets it make what it makes.
    pub fn go_on(&self) {
        // An error: as above.
        let _ = self.go_on.send(());
    }

    /// When and how the meeting went; `None` if it goes on for ever.
    pub fn told(&self) -> Option<(u64, Result<Met, String>)> {
        self.told.recv_timeout(NEVER_COMES).ok()
    }

    /// Waits until so many wait in `domain` and it sleeps.
    pub fn await_sleep(&self, waiting: impl Fn() -> bool) -> Result<(), String> {
        let give_up = clock::now_ns() + PATIENCE_NS;
        while !(waiting() && single_step::is_in_futex(process::pid(), self.tid)) {
            if clock::now_ns() > give_up {
                return Err("somebody does not sleep".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Waits until it has gone.
    pub fn leave(self) {
        drop(self.ask);
        // A panic has shown itself.
        let _ = self.thread.join();
    }
}
