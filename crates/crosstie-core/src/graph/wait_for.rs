//! What is read of blocked participants: what each waits for, and what each holds meanwhile.

use crate::word::owner::OwnerId;

/// What a blocked participant asks of the object it waits for.
///
/// The rules of one object, for a member of a set of blocked participants:
///
/// | claim | cannot go on while, of the set, |
/// |---|---|
/// | `Exclusive` | anybody holds the object in any way, itself included |
/// | `Shared` | anybody holds it exclusively, or an earlier place in the queue is `Exclusive` |
/// | `Units` | too many units are held, its own included, or an earlier place in the queue is `Units` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The object for itself alone: a mutex, the writing side of a reader-writer lock.
    Exclusive,
    /// The object beside others of the kind: the reading side of a reader-writer lock.
    Shared,
    /// Some of the object's units: a semaphore.
    Units {
        /// How many it asks for.
        need: u32,
        /// How many there are when nobody holds any.
        total: u32,
    },
}

/// One blocked participant: a wait without a deadline by somebody who lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who waits.
    pub id: OwnerId,
    /// The ticket that it took after it had published its wait; 0 while nobody has seen it yet.
    pub ticket: u64,
    /// The object that it waits for.
    pub key: u64,
    /// What it asks of the object.
    pub claim: Claim,
    /// Its place in the object's queue: smaller is earlier.
    pub queue: u64,
}

/// A possession: what one blocked participant holds of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who holds: an index into the blocked participants. One that is out of range holds nothing.
    pub member: u32,
    /// The object that is held.
    pub key: u64,
    /// Whether it keeps `Shared` claims out.
    pub exclusive: bool,
    /// How many of a semaphore's units are held; of no meaning elsewhere.
    pub units: u32,
}
