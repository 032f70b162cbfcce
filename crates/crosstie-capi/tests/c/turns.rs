//! Permits, counts, events and barriers in C, Rust and the shell.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;

use crosstie::sync::{Barrier, CountingSemaphore, Event, LockError, OnDeath, Reset, Semaphore};

use serde_json::{Value, json};

use crate::actor::Actor;
use crate::stage::{Stage, until_asleep};

#[test]
fn permits_of_c_come_back_when_it_is_killed_whomever_they_belong_to() {
    let stage = Stage::new();
    let gpu = Semaphore::open_or_create_in(stage.domain, "gpu", 2).unwrap();
    for owner in ["thread", "process"] {
        let Some(mut c) = Actor::start(&stage) else { return };
        assert_eq!(c.does(&format!("sem open gpu 2 {owner}")), "ok");
        assert_eq!(c.does("sem acquire gpu forever"), "ok index 0");
        let permit = gpu.acquire().unwrap();
        assert_eq!(permit.index(), 1);
        let busy = c.does("sem acquire gpu try");
        assert!(busy.starts_with("busy busy: sem:gpu is held by"), "{busy}");
        assert_eq!(stage.crosstie(&["sem", "gpu", "-n", "2", "--try", "--", "true"]).status.code(), Some(75));
        drop(permit);
        assert_eq!(c.does("sem acquire gpu 1"), "ok index 1");
        assert!(c.does("sem close gpu").starts_with("busy"), "{owner}");
        assert_eq!(c.does("sem release gpu"), "ok");
        assert!(gpu.try_acquire().is_ok());
        c.kill();
        let both = gpu.acquire_many(2, crosstie::Deadline::NEVER).unwrap();
        assert_eq!(both.len(), 2, "{owner}");
    }
}

#[test]
fn a_circle_through_a_permit_and_a_lock_is_told() {
    let stage = Stage::new();
    let (Some(mut one), Some(mut other)) = (Actor::start(&stage), Actor::start(&stage)) else { return };
    for c in [&mut one, &mut other] {
        assert_eq!(c.does("sem open gpu 1"), "ok");
        assert_eq!(c.does("lock open a"), "ok");
    }
    assert_eq!(one.does("sem acquire gpu forever"), "ok index 0");
    assert!(other.does("lock take a exclusive forever").starts_with("ok"));
    one.begin("lock take a exclusive forever");
    until_asleep(one.pid());
    let told = other.does("sem acquire gpu forever");
    assert!(told.starts_with("deadlock deadlock of 2:|") && told.contains("sem:gpu"), "{told}");
    assert_eq!(other.does("lock release a"), "ok");
    assert!(one.says().starts_with("ok token 2"));
    assert_eq!(one.does("lock release a"), "ok");
    assert_eq!((one.does("sem release gpu"), one.does("sem close gpu")), ("ok".to_owned(), "ok".to_owned()));
}

#[test]
fn what_one_language_posts_another_waits_for() {
    let stage = Stage::new();
    let items = CountingSemaphore::open_or_create_in(stage.domain, "items", 0).unwrap();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does("count open items 0"), "ok");
    assert!(c.does("count wait items try").starts_with("busy"));
    c.begin("count wait items forever");
    until_asleep(c.pid());
    assert_eq!(stage.crosstie(&["post", "items"]).status.code(), Some(0));
    assert_eq!(c.says(), "ok");
    assert_eq!(
        (c.does("count post items"), c.does("count value items")),
        ("ok".to_owned(), "ok 1".to_owned())
    );
    items.try_wait().unwrap();
    assert_eq!(c.does("count close items"), "ok");
}

#[test]
fn an_event_of_one_language_lets_another_through() {
    let stage = Stage::new();
    let ready = Event::open_or_create_in(stage.domain, "ready", Reset::Manual).unwrap();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert!(c.does("event open ready automatic").starts_with("mismatch"));
    assert_eq!(c.does("event open ready manual"), "ok");
    assert!(c.does("event wait ready 1").starts_with("timed-out"));
    c.begin("event wait ready forever");
    until_asleep(c.pid());
    ready.set().unwrap();
    assert_eq!(c.says(), "ok");
    assert_eq!(c.does("event clear ready"), "ok");
    assert!(matches!(ready.try_wait(), Err(LockError::Busy(_))));
    assert_eq!((c.does("event set ready"), c.does("event close ready")), ("ok".to_owned(), "ok".to_owned()));
    assert_eq!(stage.crosstie(&["event", "wait", "ready"]).status.code(), Some(0));
}

