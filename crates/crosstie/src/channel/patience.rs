//! How an end of a channel waits: spin as long as its mode allows, then sleep until it is woken, a peer
//! dies or its deadline passes.

use crosstie_core::Deadline;
use crosstie_core::atomic::spin_loop;

use crate::os::clock;

/// About what a wake-up costs here, in nanoseconds: spinning longer than sleeping costs is no gain.
const ADAPTIVE_SPIN_NS: u64 = 20_000;
/// Looks between two readings of the clock.
const LOOKS_PER_ROUND: u32 = 128;

/// How an end waits for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WaitMode {
    /// Sleeps at once: no processor time while waiting, one wake-up per wait.
    Block,
    /// Never sleeps: the lowest latency, one whole processor.
    Spin,
    /// Spins for about the time a wake-up costs, then sleeps.
    #[default]
    Adaptive,
}

/// What to do after a fruitless round of looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Look again.
    Spin,
    /// Announce a sleep, look again, sleep.
    Sleep,
    /// The deadline has passed (or the operation must not wait at all).
    GiveUp,
}

/// One wait's patience.
pub(super) struct Patience {
    deadline: Deadline,
    mode: WaitMode,
    /// When it began to wait, once the clock was read.
    since_ns: Option<u64>,
    /// Whether it was told to sleep.
    has_slept: bool,
}

/// A wait as the sleeps in it know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// When it began.
    pub(super) since_ns: u64,
    /// Its own deadline.
    pub(super) deadline: Deadline,
    /// When this sleep ends at the latest.
    pub(super) until: Deadline,
}

impl Stay {
    /// The same, with a sleep that ends sooner.
    pub(super) fn until(self, until: Deadline) -> Self {
        Self { until: self.until.min(until), ..self }
    }
}

impl Patience {
    pub(super) fn new(mode: WaitMode, deadline: Deadline) -> Self {
        Self { deadline, mode, since_ns: None, has_slept: false }
    }

    /// Looks up to a round's number of times, spinning in between; once in a blocking mode, and where there is no time
    /// to wait at all.
    #[inline]
    pub(super) fn round<T, E>(&self, mut look: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        let looks_once = self.mode == WaitMode::Block || self.deadline.is_now();
        let looks = if looks_once { 1 } else { LOOKS_PER_ROUND };
        for _ in 0..looks {
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            spin_loop();
        }
        Ok(None)
    }

    /// After a fruitless round.
    pub(super) fn next(&mut self) -> Next {
        let next = self.decide();
        self.has_slept |= next == Next::Sleep;
        next
    }

    fn decide(&mut self) -> Next {
        if self.deadline.is_now() {
            return Next::GiveUp;
        }
        if self.mode == WaitMode::Spin && self.deadline.is_never() {
            return Next::Spin;
        }
        let now_ns = clock::now_ns();
        let since_ns = *self.since_ns.get_or_insert(now_ns);
        if self.deadline.is_over(now_ns) {
            return Next::GiveUp;
        }
        match self.mode {
            WaitMode::Block => Next::Sleep,
            WaitMode::Spin => Next::Spin,
            WaitMode::Adaptive => {
                if now_ns.saturating_sub(since_ns) < ADAPTIVE_SPIN_NS {
                    Next::Spin
                } else {
                    Next::Sleep
                }
            }
        }
    }

    /// How long it has lasted by now, if there was a sleep in it.
    pub(super) fn slept_ns(&self) -> Option<u64> {
        let since_ns = self.since_ns.filter(|_| self.has_slept)?;
        Some(clock::now_ns().saturating_sub(since_ns))
    }

    /// The wait, for a sleep in it.
    pub(super) fn stay(&self) -> Stay {
        let since_ns = self.since_ns.unwrap_or_else(clock::now_ns);
        Stay { since_ns, deadline: self.deadline, until: self.deadline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(mode: WaitMode, deadline: Deadline) -> u32 {
        let mut count = 0;
        let found: Result<Option<()>, ()> = Patience::new(mode, deadline).round(|| {
            count += 1;
            Ok(None)
        });
        assert_eq!(found, Ok(None));
        count
    }

    #[test]
    fn who_has_no_time_to_wait_looks_once() {
        for mode in [WaitMode::Block, WaitMode::Spin, WaitMode::Adaptive] {
            assert_eq!(looks(mode, Deadline::NOW), 1, "{mode:?}");
        }
        assert_eq!(looks(WaitMode::Block, Deadline::NEVER), 1);
        assert!(looks(WaitMode::Spin, Deadline::NEVER) > 1);
    }
}
