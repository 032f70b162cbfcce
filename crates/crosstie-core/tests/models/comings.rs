//! Ends of a ring that come and go: who sleeps meanwhile, and what one that is killed on its way leaves.

use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::ring::asleep::{changes, count_change};
use crosstie_core::word::owner::OwnerId;
use crosstie_core::word::role::{Ending, Role, RoleWord};
use loom::sync::Arc;
use loom::thread;

/// Ends and sleeps of one role, with a futex as the kernel has it: only a wake ends a sleep.
struct Hall {
    role: RoleWord,
    waits: AtomicU32,
    changes: AtomicU32,
    /// Whether `SECOND` has sent its message.
    message: AtomicU32,
    /// Wakes so far, under the kernel's own lock.
    wakes: loom::sync::Mutex<u32>,
}

const FIRST: OwnerId = OwnerId::new(1, 1);
const SECOND: OwnerId = OwnerId::new(2, 1);

impl Hall {
    fn new() -> Arc<Self> {
        let wakes = loom::sync::Mutex::new(0);
        let [waits, changes, message] = [0; 3].map(AtomicU32::new);
        Arc::new(Self { role: RoleWord::new(), waits, changes, message, wakes })
    }

    /// Sleeps until `SECOND` has come, watching nobody.
    fn await_second(&self) {
        self.sleep_until(|| matches!(self.role.read(), Role::Held { by, .. } if by == SECOND));
    }

    /// Sleeps until it is so.
    fn sleep_until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            let seen = changes(&self.changes);
            self.waits.store(1, Ordering::Relaxed);
            loom::sync::atomic::fence(Ordering::SeqCst);
            if is_so() {
                return;
            }
            let before = {
                let wakes = self.wakes.lock().unwrap();
                let is_same =
                    self.waits.load(Ordering::Relaxed) == 1 && self.changes.load(Ordering::Relaxed) == seen;
                is_same.then_some(*wakes)
            };
            while before == Some(*self.wakes.lock().unwrap()) {
                thread::yield_now();
            }
        }
    }

    fn wake(&self) {
        *self.wakes.lock().unwrap() += 1;
    }
}

/// `FIRST` comes and is killed before its wake, then `SECOND` comes and calls `rouse_all`.
fn second_comes_behind_a_killed_first(rouse_all: fn(&Hall)) {
    loom::model(move || {
        let hall = Hall::new();
        let sleeper = {
            let hall = Arc::clone(&hall);
            thread::spawn(move || hall.await_second())
        };
        hall.role.take(FIRST, |_| true).unwrap();
        count_change(&hall.changes);
        // Killed here: its wake is never made, and the sleeper does not watch it.
        hall.role.take(SECOND, |_| false).unwrap();
        rouse_all(&hall);
        sleeper.join().unwrap();
    });
}

#[test]
fn an_end_that_comes_behind_one_killed_before_its_wake_wakes_the_sleeper() {
    second_comes_behind_a_killed_first(|hall| {
        count_change(&hall.changes);
        hall.wake();
    });
}

/// `FIRST` leaves its role, and is killed behind `last`, before its wake. `SECOND` comes, and sends a message to who sleeps and
/// watches only `SECOND`.
fn first_is_killed_on_its_way_out(last: fn(&Hall)) {
    loom::model(move || {
        let hall = Hall::new();
        hall.role.take(FIRST, |_| true).unwrap();
        hall.role.leave(FIRST, Ending::HandedOver, 1);
        let sleeper = {
            let hall = Arc::clone(&hall);
            thread::spawn(move || hall.sleep_until(|| hall.message.load(Ordering::Relaxed) == 1))
        };
        let first = {
            let hall = Arc::clone(&hall);
            thread::spawn(move || last(&hall))
        };
        hall.message.store(1, Ordering::Relaxed);
        loom::sync::atomic::fence(Ordering::SeqCst);
        if hall.waits.swap(0, Ordering::Relaxed) != 0 {
            hall.wake();
        }
        first.join().unwrap();
        sleeper.join().unwrap();
    });
}

#[test]
fn an_end_that_is_killed_on_its_way_out_takes_no_wake_from_its_successor() {
    first_is_killed_on_its_way_out(|hall| count_change(&hall.changes));
}

#[test]
#[should_panic]
fn the_model_catches_an_end_on_its_way_out_that_takes_the_announcement_back() {
    first_is_killed_on_its_way_out(|hall| hall.waits.store(0, Ordering::Relaxed));
}

#[test]
#[should_panic]
fn the_model_catches_an_end_that_wakes_only_who_is_still_announced() {
    second_comes_behind_a_killed_first(|hall| {
        if hall.waits.swap(0, Ordering::SeqCst) != 0 {
            hall.wake();
        }
    });
}
