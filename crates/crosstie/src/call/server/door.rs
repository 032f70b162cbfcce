//! [`Door`]: where clients come in.

use std::sync::Arc;

use super::conversation::Conversation;
use super::desk::Desk;
use super::kernel_door::KernelDoor;
use super::queue_door::QueueDoor;
use super::ring_door::RingDoor;
use super::taken::Came;
use crate::Deadline;
#[cfg(feature = "tokio")]
use crate::contract::Readiness;
use crate::contract::RecvError;
use crate::error::Result;
#[cfg(feature = "tokio")]
use crate::os::poll::Poller;

/// Where clients come in.
pub(super) enum Door {
    /// Sockets and FIFOs, all under one wait.
    Kernel(KernelDoor),
    /// A pair of rings, with one client at a time.
    Ring(RingDoor),
    /// A queue, which other servers may share.
    Queue(QueueDoor),
}

/// What somebody stands at the door for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// To do the next call.
    Call,
    /// To let come in what is there, and out what found no room; not for calls that others could do.
    Rest,
}

impl Door {
    /// Whether many threads may stand at it.
    pub(super) fn is_wide(&self) -> bool {
        matches!(self, Self::Kernel(_) | Self::Queue(_))
    }

    /// So many workers are about to wait at it.
    ///
    /// # Errors
    /// Why there is no place for so many.
    pub(super) fn prepare(&self, workers: usize) -> Result<()> {
        match self {
            Self::Kernel(_) | Self::Ring(_) => Ok(()),
            Self::Queue(door) => door.set_seats(workers),
        }
    }

    /// Whether a call that is taken in is taken from other servers.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Queue(_))
    }

    /// Waits until something comes, or `deadline`, and takes it in.
    ///
    /// # Errors
    /// What a stranger did, or why nothing can come; behind a pointer, so that what came is answered in registers.
    #[inline(always)]
    pub(super) fn attend(
        &self,
        desk: &Desk,
        deadline: Deadline,
    ) -> std::result::Result<Came, Box<RecvError>> {
        match self {
            Self::Kernel(door) => door.attend(desk, deadline).map_err(Box::new),
            Self::Ring(door) => door.attend(desk, deadline),
            Self::Queue(door) => door.attend(desk, deadline).map_err(Box::new),
        }
    }

    /// At a shared door: sends what waits for room, and pauses while some still waits; whether anything did.
    pub(super) fn mind_room(&self, deadline: Deadline) -> bool {
        match self {
            Self::Kernel(_) | Self::Ring(_) => false,
            Self::Queue(door) => door.mind_room(deadline),
        }
    }

    /// Whether replies that find no room wait here for it, instead of who sends them.
    #[cfg(feature = "tokio")]
    pub(super) fn keep_replies(&self, keeps: bool) {
        if let Self::Ring(door) = self {
            door.keep_replies(keeps);
        }
    }

    /// Has `poller` told of whatever comes to it; [`Readiness::Ready`] if something may be there already.
    ///
    /// # Errors
    /// Why nothing can tell.
    #[cfg(feature = "tokio")]
    pub(super) fn arm(&self, poller: &Poller) -> std::result::Result<Readiness, RecvError> {
        match self {
            Self::Kernel(door) => door.arm_in(poller),
            Self::Ring(door) => door.arm_in(poller),
            Self::Queue(door) => door.arm_in(poller),
        }
    }

    /// Wakes one thread that stands at it.
    pub(super) fn ring_bell(&self) {
        match self {
            Self::Kernel(door) => door.ring_bell(),
            Self::Ring(door) => door.ring_bell(),
            Self::Queue(door) => door.ring_bell(),
        }
    }

    /// What waits for room to be sent to `conversation` is sent when there is.
    pub(super) fn await_room(&self, conversation: &Arc<Conversation>) {
        match self {
            Self::Kernel(door) => door.await_room(conversation),
            Self::Ring(_) => {}
            Self::Queue(door) => door.await_room(conversation),
        }
    }

    /// Whether some client has not taken what it was sent.
    pub(super) fn owes(&self) -> bool {
        match self {
            Self::Kernel(door) => door.owes(),
            Self::Ring(door) => door.owes(),
            Self::Queue(door) => door.owes(),
        }
    }

    /// Takes in what those who are in have sent.
    pub(super) fn take_all_in(&self, desk: &Desk) {
        if let Self::Kernel(door) = self {
            door.take_all_in(desk);
        }
    }

    /// Nobody comes in any more; who is in is told the end, once its calls in hand are answered.
    pub(super) fn close(&self) {
        match self {
            Self::Kernel(door) => door.close(),
            Self::Ring(door) => door.close(),
            Self::Queue(door) => door.close(),
        }
    }

    /// The address that it listens at, with what the kernel chose.
    pub(super) fn address(&self) -> Option<&str> {
        match self {
            Self::Kernel(door) => door.address(),
            Self::Ring(_) | Self::Queue(_) => None,
        }
    }
}
