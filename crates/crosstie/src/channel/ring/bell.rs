//! [`RingBell`]: what ends a receiver's wait, from another thread of its process.

use std::sync::Arc;

use crosstie_core::atomic::{AtomicU32, Ordering};

use super::shared::{End, Shared};

/// Ends one wait of a [`RingReceiver`](super::RingReceiver) as its deadline would: the one that is going on,
/// or the next.
#[derive(Clone)]
pub(crate) struct RingBell {
    shared: Arc<Shared>,
    /// 1 from the ring until it is heard.
    rung: Arc<AtomicU32>,
}

impl RingBell {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), rung: Arc::default() }
    }

    /// Ends a wait.
    pub(crate) fn ring(&self) {
        // Release: `rouse` fences between it and the sleeper's announcement, which the sleeper makes
        // before it looks here once more.
        self.rung.store(1, Ordering::Release);
        self.shared.rouse(End::Producer);
    }

    /// Whether it was rung; it is silent again then.
    #[inline]
    pub(super) fn hear(&self) -> bool {
        // Relaxed: a look; the swap decides.
        // Acquire: meets the ringer's Release, behind this end's own announcement and barrier.
        self.rung.load(Ordering::Relaxed) != 0 && self.rung.swap(0, Ordering::Acquire) != 0
    }

    /// Whether it was rung and not heard yet.
    pub(super) fn is_rung(&self) -> bool {
        // Acquire: as `hear`.
        self.rung.load(Ordering::Acquire) != 0
    }
}
