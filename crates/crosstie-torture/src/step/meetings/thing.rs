//! The things at which others are met.

use crosstie::Error;
use crosstie::ledger::Domain;
use crosstie::sync::barrier::{Barrier, BarrierError, OnDeath};
use crosstie::sync::event::{Event, Reset};
use crosstie::sync::{LazyShared, Shared};

/// What is made once.
pub const MADE: [u64; 2] = [7, 7];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// For two.
    Barrier(OnDeath),
    Event,
    Once,
}

/// A thing that is open.
#[derive(Clone)]
pub enum Opened {
    Barrier(Shared<Barrier>),
    Event(Shared<Event>),
    Once(Shared<LazyShared<[u64; 2]>>),
}

/// How a meeting went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// All came; this one leads.
    All { leads: bool },
    /// A party died before it came; its process, if that is known.
    Broken(Option<u32>),
    /// The event was set.
    Set,
    /// It is made, by this one if it was told how many had tried before.
    Made { retries: Option<u64>, data: [u64; 2] },
}

impl Thing {
    pub fn kind(self) -> &'static str {
        match self {
            Self::Barrier(_) => "barrier",
            Self::Event => "event",
            Self::Once => "once",
        }
    }

    pub fn open(self, domain: &'static Domain, name: &str) -> Result<Opened, Error> {
        Ok(match self {
            Self::Barrier(on_death) => {
                Opened::Barrier(Barrier::open_or_create_in(domain, name, 2, on_death)?)
            }
            Self::Event => Opened::Event(Event::open_or_create_in(domain, name, Reset::Manual)?),
            Self::Once => Opened::Once(LazyShared::open_or_create_in(domain, name)?),
        })
    }
}

impl Opened {
    /// Meets the others; `making` runs while this one makes what is made once.
    ///
    /// # Errors
    /// What it failed with, in words.
    pub fn meet(&self, making: impl FnOnce()) -> Result<Met, String> {
        match self {
            Self::Barrier(barrier) => match barrier.wait() {
                Ok(leads) => Ok(Met::All { leads }),
                Err(BarrierError::Broken(who)) => Ok(Met::Broken(who.map(|who| who.pid))),
                Err(other) => Err(other.to_string()),
            },
            Self::Event(event) => event.wait().map(|()| Met::Set).map_err(|refusal| refusal.to_string()),
            Self::Once(once) => {
                let mut retries = None;
                let made = once.get_or_make(|tried| {
                    retries = Some(tried);
                    making();
                    MADE
                });
                let data = *made.map_err(|error| error.to_string())?;
                Ok(Met::Made { retries, data })
            }
        }
    }
}
