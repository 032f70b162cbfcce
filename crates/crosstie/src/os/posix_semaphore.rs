//! Named POSIX semaphores as the C library has them: what `sem_open` opens.
//!
//! The words behind a name are the C library's own, of a layout that it may change: so they are touched by its functions
//! alone (`sem_clockwait` is glibc's since 2.30), and a program in C that opens the name meets us there.
#![expect(unsafe_code, reason = "calls the C library's semaphores")]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::ptr::NonNull;

use crosstie_core::Deadline;

use super::clock;
use super::memory::POSIX_DIRECTORY;

/// The largest value: 2,147,483,647.
pub const VALUE_MAX: u32 = i32::MAX.unsigned_abs();
/// The longest name, its slash counted: in /dev/shm the C library puts "sem." in front.
pub const NAME_BYTES_MAX: usize = 251;

unsafe extern "C" {
    fn sem_clockwait(
        semaphore: *mut libc::sem_t,
        clock: libc::clockid_t,
        until: *const libc::timespec,
    ) -> libc::c_int;
}

/// A named semaphore, open in this process.
#[derive(Debug)]
pub struct NamedSemaphore(NonNull<libc::sem_t>);

// SAFETY: a semaphore is for any thread by its nature, and it stays mapped until the last value of its name goes.
unsafe impl Send for NamedSemaphore {}
// SAFETY: its functions are made for several threads at once, and each is given the same semaphore.
unsafe impl Sync for NamedSemaphore {}

/// Why a sleep for a semaphore returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// One was taken.
    Taken,
    /// The time was over.
    TimedOut,
    /// A signal was handled.
    Interrupted,
}

impl NamedSemaphore {
    /// Opens the semaphore `name`, as C's `sem_open(name, 0)` does.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`; `InvalidInput` for a name that is not `/name`, and for a file that is no semaphore.
    ///
    /// # Examples
    /// ```
    /// use crosstie::os::posix_semaphore::{self, NamedSemaphore};
    /// let name = format!("/crosstie-doc-named-{}", std::process::id());
    /// let made = NamedSemaphore::create(&name, 0o600, 1)?;
    /// assert!(NamedSemaphore::open(&name)?.try_take()?);
    /// assert_eq!(made.value()?, 0);
    /// posix_semaphore::unlink(&name)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(name: &str) -> io::Result<Self> {
        let name = checked(name)?;
        check_file(&name)?;
        // SAFETY: the name ends in a zero; without O_CREAT there is nothing more to say.
        Self::of(unsafe { libc::sem_open(name.as_ptr(), 0) })
    }

    /// Makes the semaphore `name` of `value`, as C's `sem_open(name, O_CREAT | O_EXCL, mode, value)` does.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidInput` for a value above [`VALUE_MAX`]; as [`NamedSemaphore::open`].
    pub fn create(name: &str, mode: u32, value: u32) -> io::Result<Self> {
        Self::made(name, libc::O_CREAT | libc::O_EXCL, mode, value)
    }

    /// Opens the semaphore `name`, or makes it of `value`, in one step.
    ///
    /// # Errors
    /// As [`NamedSemaphore::open`] and [`NamedSemaphore::create`], without `AlreadyExists`.
    pub fn open_or_create(name: &str, mode: u32, value: u32) -> io::Result<Self> {
        Self::made(name, libc::O_CREAT, mode, value)
    }

    fn made(name: &str, how: libc::c_int, mode: u32, value: u32) -> io::Result<Self> {
        let name = checked(name)?;
        check_file(&name)?;
        // SAFETY: the name ends in a zero, and O_CREAT asks for a mode and a value, which follow.
        Self::of(unsafe { libc::sem_open(name.as_ptr(), how, mode, value) })
    }

    fn of(opened: *mut libc::sem_t) -> io::Result<Self> {
        // SEM_FAILED is NULL with glibc and musl.
        NonNull::new(opened).map(Self).ok_or_else(io::Error::last_os_error)
    }

    /// Adds one, and wakes somebody who waits.
    ///
    /// # Errors
    /// `EOVERFLOW` at [`VALUE_MAX`].
    pub fn post(&self) -> io::Result<()> {
        // SAFETY: it is open until this value goes.
        answered(unsafe { libc::sem_post(self.0.as_ptr()) })
    }

    /// Takes one if there is one.
    ///
    /// # Errors
    /// The C library's.
    pub fn try_take(&self) -> io::Result<bool> {
        // SAFETY: it is open until this value goes.
        match answered(unsafe { libc::sem_trywait(self.0.as_ptr()) }) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Takes one, and sleeps for it until `deadline` or a signal.
    ///
    /// # Errors
    /// The C library's.
    pub fn take(&self, deadline: Deadline) -> io::Result<Slept> {
        let answer = match clock::timespec(deadline) {
            // SAFETY: it is open until this value goes.
            None => answered(unsafe { libc::sem_wait(self.0.as_ptr()) }),
            Some(until) => {
                let until = libc::timespec { tv_sec: until.tv_sec, tv_nsec: until.tv_nsec };
                // SAFETY: it is open until this value goes, and the time is read during the call.
                answered(unsafe { sem_clockwait(self.0.as_ptr(), libc::CLOCK_MONOTONIC, &raw const until) })
            }
        };
        match answer {
            Ok(()) => Ok(Slept::Taken),
            Err(error) if error.raw_os_error() == Some(libc::ETIMEDOUT) => Ok(Slept::TimedOut),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Slept::Interrupted),
            Err(error) => Err(error),
        }
    }

    /// The value now; it may change at once.
    ///
    /// # Errors
    /// The C library's.
    pub fn value(&self) -> io::Result<u32> {
        let mut value = 0;
        // SAFETY: it is open until this value goes, and `value` has room for one.
        answered(unsafe { libc::sem_getvalue(self.0.as_ptr(), &raw mut value) })?;
        // POSIX lets it be negative while somebody waits.
        Ok(u32::try_from(value).unwrap_or(0))
    }
}

impl Drop for NamedSemaphore {
    fn drop(&mut self) {
        // SAFETY: `sem_open` answered it, and counts how often; nobody uses this one any more.
        let _ = unsafe { libc::sem_close(self.0.as_ptr()) };
    }
}

/// Removes the name `name`; whoever has the semaphore open keeps it.
///
/// # Errors
/// `NotFound`, `PermissionDenied`; `InvalidInput` for a name that is not `/name`.
pub fn unlink(name: &str) -> io::Result<()> {
    let name = checked(name)?;
    // SAFETY: the name ends in a zero.
    answered(unsafe { libc::sem_unlink(name.as_ptr()) })
}

/// That what already lies behind `name` has the bytes of a semaphore: the C library maps whatever is there, and a shorter file would be
/// SIGBUS with the first access.
fn check_file(name: &CStr) -> io::Result<()> {
    let file = OsStr::from_bytes(&name.to_bytes()[1..]);
    let mut path = OsString::from(format!("{POSIX_DIRECTORY}/sem."));
    path.push(file);
    match std::fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() || about.len() < size_of::<libc::sem_t>() as u64 => {
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        }
        // What cannot be looked at, the C library refuses too, for its own reason.
        _ => Ok(()),
    }
}

fn answered(answer: libc::c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The name as C wants it: a slash, and then a file's name.
fn checked(name: &str) -> io::Result<CString> {
    let is_name = name.strip_prefix('/').is_some_and(|file| {
        !matches!(file, "" | "." | "..") && !file.contains(['/', '\0']) && name.len() <= NAME_BYTES_MAX
    });
    is_name
        .then(|| CString::new(name).ok())
        .flatten()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no name of a semaphore"))
}
