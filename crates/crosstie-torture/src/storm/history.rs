//! Who wanted, had and gave up what: in memory that outlives whoever wrote it.
//!
//! Each thread has a *page* of its own and only adds to it: the words of an entry first, then the one
//! that makes it an entry, then the count. A kill between any two leaves a page that ends with a whole
//! entry.
//!
//! | an entry | is written |
//! |---|---|
//! | `Want` | before the call |
//! | `Have` | behind the call, inside: from here on it is surely the owner's |
//! | `Park` | inside, before it waits there with others inside meanwhile |
//! | `Leave` | inside, before it gives up: until here it surely was the owner's |
//! | `Gone` | behind that |
//! | `Refused` | the call answered an error |
//! | `Torn` | inside: the data were half changed, and nothing said so |
//! | `End` | the thread ends well |

use std::path::Path;
use std::sync::Arc;

use crosstie::os::{clock, process};
use crosstie::region::{Directory, Segment, SegmentSpec, Sizes, Space};
use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::layout::header::{Kind, layout_hash};

use super::things::Thing;

/// Pages of a history.
pub const PAGES: u64 = 480;
const PAGE_WORDS: usize = 8192;
const PAGE_BYTES: usize = PAGE_WORDS * 8;
const HEADER_BYTES: usize = 4096;
/// Words in front of a page's entries: pid, tid, count, and room.
const FRONT_WORDS: usize = 8;
const ENTRY_WORDS: usize = 4;
const ENTRIES: usize = (PAGE_WORDS - FRONT_WORDS) / ENTRY_WORDS;
/// Entries that a turn and its nested turns need at most.
const RESERVE: usize = 64;

const SPEC: SegmentSpec = SegmentSpec {
    kind: Kind::new("history"),
    layout: layout_hash("history 1: pages 480 of 8192 words"),
    header_bytes: HEADER_BYTES as u64,
    data_bytes: PAGES * PAGE_BYTES as u64,
    params: [0; 4],
    sizes: Sizes::Exact,
    space: Space::Whole,
};

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Act {
    Want = 1,
    Have,
    Park,
    Leave,
    Gone,
    Refused,
    Torn,
    End,
}

const ACTS: [Act; 8] =
    [Act::Want, Act::Have, Act::Park, Act::Leave, Act::Gone, Act::Refused, Act::Torn, Act::End];

/// One line of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub act: Act,
    pub thing: Thing,
    /// How much of the object: 1, or all of it for who has it alone, or permits.
    pub units: u64,
    /// Whether the owner was told that another died inside.
    pub told: bool,
    pub at_ns: u64,
    pub token: u64,
    /// The data; which permits; why it was refused.
    pub value: u64,
}

/// How far a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Phase {
    /// Everyone takes turns.
    Playing,
    /// Everyone lives, and takes no other turn: nobody's end wakes who sleeps.
    Resting,
    /// Everyone ends.
    Over,
}

/// The control words: pages given, the phase, and two counts.
const GIVEN: usize = 0;
const PHASE: usize = 1;
const FORKS: usize = 2;
const EXECUTIONS: usize = 3;

/// A history, in a file beside the domain.
#[derive(Clone, Debug)]
pub struct History(Arc<Segment>);

type Page = [AtomicU64; PAGE_WORDS];
type Control = [AtomicU64; 8];
/// Where the control words lie, behind the segment's own header.
const CONTROL_OFFSET: usize = 128;

impl History {
    /// Opens the history in the folder `path`, or makes it.
    pub fn open(path: &Path) -> Result<Self, crosstie::Error> {
        let directory = Directory::open(path)?;
        Ok(Self(Arc::new(Segment::open_or_create(&directory, "history", &SPEC, |_| Ok(()))?)))
    }

    fn control(&self) -> &Control {
        self.0.shared(CONTROL_OFFSET).expect("the control words lie in the header, whose size was checked")
    }

    fn page(&self, number: u64) -> &Page {
        let number = usize::try_from(number.min(PAGES - 1)).unwrap_or(0);
        self.0
            .shared(HEADER_BYTES + number * PAGE_BYTES)
            .expect("a page lies in the data, whose size was checked")
    }

    /// How many pages were given out.
    pub fn given(&self) -> u64 {
        // Relaxed: a number of pages whose words carry their own ordering.
        self.control()[GIVEN].load(Ordering::Relaxed).min(PAGES)
    }

    /// How far the round is.
    pub fn phase(&self) -> Phase {
        // Relaxed: who sees it late makes one more turn.
        match self.control()[PHASE].load(Ordering::Relaxed) {
            0 => Phase::Playing,
            1 => Phase::Resting,
            _ => Phase::Over,
        }
    }

