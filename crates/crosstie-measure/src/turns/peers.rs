//! The peers: of the C library, of the kernel, of the standard library.

use std::sync::{MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use crosstie::Error;
use crosstie_peers::file::{FileLock, FileLockGuard};
use crosstie_peers::futex::{BareFutex, BareFutexGuard};
use crosstie_peers::mutex::{PthreadMutex, PthreadMutexGuard};
use crosstie_peers::rwlock::{PthreadRwLock, PthreadRwLockGuard};
use crosstie_peers::semaphore::{PosixPermit, PosixSemaphore};
use crosstie_peers::sysv::{SysvPermit, SysvSemaphore};

use super::taking::{Held, Reading, Taking, Writing};
use crate::engine::exchange::Fault;

#[cold]
fn refused(error: std::io::Error) -> Fault {
    Box::new(Error::os("take", "a peer's object", error))
}

impl Taking for std::sync::Mutex<u64> {
    type Held<'a> = MutexGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        Ok(self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Taking for Reading<std::sync::RwLock<u64>> {
    type Held<'a> = RwLockReadGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_alone(&self) -> Result<Box<dyn Held + '_>, Fault> {
        Ok(Box::new(self.0.write().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Taking for Writing<std::sync::RwLock<u64>> {
    type Held<'a> = RwLockWriteGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        Ok(self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Taking for PthreadMutex {
    type Held<'a> = PthreadMutexGuard<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.lock().map_err(refused)
    }
}

impl Taking for Reading<PthreadRwLock> {
    type Held<'a> = PthreadRwLockGuard<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.0.read().map_err(refused)
    }

    fn take_alone(&self) -> Result<Box<dyn Held + '_>, Fault> {
        Ok(Box::new(self.0.write().map_err(refused)?))
    }
}

impl Taking for Writing<PthreadRwLock> {
    type Held<'a> = PthreadRwLockGuard<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.0.write().map_err(refused)
    }
}

impl Taking for PosixSemaphore {
    type Held<'a> = PosixPermit<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.wait().map_err(refused)
    }
}

impl Taking for SysvSemaphore {
    type Held<'a> = SysvPermit;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        SysvSemaphore::take(self).map_err(refused)
    }
}

impl Taking for FileLock {
    type Held<'a> = FileLockGuard<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.lock().map_err(refused)
    }
}

impl Taking for BareFutex {
    type Held<'a> = BareFutexGuard<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        Ok(self.lock())
    }
}
