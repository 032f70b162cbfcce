//! [`LazyShared`]: data that are made once, by whoever needs them first; whoever dies making them is replaced.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;

use crosstie_core::Deadline;
use crosstie_core::layout::header::layout_hash;
use crosstie_core::word::head::Head;

use super::mutex::{Holding, Mutex};
use super::object::{self, Object, Wanted};
use super::refusal::LockError;
use super::shared::Shared;
use super::taker::Taker;
use crate::error::{Error, Result};
use crate::ledger::command::CommandOwner;
use crate::ledger::{Domain, Identity};
use crate::shareable::Shareable;

/// Something that is done once, whoever comes first, whatever dies while doing it.
///
/// # Death
/// Who dies doing it is replaced by the next who asks, which is told that it is not the first to try.
///
/// # Examples
/// ```
/// use crosstie::sync::Once;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let migrated = Once::open_or_create_in(domain, "migrated")?;
/// assert!(migrated.call(|_retries| ())?, "the first does it");
/// assert!(!migrated.call(|_| unreachable!())?, "the others find it done");
/// # Ok::<(), crosstie::Error>(())
/// ```
pub type Once = LazyShared<()>;

/// Data that are made once, by whoever needs them first.
///
/// # Death
/// As [`Once`]: half-made data are never seen.
///
/// # Examples
/// ```
/// use crosstie::sync::LazyShared;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let table = LazyShared::<[u64; 4]>::open_or_create_in(domain, "table")?;
/// assert_eq!(table.get(), None);
/// assert_eq!(table.get_or_make(|_retries| [1, 2, 3, 4])?[2], 3);
/// assert_eq!(table.get(), Some(&[1, 2, 3, 4]));
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// pthread_once(3p), which hangs when its initialiser dies; `std::sync::OnceLock`.
#[repr(C)]
pub struct LazyShared<T> {
    /// Whoever has it makes the data; it counts how many have tried.
    making: Mutex<u64>,
    data: UnsafeCell<T>,
}

#[expect(unsafe_code, reason = "data that are written once, before anybody reads them")]
mod promises {
    use std::mem::MaybeUninit;

    use super::{Head, LazyShared, Mutex, Object, Shareable, layout_hash};

    // SAFETY: the data are written by the one that has the mutex, before `set_done`, and only read behind
    // `is_done`.
    unsafe impl<T: Send + Sync> Sync for LazyShared<T> {}

    // SAFETY: repr(C), begins with its mutex's head; T is Shareable.
    unsafe impl<T: Shareable + Sync> Object for LazyShared<T> {
        const KIND: &'static str = "once";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = T::LAYOUT ^ layout_hash("once 3: mutex of u64, data");
        // The data are made later, in place.
        const PARTS: &'static [(usize, usize)] = &Mutex::<u64>::PARTS;

        fn describe() -> String {
            format!("LazyShared<{}>", T::describe())
        }

        fn head(&self) -> &Head {
            self.making.head()
        }
    }

    /// Data that nobody has made yet.
    pub(super) fn unmade<T: Shareable>() -> T {
        // SAFETY: every pattern of bytes is a value of a Shareable type, zeros too.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    impl<T> LazyShared<T> {
        pub(super) fn made(&self) -> Option<&T> {
            // SAFETY: written before `set_done` (its Release meets the Acquire here), and never again.
            self.making.head().is_done().then(|| unsafe { &*self.data.get() })
        }

        pub(super) fn fill(&self, value: T) {
            // SAFETY: the caller has the mutex and has found the data unmade, so nobody reads or writes them.
            unsafe { self.data.get().write(value) };
        }
    }
}

impl<T: Shareable + Sync> LazyShared<T> {
    /// On the heap, not made yet.
    #[must_use]
    pub fn new() -> Self {
        Self { making: Mutex::new(0), data: UnsafeCell::new(promises::unmade()) }
    }

    /// Opens `name` of the default domain, or makes the place for it.
    ///
    /// # Errors
    /// As [`Mutex::open_or_create`].
    pub fn open_or_create(name: &str) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name)
    }

    /// As [`LazyShared::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`LazyShared::open_or_create`].
    pub fn open_or_create_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>> {
        object::open_or_create(domain, name, Wanted { parameter: 0, exact: false }, Self::new)
    }

    /// The data, if they are made.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.made()
    }

    /// The data; `make` makes them if nobody has, and is told how many have tried before and died or panicked.
    ///
    /// # Errors
    /// [`Deadlock`](crate::ErrorKind::Deadlock) when `make` needs itself; the domain's.
    #[track_caller]
    pub fn get_or_make(&self, make: impl FnOnce(u64) -> T) -> Result<&T> {
        self.make_until(make, Deadline::NEVER)?;
        // invariant: made just now, or before.
        Ok(self.made().expect("made"))
    }

    /// Does it if nobody has; answers whether this call did.
    ///
    /// # Errors
    /// As [`LazyShared::get_or_make`].
    #[track_caller]
    pub fn call(&self, make: impl FnOnce(u64) -> T) -> Result<bool> {
        self.make_until(make, Deadline::NEVER)
    }

    /// As [`LazyShared::call`], waiting until `deadline` for another that is at it.
    ///
    /// # Errors
    /// `TimedOut`; as [`LazyShared::get_or_make`].
    #[track_caller]
    pub fn make_until(&self, make: impl FnOnce(u64) -> T, deadline: Deadline) -> Result<bool> {
        if self.made().is_some() {
            return Ok(false);
        }
        let mut tries = match self.making.lock_until(deadline) {
            Ok(tries) => tries,
            Err(LockError::Abandoned(mut tries) | LockError::Poisoned(mut tries)) => {
                tries.mark_mended();
                tries
            }
            Err(other) => return Err(Error::from(other)),
        };
        if self.made().is_some() {
            return Ok(false);
        }
        *tries += 1;
        self.fill(make(*tries - 1));
        self.making.head().set_done();
        Ok(true)
    }
}

