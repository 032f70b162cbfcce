//! [`HeldPermits`]: what every guard of a permit has, and gives back.

use std::ops::Deref;

use super::Semaphore;
use crate::sync::held::Noted;

/// A permit that somebody has, whoever that is; `H` is what leads to the semaphore.
pub(super) struct HeldPermits<H: Deref<Target = Semaphore>> {
    pub(super) semaphore: H,
    pub(super) noted: Noted,
    pub(super) index: u32,
    pub(super) token: u64,
}

impl<H: Deref<Target = Semaphore>> Drop for HeldPermits<H> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.give_back(&self.noted, std::iter::once(self.index));
    }
}
