//! [`Queued`]: a published wait record that is withdrawn however the wait ends.

use crate::crash_point;
use crate::wait::{Check, Neighbours, Refused, Seen, Slept, WATCHED_MAX, Wait};
use crate::word::head::Head;
use crate::word::waiting::{Mode, NOTE_WORDS, Want};
use crate::{Deadline, OwnerId};

/// How soon to look again for a deadlock that could not be told yet: 1 ms.
const LOOK_AGAIN_NS: u64 = 1_000_000;
/// The same of one that may never be told: 100 ms.
const LOOK_LATER_NS: u64 = 100_000_000;

/// What somebody asks of an object.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// In what way the object is wanted.
    pub mode: Mode,
    /// How many units, for [`Mode::Units`]; else 1.
    pub need: u32,
    /// Of how many; else 1.
    pub total: u32,
    /// Until when.
    pub deadline: Deadline,
    /// The command under which the caller runs (`Want::behind`).
    pub behind: Option<OwnerId>,
    /// Where in the program (`Want::site`).
    pub site: u64,
    /// What the kind of object gives a meaning.
    pub note: [u64; NOTE_WORDS],
}

impl Request {
    /// To have the object alone.
    #[must_use]
    pub const fn exclusive(deadline: Deadline) -> Self {
        Self {
            mode: Mode::Exclusive,
            need: 1,
            total: 1,
            deadline,
            behind: None,
            site: 0,
            note: [0; NOTE_WORDS],
        }
    }
}

/// A place in an object's queue, or in the queues of several.
pub struct Queued<'a, W: Wait> {
    wait: &'a W,
    key: u64,
    /// The other objects, for [`Mode::Any`]; 0 = none.
    others: [u64; NOTE_WORDS],
    queue: u64,
    since_ns: u64,
    deadline: Deadline,
    asked_for_deadlock: bool,
    is_published: bool,
}

impl<'a, W: Wait> Queued<'a, W> {
    /// Queues up for the object of `head`.
    pub fn enter(head: &Head, wait: &'a W, request: &Request) -> Self {
        Self::enter_as(head.key(), wait, request)
    }

    /// Queues up at `key`.
    pub fn enter_as(key: u64, wait: &'a W, request: &Request) -> Self {
        Self::enter_at(wait.next_place(), key, wait, request)
    }

    /// Queues up at `key`, at a place that was given before.
    pub fn enter_at(queue: u64, key: u64, wait: &'a W, request: &Request) -> Self {
        let this = Self::enter_unwatched(queue, key, wait, request);
        // One that came later was faster: it watches somebody further ahead, or thinks it is the first.
        this.nudge_behind();
        this
    }

    /// As [`Queued::enter_at`], in a queue in which nobody watches who is ahead.
    pub fn enter_unwatched(queue: u64, key: u64, wait: &'a W, request: &Request) -> Self {
        let since_ns = wait.now_ns();
        let Request { mode, need, total, deadline, behind, site, note } = *request;
        let deadline_ns = if deadline.is_never() { u64::MAX } else { deadline.as_ns() };
        crash_point!("queued.before-enter");
        wait.enter(&Want { key, mode, need, total, queue, since_ns, deadline_ns, behind, site, note });
        crash_point!("queued.entered");
        Self {
            wait,
            key,
            others: if mode == Mode::Any { note } else { [0; NOTE_WORDS] },
            queue,
            since_ns,
            deadline,
            asked_for_deadlock: false,
            is_published: true,
        }
    }

    /// Who stands next to this place now.
    pub fn neighbours(&self) -> Neighbours {
        self.neighbours_at(self.key)
    }

    /// Who stands next to this place in the queue of `key`, one of several.
    pub fn neighbours_at(&self, key: u64) -> Neighbours {
        self.wait.neighbours(key, self.queue)
    }

    fn nudge_behind(&self) {
        let others = self.others.into_iter().filter(|&key| key != 0);
        for key in core::iter::once(self.key).chain(others) {
            if let Some(behind) = self.neighbours_at(key).behind {
                self.wait.nudge(behind);
            }
        }
    }

    /// How long the wait has lasted, nanoseconds.
    pub fn waited_ns(&self) -> u64 {
        self.waited_ns_at(self.wait.now_ns())
    }

