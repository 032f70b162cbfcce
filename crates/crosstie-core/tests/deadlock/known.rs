//! Scenes whose answer is known, by name; and the broken twins that they catch.

use crosstie_core::graph::Claim::{Exclusive, Shared, Units};
use crosstie_core::graph::Verdict::{self, Behind, Deadlock, Free, LookAgain};

use crate::oracle::{FLAWS, Flaw, played_out};
use crate::scene::{EXCLUSIVE, SHARED, Scene, Told, shipped};

/// A scene and the verdict about each of its members.
struct Known {
    name: &'static str,
    scene: Scene,
    verdicts: Vec<Verdict>,
}

fn known(name: &'static str, scene: Scene, verdicts: &[Verdict]) -> Known {
    assert_eq!(scene.blocked.len(), verdicts.len(), "{name}");
    Known { name, scene, verdicts: verdicts.to_vec() }
}

/// How many verdicts a judge gets wrong, and about which scenes.
fn wrong(scenes: &[Known], judge: impl Fn(&Scene, u32) -> Told) -> Vec<(&'static str, u32, Verdict)> {
    let mut wrong = vec![];
    for Known { name, scene, verdicts } in scenes {
        for (me, verdict) in (0..).zip(verdicts) {
            let told = judge(scene, me).verdict;
            if told != *verdict {
                wrong.push((*name, me, told));
            }
        }
    }
    wrong
}

/// Member i holds mutex i and waits for mutex i + 1; the last for mutex 0.
fn ring(members: u64) -> Scene {
    (0..members).fold(Scene::new(), |scene, member| {
        scene.waits((member + 1) % members, Exclusive).holds(member, EXCLUSIVE)
    })
}

const PERMIT: u64 = 50;
const LOCK: u64 = 60;
const OTHER: u64 = 70;

fn mutexes() -> Vec<Known> {
    let chain = |members| {
        (0..members)
            .fold(Scene::new(), |scene, member| scene.waits(member + 1, Exclusive).holds(member, EXCLUSIVE))
    };
    let dead = |victim| Deadlock { victim };
    vec![
        known("nobody in the way", Scene::new().waits(LOCK, Exclusive), &[Free]),
        known("a lock of one's own", Scene::new().waits(LOCK, Exclusive).holds(LOCK, EXCLUSIVE), &[dead(0)]),
        known("two rings of one", ring(1).waits(9, Exclusive).holds(9, EXCLUSIVE), &[dead(0), dead(1)]),
        known("a ring of two", ring(2), &[dead(1); 2]),
        known("a ring of five", ring(5), &[dead(4); 5]),
        known("a chain that ends outside", chain(6), &[Free; 6]),
        known("behind a ring", ring(2).waits(0, Exclusive), &[dead(1), dead(1), Behind]),
        known(
            "behind the one who is behind a ring",
            ring(2).waits(0, Exclusive).holds(LOCK, EXCLUSIVE).waits(LOCK, Exclusive),
            &[dead(1), dead(1), Behind, Behind],
        ),
        known(
            "two rings apart",
            ring(2).waits(8, Exclusive).holds(9, EXCLUSIVE).waits(9, Exclusive).holds(8, EXCLUSIVE),
            &[dead(1), dead(1), dead(3), dead(3)],
        ),
        known(
            "a higher ticket that can go on",
            ring(2)
                .waits(LOCK, Exclusive)
                .with_ticket(9)
                .holds(0, SHARED)
                .waits(OTHER, Exclusive)
                .holds(LOCK, EXCLUSIVE),
            &[dead(1), dead(1), Free, Free],
        ),
        known(
            "the highest ticket is not the last",
            Scene::new()
                .waits(1, Exclusive)
                .with_ticket(7)
                .holds(0, EXCLUSIVE)
                .waits(0, Exclusive)
                .with_ticket(6)
                .holds(1, EXCLUSIVE),
            &[dead(0); 2],
        ),
        known(
            "a ticket that nobody has seen yet",
            ring(2)
                .waits(0, Exclusive)
                .with_ticket(0)
                .holds(5, EXCLUSIVE)
                .waits(7, Exclusive)
                .with_ticket(0)
                .holds(6, EXCLUSIVE)
                .waits(6, Exclusive)
                .holds(7, EXCLUSIVE),
            &[dead(1), dead(1), Behind, LookAgain, LookAgain],
        ),
    ]
}

