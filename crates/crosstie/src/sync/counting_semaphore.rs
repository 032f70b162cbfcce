//! [`CountingSemaphore`]: a number that anyone raises and anyone takes from, as in the textbooks.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crosstie_core::Deadline;
use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::counting as turns;
use crosstie_core::wait::Refused;
use crosstie_core::word::counting::{Counting, LastSeen, VALUE_MAX};
use crosstie_core::word::head::{Counters, Head};
use crosstie_core::word::waiting::Mode;

use super::awaiting::Awaiting;
use super::object::{self, Object, Wanted};
use super::refusal::{LockError, LockResult, Occupied};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::os::clock;

/// The counting semaphore of the textbooks: `wait` takes one and waits while there is none, `post` adds
/// one; nobody owns what was taken. Two of them and a mutex make a bounded buffer.
///
/// # Death
/// Whoever dies between `wait` and the `post` that it owes leaves one fewer for ever, as with `sem_t`: take
/// [`Semaphore`](super::Semaphore) where that must not be. But a waiter or a poster that dies, at any
/// instruction, holds up nobody else: a post that happened wakes somebody who lives.
///
/// # Fairness
/// First come, first served.
///
/// # Cost
/// Without others: one exchange each, no system call.
///
/// # Examples
/// ```
/// use crosstie::sync::CountingSemaphore;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let full = CountingSemaphore::open_or_create_in(domain, "full", 0)?;
/// full.post()?;
/// full.wait()?;
/// assert_eq!(full.value(), 0);
/// assert!(full.try_wait().is_err());
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// The protocol: `crosstie_core::word::counting`.
#[repr(C)]
pub struct CountingSemaphore {
    head: Head,
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{CountingSemaphore, Head, Object, layout_hash};

    // SAFETY: repr(C), nothing but its head.
    unsafe impl Object for CountingSemaphore {
        const KIND: &'static str = "count";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = layout_hash("counting semaphore 1: head");

        fn describe() -> String {
            "CountingSemaphore".to_owned()
        }

        fn head(&self) -> &Head {
            &self.head
        }
    }
}

thread_local! {
    static LAST_SEEN: LastSeen = const { LastSeen::new() };
}

fn wanted(operation: &'static str, name: &str, value: u32) -> Result<Wanted> {
    if value > VALUE_MAX {
        return Err(Error::new(operation, format!("count:{name}"), ErrorKind::Usage)
            .because(format!("a value of {value} is above {VALUE_MAX}")));
    }
    Ok(Wanted { parameter: u64::from(value), exact: false })
}

impl CountingSemaphore {
    /// A semaphore on the heap of the given value.
    ///
    /// # Panics
    /// If `value` is above 2,147,483,647.
    #[must_use]
    pub fn new(value: u32) -> Self {
        assert!(value <= VALUE_MAX, "a value of at most 2,147,483,647");
        let this = Self { head: Head::new(0) };
        this.head.set_word(u64::from(value));
        this
    }

