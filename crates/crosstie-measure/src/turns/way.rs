//! The mechanisms that are measured, by the names that they have in a report.

use std::fs;
use std::path::Path;

use crosstie::{Error, Result};
use crosstie_peers::futex::BareFutex;
use crosstie_peers::mutex::{OnDeath, PthreadMutex};
use crosstie_peers::rwlock::PthreadRwLock;
use crosstie_peers::semaphore::PosixSemaphore;
use crosstie_peers::sysv::{self, SysvSemaphore};
use serde::{Deserialize, Serialize};

/// A way of taking turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "`name` says what each is")]
pub enum Way {
    MutexFast,
    MutexFair,
    RwLockRead,
    RwLockWrite,
    Lock,
    Semaphore,
    CountingSemaphore,
    Monitor,
    StdMutex,
    StdRwLockRead,
    StdRwLockWrite,
    PthreadMutex,
    PthreadRobust,
    PthreadRwLockRead,
    PthreadRwLockWrite,
    PosixSemaphore,
    SysvSemaphore,
    Flock,
    OfdLock,
    BareFutex,
}

/// The file with the number of a semaphore that the kernel keeps.
pub const SYSV_FILE: &str = "sysv";
/// The file with an object of the C library, or that is locked itself.
pub const OBJECT_FILE: &str = "object";

impl Way {
    /// All of them, in the order in which they are measured and shown: each of ours, then its peers.
    pub const ALL: [Self; 20] = [
        Self::MutexFast,
        Self::MutexFair,
        Self::StdMutex,
        Self::PthreadMutex,
        Self::PthreadRobust,
        Self::Lock,
        Self::Flock,
        Self::OfdLock,
        Self::RwLockRead,
        Self::StdRwLockRead,
        Self::PthreadRwLockRead,
        Self::RwLockWrite,
        Self::StdRwLockWrite,
        Self::PthreadRwLockWrite,
        Self::Semaphore,
        Self::CountingSemaphore,
        Self::PosixSemaphore,
        Self::SysvSemaphore,
        Self::Monitor,
        Self::BareFutex,
    ];

    /// The name in a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MutexFast => "Mutex fast",
            Self::MutexFair => "Mutex fair",
            Self::RwLockRead => "RwLock read",
            Self::RwLockWrite => "RwLock write",
            Self::Lock => "Lock",
            Self::Semaphore => "Semaphore",
            Self::CountingSemaphore => "CountingSemaphore",
            Self::Monitor => "Monitor",
            Self::StdMutex => "std Mutex",
            Self::StdRwLockRead => "std RwLock read",
            Self::StdRwLockWrite => "std RwLock write",
            Self::PthreadMutex => "pthread mutex",
            Self::PthreadRobust => "pthread robust",
            Self::PthreadRwLockRead => "pthread rwlock read",
            Self::PthreadRwLockWrite => "pthread rwlock write",
            Self::PosixSemaphore => "sem_t",
            Self::SysvSemaphore => "SysV semop UNDO",
            Self::Flock => "flock",
            Self::OfdLock => "fcntl OFD lock",
            Self::BareFutex => "bare futex",
        }
    }

    /// Whether it is Crosstie's.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(
            self,
            Self::MutexFast
                | Self::MutexFair
                | Self::RwLockRead
                | Self::RwLockWrite
                | Self::Lock
                | Self::Semaphore
                | Self::CountingSemaphore
                | Self::Monitor
        )
    }

    /// Whether only the threads of one process can share it.
    #[must_use]
    pub fn is_for_threads(self) -> bool {
        matches!(self, Self::StdMutex | Self::StdRwLockRead | Self::StdRwLockWrite)
    }

    /// Whether one at a time has it.
    #[must_use]
    pub fn is_exclusive(self) -> bool {
        !matches!(self, Self::RwLockRead | Self::StdRwLockRead | Self::PthreadRwLockRead)
    }

    /// Makes what workers open in `folder`, which is empty; Crosstie's own are made by who comes first.
    ///
    /// # Errors
    /// No room; the kernel has no semaphore left.
    pub fn prepare(self, folder: &Path) -> Result<()> {
        let file = folder.join(OBJECT_FILE);
        let made = match self {
            Self::PthreadMutex => PthreadMutex::create(&file, OnDeath::Stalled).map(drop),
            Self::PthreadRobust => PthreadMutex::create(&file, OnDeath::Robust).map(drop),
            Self::PthreadRwLockRead | Self::PthreadRwLockWrite => PthreadRwLock::create(&file).map(drop),
            Self::PosixSemaphore => PosixSemaphore::create(&file, 1).map(drop),
            Self::SysvSemaphore => SysvSemaphore::create().and_then(|made| note(made, folder)),
            Self::BareFutex => BareFutex::create(&file).map(drop),
            _ => Ok(()),
        };
        made.map_err(|error| Error::os("make", self.name(), error))
    }
}

/// Writes down where a semaphore is that stays in the kernel until it is removed.
fn note(semaphore: SysvSemaphore, folder: &Path) -> std::io::Result<()> {
    fs::write(folder.join(SYSV_FILE), semaphore.id().to_string()).inspect_err(|_| {
        // Whoever cannot write the number down must not leave it behind; the first error is told.
        let _ = sysv::remove(semaphore.id());
    })
}

/// Removes from the kernel what [`Way::prepare`] made there for `folder`, or for one inside it.
pub fn remove_from_kernel(folder: &Path) {
    let number = fs::read_to_string(folder.join(SYSV_FILE)).ok().and_then(|text| text.parse().ok());
    if let Some(id) = number {
        // Removed already: just as well.
        let _ = sysv::remove(id);
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_from_kernel(&entry.path());
        }
    }
}
