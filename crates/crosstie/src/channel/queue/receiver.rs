//! [`QueueReceiver`]: a receiving end of a queue.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crosstie_core::Deadline;
use crosstie_core::queue::consumer::{Claim, Consumer};
use crosstie_core::queue::end::{Fate, GivenBack, Ticket};
use crosstie_core::queue::member::{Ends, Leaving, Part};
use crosstie_core::queue::memory::Memory;
use crosstie_core::queue::recovery::Recovered;
use crosstie_core::ring::sleepers::Awaits;
use crosstie_core::ring::spsc::Corrupt;

use super::beside::{Beside, Nothing, QueueBell};
use super::job::Job;
use super::memory::Cells;
use super::options::QueueOptions;
use super::shared::Shared;
use crate::channel::WaitMode;
use crate::channel::doorbell::{Doorbell, Sight};
use crate::channel::patience::{Next, Patience, Stay};
use crate::contract::{Readiness, RecvError};
use crate::error::Result;
use crate::ledger::Domain;
use crate::os::clock;

/// A receiving end of a queue; any number of them share its messages.
///
/// # Death
/// Killed at any instruction: what it had in hand is delivered again to others, who are woken by the
/// death itself.
///
/// # Cost
/// No system call while messages are there and no sender sleeps.
#[derive(Debug)]
pub struct QueueReceiver {
    consumer: RefCell<Consumer<Cells>>,
    shared: Arc<Shared>,
    /// The mapping, for reading while jobs are in hand.
    cells: Cells,
    wait: WaitMode,
    message_bytes_max: usize,
    credit: u32,
    lease_ns: u64,
    follows: bool,
    in_hand: Cell<u32>,
    /// Taken by [`QueueReceiver::recv_held`] and not acknowledged yet.
    held: RefCell<Vec<Claim>>,
    /// Senders whose end was reported: the largest ordinal.
    reported: Cell<u64>,
    /// When leases are looked at next.
    leases_due_ns: Cell<u64>,
    /// Where it waits as a descriptor, once somebody has asked for it.
    doorbell: Option<Box<Doorbell>>,
}

impl QueueReceiver {
    /// Opens a receiving end of the queue `name` in `domain`; makes the queue if there is none.
    ///
    /// An empty queue whose senders are gone counts as new: its first message is waited for.
    ///
    /// # Errors
    /// As [`QueueSender::open`](super::QueueSender::open).
    pub fn open(domain: &'static Domain, name: &str, options: &QueueOptions) -> Result<Self> {
        let shared = Shared::enter(domain, name, options, Part::Receiver)?;
        let entered = Consumer::new(shared.cells(), shared.seat().index, shared.barrier())
            .map_err(|fault| shared.fault(fault))
            .and_then(|mut consumer| shared.take_over(consumer.end()).map(|()| consumer));
        let consumer = entered.inspect_err(|_| shared.leave(Leaving::Clean))?;
        let Ends { has_sender, ended, .. } = shared.ends();
        let is_new = !has_sender && consumer.is_drained();
        let geometry = shared.layout().geometry;
        Ok(Self {
            consumer: RefCell::new(consumer),
            cells: shared.cells(),
            wait: options.wait,
            message_bytes_max: options.message_bytes_max,
            credit: options.credit.max(1),
            lease_ns: geometry.lease_ns,
            shared: Arc::new(shared),
            follows: false,
            in_hand: Cell::new(0),
            held: RefCell::new(Vec::new()),
            reported: Cell::new(if is_new { ended } else { 0 }),
            leases_due_ns: Cell::new(0),
            doorbell: None,
        })
    }

    /// Goes on through any number of senders: their ends are not reported.
    #[must_use]
    pub fn follow(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Takes the next message into hand.
    ///
    /// Blocks while there is none, until `deadline`. Messages that came back are taken before those that
    /// nobody has had; those in the order in which they were sent.
    ///
    /// # Errors
    /// [`RecvError::Empty`] (only for [`Deadline::NOW`], and whenever as many messages are in hand as the
    /// credit allows), [`RecvError::TimedOut`]; once no message is left in the queue or in anybody's hands,
    /// and every sender has gone since the last such answer: [`RecvError::Closed`], or
    /// [`RecvError::PeerDied`] if one of them died; [`RecvError::TooLarge`] for a message above this end's
    /// own limit, which goes back and counts as delivered.
    #[inline]
    pub fn recv(&self, deadline: Deadline) -> Result<Job<'_>, RecvError> {
        self.next(deadline).map(|claim| Job::new(self, claim))
    }

