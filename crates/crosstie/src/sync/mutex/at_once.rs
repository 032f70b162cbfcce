//! Locking that is over in some instructions, or not begun.

use std::panic::Location;

use super::Mutex;
use super::guard::MutexGuard;

impl<T> Mutex<T> {
    /// Locks if that takes no more than a look and an exchange; else `None`, and nothing is said of why: also where this thread is new here, and where
    /// the data are to be mended. For who has a longer way for all that.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Mutex;
    /// let mutex = Mutex::new(7);
    /// drop(mutex.lock()?);                         // this thread is known from now on
    /// let held = mutex.lock_if_free().unwrap();
    /// assert!(mutex.lock_if_free().is_none() && *held == 7);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[inline(always)]
    #[must_use]
    #[track_caller]
    pub fn lock_if_free(&self) -> Option<MutexGuard<'_, T>> {
        if self.head.state() != 0 {
            return None;
        }
        let me = self.take_at_once()?;
        // An owner may have died since that look: then it is given up again, as it was.
        self.guard(me, Location::caller()).ok()
    }
}
