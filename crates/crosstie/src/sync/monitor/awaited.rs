//! [`EnterAsync`]: entering a monitor, and waiting in it, without blocking a thread.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::OnceLock;

use crosstie_core::turns::condition as turns;
use crosstie_core::wait::{Wait as _, Wake as _};
use crosstie_core::word::waiting::Mode;

use super::Monitor;
use super::exact::Left;
use crate::ledger::task::Task;
use crate::ledger::{Domain, Identity};
use crate::sync::awaiting::Awaiting;
use crate::sync::mutex::{Mutex, OwnedMutexGuard, lock_as_task};
use crate::sync::object::Object;
use crate::sync::refusal::{LockError, LockResult, domain_removed};

/// Entering and waiting as futures, for the whole process: the guard may move between threads and across awaits. In any runtime, and beside
/// threads that block: one queue.
pub trait EnterAsync<T>: Deref<Target = Monitor<T>> + Clone {
    /// Enters for the calling process, and waits for that as long as it takes.
    ///
    /// No deadlock is told, as with [`LockAsync`](crate::sync::mutex::LockAsync).
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has nothing and has left the queue; a monitor that had just been handed to it goes to the next.
    ///
    /// # Errors
    /// [`LockError::Abandoned`] and [`LockError::Poisoned`] with the guard; [`LockError::Failed`] when the domain has no room.
    ///
    /// # Death
    /// It is held until the guard is dropped or the *process* ends; then whoever waits is woken, and told.
    #[track_caller]
    fn enter_async(&self) -> impl Future<Output = LockResult<OwnedMonitorGuard<T, Self>>> + Send
    where
        Self: Send + Sync,
        T: Send,
    {
        enter(self, Location::caller())
    }

    /// Enters, and waits until `condition` is false; ready with the monitor entered.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it is outside and waits no more; what had been changed for it is for the next who waits.
    ///
    /// # Errors
    /// As [`EnterAsync::enter_async`]; the condition is not asked again then.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Monitor;
    /// use crosstie::sync::monitor::EnterAsync;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = Monitor::<u64>::open_or_create_in(domain, "stock", || 0)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// runtime.block_on(async {
    ///     let sold = async { *stock.wait_while_async(|stock| *stock == 0).await? -= 1; Ok::<(), crosstie::Error>(()) };
    ///     let bought = async { *stock.enter_async().await? += 3; Ok::<(), crosstie::Error>(()) };
    ///     tokio::try_join!(sold, bought)
    /// })?;
    /// assert_eq!(*stock.enter()?, 2);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn wait_while_async(
        &self,
        condition: impl FnMut(&mut T) -> bool + Send,
    ) -> impl Future<Output = LockResult<OwnedMonitorGuard<T, Self>>> + Send
    where
        Self: Send + Sync,
        T: Send,
    {
        wait_while(self, condition, Location::caller())
    }
}

impl<T, H: Deref<Target = Monitor<T>> + Clone> EnterAsync<T> for H {}

async fn enter<T, H: Deref<Target = Monitor<T>> + Clone>(
    handle: &H,
    site: &'static Location<'static>,
) -> LockResult<OwnedMonitorGuard<T, H>> {
    let awaiting = Awaiting::new(handle.mutex.tag(), site).map_err(LockError::Failed)?;
    enter_as(handle, &awaiting, &OnceLock::new()).await
}

async fn enter_as<T, H: Deref<Target = Monitor<T>> + Clone>(
    handle: &H,
    awaiting: &Awaiting,
    place: &OnceLock<Task>,
) -> LockResult<OwnedMonitorGuard<T, H>> {
    let locked = lock_as_task(&ItsMutex(handle.clone()), awaiting, place).await;
    let inside = |guard| OwnedMonitorGuard { told: Told::Nobody, guard, left: None };
    // What an owner died over may be what others wait for.
    locked.map(inside).map_err(|refusal| {
        refusal.map(|guard| {
            let mut guard = inside(guard);
            guard.owe();
            guard
        })
    })
}

async fn wait_while<T, H: Deref<Target = Monitor<T>> + Clone>(
    handle: &H,
    mut condition: impl FnMut(&mut T) -> bool,
    site: &'static Location<'static>,
) -> LockResult<OwnedMonitorGuard<T, H>> {
    let awaiting = Awaiting::new(handle.mutex.tag(), site).map_err(LockError::Failed)?;
    let place = OnceLock::new();
    let mut guard = enter_as(handle, &awaiting, &place).await?;
    // It sees the data and changes nothing of which others would have to be told.
    while condition(&mut guard.guard) {
        guard = wait_change(guard, &awaiting, &place).await?;
    }
    Ok(guard)
}

/// Leaves, waits for a change, and enters again.
async fn wait_change<T, H: Deref<Target = Monitor<T>> + Clone>(
    guard: OwnedMonitorGuard<T, H>,
    awaiting: &Awaiting,
    place: &OnceLock<Task>,
) -> LockResult<OwnedMonitorGuard<T, H>> {
    let handle = guard.guard.handle().0.clone();
    let changed = handle.changed.head();
    awaiting.name(changed);
    let task = awaiting.place_in(place).map_err(LockError::Failed)?;
    let (at, request) = (task.next_place(), awaiting.request(Mode::Signal, 1, 1));
    let queued = turns::enter(changed, at, task, &request);
    drop(guard);
    // It waits for ever, and no deadlock is told to it: nothing else ends the wait.
    let waited = turns::sleep_async(changed, task, at, queued).await;
    let Ok(carried) = waited else { return Err(LockError::Failed(domain_removed(awaiting.domain()))) };
    let entered = enter_as(&handle, awaiting, place).await;
    if let Ok(_) | Err(LockError::Abandoned(_) | LockError::Poisoned(_)) = &entered {
        carried.accept();
    }
    entered
}