impl Shared<Once> {
    /// Does it for the command of `owner`, if nobody has: `run` answers whether it is done. Answers `None` where it was
    /// done before; waits until `deadline` for another that is at it.
    ///
    /// # Errors
    /// `Busy`, `TimedOut` and `Deadlock` with who is at it; `Failed`.
    ///
    /// # Death
    /// As long as the command's program runs, no other does it, whatever becomes of who started it.
    #[track_caller]
    pub fn run_for_command<R>(
        &self,
        owner: &CommandOwner,
        deadline: Deadline,
        run: impl FnOnce() -> (bool, R),
    ) -> Result<Option<R>, LockError<()>> {
        self.run(|| Taker::command(owner, deadline), run)
    }

    /// Does it for the calling thread, if nobody has: `run` answers whether it is done, and what. Answers `None` where it was
    /// done before; waits until `deadline` for another that is at it.
    ///
    /// # Errors
    /// As [`LazyShared::make_until`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::Once;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let once = Once::open_or_create_in(domain, "init")?;
    /// assert_eq!(once.run_until(Deadline::NEVER, || (false, "failed"))?, Some("failed"));
    /// assert_eq!(once.run_until(Deadline::NEVER, || (true, "done"))?, Some("done"));
    /// assert_eq!(once.run_until(Deadline::NEVER, || (true, "again"))?, None);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn run_until<R>(&self, deadline: Deadline, run: impl FnOnce() -> (bool, R)) -> Result<Option<R>> {
        Ok(self.run(|| Taker::thread(self.making.tag(), deadline), run)?)
    }

    /// Begins it for the calling thread, if nobody has done it; `None` where it was done before. Waits until `deadline` for
    /// another that is at it. For who cannot say in a closure what is to be done.
    ///
    /// # Errors
    /// As [`LazyShared::make_until`].
    ///
    /// # Death
    /// Who dies before [`OnceTurn::done`] has not done it: the next one does, and is told ([`OnceTurn::is_abandoned`]).
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::Once;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let once = Once::open_or_create_in(domain, "init")?;
    /// drop(once.begin_until(Deadline::NEVER)?);   // not done
    /// if let Some(turn) = once.begin_until(Deadline::NEVER)? {
    ///     turn.done();
    /// }
    /// assert!(once.begin_until(Deadline::NEVER)?.is_none());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn begin_until(&self, deadline: Deadline) -> Result<Option<OnceTurn<'_>>> {
        Ok(self.begin(|| Taker::thread(self.making.tag(), deadline))?)
    }

    fn begin(&self, taker: impl FnOnce() -> Result<Taker>) -> Result<Option<OnceTurn<'_>>, LockError<()>> {
        if self.made().is_some() {
            return Ok(None);
        }
        let held = Holding::take(&self.making, &taker().map_err(LockError::Failed)?)?;
        if self.made().is_some() {
            held.mark_mended();
            return Ok(None);
        }
        let death = held.is_abandoned().then(|| held.dead_owner());
        held.mark_mended();
        Ok(Some(OnceTurn { held, making: &self.making, death, not_send: PhantomData }))
    }

    fn run<R>(
        &self,
        taker: impl FnOnce() -> Result<Taker>,
        run: impl FnOnce() -> (bool, R),
    ) -> Result<Option<R>, LockError<()>> {
        let Some(turn) = self.begin(taker)? else { return Ok(None) };
        let (is_done, answer) = run();
        if is_done {
            turn.done();
        }
        Ok(Some(answer))
    }
}

/// Something that the calling thread is doing; dropped without [`OnceTurn::done`] it is not done, and the next one does it.
#[must_use = "what is not said to be done is not done"]
#[derive(Debug)]
pub struct OnceTurn<'a> {
    held: Holding<u64, &'a Mutex<u64>>,
    making: &'a Mutex<u64>,
    death: Option<Option<Identity>>,
    not_send: PhantomData<*mut ()>,
}

impl OnceTurn<'_> {
    /// Says that it is done, for ever.
    pub fn done(self) {
        self.making.head().set_done();
    }

    /// Whether the last who began it died before it was done: something may be half done.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.death.is_some()
    }

    /// Who that was, if it is still known.
    #[must_use]
    pub fn dead_owner(&self) -> Option<&Identity> {
        self.death.as_ref()?.as_ref()
    }

    /// The fencing number of this try.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.held.token()
    }

    /// Whether it is still this thread that does it: false when it was taken away by force, and in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_held()
    }
}

impl<T: Shareable + Sync> Default for LazyShared<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for LazyShared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyShared").field("is_made", &self.made().is_some()).finish_non_exhaustive()
    }
}
