//! The counting semaphore: each unit that was posted is had once, whoever is killed on the way.

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::counting::{post, wait_for_one};
use crosstie_core::turns::queued::Request;
use crosstie_core::word::counting::{Counting, LastSeen};
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;

use super::participants::{KEY, Me, Twin, World, head, play_until};
use super::scenes::{Dies, deaths, explore, spawn};

struct Units {
    head: Head,
    /// What was made before the first post.
    made: AtomicU32,
    taken: AtomicU32,
}

fn units() -> Units {
    Units { head: head(0, KEY), made: AtomicU32::new(0), taken: AtomicU32::new(0) }
}

fn take(it: &Units, me: &Me) {
    let request = Request { mode: Mode::Signal, ..Request::exclusive(Deadline::NEVER) };
    wait_for_one(&it.head, me, &request).unwrap();
    assert_eq!(it.made.load(Ordering::Relaxed), 1, "a unit without what was made for it");
    it.taken.fetch_add(1, Ordering::Relaxed);
}

fn give(it: &Units, me: &Me) {
    it.made.store(1, Ordering::Relaxed);
    post(&it.head, me, || me.announce_change(&it.head)).unwrap();
}

/// Posts in one exchange where that is possible, as who has posted before expects it to be.
fn give_at_once(it: &Units, me: &Me, seen: &LastSeen) {
    it.made.store(1, Ordering::Relaxed);
    if !Counting::new(&it.head.word).post_at_once(seen) {
        give(it, me);
    }
}

/// A twin: does not see that somebody queues.
fn give_unseeing(it: &Units, me: &Me, _: &LastSeen) {
    it.made.store(1, Ordering::Relaxed);
    let word = Counting::new(&it.head.word);
    if word.try_post(word.read()).is_err() {
        give(it, me);
    }
}

/// Takes what is there at once, as who has taken before, or waits for it.
fn take_at_once(it: &Units, me: &Me) {
    if Counting::new(&it.head.word).take_at_once(&LastSeen::new()) {
        assert_eq!(it.made.load(Ordering::Relaxed), 1, "a unit without what was made for it");
        it.taken.fetch_add(1, Ordering::Relaxed);
    } else {
        take(it, me);
    }
}

/// One posts two units, the second where it expects the first to be; two take one each.
fn serve_at_once(give: fn(&Units, &Me, &LastSeen), preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(units(), 3, Twin::AsShipped);
        let others: Vec<_> = (1..=2).map(|index| spawn(&world, index, None, take_at_once)).collect();
        let seen = LastSeen::new();
        play_until(&world, 0, None, |me| (0..2).for_each(|_| give(&world, me, &seen)));
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((world.taken.load(Ordering::Relaxed), value(&world)), (2, 0));
    });
}

fn value(it: &Units) -> u32 {
    Counting::value_in(Counting::new(&it.head.word).read())
}

/// Participant 0 posts a unit for each of the others; one of those may be killed, and its unit with it.
fn serve(takers: u32, twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(units(), takers as usize + 1, twin);
        let others: Vec<_> = (1..=takers as usize).map(|index| spawn(&world, index, dies, take)).collect();
        play_until(&world, 0, None, |me| (0..takers).for_each(|_| give(&world, me)));
        for other in others {
            other.join().unwrap();
        }
        let taken = world.taken.load(Ordering::Relaxed);
        let dead = u32::from(dies.is_some());
        assert!(taken + dead >= takers && taken + value(&world) <= takers, "{taken} were had of {takers}");
    });
}

/// The poster is killed. What it has posted is had; what it has not, participant 2 posts.
fn replace_poster(twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(units(), 3, twin);
        let taker = spawn(&world, 1, None, take);
        let poster = spawn(&world, 0, dies, give);
        poster.join().unwrap();
        if value(&world) == 0 {
            play_until(&world, 2, None, |me| give(&world, me));
        }
        taker.join().unwrap();
    });
}

const POINTS: &[&str] = &["counting.took", "counting.posted"];

#[test]
fn each_unit_is_for_one_who_waits() {
    serve(1, Twin::AsShipped, None, 3);
    serve(2, Twin::AsShipped, None, 1);
}

#[test]
fn who_posts_where_it_expects_the_unit_before_wakes_who_came_meanwhile() {
    serve_at_once(give_at_once, 2);
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_posts_and_does_not_see_that_somebody_queues_leaves_it_asleep() {
    serve_at_once(give_unseeing, 2);
}

#[test]
fn a_waiter_killed_at_any_step_takes_at_most_its_own_unit_along() {
    for dies in deaths(1, 10, POINTS) {
        serve(2, Twin::AsShipped, dies, 1);
    }
}

#[test]
fn a_poster_killed_at_any_step_leaves_nobody_asleep_beside_its_unit() {
    for dies in deaths(0, 6, POINTS) {
        replace_poster(Twin::AsShipped, dies, 2);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_who_is_ahead_a_killed_waiter_takes_the_wake_along() {
    for dies in deaths(1, 10, POINTS) {
        serve(2, Twin::WatchesNobody, dies, 1);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_poster_that_announces_nothing_is_killed_with_the_wake() {
    for dies in deaths(0, 6, POINTS) {
        replace_poster(Twin::AnnouncesNothing, dies, 3);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_poster_whom_nobody_watches_is_killed_with_the_wake() {
    for dies in deaths(0, 6, POINTS) {
        replace_poster(Twin::WatchesNoChanger, dies, 3);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_poster_whose_count_nobody_compares_is_killed_with_the_wake() {
    for dies in deaths(0, 6, POINTS) {
        replace_poster(Twin::ComparesNoCount, dies, 3);
    }
}
