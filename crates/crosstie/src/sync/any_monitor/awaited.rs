//! [`OwnedAnyMonitorGuard`]: a stay in a monitor of some size that is the process's, entered without blocking a thread.

use std::fmt;
use std::pin::Pin;

use super::{AnyMonitor, Sized};
use crate::ledger::Identity;
use crate::sync::monitor::{EnterAsync as _, Monitor, OwnedMonitorGuard};
use crate::sync::refusal::LockResult;
use crate::sync::shared::Shared;

/// A stay in a monitor of `N` numbers.
type OfSize<const N: usize> = OwnedMonitorGuard<[u64; N], Shared<Monitor<[u64; N]>>>;

/// A wait for being inside.
type Entering = Pin<Box<dyn Future<Output = LockResult<OwnedAnyMonitorGuard>> + Send>>;

impl AnyMonitor {
    /// Enters for the calling process, and waits for that as long as it takes, without blocking a thread.
    ///
    /// # Cancellation
    /// As [`EnterAsync::enter_async`](crate::sync::monitor::EnterAsync::enter_async).
    ///
    /// # Errors
    /// As [`EnterAsync::enter_async`](crate::sync::monitor::EnterAsync::enter_async).
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::AnyMonitor;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = AnyMonitor::open_or_create_in(domain, "stock", 8)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let sold = async {
    ///     let mut inside = stock.enter_async().await?;
    ///     while inside.data()[0] == 0 {
    ///         inside = inside.wait_change_async().await?;
    ///     }
    ///     inside.data()[0] -= 1;
    ///     Ok::<(), crosstie::Error>(())
    /// };
    /// let bought = async {
    ///     stock.enter_async().await?.data()[0] += 3;
    ///     Ok(())
    /// };
    /// runtime.block_on(async { tokio::try_join!(sold, bought) })?;
    /// assert_eq!(stock.enter_until(Deadline::NEVER)?.data()[0], 2);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn enter_async(
        &self,
    ) -> impl Future<Output = LockResult<OwnedAnyMonitorGuard>> + Send + 'static + use<> {
        match &self.sized {
            Sized::W8(monitor) => entering(monitor),
            Sized::W64(monitor) => entering(monitor),
            Sized::W512(monitor) => entering(monitor),
            Sized::W4096(monitor) => entering(monitor),
        }
    }
}

fn entering<const N: usize>(monitor: &Shared<Monitor<[u64; N]>>) -> Entering {
    let monitor = monitor.clone();
    Box::pin(async move { owned(monitor.enter_async().await) })
}

fn owned<const N: usize>(entered: LockResult<OfSize<N>>) -> LockResult<OwnedAnyMonitorGuard> {
    let owned = |guard| OwnedAnyMonitorGuard(Box::new(guard));
    entered.map(owned).map_err(|refusal| refusal.map(owned))
}

/// A stay in an [`AnyMonitor`] that is the process's until it is dropped; it may move between threads.
pub struct OwnedAnyMonitorGuard(Box<dyn OwnedStay>);

/// An owned stay in a monitor of some size.
trait OwnedStay: Send {
    fn data(&mut self) -> &mut [u64];
    fn token(&self) -> u64;
    fn is_abandoned(&self) -> bool;
    fn dead_owner(&self) -> Option<Identity>;
    fn is_held(&self) -> bool;
    fn mark_mended(&mut self);
    fn change(self: Box<Self>) -> Entering;
}

impl<const N: usize> OwnedStay for OfSize<N> {
    fn data(&mut self) -> &mut [u64] {
        &mut **self
    }

    fn token(&self) -> u64 {
        Self::token(self)
    }

    fn is_abandoned(&self) -> bool {
        Self::is_abandoned(self)
    }

    fn dead_owner(&self) -> Option<Identity> {
        Self::dead_owner(self)
    }

    fn is_held(&self) -> bool {
        Self::is_held(self)
    }

    fn mark_mended(&mut self) {
        Self::mark_mended(self);
    }

    fn change(self: Box<Self>) -> Entering {
        Box::pin(async move { owned((*self).wait_change_async().await) })
    }
}

impl OwnedAnyMonitorGuard {
    /// The data, as the numbers in which they lie: those who wait for a change are told of one.
    #[must_use]
    pub fn data(&mut self) -> &mut [u64] {
        self.0.data()
    }

    /// As [`OwnedMonitorGuard::wait_change_async`].
    ///
    /// # Errors
    /// As [`OwnedMonitorGuard::wait_change_async`].
    pub fn wait_change_async(self) -> impl Future<Output = LockResult<Self>> + Send {
        self.0.change()
    }

    /// As [`OwnedMonitorGuard::token`].
    #[must_use]
    pub fn token(&self) -> u64 {
        self.0.token()
    }

    /// As [`OwnedMonitorGuard::is_abandoned`].
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }

    /// As [`OwnedMonitorGuard::dead_owner`].
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        self.0.dead_owner()
    }

    /// As [`OwnedMonitorGuard::is_held`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// As [`OwnedMonitorGuard::mark_mended`].
    pub fn mark_mended(&mut self) {
        self.0.mark_mended();
    }
}

impl fmt::Debug for OwnedAnyMonitorGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedAnyMonitorGuard").field("token", &self.token()).finish_non_exhaustive()
    }
}
