//! An event: set or not. A wait ends when it is set; for an automatic one the first in the queue also
//! resets it. Its word is that of a counting semaphore whose value is 0 or 1.

use crate::crash_point;
use crate::turns::counting::{Settling, settle, take};
use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Refused, Seen, Wait, Wake, block};
use crate::word::counting::Counting;
use crate::word::head::Head;
use crate::word::queueing;

/// Who resets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reset {
    /// Whoever calls `clear`: a set event lets everyone through.
    Manual,
    /// The one that it lets through.
    Automatic,
}

/// Sets the event, and wakes whom it lets through. `announce` as in [`super::counting::post`].
pub fn set<W: Wake, A>(head: &Head, wait: &W, reset: Reset, announce: impl Fn() -> A) {
    let word = Counting::new(&head.word);
    let mut found = word.read();
    while Counting::value_in(found) == 0 {
        let announced = Counting::is_queued(found).then(&announce);
        match word.try_post(found) {
            Ok(()) => {
                crash_point!("event.set");
                match reset {
                    _ if announced.is_none() => {}
                    Reset::Automatic => settle(head, wait),
                    Reset::Manual => wait.each(head.key(), &mut |waiter| wait.nudge(waiter)),
                }
                return;
            }
            Err(now) => found = now,
        }
    }
}

/// Resets the event; answers whether it was set.
pub fn clear(head: &Head) -> bool {
    take(head)
}

/// Whether it is set now.
#[must_use]
pub fn is_set(head: &Head) -> bool {
    Counting::value_in(Counting::new(&head.word).read()) > 0
}

/// Waits until the event is set.
///
/// # Errors
/// As [`Refused`] says.
pub fn wait_for<W: Blocks>(
    head: &Head,
    wait: &W,
    reset: Reset,
    request: &Request,
) -> Result<(), Refused<W::Cycle>> {
    block(wait_for_async(head, wait, reset, request))
}

/// As [`wait_for`], also for a task. Dropped before it is ready, it has reset nothing, and the next in the queue is let through.
///
/// # Errors
/// As [`Refused`] says.
pub async fn wait_for_async<W: Wait>(
    head: &Head,
    wait: &W,
    reset: Reset,
    request: &Request,
) -> Result<(), Refused<W::Cycle>> {
    let passes = || match reset {
        Reset::Manual => is_set(head),
        Reset::Automatic => take(head),
    };
    let is_first = wait.first(head.key()).is_none();
    if (reset == Reset::Manual || is_first) && passes() {
        return Ok(());
    }
    if request.deadline.is_now() {
        return Err(Refused::Busy);
    }
    // Dropped in this order, whatever ends it: the place, and then the look for who comes next.
    let _next = Settling { head, wait };
    let mut queued = Queued::enter(head, wait, request);
    queueing::announce(&head.word);
    loop {
        let seen = Seen::of(wait, [head]);
        let ahead = queued.neighbours().ahead;
        if (reset == Reset::Manual || ahead.is_none()) && passes() {
            return Ok(());
        }
        queued.sleep(&seen, ahead.as_slice()).await?;
    }
}
