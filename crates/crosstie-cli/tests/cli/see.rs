//! `ls`, `watch`, `doctor --fix`: what a person sees, and what is mended.

use crosstie::ledger::Domain;
use crosstie::sync::Mutex;
use rustix::process::Signal;

use crate::machine::{Machine, until};

#[test]
fn a_list_is_of_one_kind_or_of_what_is_waited_for() {
    let machine = Machine::new();
    machine.crosstie(&["ls"]).finish().code(0).wrote("").said("no objects");
    machine.crosstie(&["lock", "db", "--", "true"]).finish().code(0);
    machine.crosstie(&["event", "clear", "ready"]).finish().code(1);
    machine.crosstie(&["ls", "lock"]).finish().code(0).wrote("lock:db  free\n");
    machine.crosstie(&["ls"]).finish().code(0).wrote("event:ready  not set\nlock:db  free\n");
    machine.crosstie(&["ls", "sem"]).finish().code(0).wrote("").said("no sem");
    machine.crosstie(&["ls", "--blocked"]).finish().code(0).wrote("").said("nothing for which anybody waits");
    machine.crosstie(&["ls", "--quiet", "sem"]).finish().code(0).wrote("").silent_about("no sem");
    machine.crosstie(&["ls", "locks"]).finish().code(2).said("possible values: lock, sem");
}

