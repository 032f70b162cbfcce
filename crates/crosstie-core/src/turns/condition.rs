//! A condition variable: waiting for a notification under a mutex.
//!
//! Who waits and who notifies holds the mutex, so between them nothing happens. A notification is a
//! unit in the condition's word ([`crate::word::counting`]), never more units than there are who wait. The first in the
//! queue goes for the mutex when there is a unit, *carrying* it ([`crate::word::carry`]): whoever has the mutex meanwhile
//! still sees it at its place, and whoever stands behind watches it. Only with the mutex in its hands it takes the
//! unit. If it is killed before, the unit is still there, and its successor, which watched it, goes.

use crate::crash_point;
use crate::turns::counting::{settle, take};
use crate::turns::queued::{Queued, Request};
use crate::wait::{Blocks, Refused, Seen, Wait, Wake, block};
use crate::word::counting::Counting;
use crate::word::head::Head;
use crate::word::queueing;

/// Queues for a notification at a `place` of [`Wait::next_place`]; the caller holds the mutex, gives it up next, and then
/// calls [`sleep`].
pub fn enter<'a, W: Wait>(head: &Head, place: u64, wait: &'a W, request: &Request) -> Queued<'a, W> {
    if wait.first(head.key()).is_none() {
        // Units of those who died or gave up: nobody is left whom they were for.
        Counting::new(&head.word).take_all();
    }
    let queued = Queued::enter_at(place, head.key(), wait, request);
    queueing::announce(&head.word);
    queued
}

/// A notification on its way to the mutex. Dropped, it goes to the next who waits.
pub struct Carried<'a, W: Wait> {
    head: &'a Head,
    wait: &'a W,
}

/// Sleeps until there is a unit for the first in the queue, which the caller then is; take the mutex with it.
///
/// # Errors
/// As [`Refused`] says; the caller takes the mutex all the same.
pub fn sleep<'a, W: Blocks>(
    head: &'a Head,
    wait: &'a W,
    place: u64,
    queued: Queued<'_, W>,
) -> Result<Carried<'a, W>, Refused<W::Cycle>> {
    block(sleep_async(head, wait, place, queued))
}

/// As [`sleep`], also for a task. Dropped before it is ready, it has left the queue, and the unit that was for it is for the next.
///
/// # Errors
/// As [`sleep`].
pub async fn sleep_async<'a, W: Wait>(
    head: &'a Head,
    wait: &'a W,
    place: u64,
    mut queued: Queued<'_, W>,
) -> Result<Carried<'a, W>, Refused<W::Cycle>> {
    loop {
        let seen = Seen::of(wait, [head]);
        let ahead = queued.neighbours().ahead;
        if ahead.is_none() && Counting::value_in(Counting::new(&head.word).read()) > 0 {
            head.count_wait(queued.waited_ns(), 0);
            wait.carry(head.key(), place);
            crash_point!("condition.carries");
            // Nobody is woken: there is one unit, and it is ours until we are dead.
            queued.took();
            return Ok(Carried { head, wait });
        }
        queued.sleep(&seen, ahead.as_slice()).await?;
    }
}

impl<W: Wait> Carried<'_, W> {
    /// Takes the unit, with the mutex in hand.
    pub fn accept(self) {
        crash_point!("condition.has-mutex");
        // A unit that is gone was taken by who wrote over the word: the caller was notified all the same.
        take(self.head);
    }
}

impl<W: Wait> Drop for Carried<'_, W> {
    fn drop(&mut self) {
        // A fork child carries nothing that is its parent's.
        if !self.wait.is_present() {
            return;
        }
        self.wait.put_down();
        crash_point!("condition.put-down");
        settle(self.head, self.wait);
    }
}

/// Whether anybody may wait.
#[inline]
#[must_use]
pub fn has_waiters(head: &Head) -> bool {
    Counting::is_queued(Counting::new(&head.word).read())
}

/// Notifies the first `count` of those who wait; the caller holds the mutex and has announced itself.
pub fn notify<W: Wake>(head: &Head, wait: &W, count: u32) {
    let word = Counting::new(&head.word);
    if !Counting::is_queued(word.read()) {
        return;
    }
    let mut waiting = 0_u32;
    wait.each(head.key(), &mut |_| waiting += 1);
    for _ in 0..count {
        let found = word.read();
        if Counting::value_in(found) >= waiting {
            break;
        }
        // Others only announce themselves or take: then the next round does it.
        let _ = word.try_post(found);
        crash_point!("condition.posted");
    }
    settle(head, wait);
}
