//! [`Door`]: where clients come in.

use super::conversation::Conversation;
use super::desk::Desk;
use super::kernel_door::KernelDoor;
use super::ring_door::RingDoor;
use crate::Deadline;
use crate::contract::RecvError;

/// Where clients come in.
pub(super) enum Door {
    /// Sockets and FIFOs, all under one wait.
    Kernel(KernelDoor),
    /// A pair of rings, with one client at a time.
    Ring(RingDoor),
}

impl Door {
    /// Whether many threads may stand at it.
    pub(super) fn is_wide(&self) -> bool {
        matches!(self, Self::Kernel(_))
    }

    /// Waits until something comes, and takes it in; answers whether something came before `deadline`.
    ///
    /// # Errors
    /// What a stranger did, or why nothing can come.
    pub(super) fn attend(&self, desk: &Desk, deadline: Deadline) -> Result<bool, RecvError> {
        match self {
            Self::Kernel(door) => door.attend(desk, deadline),
            Self::Ring(door) => door.attend(desk, deadline),
        }
    }

    /// Wakes one thread that stands at it.
    pub(super) fn ring_bell(&self) {
        match self {
            Self::Kernel(door) => door.ring_bell(),
            Self::Ring(door) => door.ring_bell(),
        }
    }

    /// What waits for room to be sent to `conversation` is sent when there is.
    pub(super) fn await_room(&self, conversation: &Conversation) {
        if let Self::Kernel(door) = self {
            door.await_room(conversation);
        }
    }

    /// Whether some client has not taken what it was sent.
    pub(super) fn owes(&self) -> bool {
        match self {
            Self::Kernel(door) => door.owes(),
            Self::Ring(_) => false,
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
        }
    }

    /// The address that it listens at, with what the kernel chose.
    pub(super) fn address(&self) -> Option<&str> {
        match self {
            Self::Kernel(door) => door.address(),
            Self::Ring(_) => None,
        }
    }
}