fn semaphores() -> Vec<Known> {
    let two_of_three = Units { need: 2, total: 3 };
    let one_of_two = Units { need: 1, total: 2 };
    let dead = |victim| Deadlock { victim };
    vec![
        known(
            "holders of single permits want two each",
            Scene::new()
                .waits(PERMIT, two_of_three)
                .holds_units(PERMIT, 1)
                .waits(PERMIT, two_of_three)
                .holds_units(PERMIT, 1)
                .waits(PERMIT, two_of_three)
                .holds_units(PERMIT, 1),
            &[dead(2); 3],
        ),
        known(
            "the third holder is not blocked",
            Scene::new()
                .waits(PERMIT, two_of_three)
                .holds_units(PERMIT, 1)
                .waits(PERMIT, two_of_three)
                .holds_units(PERMIT, 1),
            &[dead(1); 2],
        ),
        known(
            "the other holder is not blocked",
            Scene::new().waits(PERMIT, two_of_three).holds_units(PERMIT, 1),
            &[Free],
        ),
        known(
            "a cycle through a semaphore whose other unit comes back",
            Scene::new()
                .waits(PERMIT, one_of_two)
                .holds(LOCK, EXCLUSIVE)
                .waits(LOCK, Exclusive)
                .holds_units(PERMIT, 1),
            &[Free; 2],
        ),
        known(
            "a cycle through a semaphore whose units are all inside",
            Scene::new()
                .waits(PERMIT, one_of_two)
                .holds(LOCK, EXCLUSIVE)
                .waits(LOCK, Exclusive)
                .holds_units(PERMIT, 1)
                .waits(LOCK, Exclusive)
                .holds_units(PERMIT, 1),
            &[dead(2); 3],
        ),
        known(
            "more than there is",
            Scene::new().waits(PERMIT, Units { need: 3, total: 2 }).waits(PERMIT, one_of_two),
            &[Behind; 2],
        ),
        known("one's own units", Scene::new().waits(PERMIT, one_of_two).holds_units(PERMIT, 2), &[dead(0)]),
    ]
}

fn queues_of_semaphores() -> Vec<Known> {
    let two_of_three = Units { need: 2, total: 3 };
    let one_of_three = Units { need: 1, total: 3 };
    let dead = |victim| Deadlock { victim };
    vec![
        known(
            "who could be served stands behind who cannot",
            Scene::new()
                .waits(PERMIT, two_of_three)
                .holds(LOCK, EXCLUSIVE)
                .waits(PERMIT, one_of_three)
                .holds(OTHER, EXCLUSIVE)
                .waits(OTHER, Exclusive)
                .holds_units(PERMIT, 2),
            &[dead(2); 3],
        ),
        known(
            "who can be served stands before who cannot",
            Scene::new()
                .waits(PERMIT, two_of_three)
                .at_place(2)
                .waits(PERMIT, one_of_three)
                .at_place(1)
                .holds(OTHER, EXCLUSIVE)
                .waits(OTHER, Exclusive)
                .holds_units(PERMIT, 2),
            &[Free; 3],
        ),
    ]
}

fn readers_and_writers() -> Vec<Known> {
    let dead = |victim| Deadlock { victim };
    vec![
        known(
            "a reader reads again behind a writer",
            Scene::new().waits(LOCK, Exclusive).waits(LOCK, Shared).holds(LOCK, SHARED),
            &[dead(1); 2],
        ),
        known(
            "a reader reads again before the writer",
            Scene::new()
                .waits(LOCK, Exclusive)
                .at_place(5)
                .waits(LOCK, Shared)
                .at_place(4)
                .holds(LOCK, SHARED),
            &[Free; 2],
        ),
        known(
            "a reader behind a writer that waits for a reader outside",
            Scene::new().waits(LOCK, Exclusive).waits(LOCK, Shared),
            &[Free; 2],
        ),
        known(
            "two readers want to write",
            Scene::new()
                .waits(LOCK, Exclusive)
                .holds(LOCK, SHARED)
                .waits(LOCK, Exclusive)
                .holds(LOCK, SHARED),
            &[dead(1); 2],
        ),
        known(
            "a writer reads its own lock",
            Scene::new().waits(LOCK, Shared).holds(LOCK, EXCLUSIVE),
            &[dead(0)],
        ),
        known(
            "readers do not keep readers out",
            Scene::new().waits(LOCK, Shared).holds(OTHER, SHARED).waits(OTHER, Shared).holds(LOCK, SHARED),
            &[Free; 2],
        ),
    ]
}

