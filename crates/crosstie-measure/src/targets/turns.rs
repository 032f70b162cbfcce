//! The locks' targets.

use std::path::{Path, PathBuf};

use super::verdict::{Bound, Verdict, ratio};
use crate::machine;
use crate::turns::figures::{Figure, Repetition};
use crate::turns::plan::{BALLAST_BYTES, PARTIES, SECTIONS_NS, TurnsPlan};
use crate::turns::run::Run;
use crate::turns::way::Way;
use crate::turns::{command, deadlock};

/// Death to the next owner: 0.3 ms.
const DEATH_NS: f64 = 300_000.0;
/// What a deadlock may cost beyond a lock that fails: 5 µs.
const DEADLOCK_NS: f64 = 5_000.0;
/// Deadlocks in a repetition.
const DEADLOCKS: usize = 200;
/// Commands of each kind in a repetition.
const COMMANDS: usize = 40;

/// What a target's figure is divided by.
#[derive(Clone, Copy, Debug)]
enum Against {
    /// The same figure of another mechanism.
    Way(Way),
    /// So much.
    Number(f64),
}

/// A target: a figure of ours, what it is divided by, and the bound of the ratio.
#[derive(Clone, Debug)]
struct Target {
    what: &'static str,
    at: String,
    ours: (Way, Figure),
    against: Against,
    bound: Bound,
}

fn targets() -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    let pair = |what, ours, theirs, bound| Target {
        what,
        at: "alone".to_owned(),
        ours: (ours, Figure::Pair),
        against: Against::Way(theirs),
        bound: AtMost(bound),
    };
    let mut targets = vec![
        pair("Mutex / std Mutex", Way::MutexFast, Way::StdMutex, 1.0),
        pair("Mutex / pthread robust", Way::MutexFast, Way::PthreadRobust, 0.8),
        pair("Semaphore / sem_t", Way::Semaphore, Way::PosixSemaphore, 1.2),
        pair("CountingSemaphore / sem_t", Way::CountingSemaphore, Way::PosixSemaphore, 1.0),
        pair("RwLock read / std RwLock read", Way::RwLockRead, Way::StdRwLockRead, 1.0),
        pair("Monitor / Mutex", Way::Monitor, Way::MutexFast, 1.2),
    ];
    for parties in PARTIES {
        for section_ns in SECTIONS_NS {
            let section = if section_ns == 0 { "short" } else { "1 µs" };
            let at = format!("{parties}, {section}");
            targets.push(Target {
                what: "Mutex fast, rate / pthread mutex",
                at: at.clone(),
                ours: (Way::MutexFast, Figure::Rate(parties, section_ns)),
                against: Against::Way(Way::PthreadMutex),
                bound: AtLeast(0.9),
            });
            targets.push(Target {
                what: "Mutex fair, most overtaken / N − 1",
                at,
                ours: (Way::MutexFair, Figure::Overtaken(parties, section_ns)),
                against: Against::Number(parties as f64 - 1.0),
                bound: AtMost(1.0),
            });
        }
    }
    for (what, way) in [
        ("Mutex fast, hand-over / bare futex", Way::MutexFast),
        ("Mutex fair, hand-over / bare futex", Way::MutexFair),
    ] {
        targets.push(Target {
            what,
            at: "to a sleeper".to_owned(),
            ours: (way, Figure::HandOver),
            against: Against::Way(Way::BareFutex),
            bound: AtMost(1.05),
        });
    }
    for (at, bytes) in [("small owner", 0), ("256 MiB owner", BALLAST_BYTES as u64)] {
        targets.push(Target {
            what: "Mutex, death to next owner / 0.3 ms",
            at: at.to_owned(),
            ours: (Way::MutexFast, Figure::Death(bytes)),
            against: Against::Number(DEATH_NS),
            bound: AtMost(1.0),
        });
    }
    targets
}

impl Target {
    fn ratio_in(&self, of: &impl Fn(Way) -> Option<Repetition>) -> Option<f64> {
        let (way, figure) = self.ours;
        let ours = of(way)?.figure(figure)?;
        let theirs = match self.against {
            Against::Way(way) => of(way)?.figure(figure)?,
            Against::Number(number) => number,
        };
        (theirs > 0.0).then(|| ours / theirs)
    }
}

