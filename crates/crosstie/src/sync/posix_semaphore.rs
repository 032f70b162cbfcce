//! [`PosixSemaphore`]: the named semaphore of C programs, `sem_open`'s.

use std::time::Duration;

use crosstie_core::Deadline;

use crate::error::{Error, ErrorKind, Result};
use crate::os::clock;
use crate::os::interruption::{self, Cause, TICK_NS};
use crate::os::posix_semaphore::{NAME_BYTES_MAX, NamedSemaphore, Slept, VALUE_MAX, unlink};

/// What stands before the name of one where a counting semaphore is asked for: `posix:/name`.
pub const SCHEME: &str = "posix:";

/// How long a sleep lasts before it looks again: 1 s.
const LOOK_NS: u64 = 1_000_000_000;

/// The named POSIX semaphore that C programs open by `sem_open`: the way in to programs that know nothing of Crosstie.
///
/// A counting semaphore without owners, like [`CountingSemaphore`](super::CountingSemaphore), and with less than that promises, because
/// the C library keeps it: what follows is lost on the way.
///
/// # Death
/// Nobody owns what was taken: whoever is killed between a wait and the post that it owes leaves one fewer for ever. And a waiter that is
/// killed after it was woken and before it took leaves others asleep beside a value that is not 0. Waits of this type
/// look again within a second, and so find it; a C program's `sem_wait` sleeps until the next post.
///
/// # Fairness
/// None: whoever is awake takes it. Nobody can be told who has it or who waits; deadlocks through it are not seen.
///
/// # Cost
/// One exchange each way without others; a system call to sleep and to wake.
///
/// # Examples
/// ```
/// use crosstie::sync::PosixSemaphore;
/// let name = format!("/crosstie-doc-{}", std::process::id());
/// let items = PosixSemaphore::open_or_create(&name, 0)?;       // sem_open(name, O_CREAT, 0600, 0)
/// items.post()?;                                               // sem_post
/// items.wait()?;                                               // sem_wait
/// assert_eq!(items.try_wait().unwrap_err().kind(), crosstie::ErrorKind::Busy);
/// PosixSemaphore::unlink(&name)?;
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// sem_overview(7).
#[derive(Debug)]
pub struct PosixSemaphore {
    name: String,
    semaphore: NamedSemaphore,
}

impl PosixSemaphore {
    /// Opens the semaphore `name`: `/name`, or `posix:/name`.
    ///
    /// # Errors
    /// `NotFound`; `NotPermitted`; `Usage` for a name that is none, and for a file that is no semaphore.
    pub fn open(name: &str) -> Result<Self> {
        Self::opened("open", name, NamedSemaphore::open)
    }

    /// Makes the semaphore `name` with the value `value`, for this user alone.
    ///
    /// # Errors
    /// `AlreadyExists`; `Usage` for a value above 2,147,483,647; as [`PosixSemaphore::open`].
    pub fn create(name: &str, value: u32) -> Result<Self> {
        check_value(name, value)?;
        Self::opened("create", name, |name| NamedSemaphore::create(name, 0o600, value))
    }

    /// Opens the semaphore `name`, or makes it with the value `value`, in one step. One that exists keeps its value.
    ///
    /// # Errors
    /// As [`PosixSemaphore::open`] and [`PosixSemaphore::create`].
    pub fn open_or_create(name: &str, value: u32) -> Result<Self> {
        check_value(name, value)?;
        Self::opened("open", name, |name| NamedSemaphore::open_or_create(name, 0o600, value))
    }

    fn opened(
        operation: &'static str,
        name: &str,
        open: impl FnOnce(&str) -> std::io::Result<NamedSemaphore>,
    ) -> Result<Self> {
        let name = name.strip_prefix(SCHEME).unwrap_or(name);
        let semaphore = open(name).map_err(|error| failed(operation, name, error))?;
        Ok(Self { name: name.to_owned(), semaphore })
    }

    /// Removes the name; whoever has the semaphore open keeps it.
    ///
    /// # Errors
    /// `NotFound`; `NotPermitted`; `Usage` for a name that is none.
    pub fn unlink(name: &str) -> Result<()> {
        let name = name.strip_prefix(SCHEME).unwrap_or(name);
        unlink(name).map_err(|error| failed("remove", name, error))
    }

