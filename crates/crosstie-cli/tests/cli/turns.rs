//! Taking turns from the shell: the lock follows the command, and a deadlock has an answer.

use crosstie::ErrorKind;
use crosstie::ledger::Domain;
use crosstie::sync::{Barrier, LockError, Mutex, OnDeath, RwLock};
use rustix::process::Signal;

use crate::machine::{Machine, until};

#[test]
fn a_command_has_the_lock_and_its_exit_code_is_ours() {
    let machine = Machine::new();
    machine
        .crosstie(&["lock", "db", "--", "sh", "-c", "echo $CROSSTIE_TOKEN; exit 3"])
        .finish()
        .code(3)
        .wrote("1\n");
    machine.crosstie(&["lock", "db", "--", "sh", "-c", "kill -9 $$"]).finish().code(137);
    machine.crosstie(&["lock", "db", "--", "./nothing"]).finish().code(127).said("cannot execute");
    let file = machine.file("text", b"no program");
    machine.crosstie(&["lock", "db", "--", file.to_str().unwrap()]).finish().code(126);
    machine.crosstie(&["lock", "a/b", "--", "true"]).finish().code(2).said("not allowed in a name");
    machine.crosstie(&["lock", "db"]).finish().code(2);
}

#[test]
fn who_has_a_lock_is_named_to_who_does_not_get_it() {
    let machine = Machine::new();
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    machine.crosstie(&["lock", "--try", "db", "--", "true"]).finish().code(75).said("sleep");
    machine
        .crosstie(&["lock", "-t", "0.05", "db", "--", "true"])
        .finish()
        .code(124)
        .said("lock:db is held by");
    machine.crosstie(&["inspect", "lock:db"]).finish().code(0);
    machine.crosstie(&["rm", "lock:db"]).finish().code(75).said("has it open");
    holder.signal(Signal::TERM);
}

#[test]
fn the_lock_follows_the_command_when_the_wrapper_is_killed() {
    let machine = Machine::new();
    let until_told = "touch started; until [ -e end ]; do sleep 0.01; done; touch ended";
    let mut holder = machine.crosstie(&["lock", "db", "--", "sh", "-c", until_told]).start();
    until(|| machine.path("started").exists());
    holder.kill();
    machine.crosstie(&["lock", "--try", "db", "--", "true"]).finish().code(75);
    machine.crosstie(&["lock", "-t", "0.1", "db", "--", "true"]).finish().code(124);
    let next = machine.crosstie(&["lock", "db", "--", "test", "-e", "ended"]).start();
    until(|| machine.crosstie(&["ls", "--blocked"]).finish().output().contains("1 waiting"));
    machine.file("end", b"");
    // The next command finds what the one before it did last.
    next.finish().code(0).said("abandoned");
    machine.crosstie(&["rm", "lock:db"]).finish().code(0);
}

#[test]
fn a_wait_for_a_command_whose_wrapper_was_killed_ends_by_its_timeout() {
    let machine = Machine::new();
    let until_told = "touch started; until [ -e end ]; do sleep 0.01; done; touch ended";
    let mut holder = machine.crosstie(&["lock", "db", "--", "sh", "-c", until_told]).start();
    // `ls` names the command as soon as the lock is taken: that it runs is told by itself.
    until(|| machine.path("started").exists());
    holder.kill();
    machine
        .crosstie(&["lock", "-t", "0.2", "db", "--", "true"])
        .finish()
        .code(124)
        .said("lock:db is held by");
    machine.file("end", b"");
    until(|| machine.path("ended").exists());
}

#[test]
fn nested_commands_in_a_circle_get_one_answer_and_the_other_goes_on() {
    let machine = Machine::new();
    for through_a_shell in [false, true] {
        let nested = |outer: &str, inner: &str| {
            let script = format!(
                "touch has-{outer}; until [ -e has-{inner} ]; do sleep 0.01; done; {} lock {inner} -- true; exit $?",
                env!("CARGO_BIN_EXE_crosstie")
            );
            let exec = if through_a_shell {
                script
            } else {
                script.replace("; exit $?", "").replace("done; ", "done; exec ")
            };
            machine.crosstie(&["lock", outer, "--", "sh", "-c", &exec]).start()
        };
        let (one, two) = (nested("a", "b"), nested("b", "a"));
        let outcomes = [one.finish(), two.finish()];
        let mut codes: Vec<_> = outcomes.iter().map(|outcome| outcome.exit_code()).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 80], "through a shell: {through_a_shell}");
        let told = outcomes.into_iter().find(|outcome| outcome.exit_code() == 80).unwrap();
        told.said("deadlock of 2").said("lock:a").said("lock:b");
        for name in ["has-a", "has-b"] {
            std::fs::remove_file(machine.path(name)).unwrap();
        }
    }
    machine.crosstie(&["doctor"]).finish().code(0);
}

