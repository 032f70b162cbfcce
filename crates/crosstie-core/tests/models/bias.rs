//! A lock that is one thread's by habit: one at a time is inside, and sees what the one before did, whoever comes meanwhile; nobody sleeps for ever.
//!
//! A model's thread has a full fence between its store and its look: that the kernel's, on the side of who takes away, is as good, no model shows.

use crosstie_core::atomic::Ordering;
use crosstie_core::word::bias::Bias;
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;
use loom::sync::{Arc, Mutex};
use loom::thread;

/// How a thread takes the lock of which another has the habit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comes {
    AsShipped,
    /// The twin's way: it does not wait until the other is outside.
    WithoutWaiting,
    /// The twin's way: it looks whether the other is inside, and takes the habit away then.
    LookingBefore,
}

struct World {
    bias: Bias,
    ordinary: Mutex<()>,
    data: UnsafeCell<u32>,
    inside: AtomicU32,
}

// SAFETY: loom checks that the data are reached by one thread at a time: that is what is modelled.
#[expect(unsafe_code, reason = "the data that the lock guards")]
unsafe impl Sync for World {}

fn act(world: &World) {
    // Relaxed: an exchange finds the latest value; it orders nothing that the lock has to order.
    assert_eq!(world.inside.swap(1, Ordering::Relaxed), 0, "two inside at once");
    world.data.with_mut(|data| {
        // SAFETY: the lock is this thread's; loom fails the model where it is not.
        #[expect(unsafe_code, reason = "the data that the lock guards")]
        unsafe {
            *data += 1;
        }
    });
    world.inside.store(0, Ordering::Relaxed); // Relaxed: as above.
}

fn turn(world: &World, me: u64, comes: Comes) {
    // Nobody sleeps here: who waits looks again.
    if world.bias.enter(me, || {}) {
        act(world);
        world.bias.leave(me, || {});
        return;
    }
    let _turn = world.ordinary.lock().unwrap();
    if comes == Comes::LookingBefore {
        while world.bias.is_inside() {
            thread::yield_now();
        }
    }
    if world.bias.is_given() {
        world.bias.take_away(|| {});
    }
    while comes == Comes::AsShipped && world.bias.is_inside() {
        thread::yield_now();
    }
    act(world);
    world.bias.give(me);
}

/// Thread 1 has the habit, and so may each that comes after the ordinary lock was its.
fn play(threads: u64, turns: u32, comes: Comes) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let world = Arc::new(World {
            bias: Bias::default(),
            ordinary: Mutex::new(()),
            data: UnsafeCell::new(0),
            inside: AtomicU32::new(0),
        });
        world.bias.give(1);
        let others: Vec<_> = (2..=threads)
            .map(|me| {
                let world = Arc::clone(&world);
                thread::spawn(move || turn(&world, me, comes))
            })
            .collect();
        for _ in 0..turns {
            turn(&world, 1, comes);
        }
        for other in others {
            other.join().unwrap();
        }
        turn(&world, 9, comes);
        world.data.with(|data| {
            // SAFETY: all others have ended, and were joined above.
            #[expect(unsafe_code, reason = "the data that the lock guards")]
            let count = unsafe { *data };
            assert_eq!(u64::from(count), u64::from(turns) + threads);
        });
    });
}

#[test]
fn whoever_comes_is_alone_inside_and_sees_what_was_done_by_habit() {
    play(2, 2, Comes::AsShipped);
    play(3, 1, Comes::AsShipped);
}

#[test]
fn who_sleeps_until_the_one_inside_has_left_is_woken() {
    loom::model(|| {
        let bias = Arc::new(Bias::default());
        bias.give(1);
        let inside = {
            let bias = Arc::clone(&bias);
            thread::spawn(move || {
                let mut has_woken = false;
                if bias.enter(1, || has_woken = true) {
                    bias.leave(1, || has_woken = true);
                }
                has_woken
            })
        };
        bias.take_away(|| {});
        let would_sleep = bias.is_inside();
        assert!(inside.join().unwrap() || !would_sleep);
    });
}

#[test]
#[should_panic(expected = "two inside at once")]
fn the_model_catches_one_who_does_not_wait_until_the_other_is_outside() {
    play(2, 1, Comes::WithoutWaiting);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn the_model_catches_one_who_looks_before_the_habit_is_taken_away() {
    play(2, 1, Comes::LookingBefore);
}