    /// Opens the semaphore `name` of the default domain, or makes it with the value `value`.
    ///
    /// # Errors
    /// `Usage` for a value above 2,147,483,647; as [`Domain::open_default`].
    pub fn open_or_create(name: &str, value: u32) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name, value)
    }

    /// As [`CountingSemaphore::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`CountingSemaphore::open_or_create`].
    pub fn open_or_create_in(domain: &'static Domain, name: &str, value: u32) -> Result<Shared<Self>> {
        object::open_or_create(domain, name, wanted("open", name, value)?, || Self::new(value))
    }

    /// Makes the semaphore `name` of the default domain with the value `value`: of several who do so at a time one has made it.
    ///
    /// # Errors
    /// `AlreadyExists`; as [`CountingSemaphore::open_or_create`].
    pub fn create(name: &str, value: u32) -> Result<Shared<Self>> {
        Self::create_in(Domain::open_default()?, name, value)
    }

    /// As [`CountingSemaphore::create`], in `domain`.
    ///
    /// # Errors
    /// As [`CountingSemaphore::create`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::ErrorKind;
    /// use crosstie::sync::CountingSemaphore;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let slots = CountingSemaphore::create_in(domain, "slots", 8)?;
    /// assert_eq!(slots.value(), 8);
    /// let again = CountingSemaphore::create_in(domain, "slots", 8);
    /// assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn create_in(domain: &'static Domain, name: &str, value: u32) -> Result<Shared<Self>> {
        object::create(domain, name, wanted("create", name, value)?, || Self::new(value))
    }

    /// Adds one, and wakes the first who waits.
    ///
    /// # Errors
    /// `TooLarge` (87) at a value of 2,147,483,647: nothing was added.
    #[inline]
    pub fn post(&self) -> Result<()> {
        // Nobody queues: nobody is to be told.
        let is_posted = LAST_SEEN.with(|seen| Counting::new(&self.head.word).post_at_once(seen));
        if is_posted { Ok(()) } else { self.post_contended() }
    }

    #[cold]
    fn post_contended(&self) -> Result<()> {
        let domain = Domain::for_tag(self.head.tag())?;
        turns::post(&self.head, &domain, || domain.announce_change(&self.head)).map_err(|_| {
            Error::new("post", domain.object_name(self.head.key()), ErrorKind::TooLarge)
                .because(format!("its value is {VALUE_MAX}, the largest"))
        })
    }

    /// Takes one, and waits for it as long as it takes.
    ///
    /// # Errors
    /// [`LockError::Failed`].
    #[inline]
    #[track_caller]
    pub fn wait(&self) -> LockResult<()> {
        self.wait_until(Deadline::NEVER)
    }

    /// Takes one if there is one and nobody waits.
    ///
    /// # Errors
    /// [`LockError::Busy`].
    #[track_caller]
    pub fn try_wait(&self) -> LockResult<()> {
        self.wait_until(Deadline::NOW)
    }

    /// Takes one, and waits for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`].
    #[track_caller]
    pub fn wait_for(&self, timeout: Duration) -> LockResult<()> {
        self.wait_until(clock::deadline_in(timeout))
    }

    /// Takes one, and waits until `deadline`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`].
    #[inline]
    #[track_caller]
    pub fn wait_until(&self, deadline: Deadline) -> LockResult<()> {
        let is_taken = LAST_SEEN.with(|seen| Counting::new(&self.head.word).take_at_once(seen));
        if is_taken { Ok(()) } else { self.wait_contended(deadline, Location::caller()) }
    }

    #[cold]
    fn wait_contended(&self, deadline: Deadline, site: &'static Location<'static>) -> LockResult<()> {
        let taker = Taker::thread_at(self.head.tag(), deadline, site).map_err(LockError::Failed)?;
        if self.head.key() == 0 {
            self.head.name(taker.domain().next_key());
        }
        let request = taker.request(Mode::Signal, 1, 1);
        let since = clock::now_ns();
        turns::wait_for_one(&self.head, &taker.me, &request).map_err(|refused: Refused<_>| {
            LockError::refused(refused, taker.domain(), || {
                Occupied::now(taker.domain(), &self.head, &[], since)
            })
        })
    }

    /// Takes one, and waits for it without blocking a thread; in any runtime, and beside threads that block: first come, first served.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has taken nothing; what was posted for it is for the next.
    ///
    /// # Errors
    /// [`LockError::Failed`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::CountingSemaphore;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let full = CountingSemaphore::open_or_create_in(domain, "full", 0)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let waited = runtime.block_on(async { tokio::join!(full.wait_async(), async { full.post() }).0 });
    /// assert!(waited.is_ok());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_async(&self) -> impl Future<Output = LockResult<()>> + Send {
        self.await_one(Location::caller())
    }

    async fn await_one(&self, site: &'static Location<'static>) -> LockResult<()> {
        let word = Counting::new(&self.head.word);
        let found = word.read();
        if !Counting::is_queued(found) && word.try_wait(found).is_ok() {
            return Ok(());
        }
        let awaiting = Awaiting::new(self.head.tag(), site).map_err(LockError::Failed)?;
        awaiting.name(&self.head);
        let task = awaiting.task().map_err(LockError::Failed)?;
        let (request, since) = (awaiting.request(Mode::Signal, 1, 1), clock::now_ns());
        turns::wait_for_one_async(&self.head, &task, &request).await.map_err(|refused| {
            let domain = awaiting.domain();
            LockError::refused(refused, domain, || Occupied::now(domain, &self.head, &[], since))
        })
    }

    /// The value now; it may change at once.
    #[must_use]
    pub fn value(&self) -> u32 {
        Counting::value_in(Counting::new(&self.head.word).read())
    }

    /// What happened to it so far; acquisitions are not counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.head.counters()
    }
}

impl fmt::Debug for CountingSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingSemaphore").field("value", &self.value()).finish()
    }
}
