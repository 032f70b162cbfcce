//! Tasks in a monitor: beside threads that wait there in either way, dropped at every point, and in processes that are killed.

use crosstie::sync::LockError;
use crosstie::sync::monitor::EnterAsync as _;
use crosstie::sync::predicate::at_least;

use super::stage::{TestDomain, begun, cancelled, run};

#[test]
fn tasks_and_threads_wait_for_what_the_others_change() {
    const EACH: u64 = 200;
    let place = TestDomain::new();
    let it = place.objects();
    let monitor = &it.monitor;
    std::thread::scope(|scope| {
        // Two of each kind take, one task and one thread give.
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    *monitor.wait_while(|value| *value == 0).unwrap() -= 1;
                }
            });
            scope.spawn(|| {
                for _ in 0..EACH {
                    *monitor.wait_when(|value| at_least(value, 1)).unwrap() -= 1;
                }
            });
        }
        scope.spawn(|| (0..3 * EACH).for_each(|_| *monitor.enter().unwrap() += 1));
        run(async {
            let take = || async {
                for _ in 0..EACH {
                    let mut inside = monitor.wait_while_async(|value| *value == 0).await.unwrap();
                    let before = *inside;
                    tokio::task::yield_now().await;
                    *inside = before - 1;
                }
            };
            let give = async {
                for _ in 0..3 * EACH {
                    let mut inside = monitor.enter_async().await.unwrap();
                    let before = *inside;
                    tokio::task::yield_now().await;
                    *inside = before + 1;
                }
            };
            tokio::join!(take(), take(), give);
        });
    });
    assert_eq!(*monitor.enter().unwrap(), 0);
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn a_wait_in_a_monitor_that_is_dropped_is_outside_and_what_came_for_it_is_the_next_ones() {
    let place = TestDomain::new();
    let it = place.objects();
    let wait = || it.monitor.wait_while_async(|value| *value == 0);
    run(async { assert!(cancelled(wait()).await.is_none()) });
    assert_eq!(place.open().waiting_count(), 0, "it stands in a queue");
    let (first, second) = (begun(wait()), begun(wait()));
    // Both are told; the first goes before it has looked.
    *it.monitor.enter().unwrap() = 1;
    drop(first);
    *run(second).unwrap() = 0;
    // On its way back inside, while another is there and a thread sleeps behind it.
    std::thread::scope(|scope| {
        let mut first = begun(wait());
        scope.spawn(|| *it.monitor.wait_while(|value| *value == 0).unwrap() = 0);
        place.until_waiting(2);
        let mut inside = it.monitor.enter().unwrap();
        *inside = 1;
        run(async { assert!(cancelled(first.as_mut()).await.is_none(), "entered beside another") });
        drop(inside);
        drop(first);
    });
    // While it enters.
    let inside = it.monitor.enter().unwrap();
    let entering = begun(it.monitor.enter_async());
    drop(inside);
    drop(entering);
    assert_eq!(*it.monitor.enter().unwrap(), 0);
    assert_eq!(place.open().waiting_count(), 0);
}

#[test]
fn a_process_killed_inside_is_told_to_tasks_and_threads_that_wait() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("change-the-monitor-and-hold-it");
    std::thread::scope(|scope| {
        let exact = scope.spawn(|| {
            let waited = it.monitor.wait_when(|value| at_least(value, 100));
            let Err(LockError::Abandoned(mut inside)) = waited else { panic!("{waited:?}") };
            *inside = 100;
        });
        place.until_waiting(1);
        let task = begun(it.monitor.wait_while_async(|value| *value < 100));
        child.say("go");
        child.wait_for("changed");
        child.kill();
        let Err(LockError::Abandoned(inside)) = run(task) else { panic!("told nothing") };
        drop(inside);
        exact.join().unwrap();
        it.monitor.enter().unwrap_or_else(|refusal| refusal.into_guard().unwrap()).mark_mended();
    });
}

#[test]
fn a_thread_whose_condition_others_see_is_told_of_a_death_inside_though_nobody_else_waits() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("change-the-monitor-and-hold-it");
    std::thread::scope(|scope| {
        let exact = scope.spawn(|| {
            let waited = it.monitor.wait_when(|value| at_least(value, 100));
            assert!(matches!(waited, Err(LockError::Abandoned(_))), "{waited:?}");
        });
        place.until_waiting(1);
        child.say("go");
        child.wait_for("changed");
        child.kill();
        exact.join().unwrap();
    });
}

#[test]
fn a_process_killed_while_its_task_waits_in_a_monitor_makes_way() {
    let place = TestDomain::new();
    let it = place.objects();
    for is_stopped in [false, true] {
        let mut child = place.child("wait-in-the-monitor");
        place.until_waiting(1);
        let behind = begun(it.monitor.wait_while_async(|value| *value == 0));
        if is_stopped {
            // It is told, takes no step, and is killed on its way inside.
            child.stop();
        } else {
            child.kill();
        }
        *it.monitor.enter().unwrap() = 1;
        std::thread::scope(|scope| {
            scope.spawn(|| child.kill());
            *run(behind).unwrap() = 0;
        });
    }
}

#[test]
fn a_task_of_another_process_is_woken_by_a_change() {
    let place = TestDomain::new();
    let it = place.objects();
    let mut child = place.child("wait-in-the-monitor");
    place.until_waiting(1);
    *run(it.monitor.enter_async()).unwrap() = 1;
    child.wait_for("served");
    assert_eq!(*it.monitor.enter().unwrap(), 101);
}
