//! Taking turns as futures: one queue with threads that block, cancellation at every point, deaths on both sides, and that waiting
//! costs nothing.
//!
//! A child is this same test binary, asked by the environment to play one role.

#[path = "turns_async/conditions.rs"]
mod conditions;
#[path = "turns_async/meetings.rs"]
mod meetings;
#[path = "turns_async/monitors.rs"]
mod monitors;
#[path = "turns_async/stage.rs"]
mod stage;

use std::time::Duration;

use crosstie::sync::lock::{Access, LockAsync as _};
use crosstie::sync::mutex::LockAsync as _;
use crosstie::sync::rwlock::RwLockAsync as _;
use crosstie::sync::semaphore::AcquireAsync as _;
use crosstie::sync::wait_any::wait_any_async;
use crosstie::sync::{LockError, Waitable};

use stage::{TestDomain, begun, cancelled, run};

#[test]
fn child_process() {
    stage::play();
}

#[test]
fn tasks_and_threads_exclude_each_other() {
    const EACH: u64 = 300;
    let place = TestDomain::new();
    let it = place.objects();
    for mutex in [&it.mutex, &it.fast] {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    run(async {
                        let task = || async {
                            for _ in 0..EACH {
                                let mut guard = mutex.lock_async().await.unwrap();
                                let before = *guard;
                                tokio::task::yield_now().await;
                                *guard = before + 1;
                            }
                        };
                        tokio::join!(task(), task(), task());
                    });
                });
                scope.spawn(|| (0..EACH).for_each(|_| *mutex.lock().unwrap() += 1));
            }
        });
        assert_eq!(*mutex.lock().unwrap(), 8 * EACH);
    }
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn readers_writers_permits_units_and_events_are_shared_by_tasks_and_threads() {
    const EACH: u64 = 200;
    let place = TestDomain::new();
    let it = place.objects();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                run(async {
                    let write = async {
                        for _ in 0..EACH {
                            let mut guard = it.rwlock.write_async().await.unwrap();
                            let before = *guard;
                            tokio::task::yield_now().await;
                            *guard = before + 1;
                            drop(guard);
                            let _permit = it.permits.acquire_async().await.unwrap();
                            tokio::task::yield_now().await;
                        }
                    };
                    let read = async {
                        for _ in 0..EACH {
                            let guard = it.rwlock.read_async().await.unwrap();
                            let before = *guard;
                            tokio::task::yield_now().await;
                            assert_eq!(*guard, before, "written while it was read");
                            drop(guard);
                            let access = if before % 2 == 0 { Access::Shared } else { Access::Exclusive };
                            let _held = it.lock.lock_async(access).await.unwrap();
                            tokio::task::yield_now().await;
                        }
                    };
                    let take = async {
                        for _ in 0..EACH {
                            it.units.wait_async().await.unwrap();
                        }
                    };
                    tokio::join!(write, read, take);
                });
            });
            scope.spawn(|| {
                for _ in 0..EACH {
                    *it.rwlock.write().unwrap() += 1;
                    drop(it.permits.acquire().unwrap());
                    drop(it.lock.lock_shared().unwrap());
                    it.units.post().unwrap();
                }
            });
        }
    });
    assert_eq!((*it.rwlock.read().unwrap(), it.units.value()), (4 * EACH, 0));
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn a_task_and_a_thread_are_served_as_they_came() {
    let place = TestDomain::new();
    let it = place.objects();
    let order = std::sync::Mutex::new(Vec::new());
    let held = it.mutex.lock().unwrap();
    std::thread::scope(|scope| {
        let first = begun(it.mutex.lock_async());
        scope.spawn(|| {
            let _guard = it.mutex.lock().unwrap();
            order.lock().unwrap().push("thread");
        });
        place.until_waiting(2);
        let third = begun(it.mutex.lock_async());
        drop(held);
        run(async {
            let note = |who, guard| {
                order.lock().unwrap().push(who);
                drop(guard);
            };
            note("first", first.await.unwrap());
            note("third", third.await.unwrap());
        });
    });
    assert_eq!(*order.lock().unwrap(), ["first", "thread", "third"]);
}

