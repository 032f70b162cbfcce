//! [`Taken`]: what was taken through one Python object and not given back, by whom.

use std::cell::UnsafeCell;

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
    by: By,
}

/// By whom something was taken, and as the how manieth.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub number: u64,
    pub thread: ThreadKey,
    /// In which process, by the number of its fork.
    epoch: u64,
}

impl By {
    /// The caller.
    #[inline(always)]
    pub fn caller(number: u64) -> Self {
        Self { number, thread: ThreadKey::of_caller(), epoch: process::fork_epoch() }
    }
}

impl<G> Held<G> {
    /// Whether a fork brought it here: then it is the parent's, and does nothing.
    #[inline(always)]
    fn is_inherited(&self) -> bool {
        !process::is_fork_epoch(self.by.epoch)
    }
}

/// What was taken through one object, the latest last.
pub struct Taken<G> {
    owner: Holder,
    list: Attached<List<G>>,
}

/// The acquisitions, and how many there were ever.
struct List<G> {
    count: u64,
    held: Vec<Held<G>>,
}

impl<G> List<G> {
    #[inline]
    fn keep(&mut self, guard: G, by: By) {
        if self.held.first().is_some_and(Held::is_inherited) {
            self.held.retain(|held| !held.is_inherited());
        }
        // A thread's are in the order in which it took them.
        let at = self.held.partition_point(|held| held.by.number < by.number);
        self.held.insert(at, Held { guard, by });
    }
}

impl<G> Taken<G> {
    pub fn by(owner: Holder) -> Self {
        Self { owner, list: Attached::new(List { count: 0, held: Vec::new() }) }
    }

    #[inline]
    pub fn owner(&self) -> Holder {
        self.owner
    }

    /// Keeps an acquisition; answers its number.
    #[inline]
    pub fn keep(&self, py: Python<'_>, guard: G) -> u64 {
        let by = By::caller(self.next_number(py));
        self.keep_by(py, guard, by);
        by.number
    }

    /// The number of the next acquisition.
    #[inline(always)]
    pub fn next_number(&self, py: Python<'_>) -> u64 {
        self.list.with(py, |list| {
            list.count += 1;
            list.count
        })
    }

    /// Keeps an acquisition of `by`.
    pub fn keep_by(&self, py: Python<'_>, guard: G, by: By) {
        self.list.with(py, |list| list.keep(guard, by));
    }

    /// As [`Taken::keep_by`], of who has this object alone.
    pub fn keep_alone(&mut self, guard: G, by: By) {
        self.list.alone().keep(guard, by);
    }

    /// What `look` says of the acquisition `number`, while there is one.
    pub fn with<T>(&self, py: Python<'_>, number: u64, look: impl FnOnce(&G) -> T) -> Option<T> {
        self.list.with(py, |list| {
            list.held.iter().find(|held| held.by.number == number).map(|held| look(&held.guard))
        })
    }

    /// Whether the caller has something.
    pub fn is_callers(&self, py: Python<'_>) -> bool {
        let thread = ThreadKey::of_caller();
        let is_callers = |held: &Held<G>| self.owner == Holder::Process || held.by.thread == thread;
        self.list.with(py, |list| list.held.iter().any(|held| is_callers(held) && !held.is_inherited()))
    }

    /// Whether the caller has the acquisition `number`.
    pub fn is_callers_number(&self, py: Python<'_>, number: u64) -> bool {
        let thread = ThreadKey::of_caller();
        let is_it = |held: &Held<G>| {
            held.by.number == number && (self.owner == Holder::Process || held.by.thread == thread)
        };
        self.list.with(py, |list| list.held.iter().any(is_it))
    }

    /// The caller's latest acquisition, or that of `number`, to be given back.
    ///
    /// # Errors
    /// `RuntimeError` where the caller has none of `object`.
    #[inline]
    pub fn take_back(&self, py: Python<'_>, object: &str, number: Option<u64>) -> PyResult<G> {
        let thread = ThreadKey::of_caller();
        let found = self.list.with(py, |list| {
            let found = list.held.iter().rposition(|held| {
                let is_callers =
                    held.by.thread == thread || self.owner == Holder::Process || held.is_inherited();
                is_callers && number.is_none_or(|number| number == held.by.number)
            });
            // The latest, mostly: nothing moves up.
            found.map(
                |at| if at + 1 == list.held.len() { list.held.pop() } else { Some(list.held.remove(at)) },
            )
        });
        match found.flatten() {
            Some(held) if held.is_inherited() => Err(refusal::not_held(object, true)),
            Some(held) => Ok(held.guard),
            None => Err(refusal::not_held(object, false)),
        }
    }
}

/// Taken and not given back: it is given back now where that can be told from, else when the thread ends.
impl<G> Drop for Taken<G> {
    fn drop(&mut self) {
        let thread = ThreadKey::of_caller();
        for held in self.list.alone().held.drain(..) {
            if self.owner == Holder::Thread && held.by.thread != thread && !held.is_inherited() {
                // Another thread's: its end gives it back, as an owner's death.
                std::mem::forget(held.guard);
            }
        }
    }
}

/// What is seen only with the interpreter's lock, which is the only lock that it needs: the module asks for that lock to be there.
pub struct Attached<T>(UnsafeCell<T>);

#[expect(unsafe_code, reason = "the interpreter's lock stands for one of our own")]
mod attached {
    use super::{Attached, Python, UnsafeCell};

    // SAFETY: nobody sees it but in `with`, one thread at a time, and `T` may move between threads.
    unsafe impl<T: Send> Sync for Attached<T> {}

    impl<T> Attached<T> {
        pub fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }

        /// Calls `look`, which calls nothing of the interpreter, so that no other thread, nor this one again, comes between.
        #[inline(always)]
        pub fn with<R>(&self, _py: Python<'_>, look: impl FnOnce(&mut T) -> R) -> R {
            // SAFETY: `_py` proves the interpreter's lock, and `look` does not give it away: no other reference lives.
            look(unsafe { &mut *self.0.get() })
        }

        pub fn alone(&mut self) -> &mut T {
            self.0.get_mut()
        }
    }
}
