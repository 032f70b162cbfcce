//! One end of a channel, taken by one after the other.

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::word::role::{Ending, Role, RoleWord};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

const FIRST: OwnerId = OwnerId::new(1, 1);
const SECOND: OwnerId = OwnerId::new(2, 1);

struct Channel {
    role: RoleWord,
    /// What holders change, one at a time: loom sees whose changes may meet.
    ring: UnsafeCell<()>,
    /// Whether who comes lives.
    life: AtomicU32,
}

fn channel() -> Arc<Channel> {
    Arc::new(Channel { role: RoleWord::new(), ring: UnsafeCell::new(()), life: AtomicU32::new(0) })
}

impl Channel {
    fn hold_and_leave(&self, me: OwnerId, ending: Ending) {
        while self.role.take(me, |_| true).is_err() {
            thread::yield_now();
        }
        self.ring.with_mut(|_| ());
        self.role.leave(me, ending, 1);
    }
}

#[test]
fn who_takes_an_end_goes_on_behind_what_the_one_before_did() {
    for ending in [Ending::Clean, Ending::HandedOver] {
        loom::model(move || {
            let channel = channel();
            let first = {
                let channel = channel.clone();
                thread::spawn(move || channel.hold_and_leave(FIRST, ending))
            };
            channel.hold_and_leave(SECOND, ending);
            first.join().unwrap();
        });
    }
}

#[test]
fn who_takes_an_end_that_was_reported_goes_on_behind_it_too() {
    loom::model(|| {
        let channel = channel();
        let first = {
            let channel = channel.clone();
            thread::spawn(move || channel.hold_and_leave(FIRST, Ending::Clean))
        };
        let other_side = {
            let channel = channel.clone();
            thread::spawn(move || {
                let seen = channel.role.read();
                matches!(seen, Role::Left { .. }) && channel.role.settle(seen)
            })
        };
        channel.hold_and_leave(SECOND, Ending::Clean);
        first.join().unwrap();
        other_side.join().unwrap();
    });
}

/// Waits until the end is as `is_it` says.
fn await_role(channel: &Channel, is_it: impl Fn(Role) -> bool) {
    while !is_it(channel.role.read()) {
        thread::yield_now();
    }
}

#[test]
fn who_sees_that_an_end_was_left_comes_behind_its_holder() {
    loom::model(|| {
        let channel = channel();
        let other_side = {
            let channel = channel.clone();
            thread::spawn(move || {
                await_role(&channel, |role| matches!(role, Role::Left { .. }));
                channel.ring.with_mut(|_| ());
            })
        };
        channel.hold_and_leave(FIRST, Ending::Clean);
        other_side.join().unwrap();
    });
}

#[test]
fn who_finds_a_newcomer_finds_that_it_lives() {
    loom::model(|| {
        let channel = channel();
        let other_side = {
            let channel = channel.clone();
            thread::spawn(move || {
                await_role(&channel, |role| matches!(role, Role::Held { .. }));
                // Relaxed: what shows it is the word of the end.
                channel.life.load(Ordering::Relaxed)
            })
        };
        // Relaxed: as above.
        channel.life.store(1, Ordering::Relaxed);
        channel.role.take(SECOND, |_| true).unwrap();
        assert_eq!(other_side.join().unwrap(), 1, "who has just come is taken for dead");
    });
}
