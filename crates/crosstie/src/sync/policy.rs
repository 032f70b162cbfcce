//! [`Policy`]: who is next when several want it.

/// Who is next when several want an object.
///
/// # Fairness
/// | policy | who is in the queue is overtaken | cost |
/// |---|---|---|
/// | [`Policy::Fair`] | by nobody that comes later: with N participants at most N − 1 times, counted from its call | a hand-over to a sleeper each time somebody waits |
/// | [`Policy::Fast`] | for 0.5 ms, and until it has run once more to ask for its turn: then by one | none: who runs takes it |
///
/// On idle processors a waiter runs some 50 µs after it was woken. Where all are busy, the scheduler's delay comes on top:
/// 41 ms and 355 turns were seen with many rivals on two processors. [`Policy::Fair`] has no such limit to mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// In the order in which they came.
    Fair,
    /// Whoever is awake, until somebody has waited for 0.5 ms.
    #[default]
    Fast,
}

impl Policy {
    /// How long the first in the queue is patient, in microseconds.
    #[must_use]
    pub const fn patience_us(self) -> u32 {
        match self {
            Self::Fair => 0,
            Self::Fast => 500,
        }
    }

    /// The policy of an object whose first waiter is patient for so long.
    #[must_use]
    pub const fn of_patience_us(patience_us: u32) -> Self {
        if patience_us == 0 { Self::Fair } else { Self::Fast }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fair => "fair",
            Self::Fast => "fast",
        })
    }
}
