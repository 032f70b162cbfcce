//! What a side does once, and its conditions.

use crosstie::sync::{Access, AnyLock, AnyTurn, Condvar, Once, Shared};
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
