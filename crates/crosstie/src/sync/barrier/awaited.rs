//! [`Party`]: a party of a barrier that is no thread, and waits without blocking one.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use crosstie_core::turns::barrier as turns;
use crosstie_core::wait::Wait as _;
use crosstie_core::word::waiting::Mode;

use super::{Barrier, BarrierError};
use crate::error::Result;
use crate::ledger::task::Task;
use crate::os::clock;
use crate::sync::awaiting::Awaiting;

/// Becoming a party of a barrier that is no thread. In any runtime, and beside threads that block.
pub trait Join: Deref<Target = Barrier> + Clone {
    /// One more party, which waits by [`Party::wait_async`]; a process may be as many as it likes.
    ///
    /// # Errors
    /// `NoSpace` when every slot of the domain is taken, or this process has its share.
    fn join(&self) -> Result<Party<Self>>;
}

impl<H: Deref<Target = Barrier> + Clone> Join for H {
    #[track_caller]
    fn join(&self) -> Result<Party<Self>> {
        let awaiting = Awaiting::new(self.head.tag(), Location::caller())?;
        awaiting.name(&self.head);
        let task = awaiting.task()?;
        Ok(Party { barrier: self.clone(), awaiting, task })
    }
}

/// A party of a [`Barrier`] that is no thread: it may move between threads, and waits as a future. Dropped, it gives its seat up, and another
/// may be a party in its place.
///
/// # Death
/// It dies with its *process*, as [`Barrier`] says of a party.
///
/// # Examples
/// ```
/// use crosstie::sync::barrier::{Barrier, Join, OnDeath};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let phase = Barrier::open_or_create_in(domain, "phase", 2, OnDeath::Break)?;
/// let (mut one, mut two) = (phase.join()?, phase.join()?);
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let leads = runtime.block_on(async { tokio::join!(one.wait_async(), two.wait_async()) });
/// assert_ne!(leads.0.unwrap(), leads.1.unwrap(), "one of them leads");
/// # Ok::<(), crosstie::Error>(())
/// ```
pub struct Party<H: Deref<Target = Barrier>> {
    barrier: H,
    awaiting: Awaiting,
    /// The party is who waits in this slot, from its first wait on.
    task: Task,
}

impl<H: Deref<Target = Barrier>> Party<H> {
    /// Waits until all have come, as long as it takes; true for one of them.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it counts as not come, as one that is late; but if all had come by then, it has taken part.
    ///
    /// # Errors
    /// [`BarrierError`].
    pub fn wait_async(&mut self) -> impl Future<Output = Result<bool, BarrierError>> + Send
    where
        H: Send + Sync,
    {
        self.wait()
    }

    async fn wait(&mut self) -> Result<bool, BarrierError> {
        let barrier: &Barrier = &self.barrier;
        let (domain, since_ns) = (self.awaiting.domain(), clock::now_ns());
        let request = self.awaiting.request(Mode::Arrival, 1, barrier.parties());
        let announce = || domain.announce_change(&barrier.head);
        let (head, seats, on_death) = (&barrier.head, barrier.seats(), barrier.on_death());
        let (task, party) = (&self.task, self.task.me());
        let arrived = turns::arrive_async(head, seats, on_death, task, party, &request, announce).await;
        barrier.told(domain, arrived, since_ns)
    }
}

impl<H: Deref<Target = Barrier>> Drop for Party<H> {
    fn drop(&mut self) {
        // A fork child's copy is its parent's.
        if self.task.is_present() {
            self.barrier.give_seat_back(self.task.me());
        }
    }
}

impl<H: Deref<Target = Barrier>> fmt::Debug for Party<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party").field("barrier", &*self.barrier).finish_non_exhaustive()
    }
}