#[test]
fn a_circle_that_a_shell_closes_late_is_told_to_who_runs_under_it() {
    let binary = env!("CARGO_BIN_EXE_crosstie");
    close_late(&format!("{binary} lock b -- true"));
}

#[test]
fn a_circle_that_a_shell_further_up_closes_late_is_told_too() {
    let binary = env!("CARGO_BIN_EXE_crosstie");
    close_late(&format!("{binary} lock c -- sh -c '{binary} lock b -- true; exit $?'"));
}

/// A shell under the lock a starts `inner`, which wants b, and comes to wait for it only when who has b wants a.
fn close_late(inner: &str) {
    let machine = Machine::new();
    let waits_for = |lock: &str| {
        let line = format!("lock:{lock}");
        until(|| {
            let told = machine.crosstie(&["ls"]).finish().code(0).output();
            told.lines().any(|found| found.starts_with(&line) && found.ends_with("1 waiting"))
        });
    };
    let until_there = |name: &str| format!("until [ -e {} ]; do :; done", machine.path(name).display());
    // bash sleeps in wait4 for what it has started before; dash in a call that says nothing of whom it waits for.
    let late = format!("{}; {inner} & {}; wait $!", until_there("b-is-held"), until_there("both-wait"));
    let first = machine.crosstie(&["lock", "a", "--", "bash", "-c", &late]).start();
    let prompt = format!(
        "touch {}; {}; {} lock a -- true; exit $?",
        machine.path("b-is-held").display(),
        until_there("one-waits"),
        env!("CARGO_BIN_EXE_crosstie")
    );
    let second = machine.crosstie(&["lock", "b", "--", "sh", "-c", &prompt]).start();
    waits_for("b");
    machine.file("one-waits", b"");
    waits_for("a");
    // Nobody was in a circle so far: the first shell could have gone on.
    machine.file("both-wait", b"");
    first.finish().code(80).said("deadlock of 2");
    second.finish().code(0);
}

#[test]
fn who_waits_for_a_lock_under_whose_holder_it_runs_is_told_so_where_no_proof_is_to_be_had() {
    let machine = Machine::new();
    let script = format!("x=$({} lock a --timeout 3 -- true); exit $?", env!("CARGO_BIN_EXE_crosstie"));
    let inside = machine.crosstie(&["lock", "a", "--", "bash", "-c", &script]).finish().code(124);
    inside.said("waiting for lock:a").said("you run under it");
}

#[test]
fn a_command_that_is_killed_leaves_its_lock_abandoned_also_when_the_wrapper_lives() {
    let machine = Machine::new();
    let told = ["lock", "db", "--", "sh", "-c", "echo ${CROSSTIE_ABANDONED-no}"];
    for signal in ["KILL", "TERM"] {
        let killed = machine.crosstie(&["lock", "db", "--", "sh", "-c", &format!("kill -{signal} $$")]);
        killed.finish().exit_code();
        machine.crosstie(&told).finish().code(0).wrote("1\n").said("was abandoned").said("sh died");
        machine.crosstie(&told).finish().code(0).wrote("no\n");
    }
    // Neither a failure nor a reader's death is one of an owner that was changing something.
    machine.crosstie(&["lock", "db", "--", "false"]).finish().code(1);
    machine.crosstie(&["lock", "db", "--shared", "--", "sh", "-c", "kill -9 $$"]).finish().code(137);
    machine.crosstie(&told).finish().code(0).wrote("no\n");
}

