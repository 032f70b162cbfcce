//! [`Arena`]: what workers share beside the object that they take.

use std::path::Path;

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};
use crosstie_core::atomic::{AtomicU64, Ordering, spin_loop};

use crate::engine::exchange::Fault;
use crate::floor::lines::SharedLines;

/// Its file in a run's folder.
const FILE: &str = "arena";
/// A worker that has waited so long for another gives up: 20 s.
const PATIENCE_NS: u64 = 20_000_000_000;
/// Looks before a worker lets others run.
const SPINS: u32 = 2_000;

/// Cache lines, each with one word.
pub struct Arena {
    lines: SharedLines,
}

/// The words of an arena.
#[derive(Clone, Copy, Debug)]
pub enum Line {
    /// How often the object was taken; whoever has it raises it by a plain load and store.
    Taken,
    /// The turn for which the giver has the object.
    Given,
    /// The turn for which the sleeper is about to take it.
    Asked,
    /// When the sleeper had it, nanoseconds.
    HadAt,
    /// Whether the sleeper slept meanwhile.
    Slept,
    /// The turn that is over.
    Over,
    /// The thread that waits for a dying owner's object.
    Waiter,
}

const LINES: usize = 7;

impl Arena {
    /// Makes one in `folder`, all 0.
    ///
    /// # Errors
    /// No room.
    pub fn create(folder: &Path) -> Result<Self> {
        // Two lines a word: the processor fetches lines in pairs.
        SharedLines::create(&folder.join(FILE), 2 * LINES)?;
        Self::open(folder)
    }

    /// Opens the one in `folder`.
    ///
    /// # Errors
    /// There is none.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self { lines: SharedLines::open(&folder.join(FILE))? })
    }

    #[inline]
    fn word(&self, line: Line) -> &AtomicU64 {
        self.lines.word(2 * line as usize)
    }

    /// How often the object was taken so far.
    #[must_use]
    #[inline]
    pub fn taken(&self) -> u64 {
        // Relaxed: whoever has the object is ordered by it; to others it is a number.
        self.word(Line::Taken).load(Ordering::Relaxed)
    }

    /// Counts one more; right only if the caller alone has the object.
    #[inline]
    pub fn take_one(&self) {
        let word = self.word(Line::Taken);
        // Relaxed: a plain load and store on purpose; the object orders them, or the count is wrong.
        word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// A word as it is now.
    #[must_use]
    #[inline]
    pub fn read(&self, line: Line) -> u64 {
        // Acquire: meets the Release of `say`.
        self.word(line).load(Ordering::Acquire)
    }

    /// Sets a word.
    #[inline]
    pub fn say(&self, line: Line, value: u64) {
        // Release: what was said before is seen by who reads this.
        self.word(line).store(value, Ordering::Release);
    }

    /// Waits, awake, until a word has a value.
    ///
    /// # Errors
    /// `TimedOut`: another worker is gone.
    pub fn until(&self, line: Line, value: u64) -> std::result::Result<(), Fault> {
        self.until_it(line, |found| found == value).map(drop).map_err(Box::new)
    }

    /// Waits, awake, until a word has another value; answers it.
    ///
    /// # Errors
    /// As [`Arena::until`].
    pub fn changed_from(&self, line: Line, value: u64) -> Result<u64> {
        self.until_it(line, |found| found != value)
    }

    fn until_it(&self, line: Line, is_it: impl Fn(u64) -> bool) -> Result<u64> {
        let mut spins = 0;
        let give_up_ns = clock::now_ns() + PATIENCE_NS;
        loop {
            let found = self.read(line);
            if is_it(found) {
                return Ok(found);
            }
            spins += 1;
            if spins < SPINS {
                spin_loop();
                continue;
            }
            std::thread::yield_now();
            if clock::now_ns() > give_up_ns {
                return Err(Error::new("wait", "another worker", ErrorKind::TimedOut));
            }
        }
    }
}
