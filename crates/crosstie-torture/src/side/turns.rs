//! Locks, permits, counts, events and barriers of a side.

use crosstie::Error;
use crosstie::ledger::Domain;
use crosstie::sync::semaphore::{AcquireOwned as _, OwnedPermit};
use crosstie::sync::{
    Access, AnyLock, AnyLockGuard, Barrier, CountingSemaphore, Event, LockError, OnDeath, Reset, Semaphore,
    Shared,
};

use super::actor::{Refused, Said, Thing, deadline, unknown};

impl<G> From<LockError<G>> for Refused {
    fn from(refusal: LockError<G>) -> Self {
        Self::new(refusal.kind(), Error::from(refusal))
    }
}

pub fn domain() -> Result<&'static Domain, Refused> {
    Ok(Domain::open_default()?)
}

pub struct Locked {
    lock: AnyLock,
    held: Vec<AnyLockGuard>,
}

impl Locked {
    pub fn open(name: &str) -> Result<Self, Refused> {
        Ok(Self { lock: AnyLock::open_or_create_in(domain()?, name)?, held: Vec::new() })
    }
}

impl Thing for Locked {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "take" => {
                let access =
                    if words.first() == Some(&"shared") { Access::Shared } else { Access::Exclusive };
                let guard = self.lock.lock_until(access, deadline(words.get(1))?)?;
                let mut said = format!("token {}", guard.token());
                if guard.is_abandoned() {
                    let who = guard.dead_owner().map_or(String::new(), |who| format!("{} {who}", who.pid));
                    said = format!("{said} abandoned {who}");
                }
                self.held.push(guard);
                Ok(said)
            }
            "release" => match self.held.pop() {
                Some(guard) if guard.is_held() => Ok(String::new()),
                Some(_) => Err(Refused::new(crosstie::ErrorKind::Lost, "it was taken away by force")),
                None => Err(Refused::new(crosstie::ErrorKind::Usage, "it is not held")),
            },
            "close" => Ok(String::new()),
            _ => Err(unknown(verb)),
        }
    }
}

pub struct Permits {
    semaphore: Shared<Semaphore>,
    held: Vec<OwnedPermit<Shared<Semaphore>>>,
}

impl Permits {
    pub fn open(name: &str, total: u32) -> Result<Self, Refused> {
        Ok(Self { semaphore: Semaphore::open_or_create_in(domain()?, name, total)?, held: Vec::new() })
    }
}

impl Thing for Permits {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "acquire" => {
                let permit = self.semaphore.acquire_here_until(deadline(words.first())?)?;
                let said = format!("index {}", permit.index());
                self.held.push(permit);
                Ok(said)
            }
            "release" => match self.held.pop() {
                Some(_) => Ok(String::new()),
                None => Err(Refused::new(crosstie::ErrorKind::Usage, "it is not held")),
            },
            "close" => Ok(String::new()),
            _ => Err(unknown(verb)),
        }
    }
}

pub struct Counted(Shared<CountingSemaphore>);

impl Counted {
    pub fn open(name: &str, value: u32) -> Result<Self, Refused> {
        Ok(Self(CountingSemaphore::open_or_create_in(domain()?, name, value)?))
    }

    pub fn create(name: &str, value: u32) -> Result<Self, Refused> {
        Ok(Self(CountingSemaphore::create_in(domain()?, name, value)?))
    }
}

impl Thing for Counted {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "post" => self.0.post()?,
            "wait" => self.0.wait_until(deadline(words.first())?)?,
            "value" => return Ok(self.0.value().to_string()),
            "close" => {}
            _ => return Err(unknown(verb)),
        }
        Ok(String::new())
    }
}

pub struct Happens(Shared<Event>);

impl Happens {
    pub fn open(name: &str) -> Result<Self, Refused> {
        Ok(Self(Event::open_or_create_in(domain()?, name, Reset::Manual)?))
    }
}

impl Thing for Happens {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "set" => self.0.set()?,
            "clear" => {
                self.0.clear();
            }
            "wait" => self.0.wait_until(deadline(words.first())?)?,
            "close" => {}
            _ => return Err(unknown(verb)),
        }
        Ok(String::new())
    }
}

pub struct Meets(Shared<Barrier>);

impl Meets {
    pub fn open(name: &str, parties: u32) -> Result<Self, Refused> {
        Ok(Self(Barrier::open_or_create_in(domain()?, name, parties, OnDeath::Break)?))
    }
}

impl Thing for Meets {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "wait" => {
                let leads = self.0.wait_until(deadline(words.first())?);
                let leads = leads.map_err(|refusal| Refused::new(refusal.kind(), Error::from(refusal)))?;
                Ok((if leads { "leads" } else { "follows" }).to_owned())
            }
            "close" => Ok(String::new()),
            _ => Err(unknown(verb)),
        }
    }
}