#[test]
fn permits_have_numbers_and_come_back() {
    let machine = Machine::new();
    let print = ["sh", "-c", "echo $CROSSTIE_PERMIT $GPU"];
    let arguments = ["sem", "gpu", "-n", "2", "--take", "2", "--index-env", "GPU", "--"];
    let all: Vec<_> = arguments.iter().chain(&print).copied().collect();
    for _ in 0..2 {
        machine.crosstie(&all).finish().code(0).wrote("0,1 0,1\n");
    }
    machine
        .crosstie(&["sem", "gpu", "-n", "3", "--", "true"])
        .finish()
        .code(86)
        .said("2 permits, asked for were 3");
    machine.crosstie(&["sem", "gpu", "-n", "3", "--resize"]).finish().code(0);
    machine.crosstie(&["sem", "gpu", "--take", "4", "--", "true"]).finish().code(2).said("it has 3");
    machine.crosstie(&["sem", "none", "--", "true"]).finish().code(84).said("-n N");
}

#[test]
fn of_several_who_make_a_semaphore_at_a_time_one_has_made_it() {
    let machine = Machine::new();
    for round in 0..10 {
        let name = format!("slots{round}");
        let makers: Vec<_> = (0..6)
            .map(|value| machine.crosstie(&["post", &name, "--value", &value.to_string()]).start())
            .collect();
        let mut codes: Vec<_> = makers.into_iter().map(|maker| maker.finish().exit_code()).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 85, 85, 85, 85, 85], "round {round}");
    }
    machine
        .crosstie(&["post", "slots0", "--value", "1"])
        .finish()
        .code(85)
        .said("create count:slots0: ")
        .said("crosstie rm count:slots0");
}

#[test]
fn what_is_done_once_and_waits_for_itself_is_told_by_its_name_and_without_places_of_ours() {
    let machine = Machine::new();
    let inner = format!("{} once migrate -- true; exit $?", env!("CARGO_BIN_EXE_crosstie"));
    machine
        .crosstie(&["once", "migrate", "--", "sh", "-c", &inner])
        .finish()
        .code(80)
        .said("wait for once:migrate: deadlock of 1")
        .silent_about(".rs:");
    let busy = format!("{} once migrate --try -- true; exit $?", env!("CARGO_BIN_EXE_crosstie"));
    machine
        .crosstie(&["once", "migrate", "--", "sh", "-c", &busy])
        .finish()
        .code(75)
        .said("once:migrate is held by");
}

#[test]
fn who_finds_no_seat_at_a_barrier_is_told_of_it_once() {
    let machine = Machine::new();
    let domain = Domain::open(machine.path("domain")).unwrap();
    let barrier = Barrier::open_or_create_in(domain, "b", 2, OnDeath::Break).unwrap();
    let told = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                barrier.wait().unwrap();
                // Whoever has come has a seat as long as it lives.
                told.wait();
                told.wait();
            });
        }
        told.wait();
        let refused = machine.crosstie(&["barrier", "b", "-n", "2", "-t", "5"]).finish();
        told.wait();
        refused
            .code(2)
            .said("crosstie: wait at barrier:b: ")
            .silent_about("barrier:b: wait at")
            .said("seats are taken");
    });
}

#[test]
fn anyone_posts_sets_and_meets() {
    let machine = Machine::new();
    machine.crosstie(&["post", "full"]).finish().code(0);
    machine.crosstie(&["wait", "full"]).finish().code(0);
    machine.crosstie(&["wait", "full", "--try"]).finish().code(75);
    machine.crosstie(&["post", "slots", "--value", "2"]).finish().code(0);
    machine.crosstie(&["post", "slots", "--value", "2"]).finish().code(85);
    machine.crosstie(&["event", "clear", "ready"]).finish().code(1);
    machine.crosstie(&["event", "set", "ready"]).finish().code(0);
    machine.crosstie(&["event", "wait", "ready"]).finish().code(0);
    for _ in 0..2 {
        let first = machine.crosstie(&["barrier", "phase", "-n", "2"]).start();
        machine.crosstie(&["barrier", "phase", "-n", "2"]).finish().code(0);
        first.finish().code(0);
    }
    machine.crosstie(&["barrier", "phase", "-n", "2", "-t", "0.05"]).finish().code(124);
    machine.crosstie(&["barrier", "phase", "-n", "3"]).finish().code(86);
}

