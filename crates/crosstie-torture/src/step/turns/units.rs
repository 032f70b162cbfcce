//! What the bytes of an object say while a victim stands still.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crosstie::ledger::Domain;
use crosstie_core::OwnerId;
use crosstie_core::word::counting::Counting;
use crosstie_core::word::mutex::GRANTED;

use super::data::UNITS;
use super::thing::Thing;

/// Where an object's word lies in its file, and the data behind the head of 128 bytes.
const WORD_OFFSET: u64 = 4096;
const DATA_OFFSET: u64 = WORD_OFFSET + 128;

/// The objects of a thing; the first holds the data, or else the units.
pub struct Bytes {
    thing: Thing,
    domain: &'static Domain,
    paths: Vec<PathBuf>,
}

impl Bytes {
    pub fn of(thing: Thing, domain: &'static Domain, name: &str) -> Self {
        let path = |(kind, name)| domain.directory().path().join(format!("{kind}.{name}"));
        Self { thing, domain, paths: thing.objects(name).into_iter().map(path).collect() }
    }

    fn read(&self, offset: u64) -> Option<u64> {
        read(&self.paths[0], offset)
    }

    /// Whether the process `pid` owns the word of a lock: if it dies now, it dies inside.
    pub fn is_inside(&self, pid: u32) -> bool {
        // A condition's word is not owned.
        let locks = if self.thing == Thing::All { &self.paths[..] } else { &self.paths[..1] };
        locks.iter().any(|path| {
            let word =
                read(path, WORD_OFFSET).filter(|word| self.thing.tells_deaths() && word & GRANTED == 0);
            let owner = word.and_then(OwnerId::from_bits).and_then(|owner| self.domain.identity(owner));
            owner.is_some_and(|owner| owner.pid == pid)
        })
    }

    /// The units that nobody has taken, of what has no owners.
    pub fn free_units(&self) -> u64 {
        let units = match self.thing {
            Thing::Condvar | Thing::Monitor | Thing::ExactMonitor => {
                self.read(DATA_OFFSET + 8 * UNITS as u64)
            }
            _ => self.read(WORD_OFFSET).map(|word| u64::from(Counting::value_in(word))),
        };
        units.unwrap_or(0)
    }
}

fn read(path: &Path, offset: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    File::open(path).ok()?.read_exact_at(&mut bytes, offset).ok()?;
    Some(u64::from_le_bytes(bytes))
}
