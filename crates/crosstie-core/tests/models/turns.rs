//! Who waits for an end of a channel, and whoever gives it up: the count of turns beside the role.

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::word::role::{Ending, Role, RoleWord};
use loom::sync::Arc;
use loom::thread;

const FIRST: OwnerId = OwnerId::new(1, 1);
const SECOND: OwnerId = OwnerId::new(2, 1);

/// A role, its count of turns, and a futex as the kernel has it: only a wake ends a sleep.
struct Line {
    role: RoleWord,
    turns: AtomicU32,
    /// Wakes so far, under the kernel's own lock.
    wakes: loom::sync::Mutex<u32>,
}

impl Line {
    /// Takes the role for `SECOND` as soon as it is free, as `channel::ring::turn` does.
    fn wait(&self) {
        loop {
            if self.role.take(SECOND, |_| true).is_ok() {
                return;
            }
            let seen = self.turns.load(Ordering::Acquire);
            if !matches!(self.role.read(), Role::Held { .. }) {
                continue;
            }
            let asleep = {
                let wakes = self.wakes.lock().unwrap();
                (self.turns.load(Ordering::Relaxed) == seen).then_some(*wakes)
            };
            while asleep == Some(*self.wakes.lock().unwrap()) {
                thread::yield_now();
            }
        }
    }
}

/// `FIRST` gives the role up by `steps` while `SECOND` waits for it.
fn second_waits_while_first(steps: fn(&Line)) {
    loom::model(move || {
        let (role, turns) = (RoleWord::new(), AtomicU32::new(0));
        let line = Arc::new(Line { role, turns, wakes: loom::sync::Mutex::new(0) });
        line.role.take(FIRST, |_| true).unwrap();
        let waiter = {
            let line = Arc::clone(&line);
            thread::spawn(move || line.wait())
        };
        steps(&line);
        waiter.join().unwrap();
        assert_eq!(line.role.read(), Role::Held { by: SECOND, predecessor_died: false });
    });
}

#[test]
fn who_waits_for_a_role_gets_it_when_it_is_handed_over() {
    second_waits_while_first(|line| {
        line.role.leave(FIRST, Ending::HandedOver, 1);
        line.turns.fetch_add(1, Ordering::Release);
        *line.wakes.lock().unwrap() += 1;
    });
}

#[test]
#[should_panic]
fn the_model_catches_a_turn_that_is_counted_before_the_role_is_given_up() {
    second_waits_while_first(|line| {
        line.turns.fetch_add(1, Ordering::Release);
        *line.wakes.lock().unwrap() += 1;
        line.role.leave(FIRST, Ending::HandedOver, 1);
    });
}
