//! One lock in C, Rust and the shell.

use crosstie::Deadline;
use crosstie::sync::{Access, AnyLock, Lock, LockError, Mutex, Policy};

use crate::actor::Actor;
use crate::stage::{Stage, until, until_asleep};

#[test]
fn what_c_has_nobody_else_gets() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    let lock = Lock::open_or_create_in(stage.domain, "db").unwrap();
    assert_eq!(c.does("lock open db"), "ok");
    assert_eq!(c.does("lock take db exclusive forever"), "ok token 1");
    let Err(LockError::Busy(busy)) = lock.try_lock(Access::Shared) else { panic!("C has it") };
    assert_eq!(busy.holders()[0].pid, c.pid());
    let refused = stage.crosstie(&["lock", "--try", "db", "--", "true"]);
    assert_eq!(refused.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&format!("{} actor", c.pid())));
    assert_eq!(c.does("lock release db"), "ok");
    let guard = lock.lock().unwrap();
    assert_eq!(guard.token(), 2);
    let busy = c.does("lock take db shared try");
    assert!(busy.starts_with("busy busy: lock:db is held by"), "{busy}");
    let late = c.does("lock take db exclusive 1");
    assert!(late.starts_with("timed-out timed out: lock:db is held by"), "{late}");
    drop(guard);
    assert_eq!(c.does("lock take db shared try"), "ok token 2");
    assert!(lock.try_lock(Access::Shared).is_ok(), "shared is shared");
    assert_eq!(stage.crosstie(&["lock", "--shared", "--try", "db", "--", "true"]).status.code(), Some(0));
    assert_eq!(c.does("lock release db"), "ok");
    assert_eq!(c.does("lock close db"), "ok");
}

#[test]
fn a_killed_c_program_leaves_its_lock_to_the_shell_to_rust_and_to_c() {
    let stage = Stage::new();
    let lock = Lock::open_or_create_in(stage.domain, "db").unwrap();
    for owner in ["thread", "process"] {
        let killed = || {
            let mut c = Actor::start(&stage)?;
            assert_eq!(c.does(&format!("lock open db any {owner}")), "ok");
            assert!(c.does("lock take db exclusive forever").starts_with("ok token"));
            c.kill();
            Some(c.pid())
        };
        let Some(dead) = killed() else { return };
        let shell = stage.crosstie(&["lock", "db", "--", "sh", "-c", "echo $CROSSTIE_ABANDONED"]);
        assert_eq!(String::from_utf8_lossy(&shell.stdout), "1\n", "{owner}");
        assert!(String::from_utf8_lossy(&shell.stderr).contains(&format!("{dead} actor")));
        killed();
        assert!(lock.lock().unwrap().is_abandoned());
        let dead = killed().unwrap();
        let mut next = Actor::start(&stage).unwrap();
        assert_eq!(next.does("lock open db"), "ok");
        let told = next.does("lock take db exclusive forever");
        assert!(told.contains(&format!(" abandoned {dead} ")), "{told}");
        assert_eq!(next.does("lock release db"), "ok");
        assert!(!next.does("lock take db exclusive forever").contains("abandoned"), "it is told once");
    }
}

#[test]
fn a_sleeping_c_program_is_woken_by_the_death_of_a_shell_command_and_is_told() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    let mut owner = Actor::start_with_lock(&stage, "db").unwrap();
    assert_eq!(c.does("lock open db"), "ok");
    c.begin("lock take db exclusive forever");
    until_asleep(c.pid());
    owner.kill();
    let told = c.says();
    assert!(told.starts_with("ok token 2 abandoned"), "{told}");
}

#[test]
fn a_deadlock_between_c_programs_is_told_to_one_and_the_other_goes_on() {
    let stage = Stage::new();
    let (Some(mut one), Some(mut other)) = (Actor::start(&stage), Actor::start(&stage)) else { return };
    for c in [&mut one, &mut other] {
        assert_eq!(c.does("lock open a any"), "ok");
        assert_eq!(c.does("lock open b mutex"), "ok");
    }
    assert!(one.does("lock take a exclusive forever").starts_with("ok"));
    assert!(other.does("lock take b exclusive forever").starts_with("ok"));
    one.begin("lock take b exclusive forever");
    until_asleep(one.pid());
    let told = other.does("lock take a exclusive forever");
    assert!(told.starts_with("deadlock deadlock of 2:|"), "{told}");
    assert!(
        told.contains(&format!("{} actor waits for lock:a, held by {} actor", other.pid(), one.pid())),
        "{told}"
    );
    assert!(!told.contains(".rs"), "places in the library are nobody's concern: {told}");
    assert_eq!(other.does("lock release b"), "ok");
    assert_eq!(one.says(), "ok token 2");
}

