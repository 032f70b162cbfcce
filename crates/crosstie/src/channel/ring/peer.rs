//! [`Peer`]: the other end of a ring, as a waiter must know it.

use crosstie_core::OwnerId;

/// The other end, as a waiter must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// It lives; its death must end the sleep.
    Alive(OwnerId),
    /// Nobody has come yet.
    Awaited,
    /// It said that it is done, and this one stands in line to go on: it takes the role, dies, or says that it gave up.
    Next(OwnerId),
    /// It said that it is done.
    Left,
    /// It died, or broke off.
    Died,
}
