//! What of one sender's messages arrived: pure, exact.

use std::collections::BTreeMap;

use crate::contract::Losses;

/// How many gaps of one sender are remembered; what was missing in an older one is lost for good,
/// even if it comes. Small, because thousands of senders may have as many each.
const GAPS_MAX: usize = 1024;

/// One sender's messages, by number from 0.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// All numbers below are accounted for: received, or in a gap.
    next: u64,
    /// Numbers that did not arrive yet: first → one after the last.
    gaps: BTreeMap<u64, u64>,
    received: u64,
    duplicated: u64,
    reordered: u64,
}

impl Tally {
    /// Of a sender whose messages before number `next` are accounted for elsewhere.
    pub(super) fn from_number(next: u64) -> Self {
        Self { next, received: next, ..Self::default() }
    }

    /// One after the highest number that came.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Counts one arrival; answers whether it is the first of its number.
    pub(super) fn arrive(&mut self, number: u64) -> bool {
        // No sender of ours ever comes so far; nothing below can then overflow.
        if number == u64::MAX {
            return false;
        }
        if number >= self.next {
            if number > self.next {
                self.miss(self.next, number);
            }
            self.next = number + 1;
            self.received += 1;
            return true;
        }
        if self.fill(number) {
            self.received += 1;
            self.reordered += 1;
            return true;
        }
        self.duplicated += 1;
        false
    }

    /// Takes `number` out of its gap, if it is in one.
    fn fill(&mut self, number: u64) -> bool {
        let gap = self.gaps.range(..=number).next_back().map(|(first, end)| (*first, *end));
        let Some((first, end)) = gap.filter(|(_, end)| number < *end) else { return false };
        self.gaps.remove(&first);
        if first < number {
            self.miss(first, number);
        }
        if number + 1 < end {
            self.miss(number + 1, end);
        }
        true
    }

    /// Remembers that `first` and what follows, up to `end`, did not arrive yet.
    fn miss(&mut self, first: u64, end: u64) {
        self.gaps.insert(first, end);
        if self.gaps.len() > GAPS_MAX {
            self.gaps.pop_first();
        }
    }

    /// What is known to have gone wrong when `sent` were sent at least.
    pub(super) fn losses(&self, sent: u64) -> Losses {
        Losses {
            lost: self.next.max(sent).saturating_sub(self.received),
            duplicated: self.duplicated,
            reordered: self.reordered,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_arrival_is_counted_as_what_it_is(
            numbers in prop::collection::vec(0..60_u64, 0..200),
            more in 0..10_u64,
        ) {
            let mut tally = Tally::default();
            let mut seen = HashSet::new();
            let (mut duplicated, mut reordered, mut highest) = (0, 0, None);
            for number in &numbers {
                let is_first = seen.insert(*number);
                duplicated += u64::from(!is_first);
                reordered += u64::from(is_first && highest > Some(*number));
                highest = highest.max(Some(*number));
                prop_assert_eq!(tally.arrive(*number), is_first);
            }
            let sent = highest.map_or(0, |highest| highest + 1) + more;
            let lost = sent - seen.len() as u64;
            prop_assert_eq!(tally.losses(sent), Losses { lost, duplicated, reordered });
        }
    }

    #[test]
    fn what_was_accounted_for_elsewhere_is_not_lost_again() {
        let mut tally = Tally::from_number(10);
        assert!(!tally.arrive(9), "told as lost, or a double");
        assert!(tally.arrive(12));
        assert_eq!(tally.losses(15), Losses { lost: 4, duplicated: 1, reordered: 0 });
    }

    #[test]
    fn a_hostile_sender_fills_no_memory() {
        let mut tally = Tally::default();
        for number in 0..3 * GAPS_MAX as u64 {
            tally.arrive(number * 2 + 1);
        }
        assert_eq!(tally.gaps.len(), GAPS_MAX);
        let mut splitting = Tally::default();
        splitting.arrive(1 << 60);
        for number in 0..3 * GAPS_MAX as u64 {
            assert!(splitting.arrive(number * 2 + 1));
            assert!(splitting.gaps.len() <= GAPS_MAX);
        }
        assert_eq!(splitting.losses(0).lost, (1 << 60) - 3 * GAPS_MAX as u64, "exact all the same");
        assert!(!tally.arrive(u64::MAX));
        assert!(tally.arrive(u64::MAX - 1));
        assert!(!tally.arrive(u64::MAX - 1));
        assert!(!tally.arrive(0), "its gap is forgotten");
    }
}