    /// The round goes on to `phase`.
    pub fn enter(&self, phase: Phase) {
        // Relaxed: as above.
        self.control()[PHASE].store(phase as u64, Ordering::Relaxed);
    }

    /// Somebody forks.
    pub fn count_fork(&self) {
        // Relaxed: a count for people.
        self.control()[FORKS].fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody executes itself anew.
    pub fn count_execution(&self) {
        // Relaxed: a count for people.
        self.control()[EXECUTIONS].fetch_add(1, Ordering::Relaxed);
    }

    /// How often somebody forked and executed itself anew since it was empty.
    pub fn counts(&self) -> (u64, u64) {
        // Relaxed, both: counts for people.
        let [forks, executions] = [FORKS, EXECUTIONS].map(|at| self.control()[at].load(Ordering::Relaxed));
        (forks, executions)
    }

    /// Empties it; nobody else uses it now.
    pub fn clear(&self) {
        for number in 0..self.given() {
            let page = self.page(number);
            let used = FRONT_WORDS + self.count(number) * ENTRY_WORDS + ENTRY_WORDS;
            // Relaxed: nobody else uses it.
            page.iter().take(used).for_each(|word| word.store(0, Ordering::Relaxed));
        }
        // Relaxed: as above.
        self.control().iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    fn count(&self, number: u64) -> usize {
        // Acquire: meets the Release in `Pen::write`; as many entries are whole.
        usize::try_from(self.page(number)[2].load(Ordering::Acquire)).unwrap_or(0).min(ENTRIES)
    }

    /// The process and thread that write page `number`, once they said so.
    pub fn writer(&self, number: u64) -> Option<(u32, u32)> {
        let page = self.page(number);
        // Acquire: meets the Release in `pen`; the pid was written before.
        let tid = page[1].load(Ordering::Acquire);
        // Relaxed: as above.
        let pid = page[0].load(Ordering::Relaxed);
        (tid != 0).then_some((u32::try_from(pid).ok()?, u32::try_from(tid).ok()?))
    }

    /// The entries of page `number` from the `from`-th on.
    pub fn entries(&self, number: u64, from: usize) -> impl Iterator<Item = Entry> + '_ {
        let page = self.page(number);
        (from..self.count(number)).map_while(move |index| read(page, index))
    }

    /// A page of the calling thread's own; `None` when all are given.
    pub fn pen(&self) -> Option<Pen> {
        // Relaxed: each gets another number.
        let number = self.control()[GIVEN].fetch_add(1, Ordering::Relaxed);
        if number >= PAGES {
            return None;
        }
        let page = self.page(number);
        // Relaxed: published by the next store.
        page[0].store(u64::from(process::pid()), Ordering::Relaxed);
        // Release: publishes the pid.
        page[1].store(u64::from(process::tid()), Ordering::Release);
        Some(Pen { history: self.clone(), number, count: 0 })
    }
}

fn read(page: &Page, index: usize) -> Option<Entry> {
    let words = page.get(FRONT_WORDS + index * ENTRY_WORDS..)?.get(..ENTRY_WORDS)?;
    // Acquire: meets the Release in `Pen::write`.
    let first = words[0].load(Ordering::Acquire);
    let act = ACTS.get(usize::try_from(first & 0xFF).ok()?.checked_sub(1)?)?;
    // Relaxed, all three: written before the first word.
    let [at_ns, token, value] = [1, 2, 3].map(|word: usize| words[word].load(Ordering::Relaxed));
    Some(Entry {
        act: *act,
        thing: Thing::of(first >> 8 & 0xFF)?,
        told: first >> 16 & 1 != 0,
        units: first >> 32,
        at_ns,
        token,
        value,
    })
}

/// Writes a thread's page.
#[derive(Debug)]
pub struct Pen {
    history: History,
    number: u64,
    count: usize,
}

impl Pen {
    /// Whether there is room for another turn.
    pub fn has_room(&self) -> bool {
        self.count + RESERVE < ENTRIES
    }

    /// Adds an entry, at the present time.
    pub fn write(&mut self, entry: Entry) {
        if self.count >= ENTRIES {
            return;
        }
        let page = self.history.page(self.number);
        let words = &page[FRONT_WORDS + self.count * ENTRY_WORDS..];
        let at_ns = if entry.at_ns == 0 { clock::now_ns() } else { entry.at_ns };
        for (word, value) in words[1..].iter().zip([at_ns, entry.token, entry.value]) {
            // Relaxed: published by the first word.
            word.store(value, Ordering::Relaxed);
        }
        let flags = u64::from(entry.told) << 16 | (entry.thing as u64) << 8 | entry.act as u64;
        // Release: publishes the other three.
        words[0].store(entry.units << 32 | flags, Ordering::Release);
        self.count += 1;
        // Release: publishes the entry.
        page[2].store(self.count as u64, Ordering::Release);
    }
}
