//! One trait for all mechanisms, and Crosstie's own.

use crosstie::Error;
use crosstie::sync::{
    CountingSemaphore, Lock, LockError, LockGuard, LockResult, Monitor, MonitorGuard, Mutex, MutexGuard,
    Permit, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, Shared,
};

use crate::engine::exchange::Fault;

/// Something that is held until it is dropped, whatever it is.
pub trait Held {}

impl<T> Held for T {}

/// What workers take in turns.
pub trait Taking: Sync {
    /// What was taken, until it is dropped.
    type Held<'a>
    where
        Self: 'a;

    /// Takes it, and waits for that as long as it takes.
    ///
    /// # Errors
    /// It cannot be had at all.
    fn take(&self) -> Result<Self::Held<'_>, Fault>;

    /// As [`Taking::take`], also what an owner left abandoned by its death; then it is as good as new.
    ///
    /// # Errors
    /// As [`Taking::take`].
    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        self.take()
    }

    /// Takes it so that whoever calls [`Taking::take`] has to wait: for readers, a writer.
    ///
    /// # Errors
    /// As [`Taking::take`].
    fn take_alone(&self) -> Result<Box<dyn Held + '_>, Fault> {
        Ok(Box::new(self.take()?))
    }

    /// How often one who stood in the queue was overtaken at most, where the object itself counts that.
    fn overtaken_in_queue(&self) -> Option<u64> {
        None
    }
}

/// The readers' side of a lock.
#[derive(Debug)]
pub struct Reading<L>(pub L);

/// The writers' side of a lock.
#[derive(Debug)]
pub struct Writing<L>(pub L);

/// What is had, also after an owner's death: here there is nothing to mend.
fn had<G>(outcome: LockResult<G>) -> Result<G, Fault> {
    outcome.or_else(LockError::into_guard).map_err(refused)
}

#[cold]
fn refused<G>(refusal: LockError<G>) -> Fault {
    Box::new(Error::from(refusal))
}

impl Taking for Shared<Mutex<u64>> {
    type Held<'a> = MutexGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.lock().map_err(refused)
    }

    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        let mut held = had(self.lock())?;
        held.mark_mended();
        Ok(held)
    }

    fn overtaken_in_queue(&self) -> Option<u64> {
        Some(self.counters().overtaken_most)
    }
}

impl Taking for Reading<Shared<RwLock<u64>>> {
    type Held<'a> = RwLockReadGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.0.read().map_err(refused)
    }

    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        had(self.0.read())
    }

    fn take_alone(&self) -> Result<Box<dyn Held + '_>, Fault> {
        Ok(Box::new(had(self.0.write())?))
    }
}

impl Taking for Writing<Shared<RwLock<u64>>> {
    type Held<'a> = RwLockWriteGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.0.write().map_err(refused)
    }

    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        let mut held = had(self.0.write())?;
        held.mark_mended();
        Ok(held)
    }

    fn overtaken_in_queue(&self) -> Option<u64> {
        Some(self.0.counters().overtaken_most)
    }
}

impl Taking for Shared<Lock> {
    type Held<'a> = LockGuard<&'a Lock>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.lock().map_err(refused)
    }

    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        had(self.lock())
    }

    fn overtaken_in_queue(&self) -> Option<u64> {
        Some(self.counters().overtaken_most)
    }
}

impl Taking for Shared<Semaphore> {
    type Held<'a> = Permit<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.acquire().map_err(refused)
    }

    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        had(self.acquire())
    }

    fn overtaken_in_queue(&self) -> Option<u64> {
        Some(self.counters().overtaken_most)
    }
}

impl Taking for Shared<Monitor<u64>> {
    type Held<'a> = MonitorGuard<'a, u64>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.enter().map_err(refused)
    }

    fn take_after_death(&self) -> Result<Self::Held<'_>, Fault> {
        let mut held = had(self.enter())?;
        held.mark_mended();
        Ok(held)
    }

    fn overtaken_in_queue(&self) -> Option<u64> {
        Some(self.counters().overtaken_most)
    }
}

/// One that was taken from a counting semaphore, posted when it is dropped.
#[derive(Debug)]
pub struct Posted<'a>(&'a CountingSemaphore);

impl Drop for Posted<'_> {
    #[inline]
    fn drop(&mut self) {
        // It fails at the largest value only, and this one was taken.
        let _ = self.0.post();
    }
}

impl Taking for Shared<CountingSemaphore> {
    type Held<'a> = Posted<'a>;

    #[inline(always)]
    fn take(&self) -> Result<Self::Held<'_>, Fault> {
        self.wait().map_err(refused)?;
        Ok(Posted(self))
    }
}
