//! [`Taken`]: what was taken through one Python object and not given back, by whom.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie::os::process;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::patience::ThreadKey;
use crate::refusal;

/// Who has what is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The calling thread, until it gives it back or ends.
    Thread,
    /// The process: any of its threads gives it back.
    Process,
}

impl Holder {
    pub fn name(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Process => "process",
        }
    }
}

impl FromPyObject<'_, '_> for Holder {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match value.extract()? {
            "thread" => Ok(Self::Thread),
            "process" => Ok(Self::Process),
            other => Err(PyValueError::new_err(format!("owner: \"thread\" or \"process\", not {other:?}"))),
        }
    }
}

/// One acquisition.
struct Held<G> {
    guard: G,
    number: u64,
    thread: ThreadKey,
    epoch: u64,
}

impl<G> Held<G> {
    /// Whether a fork brought it here: then it is the parent's, and does nothing.
    fn is_inherited(&self) -> bool {
        !process::is_fork_epoch(self.epoch)
    }
}

/// What was taken through one object, the latest last.
pub struct Taken<G> {
    owner: Holder,
    /// Nobody holds this for longer than a step, and never outside the interpreter.
    list: Mutex<(u64, Vec<Held<G>>)>,
}

impl<G> Taken<G> {
    pub fn by(owner: Holder) -> Self {
        Self { owner, list: Mutex::new((0, Vec::new())) }
    }

    pub fn owner(&self) -> Holder {
        self.owner
    }

    /// Keeps an acquisition; answers its number.
    pub fn keep(&self, guard: G) -> u64 {
        let mut list = self.list();
        let (count, list) = &mut *list;
        list.retain(|held| !held.is_inherited());
        *count += 1;
        list.push(Held {
            guard,
            number: *count,
            thread: ThreadKey::of_caller(),
            epoch: process::fork_epoch(),
        });
        *count
    }

    /// What `look` says of the acquisition `number`, while there is one.
    pub fn with<T>(&self, number: u64, look: impl FnOnce(&G) -> T) -> Option<T> {
        self.list().1.iter().find(|held| held.number == number).map(|held| look(&held.guard))
    }

    /// Whether the caller has something.
    pub fn is_callers(&self) -> bool {
        let thread = ThreadKey::of_caller();
        let is_callers = |held: &Held<G>| self.owner == Holder::Process || held.thread == thread;
        self.list().1.iter().any(|held| is_callers(held) && !held.is_inherited())
    }

    /// The caller's latest acquisition, or that of `number`, to be given back.
    ///
    /// # Errors
    /// `RuntimeError` where the caller has none of `object`.
    pub fn take_back(&self, object: &str, number: Option<u64>) -> PyResult<G> {
        let thread = ThreadKey::of_caller();
        let mut list = self.list();
        let found = list.1.iter().rposition(|held| {
            let is_callers = self.owner == Holder::Process || held.thread == thread || held.is_inherited();
            is_callers && number.is_none_or(|number| number == held.number)
        });
        match found.map(|at| list.1.remove(at)) {
            Some(held) if held.is_inherited() => Err(refusal::not_held(object, true)),
            Some(held) => Ok(held.guard),
            None => Err(refusal::not_held(object, false)),
        }
    }

    fn list(&self) -> MutexGuard<'_, (u64, Vec<Held<G>>)> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Taken and not given back: it is given back now where that can be told from, else when the thread ends.
impl<G> Drop for Taken<G> {
    fn drop(&mut self) {
        let list = self.list.get_mut().unwrap_or_else(PoisonError::into_inner);
        let thread = ThreadKey::of_caller();
        for held in list.1.drain(..) {
            if self.owner == Holder::Thread && held.thread != thread && !held.is_inherited() {
                // Another thread's: its end gives it back, as an owner's death.
                std::mem::forget(held.guard);
            }
        }
    }
}