/// The targets' mechanisms, and what they measured so far.
pub(super) struct Turns {
    program: PathBuf,
    folder: PathBuf,
    repetitions: Vec<Vec<(Way, Repetition)>>,
    deadlocks: Vec<f64>,
    commands: Vec<f64>,
}

impl Turns {
    /// Nothing is measured yet.
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            repetitions: Vec::new(),
            deadlocks: Vec::new(),
            commands: Vec::new(),
        }
    }

    /// One more repetition of all.
    pub(super) fn repeat(&mut self, tell: &mut dyn FnMut(&str)) {
        let serial = self.repetitions.len();
        let folder = self.folder.join(format!("turns-{serial}"));
        let plan = plan();
        let mut run = Run::new(&plan, &self.program, machine::two_processors(), &folder);
        let measured = std::fs::create_dir(&folder).map_err(crosstie_error).and_then(|()| {
            run.repeat(&mut |_| {});
            let [refused, bare] = deadlock::refused_ns(&folder, DEADLOCKS)?;
            self.deadlocks.push((refused - bare) / DEADLOCK_NS);
            let ours = self.program.canonicalize().map_err(crosstie_error)?.with_file_name("crosstie");
            let [ours, theirs] = command::whole_ns(&ours, &folder, COMMANDS)?;
            self.commands.push(ours / theirs);
            Ok(())
        });
        if let Err(error) = measured {
            tell(&error.to_string());
        }
        for figures in run.figures() {
            if let Some(failure) = &figures.failure {
                tell(&format!("{}: {failure}", figures.way.name()));
            }
        }
        let figures = run.figures().iter();
        let last = figures.filter_map(|it| Some((it.way, it.repetitions.last()?.clone())));
        self.repetitions.push(last.collect());
    }

    /// How the targets were met.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let of_way = |target: &Target| {
            let ratios = self.repetitions.iter().filter_map(|repetition| {
                let of = |way| repetition.iter().find(|(of, _)| *of == way).map(|(_, it)| it.clone());
                target.ratio_in(&of)
            });
            Verdict {
                what: target.what.to_owned(),
                at: target.at.clone(),
                ratio: ratio(ratios),
                bound: target.bound,
            }
        };
        let mut verdicts: Vec<Verdict> = targets().iter().map(of_way).collect();
        verdicts.push(Verdict {
            what: "deadlock, beyond a failed lock / 5 µs".to_owned(),
            at: format!("{} hops", deadlock::HOPS),
            ratio: ratio(self.deadlocks.iter().copied()),
            bound: Bound::AtMost(1.0),
        });
        verdicts.push(Verdict {
            what: "crosstie lock x -- true / flock x true".to_owned(),
            at: "whole".to_owned(),
            ratio: ratio(self.commands.iter().copied()),
            bound: Bound::AtMost(1.5),
        });
        verdicts
    }
}

/// One repetition of the mechanisms that a target names.
fn plan() -> TurnsPlan {
    let mut ways = Vec::new();
    for target in targets() {
        let theirs = match target.against {
            Against::Way(way) => Some(way),
            Against::Number(_) => None,
        };
        for way in theirs.into_iter().chain([target.ours.0]) {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    let full = TurnsPlan::full();
    TurnsPlan { ways, repetitions: 1, large_deaths: full.deaths, ..full }
}

fn crosstie_error(error: std::io::Error) -> crosstie::Error {
    crosstie::Error::os("find", "what is measured", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_met() {
        let none = Turns::new(Path::new("/nowhere"), Path::new("/nowhere"));
        for verdict in none.verdicts() {
            assert!(verdict.ratio.is_none() && !verdict.is_met(), "{verdict:?}");
        }
    }

    #[test]
    fn a_ratio_is_that_of_the_same_figure_of_two_mechanisms() {
        let pair = |pair_ns| Some(Repetition { pair_ns: Some(pair_ns), ..Repetition::default() });
        let of = |way| if way == Way::MutexFast { pair(6.0) } else { pair(4.0) };
        assert_eq!(targets()[0].ratio_in(&of), Some(1.5));
    }
}
