//! Locks taken in opposite orders are told though no deadlock happened; orders that cannot meet are not.

use crosstie::inspect::{Inversion, diagnose, inversions};
use crosstie::sync::Mutex;

use super::stage::Stage;

const NOTING: &[(&str, &str)] = &[("CROSSTIE_LOCK_ORDER", "1")];

/// What is told when each of `scripts` was played to its end by a process of its own, one after the other.
fn told(scripts: &[&str]) -> (Stage, Vec<Inversion>, Vec<u32>) {
    let stage = Stage::new();
    let play = |script: &&str| {
        let mut actor = stage.role(script, NOTING);
        actor.says("done");
        actor.pid()
    };
    let pids = scripts.iter().map(play).collect();
    let (found, beyond) = inversions(stage.domain);
    assert_eq!(beyond, 0);
    (stage, found, pids)
}

fn count(scripts: &[&str]) -> usize {
    told(scripts).1.len()
}

#[test]
fn two_processes_that_never_met_are_told_that_they_could() {
    let (stage, found, pids) = told(&["lock a; lock b", "lock b; lock a"]);
    let [inversion] = &found[..] else { panic!("{found:?}") };
    let mut met: Vec<_> = inversion.links.iter().map(|link| (link.pid, link.had.as_str())).collect();
    met.sort_unstable_by_key(|(pid, _)| pids.iter().position(|it| it == pid));
    assert_eq!(met, [(pids[0], "lock:a"), (pids[1], "lock:b")]);
    let places = inversion.links.iter().flat_map(|link| [&link.had_at, &link.wanted_at]);
    assert!(places.into_iter().all(|place| place.contains("roles.rs:")), "{inversion}");
    let findings: Vec<_> = diagnose(stage.domain).iter().map(ToString::to_string).collect();
    assert!(
        findings.iter().any(|it| it.contains("a deadlock is possible: lock:a and lock:b")),
        "{findings:?}"
    );
}

#[test]
fn a_circle_of_three_orders_is_told() {
    assert_eq!(count(&["lock a; lock b", "lock b; lock c", "lock c; lock a"]), 1);
}

#[test]
fn one_order_for_all_is_no_circle() {
    assert_eq!(count(&["lock a; lock b", "lock b; lock c", "lock a; lock c"]), 0);
}

#[test]
fn who_passes_the_same_gate_never_meets() {
    assert_eq!(count(&["lock g; lock a; lock b", "lock g; lock b; lock a"]), 0);
    // One that goes round the gate does.
    assert_eq!(count(&["lock g; lock a; lock b", "lock g; lock b; lock a", "lock b; lock a"]), 1);
}

#[test]
fn who_does_not_wait_for_ever_closes_no_circle() {
    assert_eq!(count(&["lock a; try_lock b", "lock b; try_lock a"]), 0);
    assert_eq!(count(&["lock a; lock_for b", "lock b; lock a"]), 0);
    // What was had by trying is had all the same.
    assert_eq!(count(&["try_lock a; lock b", "try_lock b; lock a"]), 1);
}

#[test]
fn readers_close_a_circle_only_where_somebody_writes() {
    let readers = ["read a; read b", "read b; read a"];
    assert_eq!(count(&readers), 0);
    assert_eq!(count(&[readers[0], readers[1], "write a", "write b"]), 1);
    assert_eq!(count(&["write a; read b", "write b; read a"]), 1);
}

#[test]
fn a_monitor_is_a_lock_among_others() {
    assert_eq!(count(&["enter m; lock a", "lock a; enter m"]), 1);
}

#[test]
fn nothing_is_noted_where_nobody_asks_for_it() {
    let stage = Stage::new();
    for script in ["lock a; lock b", "lock b; lock a"] {
        stage.role(script, &[("CROSSTIE_LOCK_ORDER", "0")]).says("done");
    }
    assert!(inversions(stage.domain).0.is_empty() && !stage.path().join("orders").exists());
}

#[test]
fn a_thread_that_took_locks_before_is_noted_from_the_call_on() {
    let stage = Stage::new();
    let named = Mutex::<u64>::open_or_create_in(stage.domain, "a", || 0).unwrap();
    // Taken before: this thread knows itself at once, until it is to note.
    drop(named.lock().unwrap());
    stage.domain.note_lock_order().unwrap();
    let other = Mutex::<u64>::open_or_create_in(stage.domain, "b", || 0).unwrap();
    for (one, two) in [(&named, &other), (&other, &named)] {
        let _one = one.lock().unwrap();
        drop(two.lock().unwrap());
    }
    let (found, _) = inversions(stage.domain);
    assert_eq!(found.len(), 1);
    assert!(found[0].links.iter().all(|link| link.had_at.contains("order.rs:")), "{}", found[0]);
}
