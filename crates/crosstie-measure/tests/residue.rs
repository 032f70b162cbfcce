//! What a run leaves behind: nothing. In a process of its own, whose folders are all this run's.

use std::path::PathBuf;

use crosstie_measure::compare::run::Placement;
use crosstie_measure::compare::subject::Mechanism;
use crosstie_measure::compare::{Options, Plan, Silent, run};

#[test]
fn nothing_of_a_run_stays_behind() {
    let plan = Plan {
        payloads: vec![64],
        mechanisms: vec![Mechanism::Shm, Mechanism::Pipe],
        repetitions: 1,
        window_ns: 1_000_000,
        budget_ns: u64::MAX,
        paced_count: 1,
        traced_count: 1,
    };
    let options = Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_crosstie-measure")),
        plan,
        placement: Placement::Free,
        command: "a test".to_owned(),
    };
    run(&options, &mut Silent).unwrap();
    let prefix = format!("crosstie-measure-{}-", std::process::id());
    let left: Vec<_> = ["/dev/shm".into(), std::env::temp_dir()]
        .into_iter()
        .flat_map(|folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(&prefix))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