#[test]
fn of_each_kind_its_value_is_shown_in_words_and_in_json_and_counts_only_where_they_are_kept() {
    let machine = Machine::new();
    for words in [
        &["post", "full", "--value", "7"][..],
        &["event", "set", "on"],
        &["event", "set", "off"],
        &["once", "made", "--", "true"],
        &["sem", "gate", "-n", "3", "--", "true"],
        &["barrier", "met", "-n", "1"],
    ] {
        machine.crosstie(words).finish().code(0);
    }
    machine.crosstie(&["event", "clear", "off"]).finish().code(0);
    machine.crosstie(&["once", "failed", "--", "false"]).finish().code(1);
    let holder = machine.crosstie(&["sem", "gate", "-n", "3", "--", "sleep", "30"]).start();
    let _parties = [(); 2].map(|()| machine.crosstie(&["barrier", "all", "-n", "3"]).start());
    let shown = |what: &str| machine.crosstie(&["inspect", what]).finish().code(0).output();
    let listed = |line: &str| machine.crosstie(&["ls"]).finish().code(0).output().contains(line);
    until(|| listed("barrier:all  2 of 3 have come, 2 waiting\n"));
    until(|| listed(" sleep for ") && listed(", 1 of 3 permits taken\n"));
    for (object, clause) in [
        ("barrier:met", "0 of 1 have come"),
        ("count:full", "value 7"),
        ("event:off", "not set"),
        ("event:on", "set"),
        ("once:failed", "not done"),
        ("once:made", "done"),
    ] {
        let whole = shown(object);
        assert!(whole.starts_with(&format!("{object}  {clause}\n")), "{whole}");
        assert!(!whole.contains("acquisitions"), "{whole}");
    }
    let gate = shown("sem:gate");
    assert!(gate.contains("  2 acquisitions, 0 had to wait"), "{gate}");
    let value = |what: &str| {
        let json = machine.crosstie(&["inspect", what, "--json"]).finish().code(0).output();
        let document: serde_json::Value = serde_json::from_str(&json).expect("a document");
        (document["value"].to_string(), document["acquisitions"].to_string())
    };
    let nothing = "null".to_owned();
    assert_eq!(value("count:full"), (r#"{"count":7}"#.to_owned(), nothing.clone()));
    assert_eq!(value("event:on"), (r#"{"is_set":true}"#.to_owned(), nothing.clone()));
    assert_eq!(value("once:failed"), (r#"{"is_done":false}"#.to_owned(), nothing.clone()));
    assert_eq!(value("sem:gate"), (r#"{"taken":1,"total":3}"#.to_owned(), "2".to_owned()));
    assert_eq!(
        value("barrier:all"),
        (r#"{"arrived":2,"is_broken":false,"total":3}"#.to_owned(), nothing.clone())
    );
    holder.signal(Signal::TERM);
    until(|| shown("sem:gate").starts_with("sem:gate  0 of 3 permits taken\n"));
    // What a dead owner had is as good as free.
    let mut died = machine
        .crosstie(&["sem", "gate", "-n", "3", "--", "sh", "-c", "kill -9 $PPID; exec sleep 0.01"])
        .start();
    died.until_ended();
    died.kill();
    until(|| shown("sem:gate").starts_with("sem:gate  0 of 3 permits taken\n"));
    assert!(shown("sem:gate").contains("  3 acquisitions"), "it had one");
}

#[test]
fn a_watch_shows_who_waits_and_ends_when_it_is_told() {
    let machine = Machine::new();
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    let _waiter = machine.crosstie(&["lock", "db", "--timeout", "1m", "--", "true"]).start();
    until(|| machine.crosstie(&["ls", "--blocked"]).finish().output().contains("1 waiting"));
    let seen = machine.crosstie(&["watch", "--count", "2", "--interval", "0.01"]).finish().code(0).output();
    let looks: Vec<_> = seen.split("\n\n").collect();
    assert_eq!(looks.len(), 2, "{seen}");
    for look in looks {
        assert!(look.contains("1 waiting\n"), "{look}");
        assert!(look.contains("lock:db  held by") && look.contains("sleep for"), "{look}");
        assert!(look.contains("crosstie waits for") && look.contains("not for ever"), "{look}");
        assert!(!look.contains('\x1b'), "no terminal, no escapes: {look}");
    }
    let watch = machine.crosstie(&["watch"]).start();
    watch.until_asleep();
    watch.signal(Signal::INT);
    let ended = watch.finish();
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
    machine.crosstie(&["watch", "--interval", "soon"]).finish().code(2).said("write seconds");
    machine.crosstie(&["watch", "--count", "0"]).finish().code(2);
    holder.signal(Signal::TERM);
}

#[test]
fn a_fix_removes_what_nobody_uses_and_nothing_else() {
    let machine = Machine::new();
    let domain = Domain::open(machine.path("domain")).unwrap();
    drop(Mutex::<u64>::open_or_create_in(domain, "stock", || 7).unwrap());
    machine.crosstie(&["lock", "old", "--", "true"]).finish().code(0);
    machine.crosstie(&["post", "full"]).finish().code(0);
    machine.crosstie(&["barrier", "all", "-n", "1"]).finish().code(0);
    let mut died =
        machine.crosstie(&["lock", "died", "--", "sh", "-c", "kill -9 $PPID; exec sleep 0.01"]).start();
    died.until_ended();
    died.kill();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("lock:died  abandoned"));
    let holder = machine.crosstie(&["lock", "used", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("lock:used  held by"));
    let told = machine.crosstie(&["doctor", "--fix"]).finish().code(0).output();
    assert!(told.contains("removed lock:old: ") && told.contains("removed barrier:all: "), "{told}");
    let left = machine.crosstie(&["ls"]).finish().output();
    for kept in ["lock:stock", "count:full", "lock:used", "lock:died  abandoned"] {
        assert!(left.contains(kept) && !told.contains(&format!("removed {kept}")), "{kept}: {told}{left}");
    }
    assert!(!left.contains("lock:old") && !left.contains("barrier:all"), "{left}");
    assert_eq!(*Mutex::<u64>::open_in(domain, "stock").unwrap().lock().unwrap(), 7);
    let again = machine.crosstie(&["doctor", "--fix"]).finish().code(0).output();
    assert!(!again.contains("removed"), "{again}");
    holder.signal(Signal::TERM);
}

#[test]
fn a_picture_leads_through_a_command_to_the_one_under_it() {
    let machine = Machine::new();
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("lock:db  held by"));
    let script = format!("{} lock db -- true; :", env!("CARGO_BIN_EXE_crosstie"));
    let _nested = machine.crosstie(&["lock", "outer", "--", "sh", "-c", &script]).start();
    until(|| machine.crosstie(&["ls", "--blocked"]).finish().output().contains("lock:db  held by"));
    let _waiter = machine.crosstie(&["lock", "outer", "--", "true"]).start();
    let mut mermaid = String::new();
    // A shell that has just started its child does not wait for it yet.
    until(|| {
        mermaid = machine.crosstie(&["graph", "--format", "mermaid"]).finish().code(0).output();
        mermaid.contains("runs") && mermaid.contains("lock:outer")
    });
    let node = |text: &str| {
        let line = mermaid.lines().find(|line| line.contains('[') && line.contains(text)).unwrap();
        line.trim().split_once('[').unwrap().0.to_owned()
    };
    let (shell, sleep) = (node(" sh\""), node(" sleep\""));
    let edge = |part: &str| mermaid.lines().find(|line| line.contains(part)).unwrap().trim().to_owned();
    assert!(edge("lock:outer").ends_with(&format!("| {shell}")), "{mermaid}");
    assert!(edge("runs").starts_with(&format!("{shell} -.->")), "{mermaid}");
    assert!(edge("lock:db").ends_with(&format!("| {sleep}")), "{mermaid}");
    let inner = edge("runs").rsplit(' ').next().unwrap().to_owned();
    assert!(edge("lock:db").starts_with(&inner), "{mermaid}");
    let svg = machine.crosstie(&["graph", "--format", "svg"]).finish().code(0).output();
    assert_eq!((svg.matches("<rect x=").count(), svg.matches("stroke-dasharray").count()), (4, 1), "{svg}");
    let dot = machine.crosstie(&["graph"]).finish().code(0).output();
    assert!(dot.contains("style=dashed"), "{dot}");
    machine
        .crosstie(&["graph", "--format", "png"])
        .finish()
        .code(2)
        .said("possible values: dot, mermaid, svg");
    holder.signal(Signal::TERM);
}

#[test]
fn a_circle_that_ends_by_itself_is_drawn_once_around() {
    let machine = Machine::new();
    let nested = |outer: &str, inner: &str| {
        let script = format!(
            "touch has-{outer}; until [ -e has-{inner} ]; do sleep 0.01; done; exec {} lock {inner} -t 30 -- true",
            env!("CARGO_BIN_EXE_crosstie")
        );
        machine.crosstie(&["lock", outer, "--", "sh", "-c", &script]).start()
    };
    let _both = [nested("a", "b"), nested("b", "a")];
    until(|| machine.crosstie(&["ls", "--blocked"]).finish().output().lines().count() == 2);
    let svg = machine.crosstie(&["graph", "--format", "svg"]).finish().code(0).output();
    assert_eq!((svg.matches("<rect x=").count(), svg.matches("<path d=\"M2").count()), (2, 1), "{svg}");
    assert_eq!(svg.matches("marker-end").count(), 2, "{svg}");
}
