//! Opening a monitor by its name.

use super::Monitor;
use crate::error::Result;
use crate::ledger::Domain;
use crate::shareable::Shareable;
use crate::sync::object::{self, Wanted};
use crate::sync::policy::Policy;
use crate::sync::shared::Shared;

/// What a monitor was made with, as its segment keeps it: the patience in the upper half, the bytes of its data, if they were said, in the
/// lower.
const fn parameter(policy: Policy, bytes: u64) -> u64 {
    (policy.patience_us() as u64) << 32 | bytes & 0xFFFF_FFFF
}

/// What [`parameter`] put together, in words.
pub(super) fn describe(parameter: u64) -> String {
    let policy = Policy::of_patience_us((parameter >> 32) as u32);
    match parameter & 0xFFFF_FFFF {
        0 => policy.to_string(),
        bytes => format!("{policy}, for data of {bytes} bytes"),
    }
}

// The bound is each function's, so that the compiler says of a type why it may not be shared.
impl<T> Monitor<T> {
    /// Opens the monitor `name` of the default domain, or makes it with the data that `init` answers; [`Policy::Fast`].
    ///
    /// # Errors
    /// As [`Mutex::open_or_create`](crate::sync::Mutex::open_or_create).
    pub fn open_or_create(name: &str, init: impl FnOnce() -> T) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        Self::open_or_create_in(Domain::open_default()?, name, init)
    }

    /// As [`Monitor::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Monitor::open_or_create`].
    pub fn open_or_create_in(
        domain: &'static Domain,
        name: &str,
        init: impl FnOnce() -> T,
    ) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        let wanted = Wanted { parameter: parameter(Policy::Fast, 0), exact: false };
        object::open_or_create(domain, name, wanted, || Self::new(init()))
    }

    /// As [`Monitor::open_or_create_in`], of the policy `policy` for those who enter.
    ///
    /// # Errors
    /// As [`Monitor::open_or_create`]; `Mismatch` when it was made with another policy.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::{Monitor, Policy};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let open = |policy| Monitor::<u64>::open_or_create_with(domain, "stock", policy, || 0);
    /// let stock = open(Policy::Fair)?;
    /// assert_eq!(stock.policy(), Policy::Fair);
    /// assert_eq!(open(Policy::Fast).unwrap_err().kind(), crosstie::ErrorKind::Mismatch);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn open_or_create_with(
        domain: &'static Domain,
        name: &str,
        policy: Policy,
        init: impl FnOnce() -> T,
    ) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        let wanted = Wanted { parameter: parameter(policy, 0), exact: true };
        object::open_or_create(domain, name, wanted, || Self::with_policy(init(), policy))
    }

    /// As [`Monitor::open_or_create_in`], for data of which `bytes` bytes are meant: where another number was, it is refused. For
    /// programs that say no more of their data than how many bytes they have.
    ///
    /// # Errors
    /// `Mismatch` with both numbers; as [`Monitor::open_or_create`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Monitor;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let open = |bytes| Monitor::<[u64; 8]>::open_or_create_sized_in(domain, "stock", bytes, || [0; 8]);
    /// let stock = open(24)?;
    /// assert_eq!(open(32).unwrap_err().kind(), crosstie::ErrorKind::Mismatch);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn open_or_create_sized_in(
        domain: &'static Domain,
        name: &str,
        bytes: u64,
        init: impl FnOnce() -> T,
    ) -> Result<Shared<Self>>
    where
        T: Shareable,
    {
        let wanted = Wanted { parameter: parameter(Policy::Fast, bytes), exact: true };
        object::open_or_create(domain, name, wanted, || Self::new(init()))
    }
}