    /// The name that it was opened by, from its slash on.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds one, and wakes somebody who waits.
    ///
    /// # Errors
    /// `TooLarge` (87) at a value of 2,147,483,647: nothing was added.
    pub fn post(&self) -> Result<()> {
        self.semaphore.post().map_err(|error| match error.raw_os_error() {
            // EOVERFLOW; sem_post has no other for what is a semaphore.
            Some(_) if self.value() == VALUE_MAX => {
                Error::new("post", address(&self.name), ErrorKind::TooLarge)
                    .because(format!("its value is {VALUE_MAX}, the largest"))
            }
            _ => failed("post", &self.name, error),
        })
    }

    /// Takes one, and waits for it as long as it takes.
    ///
    /// # Errors
    /// The C library's.
    pub fn wait(&self) -> Result<()> {
        self.wait_until(Deadline::NEVER)
    }

    /// Takes one if there is one.
    ///
    /// # Errors
    /// `Busy`.
    pub fn try_wait(&self) -> Result<()> {
        self.wait_until(Deadline::NOW)
    }

    /// Takes one, and waits for at most `timeout`.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn wait_for(&self, timeout: Duration) -> Result<()> {
        self.wait_until(clock::deadline_in(timeout))
    }

    /// Takes one, and waits until `deadline`.
    ///
    /// # Errors
    /// `Busy` for [`Deadline::NOW`]; `TimedOut`.
    pub fn wait_until(&self, deadline: Deadline) -> Result<()> {
        loop {
            if self.semaphore.try_take().map_err(|error| failed("wait for", &self.name, error))? {
                return Ok(());
            }
            if deadline.is_now() {
                return Err(self.is_zero(ErrorKind::Busy));
            }
            // A wake-up may have died with who was woken, and a signal may have come before the sleep.
            let look_ns = if interruption::is_asked() { TICK_NS } else { LOOK_NS };
            let look = Deadline::at_ns(clock::now_ns()).after_ns(look_ns);
            let slept = self.semaphore.take(deadline.min(look));
            let ends = match slept.map_err(|error| failed("wait for", &self.name, error))? {
                Slept::Taken => return Ok(()),
                Slept::Interrupted => interruption::should_end(Cause::Signal),
                Slept::TimedOut => interruption::should_end(Cause::Tick),
            };
            if ends || deadline.is_over(clock::now_ns()) {
                return Err(self.is_zero(ErrorKind::TimedOut));
            }
        }
    }

    #[cold]
    fn is_zero(&self, kind: ErrorKind) -> Error {
        Error::new("wait for", address(&self.name), kind)
            .because("it is 0, and a POSIX semaphore does not say who took what it had")
    }

    /// The value now; it may change at once.
    #[must_use]
    pub fn value(&self) -> u32 {
        self.semaphore.value().unwrap_or(0)
    }
}

fn address(name: &str) -> String {
    format!("{SCHEME}{name}")
}

fn check_value(name: &str, value: u32) -> Result<()> {
    if value <= VALUE_MAX {
        return Ok(());
    }
    let name = name.strip_prefix(SCHEME).unwrap_or(name);
    Err(Error::new("open", address(name), ErrorKind::Usage)
        .because(format!("a value of {value} is above {VALUE_MAX}")))
}

fn failed(operation: &'static str, name: &str, error: std::io::Error) -> Error {
    // Of what `sem_open` finds it says no more than that it cannot be one.
    let is_none = error.raw_os_error().is_some() && error.kind() == std::io::ErrorKind::InvalidInput;
    let is_name = !is_none && error.kind() == std::io::ErrorKind::InvalidInput;
    let error = Error::os(operation, address(name), error);
    if is_name {
        error
            .of_kind(ErrorKind::Usage)
            .because(format!(
                "a POSIX semaphore's name is '/' and then a file name, {NAME_BYTES_MAX} bytes at most"
            ))
            .advise("write it like posix:/items")
    } else if is_none {
        error
            .of_kind(ErrorKind::Usage)
            .because(format!("what lies in /dev/shm/sem.{} is no semaphore", name.trim_start_matches('/')))
    } else {
        error
    }
}