#[test]
fn a_c_program_under_a_shell_lock_is_in_a_circle_with_who_waits_for_that_lock() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    let mut nested = Actor::start_with_lock(&stage, "a").unwrap();
    assert_eq!((c.does("lock open a"), c.does("lock open b")), ("ok".to_owned(), "ok".to_owned()));
    assert_eq!(nested.does("lock open b"), "ok");
    assert!(c.does("lock take b exclusive forever").starts_with("ok"));
    c.begin("lock take a exclusive forever");
    until_asleep(c.pid());
    let told = nested.does("lock take b exclusive forever");
    assert!(told.starts_with("deadlock deadlock of 2:|"), "{told}");
    assert!(told.contains("lock:a") && told.contains("lock:b"), "{told}");
    // Its end is the end of the command that has `a`.
    nested.kill();
    assert!(c.says().starts_with("ok token 2 abandoned"));
}

#[test]
fn a_shell_command_inside_a_circle_with_c_gets_its_exit_code() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!((c.does("lock open a"), c.does("lock open b")), ("ok".to_owned(), "ok".to_owned()));
    assert!(c.does("lock take b exclusive forever").starts_with("ok"));
    let crosstie = crate::stage::crosstie();
    let script = format!(
        "touch has-a; until [ -e go ]; do sleep 0.01; done; exec {} lock b -- true",
        crosstie.display()
    );
    let mut shell = stage.command(&crosstie);
    shell.args(["lock", "a", "--", "sh", "-c", &script]);
    let shell = shell.stderr(std::process::Stdio::piped()).spawn().unwrap();
    until(|| stage.path("has-a").exists());
    c.begin("lock take a exclusive forever");
    until_asleep(c.pid());
    std::fs::write(stage.path("go"), "").unwrap();
    let told = shell.wait_with_output().unwrap();
    assert_eq!(told.status.code(), Some(80), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stderr).contains(&format!("{} actor", c.pid())));
    assert!(c.says().starts_with("ok token 2"));
}

#[test]
fn c_takes_the_typed_locks_of_rust_and_leaves_their_marks_to_who_knows_the_data() {
    let stage = Stage::new();
    let stock = Mutex::<u64>::open_or_create_in(stage.domain, "stock", || 7).unwrap();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does("lock open stock"), "ok");
    assert!(c.does("lock take stock shared try").starts_with("usage"), "a mutex is not shared");
    assert_eq!(c.does("lock take stock exclusive try"), "ok token 1");
    assert!(matches!(stock.try_lock(), Err(LockError::Busy(_))));
    c.kill();
    assert!(matches!(stock.lock(), Err(LockError::Abandoned(_))));
    let mut next = Actor::start(&stage).unwrap();
    assert_eq!(next.does("lock open stock"), "ok");
    assert!(next.does("lock take stock exclusive try").contains("abandoned"));
    assert_eq!(
        (next.does("lock mend stock"), next.does("lock release stock")),
        ("ok".to_owned(), "ok".to_owned())
    );
    assert_eq!(*stock.lock().unwrap(), 7);
}

#[test]
fn a_mutex_that_c_makes_is_any_lock() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does("lock open door mutex"), "ok");
    assert_eq!(c.does("lock take door exclusive try"), "ok token 1");
    assert_eq!(stage.crosstie(&["lock", "--try", "door", "--", "true"]).status.code(), Some(75));
    let rust = AnyLock::open_or_create_mutex_in(stage.domain, "door", Policy::Fast).unwrap();
    assert!(matches!(rust.lend_until(Access::Exclusive, Deadline::NOW), Err(LockError::Busy(_))));
    assert_eq!(c.does("lock release door"), "ok");
    assert!(rust.lock_owned_until(Access::Exclusive, Deadline::NOW).is_ok());
}

#[test]
fn what_is_taken_away_by_force_is_told_when_it_is_released() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does("lock open db"), "ok");
    // The second time it goes the shortest way.
    for _ in 0..2 {
        assert!(c.does("lock take db exclusive forever").starts_with("ok"));
        assert_eq!(stage.crosstie(&["unlock", "--force", "db", "--yes"]).status.code(), Some(0));
        assert!(c.does("lock release db").starts_with("lost lock:db was taken away by force"));
    }
    assert!(c.does("lock take db exclusive try").starts_with("ok"), "and it can be taken again");
}
