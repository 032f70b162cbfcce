//! What a judge finds.

/// What is wrong with those who are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Somebody who was left waited for ever, or longer than 50 ms each time it was tried.
    Hang,
    /// A message whose `send` had returned, and that nobody had, did not arrive; a unit is gone.
    Lost,
    /// A message arrived again that was not the one that a killed receiver held, or without its flag;
    /// more owners than may be, or a unit too many.
    Doubled,
    /// Bytes that are no message, or a message that nobody sent; data half changed, and nobody told.
    Torn,
    /// Who came later could not open, take, give or remove it, or did not go on at the exact position.
    TakeOver,
    /// A clean end was told as a death, or a death as a clean end, or none was told.
    Ending,
    /// A fencing number that did not grow.
    Token,
    /// The object's counters do not agree with what happened.
    Counters,
    /// What an owner has is not noted in its slot, or what it has no more still is.
    Note,
    /// The victim's slot in the ledger was not free again.
    Slot,
}

/// A fault, in words.
#[derive(Clone, Debug)]
pub struct Finding {
    pub fault: Fault,
    pub what: String,
}

impl Finding {
    pub fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self { fault, what: what.into() }
    }
}
