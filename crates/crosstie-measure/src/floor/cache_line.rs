//! One cache line there and back between two processes, both spinning: no message can be faster.

use crosstie::os::clock;
use crosstie_core::atomic::{Ordering, spin_loop};

use super::lines::SharedLines;
use crate::engine::exchange::{Fault, Play, RoundTrip};

/// Lines that the file must have.
pub const LINES: usize = 4;
/// A line of its own: nothing else of the file shares it or its neighbour, which prefetches pull.
const LINE: usize = 2;

/// One side of the exchange.
pub struct CacheLine {
    lines: SharedLines,
    turns: u64,
}

impl CacheLine {
    /// A side that has seen nothing yet.
    #[must_use]
    pub fn new(lines: SharedLines) -> Self {
        Self { lines, turns: 0 }
    }

    fn wait_for(&self, turn: u64) {
        // Acquire: meets the other side's Release, as a message's reader would.
        while self.lines.word(LINE).load(Ordering::Acquire) != turn {
            spin_loop();
        }
    }

    fn pass_on(&self, turn: u64) {
        // Release: as a message's writer would publish its payload.
        self.lines.word(LINE).store(turn, Ordering::Release);
    }
}

impl Play for CacheLine {
    fn ask(&mut self) -> Result<Option<RoundTrip>, Fault> {
        let asked_ns = clock::now_ns();
        self.pass_on(self.turns + 1);
        self.turns += 2;
        self.wait_for(self.turns);
        Ok(Some(RoundTrip { asked_ns, answered_ns: clock::now_ns() }))
    }

    fn answer(&mut self, count: u64) -> Result<(), Fault> {
        for _ in 0..count {
            self.wait_for(self.turns + 1);
            self.turns += 2;
            self.pass_on(self.turns);
        }
        Ok(())
    }
}