    /// As [`Queued::waited_ns`], for who has looked at the clock.
    pub fn waited_ns_at(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.since_ns)
    }

    /// Sleeps until somebody nudges, one of `watch` or of those who had changes under way dies, or the deadline passes; before its first
    /// sleep it looks for a deadlock.
    ///
    /// # Errors
    /// Why the wait is over: leave, then look at the object once more.
    pub async fn sleep(&mut self, seen: &Seen<'_>, watch: &[OwnerId]) -> Result<(), Refused<W::Cycle>> {
        self.sleep_at_most(u64::MAX, seen, watch).await
    }

    /// As [`Queued::sleep`], for at most `limit_ns`; then look again.
    ///
    /// # Errors
    /// As [`Queued::sleep`].
    pub async fn sleep_at_most(
        &mut self,
        limit_ns: u64,
        seen: &Seen<'_>,
        watch: &[OwnerId],
    ) -> Result<(), Refused<W::Cycle>> {
        // Whatever may end sleeps early again and again, the deadline ends the wait: the caller has just looked.
        if !self.deadline.is_never() && self.deadline.is_over(self.wait.now_ns()) {
            return Err(Refused::TimedOut);
        }
        let mut until = self.deadline;
        if limit_ns != u64::MAX {
            until = until.min(Deadline::at_ns(self.wait.now_ns()).after_ns(limit_ns));
        }
        if self.deadline.is_never() && !self.asked_for_deadlock {
            match self.wait.deadlock() {
                Check::None => self.asked_for_deadlock = true,
                Check::LookAgain => {
                    until = until.min(Deadline::at_ns(self.wait.now_ns()).after_ns(LOOK_AGAIN_NS));
                }
                Check::LookLater => {
                    until = until.min(Deadline::at_ns(self.wait.now_ns()).after_ns(LOOK_LATER_NS));
                }
                Check::Deadlock(cycle) => return Err(Refused::Deadlock(cycle)),
            }
        }
        crash_point!("queued.before-sleep");
        let is_short = watch.len() <= WATCHED_MAX && seen.changers().next().is_none();
        let slept = if is_short {
            self.wait.sleep(seen, watch, until).await
        } else {
            self.sleep_beside_changers(seen, watch, until).await
        };
        match slept {
            Slept::DomainRemoved => Err(Refused::DomainRemoved),
            Slept::Interrupted => Err(Refused::TimedOut),
            Slept::TimedOut if self.deadline.is_over(self.wait.now_ns()) => Err(Refused::TimedOut),
            Slept::Awake | Slept::TimedOut => Ok(()),
        }
    }

    /// Sleeps as [`Queued::sleep_at_most`], beside those who had changes under way.
    async fn sleep_beside_changers(&self, seen: &Seen<'_>, watch: &[OwnerId], mut until: Deadline) -> Slept {
        let mut lives = [self.wait.me(); WATCHED_MAX];
        let mut count = 0;
        for (place, id) in lives.iter_mut().zip(watch.iter().copied().chain(seen.changers())) {
            *place = id;
            count += 1;
        }
        if seen.is_crowded || watch.len() + seen.changers().count() > count {
            until = until.min(Deadline::at_ns(self.wait.now_ns()).after_ns(LOOK_AGAIN_NS));
        }
        self.wait.sleep(seen, &lives[..count], until).await
    }

    /// Ends the wait of one whom its successor watches from now on as the owner: nobody need be told, but when somebody who
    /// took a place earlier has come to it only now. Then the successor has to watch that one.
    pub fn took(mut self) {
        self.is_published = false;
        self.wait.leave();
        crash_point!("queued.took");
        let around = self.neighbours();
        if let (Some(_), Some(behind)) = (around.ahead, around.behind) {
            self.wait.nudge(behind);
        }
    }

    /// Ends the wait, and tells nobody: in a queue in which nobody watches who is ahead.
    pub fn slip_out(mut self) {
        self.is_published = false;
        self.wait.leave();
        crash_point!("queued.slipped-out");
    }

    /// Ends the wait and makes the successor look again.
    pub fn leave(mut self) {
        self.withdraw();
    }

    fn withdraw(&mut self) {
        if !self.is_published || !self.wait.is_present() {
            return;
        }
        self.is_published = false;
        self.wait.leave();
        crash_point!("queued.left");
        self.nudge_behind();
    }
}

/// However the wait ends, the queue goes on.
impl<W: Wait> Drop for Queued<'_, W> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
