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
    machine.crosstie(&["ls"]).finish().code(0).wrote("event:ready  nobody waits\nlock:db  free\n");
    machine.crosstie(&["ls", "sem"]).finish().code(0).wrote("").said("no sem");
    machine.crosstie(&["ls", "--blocked"]).finish().code(0).wrote("").said("nothing for which anybody waits");
    machine.crosstie(&["ls", "--quiet", "sem"]).finish().code(0).wrote("").silent_about("no sem");
    machine.crosstie(&["ls", "locks"]).finish().code(2).said("possible values: lock, sem");
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
        assert!(look.contains("1 wait\n"), "{look}");
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