    /// As [`QueueReceiver::recv`], but the message stays in hand without a guard, until
    /// [`QueueReceiver::acknowledge`] says that all of them are done, or they are put back.
    ///
    /// # Errors
    /// As [`QueueReceiver::recv`].
    pub fn recv_held(&self, deadline: Deadline) -> Result<Held<'_>, RecvError> {
        let claim = self.next(deadline)?;
        self.held.borrow_mut().push(claim);
        Ok(Held { receiver: self, claim })
    }

    /// As [`QueueReceiver::recv_held`]; `None` if what is waited for beside it came first.
    pub(crate) fn recv_held_beside(
        &self,
        deadline: Deadline,
        beside: &dyn Beside,
    ) -> Result<Option<Held<'_>>, RecvError> {
        let Some(claim) = self.next_beside(deadline, beside)? else { return Ok(None) };
        self.held.borrow_mut().push(claim);
        Ok(Some(Held { receiver: self, claim }))
    }

    /// As [`QueueReceiver::recv`]; `None` if what is waited for beside it came first.
    pub(crate) fn recv_beside(
        &self,
        deadline: Deadline,
        beside: &dyn Beside,
    ) -> Result<Option<Job<'_>>, RecvError> {
        Ok(self.next_beside(deadline, beside)?.map(|claim| Job::new(self, claim)))
    }

    /// What ends waits of this queue's receivers, those of this process.
    pub(crate) fn bell(&self) -> QueueBell {
        QueueBell::new(&self.shared)
    }

    /// Says that every message that is held is done; answers how many were taken away before, because
    /// their lease had run out.
    pub fn acknowledge(&self) -> usize {
        self.held.take().into_iter().filter(|&claim| !self.finish(claim)).count()
    }

    /// Gives the message back that was taken last: it is delivered again.
    pub fn put_back(&self) {
        let last = self.held.borrow_mut().pop();
        if let Some(claim) = last {
            // A corrupt queue says so to the next call.
            let _ = self.return_job(claim, Fate::Again);
        }
    }

    /// Gives all messages back that are held.
    pub fn put_all_back(&self) {
        for claim in self.held.take() {
            // As in `put_back`.
            let _ = self.return_job(claim, Fate::Again);
        }
    }

    /// Takes a dead letter into hand, if there is one: [`Job::done`] removes it, dropping it leaves it
    /// what it is.
    ///
    /// # Errors
    /// [`RecvError::Empty`] if there is none.
    pub fn recv_dead_letter(&self) -> Result<Job<'_>, RecvError> {
        if !self.shared.is_ours() {
            return Err(self.shared.inherited().into());
        }
        let claim = self.checked(self.consumer.borrow_mut().claim_dead_letter(clock::now_ns()))?;
        let claim = claim.ok_or(RecvError::Empty)?;
        self.in_hand.set(self.in_hand.get() + 1);
        Ok(Job::new(self, claim))
    }

    /// The largest message that this end accepts, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.message_bytes_max.min(self.shared.layout().geometry.payload_bytes_max())
    }

    /// The descriptor that polls readable when this end must look again, while it is [armed](QueueReceiver::arm); the same
    /// for its life.
    ///
    /// # Errors
    /// When no descriptor or no room for a FIFO in the domain's directory is left.
    pub fn pollable(&mut self) -> Result<BorrowedFd<'_>> {
        self.open_doorbell()?;
        self.doorbell.as_ref().map(|doorbell| doorbell.as_fd()).ok_or_else(|| self.shared.inherited())
    }

    fn open_doorbell(&mut self) -> Result<()> {
        if self.doorbell.is_none() {
            self.doorbell = Some(Box::new(self.shared.doorbell()?));
        }
        Ok(())
    }

    /// Makes [`QueueReceiver::pollable`] poll readable as soon as there may be something for [`QueueReceiver::recv`]: a message, the
    /// last sender's end, somebody's death. Call it after a `recv` that found nothing, and before each wait. While as much is in hand
    /// as the credit allows, no message is one.
    ///
    /// # Errors
    /// As [`QueueReceiver::pollable`].
    ///
    /// # Cost
    /// Five system calls; who sends the next message makes three for each receiver that waits so. With a lease the descriptor is
    /// readable each 50 ms.
    pub fn arm(&mut self) -> Result<Readiness> {
        self.open_doorbell()?;
        let Some(mut doorbell) = self.doorbell.take() else { return Ok(Readiness::Ready) };
        let ends = self.shared.ends();
        let awaits = if ends.has_sender { Awaits::Something } else { Awaits::SomethingOrTheEnd };
        let sight = if self.lease_ns == 0 { Sight::of(self.shared.barrier()) } else { Sight::Blind };
        let readiness = self.shared.arm(&mut doorbell, Some(awaits), sight, || {
            // What is broken says so to `recv`. One that has as much in hand as it may takes none.
            let has_job = self.has_credit() && self.consumer.borrow_mut().has_job().unwrap_or(true);
            has_job || self.shared.ends() != ends || (self.awaits_end(ends) && self.is_all_done())
        });
        self.doorbell = Some(doorbell);
        readiness
    }

    pub(super) fn object(&self) -> &str {
        self.shared.object()
    }

    #[inline]
    pub(super) fn read(&self, claim: &Claim, into: &mut [u8]) {
        self.cells.read(claim.place, into);
    }

    pub(super) fn address(&self, claim: &Claim) -> *const u8 {
        self.cells.address(claim.place, claim.length as usize)
    }

    /// Acknowledges a job; false if it was taken away before.
    #[inline]
    pub(super) fn finish(&self, claim: Claim) -> bool {
        if !self.shared.is_ours() {
            return false;
        }
        self.in_hand.set(self.in_hand.get() - 1);
        let consumer = self.consumer.borrow();
        let is_done = consumer.done(claim);
        if consumer.must_wake_senders() {
            self.shared.wake(Part::Sender);
        }
        if consumer.must_wake_for_the_end() {
            self.shared.wake(Part::Receiver);
        }
        is_done
    }

    /// Gives a job back; false if it was taken away before.
    #[cold]
    pub(super) fn return_job(&self, claim: Claim, fate: Fate) -> Result<bool> {
        // A fork child gives nothing back that is its parent's.
        if !self.shared.is_ours() {
            return Ok(false);
        }
        self.in_hand.set(self.in_hand.get() - 1);
        let mut consumer = self.consumer.borrow_mut();
        let given = consumer.give_back(claim, fate).map_err(|fault| self.shared.fault(fault))?;
        // A dead letter may be the last that others waited for.
        if consumer.end().must_wake_receivers() {
            self.shared.wake(Part::Receiver);
        }
        Ok(given != GivenBack::Lost)
    }

    #[inline]
    fn next(&self, deadline: Deadline) -> Result<Claim, RecvError> {
        // Nothing never comes.
        self.next_beside(deadline, &Nothing)?.ok_or(RecvError::TimedOut)
    }

    #[inline]
    fn next_beside(&self, deadline: Deadline, beside: &dyn Beside) -> Result<Option<Claim>, RecvError> {
        if !self.shared.is_ours() {
            return Err(self.shared.inherited().into());
        }
        if !self.has_credit() {
            return Err(RecvError::Empty);
        }
        let claim = match self.look()? {
            Some(claim) => claim,
            None => match self.await_job(deadline, beside)? {
                Some(claim) => claim,
                None => return Ok(None),
            },
        };
        self.in_hand.set(self.in_hand.get() + 1);
        if claim.length as usize > self.message_bytes_max {
            // A corrupt queue says so to the next call.
            let _ = self.return_job(claim, Fate::Again);
            let (length, limit) = (claim.length as usize, self.message_bytes_max);
            return Err(RecvError::TooLarge { length, limit });
        }
        Ok(Some(claim))
    }

    /// Whether it may take one more into hand.
    #[inline]
    fn has_credit(&self) -> bool {
        self.in_hand.get() < self.credit
    }

    /// The next job, if there is one.
    #[inline]
    fn look(&self) -> Result<Option<Claim>, RecvError> {
        let now_ns = if self.lease_ns == 0 { 0 } else { self.end_leases()? };
        self.checked(self.consumer.borrow_mut().claim(now_ns))
    }

    /// Ends the leases that have run out, when that is due; answers what time it is.
    fn end_leases(&self) -> Result<u64, RecvError> {
        let now_ns = clock::now_ns();
        if now_ns >= self.leases_due_ns.get() {
            let mut consumer = self.consumer.borrow_mut();
            let (ended, _) = self.checked(consumer.end().end_leases(now_ns))?;
            self.leases_due_ns.set(now_ns.saturating_add(self.lease_ns / 4));
            self.shared.wake_after(ended);
        }
        Ok(now_ns)
    }

    #[cold]
    fn await_job(&self, deadline: Deadline, beside: &dyn Beside) -> Result<Option<Claim>, RecvError> {
        let mut patience = Patience::new(self.wait, deadline);
        loop {
            if let Some(claim) = patience.round(|| self.look())? {
                return Ok(Some(claim));
            }
            // What the dead had in hand comes again; then their end is known.
            self.shared.recover(self.consumer.borrow_mut().end())?;
            // What the senders are is read before the last look: an end seen here comes after all messages.
            let ends = self.shared.ends();
            if let Some(claim) = self.look()? {
                return Ok(Some(claim));
            }
            self.meet_end(ends)?;
            if beside.has_come() {
                return Ok(None);
            }
            match patience.next() {
                Next::Spin => {}
                Next::GiveUp if deadline.is_now() => return Err(RecvError::Empty),
                Next::GiveUp => return Err(RecvError::TimedOut),
                Next::Sleep => {
                    if let Some(claim) = self.sleep(ends, beside, patience.stay())? {
                        return Ok(Some(claim));
                    }
                }
            }
        }
    }

    /// An end is reported once, when nothing is left; a follower passes it over.
    fn meet_end(&self, ends: Ends) -> Result<(), RecvError> {
        let is_over = !ends.has_sender && ends.ended > self.reported.get() && self.is_all_done();
        if !is_over {
            return Ok(());
        }
        let has_died = ends.died > self.reported.replace(ends.ended);
        match has_died {
            _ if self.follows => Ok(()),
            true => Err(RecvError::PeerDied),
            false => Err(RecvError::Closed),
        }
    }

    /// Whether nothing is left but what this receiver has in hand itself.
    fn is_all_done(&self) -> bool {
        self.consumer.borrow().is_drained()
    }

    /// Sleeps until there may be a job, or nothing more; answers one that was found on the last look.
    fn sleep(&self, ends: Ends, beside: &dyn Beside, stay: Stay) -> Result<Option<Claim>, RecvError> {
        let awaits = if ends.has_sender { Awaits::Something } else { Awaits::SomethingOrTheEnd };
        let mut found = None;
        let stay = self.next_lease_end()?.map_or(stay, |ends_ns| stay.until(Deadline::at_ns(ends_ns)));
        self.shared.sleep_beside(self.cells.control().receivers(), awaits, beside, stay, || {
            found = self.look()?;
            // The last one may have been done since this receiver looked.
            let is_new = found.is_some() || self.shared.ends() != ends;
            Ok::<_, RecvError>(is_new || (self.awaits_end(ends) && self.is_all_done()))
        })?;
        Ok(found)
    }

    /// Whether only jobs in others' hands keep an end from being reported.
    fn awaits_end(&self, ends: Ends) -> bool {
        !ends.has_sender && ends.ended > self.reported.get()
    }

    /// When the next lease ends, if there are leases.
    fn next_lease_end(&self) -> Result<Option<u64>, RecvError> {
        if self.lease_ns == 0 {
            return Ok(None);
        }
        let now_ns = clock::now_ns();
        let (ended, next) = self.checked(self.consumer.borrow_mut().end().end_leases(now_ns))?;
        self.shared.wake_after(ended);
        // What is taken into hand from now on ends later than this.
        let latest = now_ns.saturating_add(self.lease_ns);
        self.leases_due_ns.set(next.unwrap_or(latest));
        Ok(Some(if ended == Recovered::default() { next.unwrap_or(latest) } else { now_ns }))
    }

    fn checked<T>(&self, looked: std::result::Result<T, Corrupt>) -> Result<T, RecvError> {
        looked.map_err(|fault| self.shared.fault(fault).into())
    }
}

impl Drop for QueueReceiver {
    fn drop(&mut self) {
        if !self.shared.is_ours() {
            return;
        }
        self.put_all_back();
        // A job whose guard was forgotten, not dropped.
        if self.in_hand.get() > 0
            && let Ok(recovered) = self.consumer.get_mut().end().recover_own()
        {
            self.shared.wake_after(recovered);
        }
        // Before a successor can have made its own.
        self.doorbell = None;
        self.shared.leave(Leaving::Clean);
    }
}

/// A message that is held without a guard: see [`QueueReceiver::recv_held`].
pub struct Held<'a> {
    receiver: &'a QueueReceiver,
    claim: Claim,
}

impl Held<'_> {
    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.claim.length as usize
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claim.length == 0
    }

    /// How often it was delivered, this time included.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        u32::from(self.claim.deliveries)
    }

    /// By what its sender finds it again.
    pub(crate) fn ticket(&self) -> Ticket {
        self.claim.ticket()
    }

    /// Copies the message into the front of `into`, as much as fits; answers how many bytes.
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        let n = self.len().min(into.len());
        self.receiver.read(&self.claim, &mut into[..n]);
        n
    }
}

impl std::fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("len", &self.len()).finish_non_exhaustive()
    }
}
