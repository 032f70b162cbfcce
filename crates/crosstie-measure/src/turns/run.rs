//! A whole run: one repetition of every mechanism, then the next.

use std::path::{Path, PathBuf};

use crosstie::Result;
use crosstie::os::clock;

use super::figures::{Figures, Repetition};
use super::plan::{BALLAST_BYTES, PARTIES, SECTIONS_NS, TurnsPlan};
use super::team::{Camp, Team, pairs_ns};
use super::way::Way;
use crate::percentiles::median;
use crate::record::{Death, Percentiles};

/// Rounds in which a repetition's hand-overs are made.
const HAND_OVER_ROUNDS: u64 = 10;

/// The mechanisms of a run, and what they measured so far.
pub struct Run<'a> {
    plan: &'a TurnsPlan,
    program: &'a Path,
    processors: Option<[usize; 2]>,
    folder: PathBuf,
    serial: usize,
    started_ns: u64,
    figures: Vec<Figures>,
}

impl<'a> Run<'a> {
    /// A run of `program`'s parties in `folder`, which exists.
    #[must_use]
    pub fn new(
        plan: &'a TurnsPlan,
        program: &'a Path,
        processors: Option<[usize; 2]>,
        folder: &Path,
    ) -> Self {
        Self {
            plan,
            program,
            processors,
            folder: folder.to_owned(),
            serial: 0,
            started_ns: clock::now_ns(),
            figures: plan.ways.iter().map(|&way| Figures::of(way)).collect(),
        }
    }

    /// Whether another repetition would take more than the plan's budget, by those before it.
    #[must_use]
    pub fn is_late(&self) -> bool {
        let done = self.figures.iter().map(|it| it.repetitions.len()).max().unwrap_or(0) as u64;
        let elapsed_ns = clock::now_ns().saturating_sub(self.started_ns);
        done > 0 && elapsed_ns / done * (done + 1) > self.plan.budget_ns
    }

    /// One more repetition of every mechanism that has not failed; `tell` hears of each.
    pub fn repeat(&mut self, tell: &mut dyn FnMut(&Figures)) {
        let mut pairs = self.pairs();
        let hand_overs = self.hand_overs();
        for index in 0..self.figures.len() {
            if self.figures[index].failure.is_some() {
                continue;
            }
            let way = self.figures[index].way;
            let hand_over_ns = hand_overs.iter().find(|(of, _)| *of == way).map(|(_, it)| *it);
            let mut repetition =
                Repetition { pair_ns: pairs.remove_of(way), hand_over_ns, ..Repetition::default() };
            // Once is enough: nobody has it for half a second each time.
            let before = self.figures[index].repetitions.last();
            repetition.deaths = before.map(Repetition::lost).unwrap_or_default();
            if let Err(error) = self.measure(way, &mut repetition) {
                self.figures[index].failure = Some(error.to_string());
            }
            self.figures[index].repetitions.push(repetition);
            tell(&self.figures[index]);
        }
    }

    /// What was measured.
    #[must_use]
    pub fn figures(&self) -> &[Figures] {
        &self.figures
    }

    fn camp(&mut self) -> Camp<'a> {
        self.serial += 1;
        Camp {
            program: self.program,
            processors: self.processors,
            folder: self.folder.join(format!("turns-{}", self.serial)),
        }
    }

    fn pairs(&mut self) -> Pairs {
        let camp = self.camp();
        let sound = self.figures.iter().filter(|it| it.failure.is_none());
        let ways: Vec<Way> = sound.map(|it| it.way).collect();
        let measured = pairs_ns(&camp, &ways, self.plan.pair_rounds, self.plan.pair_window_ns);
        // Whatever cannot be opened fails again by itself, and says so there.
        Pairs(ways.into_iter().zip(measured.unwrap_or_default()).collect())
    }

    /// To a sleeper, in rounds of every mechanism: how deep a processor sleeps changes from second to second, and
    /// waking it is most of a hand-over.
    fn hand_overs(&mut self) -> Vec<(Way, Percentiles)> {
        let sound = self.figures.iter().filter(|it| it.failure.is_none());
        let ways: Vec<Way> = sound.map(|it| it.way).collect();
        let mut teams = Vec::new();
        for way in ways {
            // Whatever cannot be opened fails again by itself, and says so there.
            if let Ok(team) = Team::start(&self.camp(), way, 2) {
                teams.push((way, team, Vec::new()));
            }
        }
        let count = (self.plan.hand_overs / HAND_OVER_ROUNDS).max(1);
        for _ in 0..HAND_OVER_ROUNDS {
            for (_, team, rounds) in &mut teams {
                rounds.extend(team.hand_over(count).ok().flatten());
            }
        }
        let measured = teams.into_iter().filter(|(_, _, rounds)| !rounds.is_empty());
        measured.map(|(way, _, rounds)| (way, Percentiles::median_of(&rounds))).collect()
    }

    fn measure(&mut self, way: Way, repetition: &mut Repetition) -> Result<()> {
        for parties in PARTIES {
            let mut team = Team::start(&self.camp(), way, parties)?;
            for section_ns in SECTIONS_NS {
                repetition.contended.push(team.contend(parties, section_ns, self.plan.window_ns)?);
            }
        }
        if !way.is_for_threads() && repetition.deaths.is_empty() {
            repetition.deaths.push(self.deaths(way, 0, self.plan.deaths)?);
            let is_passed_on = repetition.deaths.iter().all(|death| death.next_owner_ns_p50.is_some());
            if is_passed_on {
                repetition.deaths.push(self.deaths(way, BALLAST_BYTES, self.plan.large_deaths)?);
            }
        }
        Ok(())
    }

    /// So many deaths of an owner with so much memory, or one after which nobody is next.
    fn deaths(&mut self, way: Way, ballast_bytes: usize, count: usize) -> Result<Death> {
        let mut team = Team::start(&self.camp(), way, 1)?;
        let mut waits = Vec::new();
        for _ in 0..count {
            match team.death_ns(ballast_bytes)? {
                Some(ns) => waits.push(ns as f64),
                None => break,
            }
        }
        let is_known = waits.len() == count && count > 0;
        Ok(Death {
            owner_bytes: ballast_bytes as u64,
            next_owner_ns_p50: is_known.then(|| median(&waits) as u64),
        })
    }
}

/// The pairs of one repetition.
struct Pairs(Vec<(Way, f64)>);

impl Pairs {
    fn remove_of(&mut self, way: Way) -> Option<f64> {
        let index = self.0.iter().position(|(of, _)| *of == way)?;
        Some(self.0.swap_remove(index).1)
    }
}
