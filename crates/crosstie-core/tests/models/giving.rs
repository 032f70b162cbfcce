//! A mutex that is given up by a store: nobody sleeps on a free one, whoever comes meanwhile or is killed.
//!
//! A model's owner has a full fence behind its store: that the kernel's, on the side of who waits, is as good, no model shows.

use std::sync::Arc;

use crosstie_core::atomic::{AtomicU32, Ordering, compiler_fence};
use crosstie_core::turns::mutex::{
    GivenUp, allow_stores, give_up, lock, may_allow_stores, take_away, unlock, wake_first,
};
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::Wait;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::{Deadline, OwnerId};
use loom::thread;

use super::participants::{Me, Protected, Twin, World, id_of, play_until};
use super::scenes::{Dies, deaths, explore, spawn};

const FAST: u32 = 500;
/// Of a first in the queue that is late at the second look at the clock.
const HASTY: u32 = 1;

/// How the owners give up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owners {
    AsShipped,
    /// The twin's way: whoever came meanwhile is not looked for.
    ForgetWhoCame,
    /// The twin's way: stores are allowed again although somebody waits.
    AllowUnseen,
}

/// How the mutex may be given up at first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Store,
    Step,
}

fn lock_it(world: &Protected, me: &Me) -> Option<OwnerId> {
    if MutexWord::new(&world.head.word).try_lock(me.me()) {
        return None;
    }
    lock(&world.head, me, me.me(), &Request::exclusive(Deadline::NEVER)).unwrap().abandoned_by
}

fn give_up_it(world: &Protected, me: &Me, owners: Owners) {
    match give_up(&world.head, me.me(), true) {
        GivenUp::Done => {}
        GivenUp::MayBeAwaited if owners == Owners::ForgetWhoCame => {}
        GivenUp::MayBeAwaited => wake_first(&world.head, me),
        GivenUp::Not => unlock(&world.head, me, me.me()),
    }
}

/// Allows stores, then gives up: what an owner does now and then.
fn allow_and_give_up(world: &Protected, me: &Me, owners: Owners) {
    match owners {
        Owners::AllowUnseen => world.head.giving().allow(|| false),
        Owners::AsShipped | Owners::ForgetWhoCame => {
            if may_allow_stores(&world.head, me.me()) {
                allow_stores(&world.head, me);
            }
        }
    }
    give_up_it(world, me, owners);
}

/// A turn: the data are 0 outside every turn, unless an owner died inside.
fn turn(world: &Protected, me: &Me, owners: Owners, allows: bool) {
    let died = lock_it(world, me);
    let before = world.data.load(Ordering::Relaxed);
    assert!(before == 0 || died.is_some(), "two owners at once, or a death that nobody told");
    world.data.store(1, Ordering::Relaxed);
    thread::yield_now();
    world.data.store(0, Ordering::Relaxed);
    if allows { allow_and_give_up(world, me, owners) } else { give_up_it(world, me, owners) }
}

/// Participant 0 has the mutex; the others come while it gives it up; one of them may be killed.
struct Scene {
    participants: usize,
    patience_us: u32,
    at: At,
    owners: Owners,
    dies: Dies,
    preemptions: usize,
}

impl Scene {
    const fn of(participants: usize, at: At, preemptions: usize) -> Self {
        Self { participants, patience_us: FAST, at, owners: Owners::AsShipped, dies: None, preemptions }
    }

    fn play(self) {
        let Self { participants, patience_us, at, owners, dies, preemptions } = self;
        explore(preemptions, move || {
            let world = World::new(participants, patience_us, Twin::AsShipped);
            world.head.next_token();
            if at == At::Store {
                world.head.giving().allow(|| false);
            }
            assert!(MutexWord::new(&world.head.word).try_lock(id_of(0)));
            let death = move |index| dies.filter(|(who, _)| *who == index).map(|(_, death)| death);
            let others: Vec<_> = (1..participants)
                .map(|index| {
                    let world: Arc<World> = world.clone();
                    thread::spawn(move || {
                        play_until(&world, index, death(index), |me| turn(&world, me, owners, index == 1))
                    })
                })
                .collect();
            play_until(&world, 0, death(0), |me| {
                // One who comes looks before it queues; of two, the other moves on meanwhile.
                if participants == 2 {
                    thread::yield_now();
                }
                match at {
                    At::Store => give_up_it(&world, me, owners),
                    At::Step => allow_and_give_up(&world, me, owners),
                }
            });
            for other in others {
                other.join().unwrap();
            }
            let word = MutexWord::new(&world.head.word).read();
            let is_dead = |id: OwnerId| dies.is_some_and(|(who, _)| id_of(who) == id);
            assert!(word.owner().is_none_or(is_dead), "owned by one who is done");
        });
    }
}

