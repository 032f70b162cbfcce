//! The kernel's and the C library's ways of taking turns between processes, and of queueing messages, as small safe wrappers.
//!
//! What Crosstie's own are measured beside; nothing but `crosstie-measure` uses them. Each is *opened*
//! by every process from a file, or from a number that the kernel gave, and *taken*: what is answered
//! gives it up when it is dropped.
//!
//! | module | holds |
//! |---|---|
//! | [`place`] | an object in a file that several processes map |
//! | [`mutex`] | `pthread_mutex_t` between processes, robust or not |
//! | [`rwlock`] | `pthread_rwlock_t` between processes |
//! | [`semaphore`] | `sem_t` between processes |
//! | [`sysv`] | System V semaphores, with `SEM_UNDO` |
//! | [`file`](mod@file) | `flock(2)` and open file description locks |
//! | [`message_queue`] | POSIX message queues |
//! | [`futex`] | the smallest lock on a bare futex |
#![deny(unsafe_code)]

pub mod file;
pub mod futex;
pub mod message_queue;
pub mod mutex;
pub mod place;
pub mod rwlock;
pub mod semaphore;
pub mod sysv;

use std::io;

/// What a function of the pthread family answered: 0, or an error's number.
fn answered(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// What a system call answered: -1, and `errno` says why.
fn succeeded(code: libc::c_int) -> io::Result<libc::c_int> {
    if code == -1 { Err(io::Error::last_os_error()) } else { Ok(code) }
}