#[test]
fn who_is_killed_at_a_barrier_has_come_and_breaks_the_next_round() {
    let machine = Machine::new();
    let come = || machine.crosstie(&["barrier", "phase", "-n", "3"]);
    let (first, mut killed) = (come().start(), come().start());
    until(|| machine.crosstie(&["ls", "barrier"]).finish().output().contains("2 waiting"));
    killed.kill();
    come().finish().code(0);
    first.finish().code(0);
    come().finish().code(83).said("died before it came").said("--reset");
    machine.crosstie(&["barrier", "phase", "-n", "3", "--reset"]).finish().code(0);
}

#[test]
fn what_is_done_once_is_done_by_one_that_succeeds() {
    let machine = Machine::new();
    machine.crosstie(&["once", "init", "--", "sh", "-c", "exit 4"]).finish().code(4);
    machine.crosstie(&["once", "init", "--", "echo", "done"]).finish().code(0).wrote("done\n");
    machine.crosstie(&["once", "init", "--", "echo", "again"]).finish().code(0).wrote("");
}

#[test]
fn the_domain_is_seen_in_words_in_json_and_as_a_picture() {
    let machine = Machine::new();
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    let waiter = machine.crosstie(&["lock", "db", "--", "true"]).start();
    until(|| machine.crosstie(&["ls", "--blocked"]).finish().output().contains("1 waiting"));
    let json = machine.crosstie(&["ls", "--json"]).finish().output();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "crosstie.ls/1");
    assert_eq!(json["objects"][0]["waiting"][0]["command"], "crosstie");
    let dot = machine.crosstie(&["graph"]).finish().output();
    assert!(dot.contains("-> ") && dot.contains("lock:db"), "{dot}");
    let svg = machine.crosstie(&["graph", "--format", "svg"]).finish().output();
    assert!(svg.starts_with("<svg") && svg.contains("lock:db"), "{svg}");
    machine.crosstie(&["graph", "--format", "mermaid"]).finish().code(0);
    machine.crosstie(&["inspect", "lock:none"]).finish().code(84);
    holder.signal(Signal::TERM);
    holder.finish().code(143);
    waiter.finish().code(0);
}

#[test]
fn a_typed_lock_is_locked_by_its_word_and_its_data_stay() {
    let machine = Machine::new();
    let domain = Domain::open(machine.path("domain")).unwrap();
    let stock = Mutex::<u64>::open_or_create_in(domain, "stock", || 7).unwrap();
    let prices = RwLock::<[u64; 2]>::open_or_create_in(domain, "prices", || [3, 4]).unwrap();
    let mut holder =
        machine.crosstie(&["lock", "stock", "prices", "--", "sh", "-c", "read line"]).input_open().start();
    until(|| machine.crosstie(&["ls"]).finish().output().matches("held by").count() == 2);
    assert_eq!(stock.try_lock().unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(prices.try_read().unwrap_err().kind(), ErrorKind::Busy);
    holder.write(b"\n");
    holder.finish().code(0);
    assert_eq!((*stock.lock().unwrap(), *prices.read().unwrap()), (7, [3, 4]));
    {
        let _reads = prices.read().unwrap();
        machine.crosstie(&["lock", "--shared", "prices", "--", "true"]).finish().code(0);
        machine.crosstie(&["lock", "--try", "prices", "--", "true"]).finish().code(75);
        let _has = stock.lock().unwrap();
        machine
            .crosstie(&["lock", "--try", "stock", "--", "true"])
            .finish()
            .code(75)
            .said("lock:stock is held by");
    }
    machine.crosstie(&["lock", "--shared", "stock", "--", "true"]).finish().code(2).said("it is a mutex");
    // Told to the command, and still there for who can mend the data.
    std::thread::scope(|scope| {
        let leaked = scope.spawn(|| {
            std::mem::forget(stock.lock().unwrap());
            std::mem::forget(prices.write().unwrap());
        });
        leaked.join().unwrap();
    });
    for name in ["stock", "prices"] {
        for _ in 0..2 {
            machine.crosstie(&["lock", name, "--", "true"]).finish().code(0).said("was abandoned");
            machine.crosstie(&["lock", "--strict", name, "--", "true"]).finish().code(81);
        }
    }
    assert!(matches!(stock.lock(), Err(LockError::Abandoned(_))));
    assert!(matches!(prices.write(), Err(LockError::Abandoned(_))));
}
