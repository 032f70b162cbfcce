//! The Python module `crosstie`: what the library has, in the forms of `threading` and `multiprocessing`.
//!
//! | file | holds |
//! |---|---|
//! | `patience` | timeouts, and waits that a signal's handler may end |
//! | `ears` | the signals that come meanwhile |
//! | `refusal` | errors as Python's exceptions |
//! | `owner` | who has something, who died, who waits for whom |
//! | `domain` | in which folder objects have their names |
//! | `pickle` | objects pickle by their names |
//! | `held` | what was taken through an object, by which thread |
//! | `kept` | what is lent from, and does not move |
//! | `direct` | methods that are called with nothing between |
//! | `lock` | `Lock` and its `Guard` |
//! | `monitor` | turns and memory of a monitor |
//! | `semaphore`, `counting` | `Semaphore` and its `Permit`; `CountingSemaphore` |
//! | `sender`, `receiver` | the ends of channels, as bytes |
//! | `capabilities` | what their mechanisms can |
//! | `loan` | messages written and read in place |
//! | `awaited`, `awaitable`, `had` | waits of asyncio's tasks, as futures of the library; for what; what they gave |
//! | `condition_tasks`, `monitor_tasks` | waiting of tasks for what others do, outside meanwhile |
//! | `client`, `server` | the ends of calls, as bytes |
//! | `tasks` | the same for asyncio's tasks |
//! | `replies` | many replies to one call |
//! | `region` | raw shared memory as a buffer |
//! | `removal`, `listing`, `queue_state` | `remove`, `ls`, what a queue holds |
//! | `unnamed` | parts in what has no name |
//! | `condition`, `event`, `barrier`, `once` | waiting for what others do |
//!
//! What needs no speed is Python, in the folder `python/crosstie`: the exceptions, and all that is built from these.
#![deny(unsafe_code)]

mod awaitable;
mod awaited;
mod barrier;
mod capabilities;
mod client;
mod condition;
mod condition_tasks;
mod counting;
mod direct;
mod domain;
mod ears;
mod event;
mod had;
mod held;
mod kept;
mod listing;
mod loan;
mod lock;
mod monitor;
mod monitor_tasks;
mod once;
mod owner;
mod patience;
mod pickle;
mod queue_state;
mod receiver;
mod refusal;
mod region;
mod removal;
mod replies;
mod semaphore;
mod sender;
mod server;
mod tasks;
mod unnamed;

use pyo3::prelude::*;

/// The compiled half of `crosstie`; import that.
// `held` stands on the interpreter's lock.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::awaitable::AwaitableObject;
    #[pymodule_export]
    use super::awaited::Awaited;
    #[pymodule_export]
    use super::barrier::{Barrier, Party};
    #[pymodule_export]
    use super::capabilities::Capabilities;
    #[pymodule_export]
    use super::client::ClientEnd;
    #[pymodule_export]
    use super::condition::Condition;
    #[pymodule_export]
    use super::condition_tasks::ConditionTasks;
    #[pymodule_export]
    use super::counting::CountingSemaphore;
    #[pymodule_export]
    use super::domain::{folder, is_private};
    #[pymodule_export]
    use super::event::Event;
    #[pymodule_export]
    use super::had::Had;
    #[pymodule_export]
    use super::listing::ls;
    #[pymodule_export]
    use super::loan::{LentEnd, LoanEnd};
    #[pymodule_export]
    use super::lock::{Guard, Lock};
    #[pymodule_export]
    use super::monitor::{MonitorEnd, Stay};
    #[pymodule_export]
    use super::monitor_tasks::MonitorTasks;
    #[pymodule_export]
    use super::once::Once;
    #[pymodule_export]
    use super::owner::{Blocked, Owner};
    #[pymodule_export]
    use super::queue_state::queue_state;
    #[pymodule_export]
    use super::receiver::{JobEnd, ReceiverEnd};
    #[pymodule_export]
    use super::refusal::error_table;
    #[pymodule_export]
    use super::region::Region;
    #[pymodule_export]
    use super::removal::remove;
    #[pymodule_export]
    use super::replies::{RepliesEnd, RepliesTasks, ReplyStreamEnd};
    #[pymodule_export]
    use super::semaphore::{Permit, Semaphore};
    #[pymodule_export]
    use super::sender::SenderEnd;
    #[pymodule_export]
    use super::server::{CallEnd, ServerEnd};
    #[pymodule_export]
    use super::tasks::{ClientTasks, ServerTasks};
    #[pymodule_export]
    use super::unnamed::UnnamedEnd;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::lock::shorten(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
