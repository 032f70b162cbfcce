//! Two processes wake each other by `futex`, both sleeping in between: no message between
//! processes that sleep can be faster.

use crosstie::Deadline;
use crosstie::os::clock;
use crosstie::os::futex::{self, Wakeup};
use crosstie_core::atomic::{Ordering, spin_loop};

use super::lines::SharedLines;
use crate::engine::exchange::{Fault, Play, RoundTrip};

/// Lines that the file must have.
pub const LINES: usize = 8;
/// Where the client sets and wakes, and the server sleeps.
const THERE: usize = 2;
/// Where the server sets and wakes, and the client sleeps.
const BACK: usize = 4;
/// Where the server says whether it slept before its last answer.
const SERVER_SLEPT: usize = 6;
/// By then a process that has nothing to do sleeps: 20 µs.
const FALL_ASLEEP_NS: u64 = 20_000;

/// One side of the exchange.
pub struct FutexWake {
    lines: SharedLines,
    turn: u32,
}

impl FutexWake {
    /// A side that has seen nothing yet.
    #[must_use]
    pub fn new(lines: SharedLines) -> Self {
        Self { lines, turn: 0 }
    }

    /// Waits for `turn` at `line`; answers whether this side slept.
    fn sleep_until_turn(&self, line: usize, turn: u32) -> bool {
        let word = self.lines.futex(line);
        let mut has_slept = false;
        // Acquire: meets the waker's Release, as a message's reader would.
        while word.load(Ordering::Acquire) != turn {
            has_slept |= futex::wait(word, turn.wrapping_sub(1), Deadline::NEVER) == Wakeup::Woken;
        }
        has_slept
    }

    fn set_and_wake(&self, line: usize, turn: u32) {
        let word = self.lines.futex(line);
        // Release: as a message's writer would publish its payload.
        word.store(turn, Ordering::Release);
        futex::wake(word, 1);
    }
}

impl Play for FutexWake {
    /// Not to be counted when one of the two met the word already set: then nobody
    /// was woken.
    fn ask(&mut self) -> Result<Option<RoundTrip>, Fault> {
        self.turn = self.turn.wrapping_add(1);
        let asked_ns = clock::now_ns();
        self.set_and_wake(THERE, self.turn);
        let has_slept = self.sleep_until_turn(BACK, self.turn);
        let answered_ns = clock::now_ns();
        // Relaxed: written before the Release that `sleep_until_turn` met.
        let has_server_slept = self.lines.futex(SERVER_SLEPT).load(Ordering::Relaxed) == 1;
        if has_slept && has_server_slept {
            return Ok(Some(RoundTrip { asked_ns, answered_ns }));
        }
        // The two run in lockstep, each awake when the other asks: let the server fall asleep.
        let asleep_by = clock::now_ns() + FALL_ASLEEP_NS;
        while clock::now_ns() < asleep_by {
            spin_loop();
        }
        Ok(None)
    }

    fn answer(&mut self, count: u64) -> Result<(), Fault> {
        for _ in 0..count {
            self.turn = self.turn.wrapping_add(1);
            let has_slept = self.sleep_until_turn(THERE, self.turn);
            // Relaxed: the Release in `set_and_wake` publishes it.
            self.lines.futex(SERVER_SLEPT).store(u32::from(has_slept), Ordering::Relaxed);
            self.set_and_wake(BACK, self.turn);
        }
        Ok(())
    }
}
