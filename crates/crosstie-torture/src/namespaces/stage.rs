//! A domain, and who plays in it behind which namespaces.

use std::path::Path;
use std::time::Duration;

use crosstie::inspect::Snapshot;
use crosstie::ledger::{Domain, Net};
use crosstie::os::{clock, poll, process};
use crosstie::sync::{LockError, Mutex, Shared};
use crosstie::{Deadline, ErrorKind};
use tempfile::TempDir;

use super::wrapper::{BOUND, Wrapper};
use crate::deadlocks::cast::{Cast, Failure, Said};
use crate::deadlocks::scene::{Kind, Step, alone};
use crate::kernel;

/// Who does nothing for so long does not.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_NS: u64 = 200_000;

/// What a scene ends with, if not well.
#[derive(Debug)]
pub enum Wrong {
    /// Something does not hold.
    Fault(String),
    /// This machine does not allow the scene.
    Skipped(String),
}

pub type Outcome<T = ()> = Result<T, Wrong>;

impl<E: Into<Failure>> From<E> for Wrong {
    fn from(error: E) -> Self {
        Self::Fault(error.into().to_string())
    }
}

/// Holds the scene to `fact`.
pub fn check(fact: bool, what: &str) -> Outcome {
    if fact { Ok(()) } else { Err(Wrong::Fault(what.to_owned())) }
}

/// One scene's domain and actors.
pub struct Stage {
    pub domain: &'static Domain,
    pub cast: Cast,
    /// The longest from a death until somebody was told.
    pub slowest_told_ns: u64,
    _folder: TempDir,
}

impl Stage {
    pub fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("crosstie-namespaces").tempdir_in("/dev/shm")?;
        let domain = Domain::open(folder.path().join("domain"))?;
        domain.set_net(Net::Absent);
        Ok(Self { domain, cast: Cast::nobody(), slowest_told_ns: 0, _folder: folder })
    }

    pub fn path(&self) -> &Path {
        self.domain.directory().path()
    }

    /// An actor in the namespaces of `wrapper`; answers its number.
    pub fn enters(&mut self, wrapper: Wrapper) -> Outcome<usize> {
        let number = self.tries_to_enter(wrapper, self.domain.directory().path())?;
        match self.hears(number)? {
            Said::Pid(pid) => {
                self.cast.now_played_by(number, pid);
                Ok(number)
            }
            other => Err(Wrong::Fault(format!("an actor behind {wrapper:?} said {other:?}"))),
        }
    }

    /// The same, of a domain at `path`, whatever it says.
    pub fn tries_to_enter(&mut self, wrapper: Wrapper, path: &Path) -> Outcome<usize> {
        if let Some(reason) = wrapper.lacks(self.path()) {
            return Err(Wrong::Skipped(reason));
        }
        let inside = if wrapper == Wrapper::Container { Path::new(BOUND) } else { path };
        Ok(self.cast.add(&wrapper.command(self.path()), inside, "never")?)
    }

    /// What `number` says next.
    pub fn hears(&self, number: usize) -> Outcome<Said> {
        match self.cast.hear(PATIENCE)? {
            Some((who, said)) if who == number => Ok(said),
            other => Err(Wrong::Fault(format!("{number} was to say something, and {other:?} was said"))),
        }
    }

    /// `number` takes `name` and has it.
    pub fn takes(&mut self, number: usize, kind: Kind, name: &str) -> Outcome {
        self.cast.take(number, alone(0), kind, name)?;
        let said = self.hears(number)?;
        check(said == Said::Had, &format!("{number} was to have {name}, and said {said:?}"))
    }

    /// `number` wants `name` and sleeps.
    pub fn waits(&mut self, number: usize, step: Step, kind: Kind, name: &str) -> Outcome {
        let before = self.domain.waiting_count();
        self.cast.take(number, step, kind, name)?;
        self.until("somebody waits", || self.domain.waiting_count() > before)
    }

    /// Waits for a fact.
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Outcome {
        let until_ns = clock::now_ns() + u64::try_from(PATIENCE.as_nanos())?;
        while !is_so() {
            check(clock::now_ns() < until_ns, &format!("in vain: {what}"))?;
            poll::pause(LOOK_NS, Deadline::NEVER);
        }
        Ok(())
    }

    /// The judging process, outside, opens the mutex `name`.
    pub fn mutex(&self, name: &str) -> Result<Shared<Mutex<u64>>, Failure> {
        Ok(Mutex::<u64>::open_or_create_in(self.domain, name, || 0)?)
    }

    /// `name` is somebody's, for as long as anybody looks: also the net takes nothing from the living.
    pub fn is_kept(&self, name: &str) -> Outcome {
        let mutex = self.mutex(name)?;
        check(
            is_busy(&mutex.try_lock().map(drop).map_err(|refusal| refusal.kind())),
            "it was stolen at once",
        )?;
        self.domain.set_net(Net::Spread);
        // Longer than the net's period: it asks the second witness.
        let taken = mutex.lock_for(Duration::from_millis(1_300)).map(drop).map_err(|refusal| refusal.kind());
        self.domain.set_net(Net::Absent);
        check(is_busy(&taken), &format!("the net took it from somebody who lives: {taken:?}"))
    }

    /// Somebody outside sleeps for the mutex `name`; `ends` lets its holder die; the sleeper is told.
    pub fn death_is_told(&mut self, name: &str, ends: impl FnOnce(&mut Cast) -> Outcome) -> Outcome {
        let mutex = self.mutex(name)?;
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let outcome = match mutex.lock() {
                Ok(_) => Ok(()),
                Err(LockError::Abandoned(mut guard)) => {
                    guard.mark_mended();
                    Err(ErrorKind::Abandoned)
                }
                Err(other) => Err(other.kind()),
            };
            // The scene may be over.
            let _ = tell.send((outcome, clock::now_ns()));
        });
        let own = process::pid();
        let domain = self.domain;
        self.until("the outer one sleeps", || {
            Snapshot::of(domain).waits.iter().any(|wait| {
                wait.owner.pid == own && crosstie::os::single_step::is_in_futex(own, wait.owner.tid)
            })
        })?;
        let since_ns = clock::now_ns();
        ends(&mut self.cast)?;
        match told.recv_timeout(PATIENCE) {
            Ok((Err(ErrorKind::Abandoned), at_ns)) => {
                self.slowest_told_ns = self.slowest_told_ns.max(at_ns.saturating_sub(since_ns));
                Ok(())
            }
            Ok((other, _)) => Err(Wrong::Fault(format!("a death was told as {other:?}"))),
            Err(_) => Err(Wrong::Fault("a death was not told".to_owned())),
        }
    }

    /// Stops what runs behind `number`'s wrapper, or lets it go on.
    pub fn signal_inside(&self, number: usize, signal: i32) -> Outcome {
        let child = self.cast.child(number);
        let children = std::fs::read_to_string(format!("/proc/{child}/task/{child}/children"))?;
        let inner = children.split_ascii_whitespace().next().ok_or("nobody is inside")?.parse()?;
        // It is a child of a child of ours that has not ended: its number is nobody else's.
        kernel::send(inner, signal);
        Ok(())
    }
}

fn is_busy(taken: &Result<(), ErrorKind>) -> bool {
    matches!(taken, Err(ErrorKind::Busy | ErrorKind::TimedOut))
}
