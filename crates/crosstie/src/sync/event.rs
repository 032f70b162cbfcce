//! [`Event`]: set or not, for one or for all.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crosstie_core::Deadline;
use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::event as turns;
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;

pub use crosstie_core::turns::event::Reset;

use super::awaiting::Awaiting;
use super::object::{self, Object, Wanted};
use super::refusal::{LockError, LockResult, Occupied};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::Result;
use crate::ledger::Domain;
use crate::os::clock;

/// Something that happens: set, it lets through who waits; all until it is cleared ([`Reset::Manual`]), or one, which
/// resets it ([`Reset::Automatic`]).
///
/// # Death
/// It has no owner. Who dies while setting it, at any instruction, has set it and woken whom that is for, or has
/// not set it.
///
/// # Examples
/// ```
/// use crosstie::sync::event::{Event, Reset};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let ready = Event::open_or_create_in(domain, "ready", Reset::Manual)?;
/// assert!(ready.try_wait().is_err());
/// ready.set()?;
/// ready.wait()?;
/// assert!(ready.is_set());
/// ready.clear();
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// Windows' CreateEvent for the two kinds of reset; `crosstie_core::turns::event`.
#[repr(C)]
pub struct Event {
    head: Head,
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{Event, Head, Object, layout_hash};

    // SAFETY: repr(C), nothing but its head.
    unsafe impl Object for Event {
        const KIND: &'static str = "event";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = layout_hash("event 1: head (reset as patience)");

        fn describe() -> String {
            "Event".to_owned()
        }

        fn describe_parameter(parameter: u64) -> String {
            format!("reset by {}", if parameter == 0 { "hand" } else { "whom it lets through" })
        }

        fn head(&self) -> &Head {
            &self.head
        }
    }
}

impl Event {
    /// An event on the heap, not set.
    #[must_use]
    pub const fn new(reset: Reset) -> Self {
        Self { head: Head::new(matches!(reset, Reset::Automatic) as u32) }
    }

    /// Opens the event `name` of the default domain, or makes it, not set.
    ///
    /// # Errors
    /// `Mismatch` when it is reset otherwise; as [`Domain::open_default`].
    pub fn open_or_create(name: &str, reset: Reset) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name, reset)
    }

    /// As [`Event::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Event::open_or_create`].
    pub fn open_or_create_in(domain: &'static Domain, name: &str, reset: Reset) -> Result<Shared<Self>> {
        let wanted = Wanted { parameter: u64::from(reset == Reset::Automatic), exact: true };
        object::open_or_create(domain, name, wanted, || Self::new(reset))
    }

    /// Opens the event `name` of `domain`, which must exist.
    ///
    /// # Errors
    /// `NotFound`; as [`Event::open_or_create`].
    pub fn open_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>> {
        object::open(domain, name, Wanted { parameter: 0, exact: false })
    }

    /// Who resets it.
    #[must_use]
    pub fn reset(&self) -> Reset {
        if self.head.patience_us() == 0 { Reset::Manual } else { Reset::Automatic }
    }

    /// Sets it, and wakes whom it lets through.
    ///
    /// # Errors
    /// `Corrupt` when somebody wrote over it.
    pub fn set(&self) -> Result<()> {
        let domain = Domain::for_tag(self.head.tag())?;
        turns::set(&self.head, &domain, self.reset(), || domain.announce_change(&self.head));
        Ok(())
    }

    /// Resets it; answers whether it was set.
    pub fn clear(&self) -> bool {
        turns::clear(&self.head)
    }

    /// Whether it is set now.
    #[must_use]
    pub fn is_set(&self) -> bool {
        turns::is_set(&self.head)
    }

    /// Waits until it is set, as long as it takes.
    ///
    /// # Errors
    /// [`LockError::Failed`].
    #[track_caller]
    pub fn wait(&self) -> LockResult<()> {
        self.wait_until(Deadline::NEVER)
    }

    /// Passes if it is set.
    ///
    /// # Errors
    /// [`LockError::Busy`].
    #[track_caller]
    pub fn try_wait(&self) -> LockResult<()> {
        self.wait_until(Deadline::NOW)
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`].
    #[track_caller]
    pub fn wait_for(&self, timeout: Duration) -> LockResult<()> {
        self.wait_until(clock::deadline_in(timeout))
    }

    /// Waits until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`].
    #[track_caller]
    pub fn wait_until(&self, deadline: Deadline) -> LockResult<()> {
        let taker = Taker::thread(self.head.tag(), deadline).map_err(LockError::Failed)?;
        taker.name(&self.head);
        let request = taker.request(Mode::Signal, 1, 1);
        let since = clock::now_ns();
        turns::wait_for(&self.head, &taker.me, self.reset(), &request).map_err(|refused| {
            LockError::refused(refused, taker.domain(), || {
                Occupied::now(taker.domain(), &self.head, &[], since)
            })
        })
    }

    /// Waits until it is set, without blocking a thread; in any runtime, and beside threads that block.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has reset nothing; an automatic event that was set for it lets the next through.
    ///
    /// # Errors
    /// [`LockError::Failed`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::{Event, Reset};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let ready = Event::open_or_create_in(domain, "ready", Reset::Manual)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let waited = runtime.block_on(async { tokio::join!(ready.wait_async(), async { ready.set() }).0 });
    /// assert!(waited.is_ok());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_async(&self) -> impl Future<Output = LockResult<()>> + Send {
        self.await_it(Location::caller())
    }

    async fn await_it(&self, site: &'static Location<'static>) -> LockResult<()> {
        let awaiting = Awaiting::new(self.head.tag(), site).map_err(LockError::Failed)?;
        awaiting.name(&self.head);
        let task = awaiting.task().map_err(LockError::Failed)?;
        let (request, since) = (awaiting.request(Mode::Signal, 1, 1), clock::now_ns());
        turns::wait_for_async(&self.head, &task, self.reset(), &request).await.map_err(|refused| {
            let domain = awaiting.domain();
            LockError::refused(refused, domain, || Occupied::now(domain, &self.head, &[], since))
        })
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}