#[test]
fn a_barrier_lets_c_and_rust_through_together_and_breaks_when_one_dies() {
    let stage = Stage::new();
    let phase = Barrier::open_or_create_in(stage.domain, "phase", 2, OnDeath::Break).unwrap();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert!(c.does("barrier open phase 3 breaks").starts_with("mismatch"));
    assert_eq!(c.does("barrier open phase 2 breaks"), "ok");
    c.begin("barrier wait phase forever");
    until_asleep(c.pid());
    let leads = phase.wait().unwrap();
    assert_eq!(c.says(), if leads { "ok follows" } else { "ok leads" });
    assert!(c.does("barrier wait phase 1").starts_with("timed-out"));
    c.kill();
    let broken = phase.wait().unwrap_err();
    assert_eq!(broken.kind(), crosstie::ErrorKind::PeerDied);
    let mut next = Actor::start(&stage).unwrap();
    assert_eq!(next.does("barrier open phase 2 breaks"), "ok");
    assert!(next.does("barrier wait phase try").starts_with("peer-died"));
    assert_eq!(
        (next.does("barrier reset phase"), next.does("barrier close phase")),
        ("ok".to_owned(), "ok".to_owned())
    );
    assert!(!phase.is_broken());
}

#[test]
fn c_sees_who_has_what_and_who_waits() {
    let stage = Stage::new();
    let (Some(mut owner), Some(mut waiter)) = (Actor::start(&stage), Actor::start(&stage)) else { return };
    for c in [&mut owner, &mut waiter] {
        assert_eq!(c.does("lock open db mutex"), "ok");
    }
    assert!(owner.does("lock take db exclusive forever").starts_with("ok"));
    waiter.begin("lock take db exclusive forever");
    until_asleep(waiter.pid());
    let list = owner.does("list");
    assert!(
        list.starts_with("ok {\"schema\": \"crosstie.c.ls/1\", \"objects\": [{\"name\": \"lock:db\""),
        "{list}"
    );
    let [has, wants] =
        [&owner, &waiter].map(|c| format!("{{\"pid\": {0}, \"tid\": {0}, \"command\": \"actor\"", c.pid()));
    assert!(list.contains(&format!("\"held_by\": [{has}, \"units\": 1}}]")), "{list}");
    assert!(list.contains(&format!("\"waiting\": [{wants}, \"waits_for\": \"lock:db\", ")), "{list}");
}

/// What waits goes on waiting while it is looked at; everything else of an object is the same, whoever lists it.
#[test]
fn c_lists_values_and_damage_as_the_command_does() {
    let stage = Stage::new();
    let Some(mut c) = Actor::start(&stage) else { return };
    let Some(mut waiter) = Actor::start(&stage) else { return };
    for words in [
        &["post", "items", "--value", "7"][..],
        &["event", "set", "ready"],
        &["once", "init", "--", "true"],
        &["barrier", "alone", "-n", "1"],
        &["lock", "torn", "--", "true"],
        &["send", "ring:r", "1"],
    ] {
        assert!(stage.crosstie(words).status.success(), "{words:?}");
    }
    let torn = OpenOptions::new().write(true).open(stage.path("domain").join("lock.torn")).unwrap();
    torn.write_all_at(&[0xFF; 8], 0).unwrap();
    assert_eq!(c.does("sem open gpu 3"), "ok");
    assert!(c.does("sem acquire gpu forever").starts_with("ok"));
    assert_eq!((c.does("lock open db"), waiter.does("lock open db")), ("ok".to_owned(), "ok".to_owned()));
    assert!(c.does("lock take db exclusive forever").starts_with("ok"));
    waiter.begin("lock take db exclusive forever");
    until_asleep(waiter.pid());
    let listed = c.does("list");
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let ours = read(listed.strip_prefix("ok ").unwrap());
    let shells = stage.crosstie(&["ls", "--json"]).stdout;
    let shells = read(&String::from_utf8_lossy(&shells));
    let named = |name: &str| {
        let objects = ours["objects"].as_array().unwrap();
        objects.iter().find(|object| object["name"] == name).unwrap_or_else(|| panic!("{name}: {listed}"))
    };
    for (name, value) in [
        ("count:items", json!({"count": 7})),
        ("event:ready", json!({"is_set": true})),
        ("once:init", json!({"is_done": true})),
        ("barrier:alone", json!({"arrived": 0, "total": 1, "is_broken": false})),
        ("sem:gpu", json!({"taken": 1, "total": 3})),
        ("lock:db", Value::Null),
    ] {
        assert_eq!((&named(name)["value"], &named(name)["damage"]), (&value, &Value::Null), "{name}");
    }
    assert!(named("lock:torn")["damage"].as_str().unwrap().len() > 10);
    let shells = shells["objects"].as_array().unwrap();
    assert_eq!(ours["objects"].as_array().unwrap().len(), shells.len());
    for shells in shells {
        let ours = named(shells["name"].as_str().unwrap()).as_object().unwrap();
        for (field, ours) in ours {
            let mut pair = [ours.clone(), shells[field].clone()];
            for waits in pair.iter_mut().filter_map(Value::as_array_mut).flatten() {
                waits.as_object_mut().unwrap().remove("waited_ns");
            }
            assert_eq!(pair[0], pair[1], "{field} of {}", shells["name"]);
        }
    }
}
