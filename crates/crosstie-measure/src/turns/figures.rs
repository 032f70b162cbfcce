//! What the repetitions of one mechanism measured, and the record made of it.

use super::way::Way;
use super::words;
use crate::percentiles::median;
use crate::record::{Contended, Death, Percentiles, Turns};

/// One repetition; what failed is absent.
#[derive(Clone, Debug, Default)]
pub struct Repetition {
    /// Nanoseconds of a pair, alone.
    pub pair_ns: Option<f64>,
    /// For each number of workers and each section.
    pub contended: Vec<Contended>,
    /// To a sleeper.
    pub hand_over_ns: Option<Percentiles>,
    /// Of a small owner, then of a large one.
    pub deaths: Vec<Death>,
}

/// One figure of a repetition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// Nanoseconds of a pair, alone.
    Pair,
    /// Taken so often a second, by so many who keep it so long.
    Rate(usize, u64),
    /// The most that one in the queue was overtaken, by so many who keep it so long.
    Overtaken(usize, u64),
    /// The median hand-over to a sleeper.
    HandOver,
    /// The median of the next owner's wait after the death of an owner of so many bytes.
    Death(u64),
}

impl Repetition {
    /// The deaths after which nobody was next.
    #[must_use]
    pub fn lost(&self) -> Vec<Death> {
        self.deaths.iter().filter(|it| it.next_owner_ns_p50.is_none()).copied().collect()
    }

    /// A figure, if it was measured.
    #[must_use]
    pub fn figure(&self, figure: Figure) -> Option<f64> {
        let contended = |parties, section_ns| {
            self.contended.iter().find(|it| (it.parties, it.section_ns) == (parties, section_ns))
        };
        match figure {
            Figure::Pair => self.pair_ns,
            Figure::Rate(parties, section_ns) => contended(parties, section_ns).map(|it| it.pairs_per_s),
            Figure::Overtaken(parties, section_ns) => {
                contended(parties, section_ns)?.overtaken_in_queue.map(|count| count as f64)
            }
            Figure::HandOver => self.hand_over_ns.map(|it| it.p50 as f64),
            Figure::Death(bytes) => {
                let death = self.deaths.iter().find(|it| it.owner_bytes == bytes)?;
                death.next_owner_ns_p50.map(|ns| ns as f64)
            }
        }
    }
}

/// All repetitions of one mechanism.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Which.
    pub way: Way,
    /// In order.
    pub repetitions: Vec<Repetition>,
    /// Why it is measured no further.
    pub failure: Option<String>,
}

impl Figures {
    /// Those of a mechanism that was not measured yet.
    #[must_use]
    pub fn of(way: Way) -> Self {
        Self { way, repetitions: Vec::new(), failure: None }
    }

    /// The record: medians over the repetitions, and the worst of what is a worst case.
    #[must_use]
    pub fn record(&self) -> Turns {
        let all = &self.repetitions;
        let pairs: Vec<f64> = all.iter().filter_map(|it| it.pair_ns).collect();
        let hand_overs: Vec<Percentiles> = all.iter().filter_map(|it| it.hand_over_ns).collect();
        let shapes = |it: &Contended| (it.parties, it.section_ns);
        let first = all.first().cloned().unwrap_or_default();
        let contended = first.contended.iter().map(|shape| {
            let runs = all.iter().flat_map(|it| &it.contended).filter(|it| shapes(it) == shapes(shape));
            merged(&runs.copied().collect::<Vec<_>>())
        });
        let deaths = first.deaths.iter().map(|death| {
            let same = all.iter().flat_map(|it| &it.deaths).filter(|it| it.owner_bytes == death.owner_bytes);
            let mut waits: Vec<u64> = same.filter_map(|it| it.next_owner_ns_p50).collect();
            let next_owner_ns_p50 = (!waits.is_empty()).then(|| Percentiles::of(&mut waits).p50);
            Death { next_owner_ns_p50, ..*death }
        });
        Turns {
            mechanism: self.way.name().to_owned(),
            is_ours: self.way.is_ours(),
            scope: if self.way.is_for_threads() { "threads" } else { "processes" }.to_owned(),
            on_death: words::on_death(self.way).to_owned(),
            program_lines: words::program_lines(self.way),
            not_measured: self.failure.clone(),
            pair_ns: (!pairs.is_empty()).then(|| median(&pairs)),
            contended: contended.collect(),
            hand_over_ns: (!hand_overs.is_empty()).then(|| Percentiles::median_of(&hand_overs)),
            deaths: deaths.collect(),
            repetitions: all.len(),
        }
    }
}

fn merged(runs: &[Contended]) -> Contended {
    let rates: Vec<f64> = runs.iter().map(|it| it.pairs_per_s).collect();
    let first = runs.first().copied().unwrap_or_default();
    runs.iter().fold(Contended { pairs_per_s: median(&rates), ..first }, |worst, it| Contended {
        overtaken_most: worst.overtaken_most.max(it.overtaken_most),
        overtaken_in_queue: worst.overtaken_in_queue.max(it.overtaken_in_queue),
        longest_wait_ns: worst.longest_wait_ns.max(it.longest_wait_ns),
        wait_ns_p999: worst.wait_ns_p999.max(it.wait_ns_p999),
        ..worst
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_has_medians_of_rates_and_the_worst_of_waits() {
        let run = |pairs_per_s, longest_wait_ns| Repetition {
            contended: vec![Contended { parties: 2, pairs_per_s, longest_wait_ns, ..Contended::default() }],
            ..Repetition::default()
        };
        let repetitions = vec![run(1.0, 5), run(3.0, 9), run(2.0, 7)];
        let record = Figures { repetitions, ..Figures::of(Way::Lock) }.record();
        let [contended] = record.contended[..] else { panic!("{record:?}") };
        assert_eq!((contended.pairs_per_s, contended.longest_wait_ns), (2.0, 9));
    }

    #[test]
    fn a_death_after_which_nobody_was_next_stays_so() {
        let death = Death { owner_bytes: 0, next_owner_ns_p50: None };
        let repetition = Repetition { deaths: vec![death], ..Repetition::default() };
        let record = Figures { repetitions: vec![repetition], ..Figures::of(Way::BareFutex) }.record();
        assert_eq!(record.deaths.len(), 1);
        assert!(record.deaths[0].next_owner_ns_p50.is_none());
    }
}
