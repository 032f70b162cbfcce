//! [`AnyCountingSemaphore`]: a counting semaphore by its address, ours or the C library's; what `crosstie wait NAME` takes.

use crosstie_core::Deadline;

use super::counting_semaphore::CountingSemaphore;
use super::posix_semaphore::{PosixSemaphore, SCHEME};
use super::refusal::{LockError, LockResult};
use super::shared::Shared;
use crate::error::Result;
use crate::ledger::Domain;

/// A counting semaphore by its address: `NAME` in a domain, or `posix:/NAME`, which C programs open by `sem_open`.
///
/// # Death
/// As [`CountingSemaphore`] and [`PosixSemaphore`] say: of both, what was taken does not come back.
///
/// # Examples
/// ```
/// use crosstie::sync::{AnyCountingSemaphore, PosixSemaphore};
/// # let folder = tempfile::tempdir().unwrap();
/// # let open = || crosstie::ledger::Domain::open(folder.path().join("d"));
/// let name = format!("/crosstie-doc-any-{}", std::process::id());
/// for address in ["items".to_owned(), format!("posix:{name}")] {
///     let items = AnyCountingSemaphore::open_or_create_in(open, &address, 1)?;
///     items.wait_until(crosstie::Deadline::NEVER)?;
///     assert!(items.wait_until(crosstie::Deadline::NOW).is_err());
///     items.post()?;
///     assert_eq!(items.value(), 1);
/// }
/// PosixSemaphore::unlink(&name)?;
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Debug)]
pub enum AnyCountingSemaphore {
    /// One of a domain.
    Crosstie(Shared<CountingSemaphore>),
    /// One of the C library.
    Posix(PosixSemaphore),
}

impl AnyCountingSemaphore {
    /// Opens the semaphore at `address`, or makes it with the value `value`; `domain` is asked only for one that lies in a domain.
    ///
    /// # Errors
    /// As [`CountingSemaphore::open_or_create_in`], [`PosixSemaphore::open_or_create`], and `domain`.
    pub fn open_or_create_in(
        domain: impl FnOnce() -> Result<&'static Domain>,
        address: &str,
        value: u32,
    ) -> Result<Self> {
        if is_posix(address) {
            return PosixSemaphore::open_or_create(address, value).map(Self::Posix);
        }
        CountingSemaphore::open_or_create_in(domain()?, address, value).map(Self::Crosstie)
    }

    /// Makes the semaphore at `address` with the value `value`; `domain` is asked only for one that lies in a domain.
    ///
    /// # Errors
    /// `AlreadyExists`; as [`AnyCountingSemaphore::open_or_create_in`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::AnyCountingSemaphore;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let open = || crosstie::ledger::Domain::open(folder.path().join("d"));
    /// let slots = AnyCountingSemaphore::create_in(open, "slots", 8)?;
    /// assert_eq!(slots.value(), 8);
    /// let again = AnyCountingSemaphore::create_in(open, "slots", 8);
    /// assert_eq!(again.unwrap_err().kind(), crosstie::ErrorKind::AlreadyExists);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn create_in(
        domain: impl FnOnce() -> Result<&'static Domain>,
        address: &str,
        value: u32,
    ) -> Result<Self> {
        if is_posix(address) {
            return PosixSemaphore::create(address, value).map(Self::Posix);
        }
        CountingSemaphore::create_in(domain()?, address, value).map(Self::Crosstie)
    }

    /// Adds one, and wakes somebody who waits.
    ///
    /// # Errors
    /// `TooLarge` (87) at a value of 2,147,483,647: nothing was added.
    pub fn post(&self) -> Result<()> {
        match self {
            Self::Crosstie(semaphore) => semaphore.post(),
            Self::Posix(semaphore) => semaphore.post(),
        }
    }

    /// Takes one, and waits until `deadline`.
    ///
    /// # Errors
    /// [`LockError::Busy`], [`LockError::TimedOut`]; of a POSIX semaphore, which says nothing of who has it, [`LockError::Failed`] of
    /// the same kinds.
    #[track_caller]
    pub fn wait_until(&self, deadline: Deadline) -> LockResult<()> {
        match self {
            Self::Crosstie(semaphore) => semaphore.wait_until(deadline),
            Self::Posix(semaphore) => semaphore.wait_until(deadline).map_err(LockError::Failed),
        }
    }

    /// The value now; it may change at once.
    #[must_use]
    pub fn value(&self) -> u32 {
        match self {
            Self::Crosstie(semaphore) => semaphore.value(),
            Self::Posix(semaphore) => semaphore.value(),
        }
    }
}

/// Whether `address` says a POSIX semaphore.
///
/// # Examples
/// ```
/// use crosstie::sync::any_counting::is_posix;
/// assert!(is_posix("posix:/items") && !is_posix("items"));
/// ```
#[must_use]
pub fn is_posix(address: &str) -> bool {
    address.starts_with(SCHEME)
}
