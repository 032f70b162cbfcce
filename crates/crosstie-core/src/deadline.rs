//! [`Deadline`]: an absolute instant of the monotonic clock, in nanoseconds.

/// When an operation gives up: an absolute instant of `CLOCK_MONOTONIC`, in nanoseconds.
///
/// [`Deadline::NOW`] never blocks, [`Deadline::NEVER`] waits without bound. Setting the wall clock
/// moves no deadline. The floor above reads the clock (`crosstie::os::clock`); this type only
/// compares.
///
/// # Examples
/// ```
/// use crosstie_core::Deadline;
/// let deadline = Deadline::at_ns(1_000).after_ns(500);
/// assert_eq!(deadline.as_ns(), 1_500);
/// assert!(!deadline.is_over(1_499) && deadline.is_over(1_500));
/// assert_eq!(deadline.left_ns(1_200), 300);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(u64);

impl Deadline {
    /// Already over: the operation tries once and never blocks.
    pub const NOW: Self = Self(0);
    /// Never over: the operation waits without bound.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `ns` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn at_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// This instant moved later by `ns`; saturates at [`Deadline::NEVER`].
    #[must_use]
    pub const fn after_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// Whether this deadline has passed at the instant `now_ns`.
    #[must_use]
    pub const fn is_over(self, now_ns: u64) -> bool {
        self.0 != u64::MAX && now_ns >= self.0
    }

    /// Whether the operation must not block at all.
    #[must_use]
    pub const fn is_now(self) -> bool {
        self.0 == 0
    }

    /// Whether the operation may wait without bound.
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == u64::MAX
    }

    /// Nanoseconds left at the instant `now_ns`; 0 when it is over.
    #[must_use]
    pub const fn left_ns(self, now_ns: u64) -> u64 {
        self.0.saturating_sub(now_ns)
    }
}
