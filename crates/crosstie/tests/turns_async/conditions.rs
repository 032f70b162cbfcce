//! Tasks at a condition variable: beside threads that wait there, dropped at every point, and in processes that are killed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crosstie::Deadline;
use crosstie::sync::condvar::WaitAround as _;
use crosstie::sync::lock::{Access, LockAsync as _};

use super::stage::{Objects, TestDomain, begun, cancelled, run};

/// Takes the lock in this thread, and notifies so many.
fn notify(it: &Objects, count: u32) {
    let _guard = it.lock.lock().unwrap();
    it.condition.notify_around(it.lock.domain(), count).unwrap();
}

/// As [`Objects::notified`], in this thread.
fn notified_here(it: &Objects) {
    let guard = it.lock.lock().unwrap();
    let (give_up, take_again) = (|| drop(guard), || it.lock.lock());
    let waited =
        it.condition.wait_around(it.lock.domain(), Deadline::NEVER, give_up, take_again, Result::is_ok);
    drop(waited.unwrap().0.unwrap());
}

#[test]
fn tasks_and_threads_wait_for_what_the_others_bring() {
    const EACH: u64 = 200;
    let place = TestDomain::new();
    let it = &place.objects();
    let items = &AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let mut guard = it.lock.lock().unwrap();
                    while items.load(Relaxed) == 0 {
                        let waited = it.condition.wait_around(
                            it.lock.domain(),
                            Deadline::NEVER,
                            || drop(guard),
                            || it.lock.lock(),
                            Result::is_ok,
                        );
                        guard = waited.unwrap().0.unwrap();
                    }
                    items.fetch_sub(1, Relaxed);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..4 * EACH {
                let _guard = it.lock.lock().unwrap();
                items.fetch_add(1, Relaxed);
                it.condition.notify_around(it.lock.domain(), 1).unwrap();
            }
        });
        run(async {
            let take = || async {
                for _ in 0..EACH {
                    let mut guard = it.lock.lock_async(Access::Exclusive).await.unwrap();
                    while items.load(Relaxed) == 0 {
                        let (give_up, take_again) =
                            (|| drop(guard), || it.lock.lock_async(Access::Exclusive));
                        let domain = it.lock.domain();
                        let waited =
                            it.condition.wait_around_async(domain, give_up, take_again, Result::is_ok);
                        guard = waited.await.unwrap().unwrap();
                    }
                    items.fetch_sub(1, Relaxed);
                }
            };
            tokio::join!(take(), take());
        });
    });
    assert_eq!((items.load(Relaxed), place.open().waiting_count()), (0, 0));
}

#[test]
fn a_wait_that_is_dropped_has_not_the_lock_and_its_notification_is_the_next_ones() {
    let place = TestDomain::new();
    let it = place.objects();
    run(async { assert!(cancelled(it.notified()).await.is_none()) });
    assert_eq!(place.open().waiting_count(), 0, "it stands in a queue");
    drop(it.lock.try_lock(Access::Exclusive).unwrap());
    let (first, second) = (begun(it.notified()), begun(it.notified()));
    notify(&it, 1);
    // Before it has looked.
    drop(first);
    let mut third = begun(it.notified());
    drop(run(second));
    run(async { assert!(cancelled(third.as_mut()).await.is_none(), "one notification served two") });
    notify(&it, 1);
    drop(run(third));
    // On its way to the lock, while another has it and a thread sleeps behind it.
    std::thread::scope(|scope| {
        let mut first = begun(it.notified());
        scope.spawn(|| notified_here(&it));
        place.until_waiting(2);
        let held = it.lock.lock().unwrap();
        it.condition.notify_around(it.lock.domain(), 1).unwrap();
        run(async { assert!(cancelled(first.as_mut()).await.is_none(), "it has the lock beside another") });
        drop(held);
        drop(first);
    });
    drop(it.lock.try_lock(Access::Exclusive).unwrap());
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn a_wait_that_was_never_polled_has_only_given_up() {
    let place = TestDomain::new();
    let it = place.objects();
    let taken = AtomicU64::new(0);
    let guard = run(it.lock.lock_async(Access::Exclusive)).unwrap();
    let (give_up, take_again) = (|| drop(guard), || async { taken.fetch_add(1, Relaxed) });
    drop(it.condition.wait_around_async(it.lock.domain(), give_up, take_again, |_| true));
    assert_eq!(taken.load(Relaxed), 0);
    drop(it.lock.try_lock(Access::Exclusive).unwrap());
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn a_process_killed_while_its_task_waits_at_a_condition_makes_way() {
    let place = TestDomain::new();
    let it = place.objects();
    for is_stopped in [false, true] {
        let mut child = place.child("wait-at-the-condition");
        place.until_waiting(1);
        let behind = begun(it.notified());
        if is_stopped {
            // It is notified, takes no step, and is killed on its way to the lock.
            child.stop();
        } else {
            child.kill();
        }
        notify(&it, 1);
        std::thread::scope(|scope| {
            scope.spawn(|| child.kill());
            drop(run(behind));
        });
    }
}

#[test]
fn a_task_of_another_process_is_notified() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("wait-at-the-condition");
    place.until_waiting(1);
    run(async {
        let _guard = it.lock.lock_async(Access::Exclusive).await.unwrap();
        it.condition.notify_around(it.lock.domain(), u32::MAX).unwrap();
    });
    child.wait_for("served");
}