#[test]
fn mutexes_are_judged_as_they_are() {
    assert_eq!(wrong(&mutexes(), shipped), []);
}

#[test]
fn semaphores_are_judged_as_they_are() {
    assert_eq!(wrong(&semaphores(), shipped), []);
}

#[test]
fn queues_of_semaphores_are_judged_as_they_are() {
    assert_eq!(wrong(&queues_of_semaphores(), shipped), []);
}

#[test]
fn readers_and_writers_are_judged_as_they_are() {
    assert_eq!(wrong(&readers_and_writers(), shipped), []);
}

#[test]
fn the_known_scenes_catch_every_broken_twin_and_pass_the_sound_one() {
    let kinds = [mutexes(), semaphores(), queues_of_semaphores(), readers_and_writers()];
    let scenes: Vec<_> = kinds.into_iter().flatten().collect();
    assert_eq!(wrong(&scenes, |scene, me| played_out(scene, me, Flaw::None)), []);
    for flaw in FLAWS {
        let caught = wrong(&scenes, |scene, me| played_out(scene, me, flaw));
        assert!(!caught.is_empty(), "{flaw:?} passes for sound");
    }
}

#[test]
fn a_ring_of_a_thousand_is_one_component_and_one_cycle() {
    let scene = ring(1000);
    for me in [0, 1, 500, 999] {
        let told = shipped(&scene, me);
        assert_eq!(told.verdict, Deadlock { victim: 999 });
        assert_eq!(told.component, (0..1000).collect::<Vec<_>>());
        assert_eq!(told.cycle, (0..1000).map(|hop| (me + hop) % 1000).collect::<Vec<_>>());
    }
}

#[test]
fn one_that_is_not_blocked_sets_a_ring_of_a_thousand_free() {
    let mut scene = ring(1000);
    scene.blocked.pop();
    scene.held.retain(|held| held.member < 999);
    assert!((0..999).all(|me| shipped(&scene, me).verdict == Free));
}

#[test]
fn the_cycle_that_is_told_is_the_shortest() {
    // From 0 there is a way of three over 1 and 2, and one of two over 3, who reads the same lock as 1.
    let scene = Scene::new()
        .waits(1, Exclusive)
        .holds(0, EXCLUSIVE)
        .waits(2, Exclusive)
        .holds(1, SHARED)
        .waits(0, Exclusive)
        .holds(2, EXCLUSIVE)
        .waits(0, Exclusive)
        .holds(1, SHARED);
    assert_eq!(shipped(&scene, 0).cycle, [0, 3]);
    assert_eq!(shipped(&scene, 1).cycle, [1, 2, 0]);
    assert_eq!(shipped(&scene, 0).component, [0, 1, 2, 3]);
}

#[test]
fn who_waits_for_a_deadlock_without_being_in_it_is_in_no_component() {
    let told = shipped(&ring(3).waits(0, Exclusive), 3);
    assert_eq!(told, Told { verdict: Behind, component: vec![], cycle: vec![] });
    assert_eq!(shipped(&ring(3).waits(0, Exclusive), 0).component, [0, 1, 2]);
}

#[test]
fn a_member_that_does_not_exist_is_free() {
    assert_eq!(shipped(&Scene::new(), 0).verdict, Free);
    assert_eq!(shipped(&ring(3), 3).verdict, Free);
    assert_eq!(shipped(&ring(3), u32::MAX).verdict, Free);
}
