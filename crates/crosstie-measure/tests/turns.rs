//! Small runs of taking turns: whatever is measured, its count is right and its death is told.

use std::path::PathBuf;

use crosstie_measure::engine::scratch::Scratch;
use crosstie_measure::record::Turns;
use crosstie_measure::turns::deadlock;
use crosstie_measure::turns::plan::TurnsPlan;
use crosstie_measure::turns::run::Run;
use crosstie_measure::turns::way::Way;

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_crosstie-measure"))
}

fn measured(ways: &[Way]) -> Vec<Turns> {
    let scratch = Scratch::create(&program()).unwrap();
    let plan = TurnsPlan {
        ways: ways.to_vec(),
        repetitions: 1,
        pair_rounds: 1,
        pair_window_ns: 10_000,
        window_ns: 1_000_000,
        hand_overs: 3,
        deaths: 1,
        large_deaths: 0,
        budget_ns: u64::MAX,
    };
    let program = program();
    let mut run = Run::new(&plan, &program, None, scratch.path());
    let mut told = 0;
    run.repeat(&mut |_| told += 1);
    assert_eq!(told, ways.len());
    run.figures().iter().map(|figures| figures.record()).collect()
}

#[test]
fn every_way_is_measured_and_two_never_had_it_at_once() {
    for turns in measured(&Way::ALL) {
        assert_eq!(turns.not_measured, None, "{turns:?}");
        assert!(turns.pair_ns.is_some_and(|ns| ns > 0.0), "{turns:?}");
        assert_eq!(turns.contended.len(), 4, "{turns:?}");
    }
}

#[test]
fn who_survives_the_death_of_an_owner_is_told_from_who_does_not() {
    let ways = [Way::MutexFast, Way::Semaphore, Way::PthreadRobust, Way::SysvSemaphore, Way::Flock];
    let lost = [Way::PthreadMutex, Way::PosixSemaphore, Way::BareFutex];
    for (ways, is_next) in [(&ways[..], true), (&lost[..], false)] {
        for turns in measured(ways) {
            assert_eq!(turns.not_measured, None, "{turns:?}");
            assert_eq!(turns.deaths[0].next_owner_ns_p50.is_some(), is_next, "{turns:?}");
        }
    }
}

#[test]
fn a_circle_over_ten_others_is_refused_each_time() {
    let scratch = Scratch::create(&program()).unwrap();
    let [refused_ns, busy_ns] = deadlock::refused_ns(scratch.path(), 3).unwrap();
    assert!(refused_ns > 0.0 && busy_ns > 0.0);
}
