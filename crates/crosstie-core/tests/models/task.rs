//! Tasks: who waits by a future is served as a thread is, between the look and the sleep too; dropped, it hands on what had just come; and
//! killed, it makes way.

use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::counting::{post, wait_for_one, wait_for_one_async};
use crosstie_core::turns::mutex::{lock, lock_async, unlock};
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::Wait;
use crosstie_core::word::counting::Counting;
use crosstie_core::word::head::Head;
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};
use loom::thread;

use super::participants::awaiting::Task;
use super::participants::{KEY, Me, Twin, World, head, id_of, play_until};
use super::scenes::{Dies, deaths, explore, spawn};

struct Mutex {
    head: Head,
    data: AtomicU32,
}

fn mutex() -> Mutex {
    Mutex { head: head(0, KEY), data: AtomicU32::new(0) }
}

const REQUEST: Request = Request::exclusive(Deadline::NEVER);

/// The data are 0 outside every turn, unless an owner died inside.
fn turn(it: &Mutex, me: &Me, died: Option<OwnerId>) {
    let before = it.data.swap(1, Ordering::Relaxed);
    assert!(before == 0 || died.is_some(), "two owners at once, or a death that nobody told");
    thread::yield_now();
    it.data.store(0, Ordering::Relaxed);
    give_up(it, me);
}

fn give_up(it: &Mutex, me: &Me) {
    if !MutexWord::new(&it.head.word).try_unlock(me.me()) {
        unlock(&it.head, me, me.me());
    }
}

fn turn_of_a_task(it: &Mutex, me: &Me) {
    let task = Task::new(me);
    let taken = task.run(lock_async(&it.head, &task, me.me(), &REQUEST)).unwrap();
    turn(it, me, taken.abandoned_by);
}

fn turn_of_a_thread(it: &Mutex, me: &Me) {
    let taken = lock(&it.head, me, me.me(), &REQUEST).unwrap();
    turn(it, me, taken.abandoned_by);
}

/// Polls once: if it has the mutex then, it has its turn; else the future is dropped.
fn turn_that_is_dropped(it: &Mutex, me: &Me) {
    let task = Task::new(me);
    if let Some(taken) = task.run_once(lock_async(&it.head, &task, me.me(), &REQUEST)) {
        turn(it, me, taken.unwrap().abandoned_by);
    }
}

/// Participant 0 has the mutex and gives it up while the others come.
fn serve<const N: usize>(others: [fn(&Mutex, &Me); N], twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(mutex(), N + 1, twin);
        assert!(MutexWord::new(&world.head.word).try_lock(id_of(0)));
        let others: Vec<_> =
            others.iter().enumerate().map(|(index, &act)| spawn(&world, index + 1, dies, act)).collect();
        play_until(&world, 0, None, |me| give_up(&world, me));
        for other in others {
            other.join().unwrap();
        }
        let owner = MutexWord::new(&world.head.word).read().owner();
        let killed = dies.map(|(who, _)| id_of(who));
        assert!(owner.is_none() || owner == killed, "given up by nobody");
    });
}

/// A task waits for the one unit that is posted.
fn post_one(twin: Twin) {
    explore(3, move || {
        let world = World::around(head(0, KEY), 2, twin);
        let request = Request { mode: Mode::Signal, ..REQUEST };
        let task = spawn(&world, 1, None, move |it: &Head, me| {
            let task = Task::new(me);
            task.run(wait_for_one_async(it, &task, &request)).unwrap();
        });
        play_until(&world, 0, None, |me| post(&world, me, || me.announce_change(&world)).unwrap());
        task.join().unwrap();
    });
}

/// One unit is posted, and then another; a task waits for one that it may drop, and a thread for one.
fn post_two(drops: bool, twin: Twin, dies: Dies, preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(head(0, KEY), 3, twin);
        let request = Request { mode: Mode::Signal, ..REQUEST };
        let task = spawn(&world, 1, dies, move |it: &Head, me| {
            let task = Task::new(me);
            let waiting = wait_for_one_async(it, &task, &request);
            if drops {
                task.run_once(waiting);
            } else {
                task.run(waiting).unwrap();
            }
        });
        let request = Request { mode: Mode::Signal, ..REQUEST };
        let thread = spawn(&world, 2, None, move |it: &Head, me| wait_for_one(it, me, &request).unwrap());
        play_until(&world, 0, None, |me| {
            for _ in 0..2 {
                post(&world, me, || me.announce_change(&world)).unwrap();
                thread::yield_now();
            }
        });
        task.join().unwrap();
        thread.join().unwrap();
        let left = Counting::value_in(Counting::new(&world.word).read());
        assert!(left <= u32::from(drops || dies.is_some()), "a unit that nobody took");
    });
}

#[test]
fn a_task_is_served_also_if_it_is_granted_between_the_look_and_the_sleep() {
    serve([turn_of_a_task], Twin::AsShipped, None, 3);
    serve([turn_of_a_task, turn_of_a_task], Twin::AsShipped, None, 2);
    serve([turn_of_a_task, turn_of_a_thread], Twin::AsShipped, None, 2);
}

#[test]
fn what_was_granted_to_a_task_that_is_dropped_goes_to_the_next() {
    serve([turn_that_is_dropped, turn_of_a_thread], Twin::AsShipped, None, 2);
    serve([turn_that_is_dropped, turn_of_a_task], Twin::AsShipped, None, 2);
    serve([turn_that_is_dropped], Twin::AsShipped, None, 3);
}

#[test]
#[should_panic(expected = "given up by nobody")]
fn a_dropped_task_that_stays_in_the_queue_keeps_what_was_granted() {
    serve([turn_that_is_dropped, turn_of_a_thread], Twin::StaysWhenDropped, None, 2);
}

#[test]
fn a_task_killed_at_any_step_makes_way() {
    for dies in deaths(1, 12, &["queued.entered", "mutex.taken", "queued.took"]) {
        serve([turn_of_a_task, turn_of_a_thread], Twin::AsShipped, dies, 1);
        serve([turn_of_a_task, turn_of_a_task], Twin::AsShipped, dies, 1);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_task_that_watches_nobody_misses_a_death() {
    for dies in deaths(1, 12, &["mutex.taken"]) {
        serve([turn_of_a_thread, turn_of_a_task], Twin::AsShipped, dies, 1);
        serve([turn_of_a_thread, turn_of_a_task], Twin::WatchesNobody, dies, 1);
    }
}

#[test]
fn a_unit_that_was_posted_for_a_task_that_is_dropped_goes_to_the_next() {
    post_one(Twin::AsShipped);
    post_two(false, Twin::AsShipped, None, 1);
    post_two(true, Twin::AsShipped, None, 2);
    for dies in deaths(1, 10, &["counting.took"]) {
        post_two(false, Twin::AsShipped, dies, 1);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_dropped_task_that_stays_first_in_the_queue_keeps_the_units() {
    post_two(true, Twin::StaysWhenDropped, None, 2);
}
