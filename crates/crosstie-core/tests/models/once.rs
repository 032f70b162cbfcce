//! What is done once: whoever finds it done finds all of it, and whoever is killed doing it is replaced.
//!
//! The protocol is the mark in the head under the mutex beside it, as `crosstie::sync::LazyShared` uses them.

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::mutex;
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::Wait;
use crosstie_core::word::head::Head;
use crosstie_core::word::mutex::MutexWord;

use super::participants::{KEY, Me, Twin, World, head};
use super::scenes::{Dies, deaths, explore, together};

struct Once {
    head: Head,
    /// What is made, 1 if it is.
    data: AtomicU32,
    makers: AtomicU32,
}

type Make = fn(&Once, &Me);

fn make(it: &Once, me: &Me) {
    me.step();
    it.data.store(1, Ordering::Relaxed);
    me.step();
    it.head.set_done();
}

/// A twin: says that it is made before it is.
fn promise(it: &Once, me: &Me) {
    it.head.set_done();
    make(it, me);
}

/// Has it made, by itself if nobody has.
fn have(it: &Once, me: &Me, make: Make) {
    if !it.head.is_done() {
        if !MutexWord::new(&it.head.word).try_lock(me.me()) {
            mutex::lock(&it.head, me, me.me(), &Request::exclusive(Deadline::NEVER)).unwrap();
        }
        if !it.head.is_done() {
            make(it, me);
            it.makers.fetch_add(1, Ordering::Relaxed);
        }
        if !MutexWord::new(&it.head.word).try_unlock(me.me()) {
            mutex::unlock(&it.head, me, me.me());
        }
    }
    assert_eq!(it.data.load(Ordering::Relaxed), 1, "done, and not made");
}

fn do_once(participants: usize, make: Make, twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let once = Once { head: head(0, KEY), data: AtomicU32::new(0), makers: AtomicU32::new(0) };
        let world = World::around(once, participants, twin);
        together(&world, dies, move |it, me, _| have(it, me, make));
        let makers = world.makers.load(Ordering::Relaxed);
        assert!(makers == 1 || makers == 0 && dies.is_some(), "{makers} have made it");
    });
}

#[test]
fn it_is_made_once_and_found_whole() {
    do_once(2, make, Twin::AsShipped, None, 3);
    do_once(3, make, Twin::AsShipped, None, 1);
}

#[test]
fn a_maker_killed_at_any_step_is_replaced() {
    for dies in deaths(0, 8, &[]) {
        do_once(2, make, Twin::AsShipped, dies, 3);
    }
}

#[test]
#[should_panic(expected = "done, and not made")]
fn a_maker_that_is_done_before_it_has_made_it_is_found_out() {
    do_once(2, promise, Twin::AsShipped, None, 3);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_a_killed_maker_is_awaited_for_ever() {
    for dies in deaths(0, 8, &[]) {
        do_once(2, make, Twin::WatchesNobody, dies, 3);
    }
}
