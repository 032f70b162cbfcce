//! Waiting for and posting units of a counting semaphore, first come, first served.

use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Refused, Seen, Wait, Wake, block};
use crate::word::counting::{Counting, VALUE_MAX};
use crate::word::head::Head;
use crate::word::queueing;
use crate::{OwnerId, crash_point};

/// The value is at its limit: the post is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// Takes one unit.
///
/// # Errors
/// As [`Refused`] says.
pub fn wait_for_one<W: Blocks>(head: &Head, wait: &W, request: &Request) -> Result<(), Refused<W::Cycle>> {
    block(wait_for_one_async(head, wait, request))
}

/// As [`wait_for_one`], also for a task. Dropped before it is ready, it has taken nothing, and a post that was meant for it
/// goes to the next.
///
/// # Errors
/// As [`Refused`] says.
pub async fn wait_for_one_async<W: Wait>(
    head: &Head,
    wait: &W,
    request: &Request,
) -> Result<(), Refused<W::Cycle>> {
    let word = Counting::new(&head.word);
    let mut found = word.read();
    while !Counting::is_queued(found) && Counting::value_in(found) > 0 {
        match word.try_wait(found) {
            Ok(()) => return Ok(()),
            Err(now) => found = now,
        }
    }
    if request.deadline.is_now() {
        let is_alone = wait.first(head.key()).is_none();
        return if is_alone && take(head) { Ok(()) } else { Err(Refused::Busy) };
    }
    // Dropped in this order, whatever ends it: the place, and then the look for who comes next.
    let _next = Settling { head, wait };
    let mut queued = Queued::enter(head, wait, request);
    queueing::announce(&head.word);
    loop {
        let seen = Seen::of(wait, [head]);
        let around = queued.neighbours();
        if around.ahead.is_none() && take(head) {
            crash_point!("counting.took");
            head.count_wait(queued.waited_ns(), 0);
            return Ok(());
        }
        queued.sleep(&seen, around.ahead.as_slice()).await?;
    }
}

/// Behind a wait that is over, or was cancelled: the queue goes on.
pub(super) struct Settling<'a, W: Wait> {
    pub(super) head: &'a Head,
    pub(super) wait: &'a W,
}

impl<W: Wait> Drop for Settling<'_, W> {
    fn drop(&mut self) {
        if self.wait.is_present() {
            settle(self.head, self.wait);
        }
    }
}

/// Posts one unit and wakes the first who waits. `announce` tells the kernel that the caller is about to wake others
/// (the answer takes it back), and is called only if somebody queues.
///
/// # Errors
/// [`Overflow`] at a value of [`VALUE_MAX`].
#[inline]
pub fn post<W: Wake, A>(head: &Head, wait: &W, announce: impl Fn() -> A) -> Result<(), Overflow> {
    let word = Counting::new(&head.word);
    let mut found = word.read();
    loop {
        if Counting::value_in(found) >= VALUE_MAX {
            return Err(Overflow);
        }
        let announced = Counting::is_queued(found).then(&announce);
        match word.try_post(found) {
            Ok(()) => {
                crash_point!("counting.posted");
                if announced.is_some() {
                    settle(head, wait);
                }
                return Ok(());
            }
            Err(now) => found = now,
        }
    }
}

/// Wakes the first in the queue if there is something for it, or says that there is nobody.
#[cold]
pub(super) fn settle<W: Wake>(head: &Head, wait: &W) {
    let seen = Counting::new(&head.word).read();
    let first: Option<OwnerId> = wait.first(head.key());
    match first {
        Some(first) if Counting::value_in(seen) > 0 => wait.nudge(first),
        Some(_) => {}
        None => queueing::settle(&head.word, seen),
    }
}

/// Takes one unit if there is one.
pub(super) fn take(head: &Head) -> bool {
    let word = Counting::new(&head.word);
    let mut found = word.read();
    loop {
        match word.try_wait(found) {
            Ok(()) => return true,
            Err(now) if Counting::value_in(now) == 0 => return false,
            Err(now) => found = now,
        }
    }
}
