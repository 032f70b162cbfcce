//! Senders that take turns: who waits for the producer's role, in which order, and until when.
//!
//! Those who wait stand in line at the lock `lock:ring.NAME`, for which they wait as for any lock: first come, first served, told of a
//! deadlock, passed on by a death. Its owner is the next: it waits until the role is free, and sends; it gives the lock up behind the
//! role. One that opened the ring without waiting for a turn is waited for too.
//!
//! # Waiting for the role
//! | who | does |
//! |---|---|
//! | who gives it up | changes the role, gives the lock up, then counts the change (Release), then wakes all who sleep on the count |
//! | who waits | reads the count (Acquire), then the role; while that is held, sleeps as long as the count is the same, and watches the holder's life |
//!
//! Who reads the old role has read the old count: the kernel compares it once more before the sleep. A holder that dies, also
//! between its steps, ends the sleep by its life word; then the role is that of somebody dead, or free.
//!
//! # The end of them all
//! One that took its turn and is done says so in the role ([`Ending::InTurn`](crosstie_core::word::role::Ending)), then gives the lock
//! up, then wakes the receiver. To the receiver that is an end only if nobody alive has the lock or stands in line at it ([`next`]).
//! Else it waits, and watches the life of one of those: whoever of them takes the role, or gives up behind its place in the line,
//! wakes it; one that dies is seen.

use std::sync::PoisonError;

use crosstie_core::word::role::Role;
use crosstie_core::{Deadline, OwnerId, crash_point};

use super::options::RingOptions;
use super::sender::RingSender;
use super::shared::{End, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Domain, Wait};
use crate::sync::lock::{Access, ByProcess, Lock, LockGuard, LockOwned as _};
use crate::sync::object::{self, Object as _};
use crate::sync::{LockError, Shared as SharedObject};

/// The turn of a sender, until it is dropped.
pub(super) type Turn = LockGuard<SharedObject<Lock>, ByProcess>;

/// Opens the sending end of the ring `name` when its turn has come.
pub(super) fn open_in_turn(
    domain: &'static Domain,
    name: &str,
    options: &RingOptions,
    deadline: Deadline,
) -> Result<RingSender> {
    let opened = stand_in_line(domain, name, options, deadline);
    // The receiver may have been waiting for this one, which stands in line no more.
    if opened.is_err()
        && let Ok(shared) = Shared::look_into(domain, name, End::Producer)
    {
        shared.rouse(End::Producer);
    }
    opened
}

fn stand_in_line(
    domain: &'static Domain,
    name: &str,
    options: &RingOptions,
    deadline: Deadline,
) -> Result<RingSender> {
    let object = format!("ring:{name}");
    let line = Lock::open_or_create_in(domain, &line_of(name))?;
    let turn =
        line.lock_owned_until(Access::Exclusive, deadline).map_err(|refusal| refused(&object, refusal))?;
    loop {
        match RingSender::open(domain, name, options) {
            Err(error) if error.kind() == ErrorKind::Busy => {}
            Err(error) => return Err(error),
            Ok(mut sender) => {
                sender.take_turn(turn);
                return Ok(sender);
            }
        }
        let shared = Shared::look_into(domain, name, End::Producer)?;
        match shared.await_role(deadline) {
            Wait::TimedOut => return Err(timed_out(&object)),
            Wait::DomainRemoved => {
                return Err(Error::new("open", object, ErrorKind::NotFound).because("its domain was removed"));
            }
            Wait::Woken | Wait::OwnerDied | Wait::Interrupted => {}
        }
    }
}

/// The lock at which those stand in line who wait for their turn to send into the ring `name`.
pub(super) fn line_of(name: &str) -> String {
    format!("ring.{name}")
}

/// One of those who have the turn to send into the ring `name`, or stand in line for it; none if there is no such one alive.
pub(super) fn next(domain: &'static Domain, name: &str) -> Option<OwnerId> {
    let line = object::look_into::<Lock>(domain, &line_of(name)).ok()?;
    // In this order: who has got the lock leaves the line behind that.
    let waiting = domain.waiters(line.head().key()).map(|(waiter, _)| waiter).next();
    waiting.or_else(|| line.holders().into_iter().find(|&holder| domain.is_alive(holder)))
}

fn refused(object: &str, refusal: LockError<Turn>) -> Error {
    match refusal {
        LockError::Failed(error) => error,
        LockError::Busy(_) | LockError::TimedOut(_) => timed_out(object),
        other => Error::new("open", object, other.kind()).because(other.to_string()),
    }
}

fn timed_out(object: &str) -> Error {
    Error::new("open", object, ErrorKind::TimedOut)
        .because("its turn to send did not come before the deadline")
        .advise(format!("`crosstie inspect {object}` says who sends"))
}

impl Shared {
    /// The sender has waited for its turn.
    pub(super) fn take_turn(&self, turn: Turn) {
        *self.turn().lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    }

    /// Lets the next in line come: the producer's role has just been given up.
    pub(super) fn pass_turn(&self) {
        drop(self.turn().lock().unwrap_or_else(PoisonError::into_inner).take());
        crash_point!("ring.turn-passed");
    }

    /// Sleeps while somebody alive has the producer's role, until it changes hands, or the deadline.
    fn await_role(&self, deadline: Deadline) -> Wait {
        let seen = self.changes();
        match self.read(End::Producer) {
            Role::Held { by, .. } if self.is_alive(by) => {
                self.domain().wait(self.changes_word(), seen, &[by], deadline)
            }
            _ => Wait::Woken,
        }
    }
}