/// Begins a wait, drops it, and begins it again behind `release`: what it was for is still to be had.
macro_rules! dropped_and_again {
    ($place:expr, $wait:expr, $release:expr) => {{
        // While it waits.
        run(async { assert!(cancelled($wait).await.is_none(), "there was nothing to wait for") });
        assert_eq!($place.open().waiting_count(), 0, "it stands in a queue");
        // While what it waits for comes to it, with one behind it and without.
        let (dropped, behind) = (begun($wait), begun($wait));
        $release;
        drop(dropped);
        run(behind).unwrap()
    }};
}

#[test]
fn a_wait_that_is_dropped_leaves_the_queue_and_hands_on_what_had_just_come() {
    let place = TestDomain::new();
    let it = place.objects();
    let held = it.mutex.lock().unwrap();
    drop(dropped_and_again!(place, it.mutex.lock_async(), drop(held)));
    let held = it.lock.lock().unwrap();
    drop(dropped_and_again!(place, it.lock.lock_async(Access::Exclusive), drop(held)));
    let held = it.lock.lock().unwrap();
    drop(dropped_and_again!(place, it.lock.lock_async(Access::Shared), drop(held)));
    let held = it.rwlock.write().unwrap();
    drop(dropped_and_again!(place, it.rwlock.read_async(), drop(held)));
    let held = it.rwlock.read().unwrap();
    drop(dropped_and_again!(place, it.rwlock.write_async(), drop(held)));
    let held = it.permits.acquire().unwrap();
    drop(dropped_and_again!(place, it.permits.acquire_async(), drop(held)));
    dropped_and_again!(place, it.units.wait_async(), it.units.post().unwrap());
    dropped_and_again!(place, it.automatic.wait_async(), it.automatic.set().unwrap());
    dropped_and_again!(place, it.manual.wait_async(), it.manual.set().unwrap());
    let both: [&(dyn Waitable + Sync); 2] = [&*it.units, &*it.automatic];
    let any = || wait_any_async(&both);
    assert_eq!(dropped_and_again!(place, any(), it.automatic.set().unwrap()), 1);
    // Nobody was behind it.
    let held = it.mutex.lock().unwrap();
    let dropped = begun(it.mutex.lock_async());
    drop(held);
    drop(dropped);
    drop(it.mutex.try_lock().unwrap());
    assert_eq!((place.open().waiting_count(), it.units.value(), it.automatic.is_set()), (0, 0, false));
}

#[test]
fn a_reader_that_is_dropped_lets_the_writer_go_on_that_waited_for_it() {
    let place = TestDomain::new();
    let it = place.objects();
    let held = it.rwlock.write().unwrap();
    let reader = begun(it.rwlock.read_async());
    let writer = begun(it.rwlock.write_async());
    // The phase is the reader's now: the writer has the word, and waits for it.
    drop(held);
    drop(reader);
    drop(run(writer).unwrap());
    let reading = it.rwlock.read().unwrap();
    let writer = begun(it.rwlock.write_async());
    let reader = begun(it.rwlock.read_async());
    drop(writer);
    drop(run(reader).unwrap());
    drop(reading);
}

#[test]
fn the_death_of_an_owner_reaches_a_task() {
    let place = TestDomain::new();
    let it = place.objects();
    for role in ["hold-all", "hold-all-in-tasks"] {
        let mut child = place.child(role);
        let (mutex, lock) = (begun(it.mutex.lock_async()), begun(it.lock.lock_async(Access::Exclusive)));
        let (rwlock, permit) = (begun(it.rwlock.read_async()), begun(it.permits.acquire_async()));
        std::thread::scope(|scope| {
            scope.spawn(|| child.kill());
            run(async {
                let Err(LockError::Abandoned(mut mended)) = mutex.await else { panic!("{role}: the mutex") };
                mended.mark_mended();
                assert!(lock.await.unwrap().is_abandoned(), "{role}: the lock");
                assert!(matches!(rwlock.await, Err(LockError::Abandoned(_))), "{role}: the readers");
                drop(permit.await.unwrap());
            });
        });
        it.rwlock.write().unwrap_or_else(|refusal| refusal.into_guard().unwrap()).mark_mended();
    }
}