/// How one takes the mutex by force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Robs {
    AsShipped,
    /// The twin's way: also from an owner that may have begun to give up.
    AtAnyTime,
    /// The twin's way: others may allow stores again.
    ForNow,
}

/// Participant 0 has the mutex and gives it up while 1 takes it by force. 1 then takes a turn, and 2 takes two, and would allow stores in the first: never
/// two of those at once, however late the one comes that was robbed.
fn rob(robs: Robs, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::new(3, FAST, Twin::AsShipped);
        world.head.next_token();
        world.head.giving().allow(|| false);
        assert!(MutexWord::new(&world.head.word).try_lock(id_of(0)));
        let is_noted = Arc::new(AtomicU32::new(1));
        let note = is_noted.clone();
        let robber = spawn(&world, 1, None, move |it, me| {
            let fence = || me.fence_all();
            let giving = it.head.giving();
            let is_forbidden =
                if robs == Robs::ForNow { giving.forbid(fence) } else { giving.forbid_for_good(fence) };
            if is_forbidden && (robs == Robs::AtAnyTime || note.load(Ordering::Acquire) == 1) {
                take_away(&it.head, me, id_of(0));
            }
            turn(it, me, Owners::AsShipped, false);
        });
        let other = spawn(&world, 2, None, |it, me| {
            [true, false].into_iter().for_each(|allows| turn(it, me, Owners::AsShipped, allows));
        });
        play_until(&world, 0, None, |me| {
            is_noted.store(0, Ordering::Release);
            compiler_fence(Ordering::SeqCst);
            give_up_it(&world, me, Owners::AsShipped);
        });
        [robber, other].into_iter().for_each(|one| one.join().unwrap());
        assert!(MutexWord::new(&world.head.word).read().owner().is_none(), "owned by one who is done");
    });
}

#[test]
fn who_was_robbed_gives_up_nothing_that_another_has() {
    rob(Robs::AsShipped, 2);
}

#[test]
#[should_panic(expected = "two owners at once")]
fn the_model_catches_who_robs_an_owner_that_is_about_to_store() {
    rob(Robs::AtAnyTime, 2);
}

#[test]
#[should_panic(expected = "two owners at once")]
fn the_model_catches_who_robs_and_lets_others_allow_stores_again() {
    rob(Robs::ForNow, 3);
}

#[test]
fn who_comes_while_the_owner_stores_does_not_sleep_on_a_free_mutex() {
    for patience_us in [FAST, HASTY] {
        Scene { patience_us, ..Scene::of(2, At::Store, 3) }.play();
        Scene { patience_us, ..Scene::of(3, At::Store, 2) }.play();
    }
}

#[test]
fn who_comes_while_the_owner_allows_stores_does_not_sleep_on_a_free_mutex() {
    for patience_us in [FAST, HASTY] {
        Scene { patience_us, ..Scene::of(2, At::Step, 3) }.play();
        Scene { patience_us, ..Scene::of(3, At::Step, 2) }.play();
    }
}

/// Every step, and behind the store, at which the owner may be killed.
#[test]
fn an_owner_killed_at_its_store_or_behind_it_leaves_nobody_asleep() {
    for at in [At::Store, At::Step] {
        for dies in deaths(0, 5, &["mutex.stored"]) {
            Scene { dies, ..Scene::of(3, at, 2) }.play();
        }
    }
}

/// Every step at which one of two who come may be killed: before it has forbidden the store, before it has fenced, and behind.
#[test]
fn who_comes_and_is_killed_takes_nobodys_wake_along() {
    for at in [At::Store, At::Step] {
        for dies in deaths(1, 10, &["mutex.forbidden", "mutex.stored"]) {
            Scene { dies, ..Scene::of(3, at, 1) }.play();
        }
    }
}

/// The owner allows stores while the other makes the same word unsettled: neither settles it for the other. It takes so many preemptions to
/// see that who does.
#[test]
fn who_comes_and_an_owner_that_allows_stores_do_not_settle_the_word_for_each_other() {
    Scene::of(2, At::Step, 5).play();
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_model_catches_an_owner_that_does_not_look_who_came_while_it_stored() {
    Scene { owners: Owners::ForgetWhoCame, ..Scene::of(2, At::Store, 3) }.play();
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_model_catches_an_owner_that_allows_stores_although_somebody_waits() {
    Scene { owners: Owners::AllowUnseen, ..Scene::of(2, At::Step, 3) }.play();
}
