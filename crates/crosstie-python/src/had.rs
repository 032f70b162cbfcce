//! `Had`: what a wait of a task gave.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie::Error;
use crosstie::ErrorKind;
use crosstie::sync::lock::ByProcess;
use crosstie::sync::semaphore::OwnedPermit;
use crosstie::sync::{Lock, LockError, LockGuard, LockResult, OwnedAnyMonitorGuard, Semaphore, Shared};
use pyo3::prelude::*;

use crate::awaited::Ended;
use crate::owner::Owner;
use crate::refusal;

/// What a wait gave.
pub enum Given {
    Lock(LockGuard<Shared<Lock>, ByProcess>),
    Permit(OwnedPermit<Shared<Semaphore>>),
    Inside(OwnedAnyMonitorGuard),
    Nothing,
}

impl Given {
    fn is_held(&self) -> bool {
        match self {
            Self::Lock(guard) => guard.is_held(),
            Self::Permit(permit) => permit.is_held(),
            Self::Inside(inside) => inside.is_held(),
            Self::Nothing => false,
        }
    }
}

/// What a wait gave: it is the process's until it is given back.
#[pyclass(frozen, module = "crosstie._native")]
pub struct Had {
    what: Mutex<What>,
}

/// What is had, and what is known of it, also behind its end.
struct What {
    given: Given,
    is_abandoned: bool,
    dead_owner: Option<Owner>,
    token: u64,
    index: u32,
}

impl What {
    fn of(given: Given) -> Self {
        let (is_abandoned, dead_owner, token) = match &given {
            Given::Lock(guard) => (guard.is_abandoned(), guard.dead_owner(), guard.token()),
            Given::Inside(inside) => (inside.is_abandoned(), inside.dead_owner(), inside.token()),
            Given::Permit(permit) => (false, None, permit.token()),
            Given::Nothing => (false, None, 0),
        };
        let index = if let Given::Permit(permit) = &given { permit.index() } else { 0 };
        Self { given, is_abandoned, dead_owner: dead_owner.as_ref().map(Owner::of), token, index }
    }
}

#[pymethods]
impl Had {
    /// Of a lock or a monitor: whether the owner before died while it had it.
    #[getter]
    fn abandoned(&self) -> bool {
        self.what().is_abandoned
    }

    /// Who that was, if it is still known.
    #[getter]
    fn dead_owner(&self) -> Option<Owner> {
        self.what().dead_owner.clone()
    }

    /// Of a lock, a permit or a monitor: the fencing number.
    #[getter]
    fn token(&self) -> u64 {
        self.what().token
    }

    /// Of a permit: which of them it is.
    #[getter]
    fn index(&self) -> u32 {
        self.what().index
    }

    /// Whether it is still held.
    #[getter]
    fn held(&self) -> bool {
        self.what().given.is_held()
    }

    /// Of a monitor: says that the data are whole again, so that the next one is not told that somebody died.
    fn mark_mended(&self) -> PyResult<()> {
        match &mut self.what().given {
            Given::Inside(inside) => inside.mark_mended(),
            Given::Nothing => return Err(refusal::not_held("what was given back already", false)),
            // Of these a death is told once.
            Given::Lock(_) | Given::Permit(_) => {}
        }
        Ok(())
    }

    /// Gives it back.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        let given = self.take("what was given back already")?;
        if given.is_held() {
            return Ok(());
        }
        Err(refusal::exception(
            py,
            ErrorKind::Lost,
            "it was taken away by force, or is a parent's behind a fork",
        ))
    }
}

impl Had {
    pub fn of(given: Given) -> Self {
        Self { what: Mutex::new(What::of(given)) }
    }

    /// Takes out what is had, for who waits without it; `object` names what is missing if nothing is.
    pub fn take(&self, object: &str) -> PyResult<Given> {
        match std::mem::replace(&mut self.what().given, Given::Nothing) {
            Given::Nothing => Err(refusal::not_held(object, false)),
            given => Ok(given),
        }
    }

    fn what(&self) -> MutexGuard<'_, What> {
        self.what.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a wait for an object gives. It is never late, and no deadlock is told in it.
pub fn given<G>(answer: LockResult<G>, of: impl Fn(G) -> Given) -> Ended {
    let given = checked(answer, of);
    Box::new(move |py| match given {
        Ok(given) => Ok(Py::new(py, Had::of(given))?.into_any()),
        Err(error) => Err(refusal::error(py, &error)),
    })
}

/// As [`given`], of what is taken again: `had` has it then.
pub fn given_again<G>(had: Py<Had>, answer: LockResult<G>, of: impl Fn(G) -> Given) -> Ended {
    let given = checked(answer, of);
    Box::new(move |py| match given {
        Ok(given) => {
            *had.get().what() = What::of(given);
            Ok(had.into_any())
        }
        Err(error) => Err(refusal::error(py, &error)),
    })
}

fn checked<G>(answer: LockResult<G>, of: impl Fn(G) -> Given) -> Result<Given, Error> {
    // Abandoned: held all the same, and the guard says so.
    answer.or_else(LockError::into_guard).map(of).map_err(Error::from)
}