#[test]
fn a_process_killed_while_its_task_waits_makes_way() {
    let place = TestDomain::new();
    let it = place.objects();
    let held = it.mutex.lock().unwrap();
    let mut child = place.child("await-the-mutex");
    place.until_waiting(1);
    std::thread::scope(|scope| {
        let blocking = scope.spawn(|| drop(it.mutex.lock().unwrap()));
        place.until_waiting(2);
        let task = begun(it.mutex.lock_async());
        child.kill();
        drop(held);
        blocking.join().unwrap();
        drop(run(task).unwrap());
    });
    // Handed to one that is stopped, and killed before it had it.
    for served_by_thread in [true, false] {
        let held = it.mutex.lock().unwrap();
        let mut child = place.child("await-the-mutex");
        place.until_waiting(1);
        child.stop();
        std::thread::scope(|scope| {
            let task = if served_by_thread { None } else { Some(begun(it.mutex.lock_async())) };
            let thread = served_by_thread.then(|| scope.spawn(|| drop(it.mutex.lock().unwrap())));
            place.until_waiting(2);
            drop(held);
            child.kill();
            if let Some(thread) = thread {
                thread.join().unwrap();
            }
            if let Some(task) = task {
                drop(run(task).unwrap());
            }
        });
    }
    assert_eq!(*it.mutex.lock().unwrap(), 0, "nobody was served twice");
}

#[test]
fn a_task_of_another_process_is_served_in_its_turn() {
    let place = TestDomain::new();
    let it = place.objects();
    let held = it.mutex.lock().unwrap();
    let mut child = place.child("await-the-mutex");
    place.until_waiting(1);
    child.until_all_sleep();
    drop(held);
    child.wait_for("served");
    assert_eq!(*it.mutex.lock().unwrap(), 100);
}

#[test]
fn a_poster_killed_between_its_post_and_its_wake_leaves_no_task_waiting() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("die-behind-the-post");
    let waiting = begun(it.units.wait_async());
    child.say("go");
    run(waiting).unwrap();
    assert_eq!(it.units.value(), 0);
}

#[test]
fn a_task_needs_a_place_only_while_it_waits() {
    let place = TestDomain::new();
    let it = place.objects();
    let before = {
        let held = it.mutex.lock().unwrap();
        run(async { assert!(cancelled(it.mutex.lock_async()).await.is_none()) });
        drop(held);
        place.open().owners().len()
    };
    for _ in 0..100 {
        let held = it.mutex.lock().unwrap();
        let waiting = begun(it.mutex.lock_async());
        drop(held);
        drop(run(waiting).unwrap());
    }
    assert_eq!(place.open().owners().len(), before);
    let held = it.mutex.lock().unwrap();
    let many: Vec<_> = (0..100).map(|_| begun(it.mutex.lock_async())).collect();
    drop(held);
    run(async {
        for waiting in many {
            *waiting.await.unwrap() += 1;
        }
    });
    assert_eq!(*it.mutex.lock().unwrap(), 100);
}

#[test]
fn a_guard_goes_to_another_thread_and_a_future_into_another_runtime() {
    let place = TestDomain::new();
    let it = place.objects();
    let guard = run(it.mutex.lock_async()).unwrap();
    let mutex = it.mutex.clone();
    let waiting = begun(async move { *mutex.lock_async().await.unwrap() += 1 });
    std::thread::spawn(move || drop(guard)).join().unwrap();
    std::thread::spawn(move || run(waiting)).join().unwrap();
    assert_eq!(*it.mutex.lock().unwrap(), 1);
}

#[test]
fn a_process_whose_tasks_wait_does_not_run() {
    let place = TestDomain::new();
    let it = place.objects();
    let (_mutex, _fast) = (it.mutex.lock().unwrap(), it.fast.lock().unwrap());
    let (_writing, _permit) = (it.rwlock.write().unwrap(), it.permits.acquire().unwrap());
    let child = place.child("await-all-for-ever");
    place.until_waiting(10);
    child.until_all_sleep();
    let before = child.context_switches();
    // As long as a blocking wait needs for one look of its net, and more.
    assert!(matches!(it.manual.wait_for(Duration::from_millis(1200)), Err(LockError::TimedOut(_))));
    assert_eq!(child.context_switches(), before, "it ran although nothing happened");
}
