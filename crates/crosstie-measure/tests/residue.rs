//! What a run leaves behind: nothing. In a process of its own, whose folders are all this run's.

use std::path::PathBuf;
use std::time::Duration;

use crosstie::os::clock::{deadline_in, now_ns};
use crosstie_measure::compare::run::Placement;
use crosstie_measure::compare::subject::Mechanism;
use crosstie_measure::compare::{Options, Plan, Silent, run};
use crosstie_measure::turns::plan::TurnsPlan;
use crosstie_measure::turns::way::Way;

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
        turns: TurnsPlan {
            ways: vec![Way::SysvSemaphore, Way::MutexFast],
            repetitions: 1,
            window_ns: 1_000_000,
            hand_overs: 2,
            deaths: 1,
            large_deaths: 0,
            ..TurnsPlan::short()
        },
    };
    let options = Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_crosstie-measure")),
        plan,
        placement: Placement::Free,
        command: "a test".to_owned(),
    };
    run(&options, &mut Silent).unwrap();
    let left = folders_of(std::process::id());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_run_that_is_killed_leaves_neither_files_nor_processes() {
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_crosstie-measure"))
        .arg("1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = run.id();
    wait_until("sides run", || !sides_of(pid).is_empty());
    run.kill().unwrap();
    run.wait().unwrap();
    wait_until("the sides are gone", || sides_of(pid).is_empty());
    wait_until("the folder is gone", || folders_of(pid).is_empty());
}

/// The folders that the run of the process `pid` made.
fn folders_of(pid: u32) -> Vec<PathBuf> {
    let prefix = format!("crosstie-measure-{pid}-");
    ["/dev/shm".into(), std::env::temp_dir()]
        .into_iter()
        .flat_map(|folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(&prefix))
        .collect()
}

/// The processes that say on their command line that they are sides of the run of `pid`.
fn sides_of(pid: u32) -> Vec<PathBuf> {
    let parent = format!("\"parent\":{pid}}}");
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&parent)
        })
        .collect()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = deadline_in(Duration::from_secs(30));
    while !is_so() {
        assert!(!deadline.is_over(now_ns()), "not within 30 s: {what}");
        std::thread::yield_now();
    }
}
