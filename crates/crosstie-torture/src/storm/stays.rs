//! The history, as who was where from when to when.

use super::history::{Act, Entry, History};
use super::things::Thing;

/// One turn of one thread at one object.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    pub thing: Thing,
    pub page: u64,
    /// How much it wanted.
    pub units: u64,
    /// When it asked.
    pub wanted_ns: u64,
    /// What it said once it had it; `None` = it died, or was refused, before.
    pub had: Option<Had>,
    /// How the turn ended.
    pub end: End,
    /// When: for the dead, the last that is known of them.
    pub ended_ns: u64,
}

/// What was known of an object while it was had.
#[derive(Clone, Copy, Debug)]
pub struct Had {
    /// From here on it surely had it, until there.
    pub from_ns: u64,
    pub until_ns: u64,
    pub token: u64,
    pub value: u64,
    pub told: bool,
    /// What it left, if it left.
    pub left: Option<u64>,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It gave it up.
    Gone,
    /// It waits inside, with others inside meanwhile.
    Parked,
    /// The call answered this error, by its exit code.
    Refused(u64),
    /// Its thread died between wanting it and having it, as far as its page says.
    DiedWanting,
    /// Its thread died inside.
    DiedInside,
    /// Its thread died while it gave it up.
    DiedLeaving,
}

impl Stay {
    pub fn died(&self) -> bool {
        matches!(self.end, End::DiedWanting | End::DiedInside | End::DiedLeaving)
    }
}

/// What the pages say, once nobody writes them.
#[derive(Debug, Default)]
pub struct Told {
    pub stays: Vec<Stay>,
    /// Where and when data were half changed.
    pub torn: Vec<(Thing, u64)>,
}

impl Told {
    /// Everything in `history`.
    pub fn of(history: &History) -> Self {
        let mut told = Self::default();
        (0..history.given()).for_each(|number| told.read(history, number));
        told.stays.sort_unstable_by_key(|stay| stay.had.map_or(stay.wanted_ns, |had| had.from_ns));
        told
    }

    fn read(&mut self, history: &History, page: u64) {
        let mut open: Vec<Stay> = Vec::new();
        for entry in history.entries(page, 0) {
            // What is nested happens inside what is around it.
            for around in &mut open {
                around.pass(entry.at_ns);
            }
            match entry.act {
                Act::Torn => self.torn.push((entry.thing, entry.at_ns)),
                Act::Want => open.push(Stay::wanting(&entry, page)),
                _ => {
                    let at = open.iter().rposition(|stay| stay.thing == entry.thing);
                    let Some(at) = at else { continue };
                    if let Some(over) = open[at].note(&entry) {
                        self.stays.push(over);
                    }
                    if matches!(entry.act, Act::Gone | Act::Refused) {
                        open.remove(at);
                    }
                }
            }
        }
        self.stays.extend(open);
    }
}

impl Stay {
    fn wanting(entry: &Entry, page: u64) -> Self {
        let Entry { thing, units, at_ns, .. } = *entry;
        Self { thing, page, units, wanted_ns: at_ns, had: None, end: End::DiedWanting, ended_ns: at_ns }
    }

    /// It was there at `now`, if it had not left.
    fn pass(&mut self, now: u64) {
        self.ended_ns = now;
        if let Some(had) = self.had.as_mut().filter(|had| had.left.is_none()) {
            had.until_ns = now;
        }
    }

    /// What its next entry makes of it; answers the stay that is over by it.
    fn note(&mut self, entry: &Entry) -> Option<Self> {
        match entry.act {
            Act::Have => {
                let Entry { at_ns, token, value, told, .. } = *entry;
                self.had = Some(Had { from_ns: at_ns, until_ns: at_ns, token, value, told, left: None });
                self.end = End::DiedInside;
                None
            }
            Act::Leave => {
                if let Some(had) = &mut self.had {
                    had.left = Some(entry.value);
                }
                self.end = End::DiedLeaving;
                None
            }
            Act::Park => {
                let over = Self { end: End::Parked, ..*self };
                *self = Self { wanted_ns: entry.at_ns, had: None, end: End::DiedWanting, ..*self };
                Some(over)
            }
            Act::Gone => Some(Self { end: End::Gone, ..*self }),
            Act::Refused => Some(Self { end: End::Refused(entry.value), ..*self }),
            Act::Want | Act::Torn | Act::End => None,
        }
    }
}
