//! What a side does once, its conditions and monitors.

use crosstie::sync::predicate::at_least;
use crosstie::sync::{Access, AnyLock, AnyTurn, Condvar, LockError, Monitor, MonitorGuard, Once, Shared};
use crosstie::{Deadline, ErrorKind};

use super::actor::{Refused, Said, Thing, deadline, unknown};
use super::turns::domain;

pub struct DoneOnce(Shared<Once>);

impl DoneOnce {
    pub fn open(name: &str) -> Result<Self, Refused> {
        Ok(Self(Once::open_or_create_in(domain()?, name)?))
    }
}

impl Thing for DoneOnce {
    fn act(&mut self, verb: &str, _words: &[&str]) -> Said {
        match verb {
            "call" => Ok((if self.0.call(|_| ())? { "did" } else { "was-done" }).to_owned()),
            "close" => Ok(String::new()),
            _ => Err(unknown(verb)),
        }
    }
}

/// A condition, and its lock, which has the same name.
pub struct Told {
    lock: AnyLock,
    condition: Shared<Condvar>,
}

impl Told {
    pub fn open(name: &str) -> Result<Self, Refused> {
        let lock = AnyLock::open_or_create_in(domain()?, name)?;
        Ok(Self { lock, condition: Condvar::open_or_create_in(domain()?, name)? })
    }
}

impl Thing for Told {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        let take = || -> Result<AnyTurn<'_>, Refused> {
            Ok(self.lock.lock_until(Access::Exclusive, Deadline::NEVER)?)
        };
        match verb {
            "wait" => {
                let (until, guard) = (deadline(words.first())?, take()?);
                let give_up = || drop(guard);
                let (again, is_late) =
                    self.condition.wait_around(domain()?, until, give_up, take, Result::is_ok)?;
                drop(again?);
                if is_late {
                    return Err(Refused::new(ErrorKind::TimedOut, "nobody notified in time"));
                }
            }
            "notify" => {
                let _guard = take()?;
                self.condition.notify_around(domain()?, 1)?;
            }
            "close" => {}
            _ => return Err(unknown(verb)),
        }
        Ok(String::new())
    }
}

/// A count in a monitor, as the other languages have it: who takes waits until there is one.
pub struct Needed {
    monitor: &'static Shared<Monitor<[u64; 8]>>,
    inside: Option<MonitorGuard<'static, [u64; 8]>>,
}

impl Needed {
    pub fn open(name: &str) -> Result<Self, Refused> {
        let monitor = Monitor::open_or_create_sized_in(domain()?, name, 8, || [0; 8])?;
        // A side ends with its process, and who is inside borrows it.
        Ok(Self { monitor: Box::leak(Box::new(monitor)), inside: None })
    }

    fn enter(&self) -> Result<MonitorGuard<'static, [u64; 8]>, Refused> {
        Ok(self.monitor.enter().or_else(LockError::into_guard)?)
    }

    fn take(&self, until: Deadline) -> Said {
        let waited = self.enter()?.wait_when_until(|data| at_least(&data[0], 1), until);
        let (mut inside, is_late) = waited.or_else(LockError::into_guard)?;
        if is_late {
            return Err(Refused::new(ErrorKind::TimedOut, "nobody added one in time"));
        }
        inside[0] -= 1;
        let dead = inside.is_abandoned().then(|| inside.dead_owner());
        let died = dead.flatten().map_or(String::new(), |who| format!(" abandoned {} {who}", who.pid));
        Ok(format!("{} left{died}", inside[0]))
    }
}

impl Thing for Needed {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "take" => return self.take(deadline(words.first())?),
            "add" => self.enter()?[0] += 1,
            "mend" => self.enter()?.mark_mended(),
            "enter" => {
                let mut inside = self.enter()?;
                inside[0] += 1;
                self.inside = Some(inside);
            }
            "leave" => drop(self.inside.take()),
            "close" => {}
            _ => return Err(unknown(verb)),
        }
        Ok(String::new())
    }
}
