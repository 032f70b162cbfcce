//! Taking turns: between threads on the heap, between processes in named objects, with one type each.
//!
//! | module | holds |
//! |---|---|
//! | [`policy`] | fair or fast |
//! | [`refusal`] | why somebody did not get their turn, and what they are told |
//! | `held` | what an owner has, noted in its slot |
//! | [`object`] | named objects: made whole, checked when opened |
//! | [`shared`] | [`Shared`]: a handle to a named object |
//! | [`force`] | a lock taken from who has it |
//! | [`mutex`] | [`Mutex`]: one at a time |
//! | [`rwlock`] | [`RwLock`]: many readers or one writer |
//! | [`lock`] | [`Lock`]: the same without data, also for commands |
//! | [`any_lock`] | [`AnyLock`]: any of the three by its word alone, for commands and other languages |
//! | [`shortcut`] | [`Shortcut`]: the shortest way of one thread to one of them |
//! | [`semaphore`] | [`Semaphore`]: permits that have owners |
//! | [`condvar`] | [`Condvar`]: waiting under a mutex |
//! | [`monitor`] | [`Monitor`]: data, mutex and conditions in one |
//! | [`any_monitor`] | [`AnyMonitor`]: one by its name and the bytes of its data, for other languages |
//! | [`predicate`] | conditions as data: what the others can see that somebody waits for |
//! | [`barrier`] | [`Barrier`]: whoever comes waits for all |
//! | [`event`] | [`Event`]: set or not |
//! | [`several`] | [`lock_all`]: several locks in one order |
//! | `awaiting` | a task that takes something for its process |
//! | `gathered` | several of them with one place in the queues of all |
//! | [`mod@wait_any`] | [`fn@wait_any`]: for the first of several events and semaphores |
//! | [`once`] | [`Once`] and [`LazyShared`]: done once, whoever dies doing it |
//! | [`counting_semaphore`] | [`CountingSemaphore`]: anyone waits, anyone posts |
//! | [`posix_semaphore`] | [`PosixSemaphore`]: the one that C programs open by `sem_open` |
//! | [`any_counting`] | [`AnyCountingSemaphore`]: either of the two by its address, for commands and other languages |

pub mod any_counting;
pub mod any_lock;
pub mod any_monitor;
mod awaiting;
pub mod barrier;
pub mod condvar;
pub mod counting_semaphore;
pub mod event;
pub mod force;
pub(crate) mod gathered;
pub(crate) mod held;
pub mod lock;
mod lock_words;
pub mod monitor;
pub mod mutex;
pub mod object;
pub mod once;
pub mod policy;
pub mod posix_semaphore;
pub mod predicate;
pub mod refusal;
pub mod rwlock;
pub mod semaphore;
pub mod several;
pub mod shared;
pub mod shortcut;
pub(crate) mod taker;
pub mod wait_any;

pub use any_counting::AnyCountingSemaphore;
pub use any_lock::{AnyLock, AnyLockGuard, AnyTurn};
pub use any_monitor::{AnyMonitor, AnyMonitorGuard, OwnedAnyMonitorGuard};
pub use barrier::{Barrier, BarrierError, OnDeath};
pub use condvar::Condvar;
pub use counting_semaphore::CountingSemaphore;
pub use event::{Event, Reset};
pub use lock::{Access, Lock, LockGuard};
pub use monitor::{Monitor, MonitorGuard};
pub use mutex::{Mutex, MutexGuard, OwnedMutexGuard};
pub use object::Object;
pub use once::{LazyShared, Once, OnceTurn};
pub use policy::Policy;
pub use posix_semaphore::PosixSemaphore;
pub use predicate::Predicate;
pub use refusal::{LockError, LockResult, Occupied};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{Permit, Permits, Semaphore};
pub use several::{lock_all, lock_all_until};
pub use shared::Shared;
pub use shortcut::{ShortTurn, Shortcut};
pub use wait_any::{Waitable, wait_any};
