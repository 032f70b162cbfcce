//! Senders that take turns: who waits for the producer's role, in which order, and until when.
//!
//! Those who wait stand in line at the lock `lock:ring.NAME`, for which they wait as for any lock: first come, first served, told of a
//! deadlock, passed on by a death. Its owner is the next: it waits until the role is free, and sends; it gives the lock up behind the
//! role. One that opened the ring without waiting for a turn is waited for too.
//!
//! # Waiting for the role
//! | who | does |
//! |---|---|
//! | who gives it up | changes the role, then counts the turns (Release), then wakes all who sleep on the count |
//! | who waits | reads the count (Acquire), then the role; while that is held, sleeps as long as the count is the same, and watches the holder's life |
//!
//! Who reads the old role has read the old count: the kernel compares it once more before the sleep. A holder that dies, also
//! between its two steps, ends the sleep by its life word; then the role is that of somebody dead, or free.

use std::sync::PoisonError;

use crosstie_core::atomic::Ordering;
use crosstie_core::word::role::Role;
use crosstie_core::{Deadline, crash_point};

use super::options::RingOptions;
use super::sender::RingSender;
use super::shared::{End, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Domain, Wait};
use crate::os::futex;
use crate::sync::lock::{Access, ByProcess, Lock, LockGuard, LockOwned as _};
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
    let object = format!("ring:{name}");
    let line = Lock::open_or_create_in(domain, &line_of(name))?;
    let turn =
        line.lock_owned_until(Access::Exclusive, deadline).map_err(|refusal| refused(&object, refusal))?;
    loop {
        match RingSender::open(domain, name, options) {
            Err(error) if error.kind() == ErrorKind::Busy => {}
            Err(error) => return Err(error),
            Ok(sender) => {
                sender.take_turn(turn);
                return Ok(sender);
            }
        }
        let shared = Shared::look_into(domain, name)?;
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

    /// Wakes those who wait for the producer's role, which has just been given up, and lets the next in line come.
    pub(super) fn pass_turn(&self) {
        // Release: who reads the new count reads the role that was given up before.
        self.turns_word().fetch_add(1, Ordering::Release);
        futex::wake(self.turns_word(), u32::MAX);
        crash_point!("ring.turn-passed");
        drop(self.turn().lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Sleeps while somebody alive has the producer's role, until it changes hands, or the deadline.
    fn await_role(&self, deadline: Deadline) -> Wait {
        // Acquire: the role that is read behind it is not older.
        let seen = self.turns_word().load(Ordering::Acquire);
        match self.read(End::Producer) {
            Role::Held { by, .. } if self.is_alive(by) => {
                self.domain().wait(self.turns_word(), seen, &[by], deadline)
            }
            _ => Wait::Woken,
        }
    }
}