/// The mutex of the monitor to which `H` leads.
#[derive(Clone)]
struct ItsMutex<H>(H);

impl<T, H: Deref<Target = Monitor<T>>> Deref for ItsMutex<H> {
    type Target = Mutex<T>;

    fn deref(&self) -> &Mutex<T> {
        &self.0.mutex
    }
}

/// Whom a guard has told that the data change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nobody,
    /// Those who waited then, if any.
    Waiters,
    /// Those too whose conditions others can see: one of them is chosen when it leaves.
    Exact,
}

/// The data of a [`Monitor`], entered by the process until it is dropped; may move between threads. Whoever waits is told of what it changes.
///
/// `H` is what leads to the monitor: a [`Shared`](crate::sync::Shared) or an `Arc`.
pub struct OwnedMonitorGuard<T, H: Deref<Target = Monitor<T>>> {
    told: Told,
    guard: OwnedMutexGuard<T, ItsMutex<H>>,
    /// Whom its drop has chosen; behind the mutex, since that one is woken when it is free.
    left: Option<Left>,
}

impl<T, H: Deref<Target = Monitor<T>>> OwnedMonitorGuard<T, H> {
    /// The fencing number of this acquisition: larger than that of every one before.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.guard.token()
    }

    /// Whether an owner died inside and nobody has mended the data since.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.guard.is_abandoned()
    }

    /// Who died last inside, if nobody has mended the data since.
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        self.guard.dead_owner()
    }

    /// Whether it is still held: false when it was taken away by force, and in a fork child.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.guard.is_held()
    }

    /// Says that the data are whole again, after an owner died or panicked inside.
    pub fn mark_mended(&mut self) {
        self.guard.mark_mended();
    }

    /// Waits, outside meanwhile, until somebody has been inside who may have changed the data: look at them then.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it is outside and waits no more; what had been changed for it is for the next who waits.
    ///
    /// # Errors
    /// As [`EnterAsync::enter_async`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Monitor;
    /// use crosstie::sync::monitor::EnterAsync;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = Monitor::<u64>::open_or_create_in(domain, "stock", || 0)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let left = runtime.block_on(async {
    ///     let mut inside = stock.enter_async().await?;
    ///     let bought = async { *stock.enter_async().await? += 3; Ok::<(), crosstie::Error>(()) };
    ///     let sold = async {
    ///         while *inside == 0 {
    ///             inside = inside.wait_change_async().await?;
    ///         }
    ///         *inside -= 1;
    ///         Ok(*inside)
    ///     };
    ///     tokio::try_join!(sold, bought).map(|(left, ())| left)
    /// })?;
    /// assert_eq!(left, 2);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_change_async(self) -> impl Future<Output = LockResult<Self>> + Send
    where
        H: Clone + Send + Sync,
        T: Send,
    {
        let site = Location::caller();
        async move {
            let awaiting = Awaiting::new(self.monitor().mutex.tag(), site).map_err(LockError::Failed)?;
            wait_change(self, &awaiting, &OnceLock::new()).await
        }
    }

    fn monitor(&self) -> &Monitor<T> {
        &self.guard.handle().0
    }

    /// Tells those who wait that the data are about to change.
    #[cold]
    fn tell(&mut self) {
        self.told = Told::Waiters;
        let monitor = self.monitor();
        if !monitor.has_waiters() || !self.guard.is_held() {
            return;
        }
        // A tag that leads nowhere was written by others: nobody can be found who waits here.
        let _ = monitor.changed.notify_in(monitor.mutex.tag(), u32::MAX);
        if monitor.exact.has_waiters() {
            self.owe();
        }
    }

    /// Owes those a look whose conditions others can see.
    fn owe(&mut self) {
        let monitor = self.monitor();
        if let Ok(domain) = Domain::for_tag(monitor.mutex.tag())
            && self.guard.is_held()
        {
            let head = monitor.exact.head();
            let announced = domain.announce_change(head);
            monitor.exact_words().make_due();
            // No thread is announced until the guard goes. So the first of them has to look: it finds whose the data are, and watches
            // that process.
            if let Some(first) = domain.first(head.key()) {
                domain.nudge(first);
            }
            drop(announced);
            self.told = Told::Exact;
        }
    }
}

impl<T, H: Deref<Target = Monitor<T>>> Drop for OwnedMonitorGuard<T, H> {
    fn drop(&mut self) {
        if self.told != Told::Exact {
            return;
        }
        let monitor = self.monitor();
        if let Ok(domain) = Domain::for_tag(monitor.mutex.tag())
            && self.guard.is_held()
        {
            let due = domain.begin_change(monitor.exact.head());
            let left = monitor.choose_by(Some(&*self.guard), domain, due);
            self.left = Some(left);
        }
    }
}

impl<T, H: Deref<Target = Monitor<T>>> Deref for OwnedMonitorGuard<T, H> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T, H: Deref<Target = Monitor<T>>> DerefMut for OwnedMonitorGuard<T, H> {
    fn deref_mut(&mut self) -> &mut T {
        if self.told == Told::Nobody {
            self.tell();
        }
        &mut self.guard
    }
}

impl<T: fmt::Debug, H: Deref<Target = Monitor<T>>> fmt::Debug for OwnedMonitorGuard<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
