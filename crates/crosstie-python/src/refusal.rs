//! Errors as Python's exceptions: one class a kind, in `crosstie.errors`.

use crosstie::call::CallError;
use crosstie::ledger::Deadlock;
use crosstie::sync::{LockError, Occupied};
use crosstie::{Error, ErrorKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::owner::{Blocked, Owner};

/// The one error table: the class, id, exit code and phrase of each kind.
#[pyfunction]
#[pyo3(name = "_error_table")]
pub fn error_table() -> Vec<(&'static str, &'static str, u8, &'static str)> {
    ErrorKind::ALL
        .iter()
        .map(|&kind| (class_name(kind), kind.id(), kind.exit_code(), kind.phrase()))
        .collect()
}

/// The name of the class in `crosstie.errors`.
fn class_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Usage => "Usage",
        ErrorKind::Busy => "Busy",
        ErrorKind::Negative => "Negative",
        ErrorKind::TimedOut => "TimedOut",
        ErrorKind::NotPermitted => "NotPermitted",
        ErrorKind::Deadlock => "DeadlockError",
        ErrorKind::Abandoned => "Abandoned",
        ErrorKind::Lost => "Lost",
        ErrorKind::Poisoned => "Poisoned",
        ErrorKind::PeerDied => "PeerDied",
        ErrorKind::NotFound => "NotFound",
        ErrorKind::AlreadyExists => "AlreadyExists",
        ErrorKind::Mismatch => "Mismatch",
        ErrorKind::TooLarge => "TooLarge",
        ErrorKind::Closed => "Closed",
        ErrorKind::Corrupt => "Corrupt",
        ErrorKind::NoSpace => "NoSpace",
        ErrorKind::Unsupported => "Unsupported",
        // A kind that is newer than this module.
        _ => "Failed",
    }
}

/// An exception of `kind` that says `text`.
pub fn exception(py: Python<'_>, kind: ErrorKind, text: &str) -> PyErr {
    match class(py, class_name(kind)).and_then(|class| class.call1((text,))) {
        Ok(instance) => PyErr::from_value(instance),
        // The interpreter's own, when even that fails.
        Err(error) => error,
    }
}

/// The class `name` of `crosstie.errors`.
pub fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let errors = ERRORS.get_or_try_init(py, || py.import("crosstie.errors").map(Bound::unbind))?;
    Ok(errors.bind(py).getattr(name)?.cast_into()?)
}

/// A set-up operation failed.
pub fn error(py: Python<'_>, error: &Error) -> PyErr {
    let raised = exception(py, error.kind(), &error.to_string());
    let told = (|| {
        let value = raised.value(py);
        value.setattr("object", error.object())?;
        value.setattr("operation", error.operation())?;
        value.setattr("advice", error.advice())
    })();
    told.err().unwrap_or(raised)
}

/// `raised`, with the messages of a topic that are lost.
pub fn of_lost(py: Python<'_>, raised: PyErr, from: u64, to: u64) -> PyErr {
    let value = raised.value(py);
    let told = value.setattr("first", from);
    told.and_then(|()| value.setattr("count", to.saturating_sub(from))).err().unwrap_or(raised)
}

/// `object` was not had: `refusal` says why.
pub fn lock_error<G>(py: Python<'_>, object: &str, refusal: LockError<G>) -> PyErr {
    match refusal {
        LockError::Failed(failed) => error(py, &failed),
        LockError::Busy(who) => occupied(py, ErrorKind::Busy, &who),
        LockError::TimedOut(who) => occupied(py, ErrorKind::TimedOut, &who),
        LockError::Deadlock(circle) => {
            let advice = match circle.length() {
                1 => "take it once: who asks has it already",
                _ => "take both in one order everywhere",
            };
            deadlock(py, &format!("wait for {object}"), object, *circle, advice)
        }
        other => error(py, &Error::from(other)),
    }
}

/// To do `operation` would have closed a circle.
fn deadlock(py: Python<'_>, operation: &str, object: &str, circle: Deadlock, advice: &str) -> PyErr {
    // Where in this module somebody waits is nobody's concern.
    let circle = circle.without_places();
    let raised = exception(py, ErrorKind::Deadlock, &format!("{operation}: {circle}\n{advice}"));
    let cycle: Vec<_> = circle.cycle().iter().map(Blocked::of).collect();
    let told = raised.value(py).setattr("cycle", cycle);
    told.and_then(|()| raised.value(py).setattr("object", object)).err().unwrap_or(raised)
}

/// A call has no reply.
pub fn call_error(py: Python<'_>, address: &str, refused: CallError) -> PyErr {
    match refused {
        CallError::Malformed(failed) | CallError::Failed(failed) => error(py, &failed),
        CallError::Deadlock(circle) => {
            let advice = "give back what the server needs before you call it, or give it more workers";
            deadlock(py, &format!("call {address}"), address, circle, advice)
        }
        CallError::Refused(refusal) => {
            let raised = exception(py, refusal.kind(), &format!("call {address}: {refusal}"));
            raised.value(py).setattr("code", refusal.code()).err().unwrap_or(raised)
        }
        other => exception(py, other.kind(), &format!("call {address}: {other}")),
    }
}

/// Warns that `who` died while it had `object`.
#[cold]
pub fn warn_abandoned(py: Python<'_>, object: &str, who: &str) -> PyResult<()> {
    let text = format!("{object} was abandoned: {who} died while it had it");
    py.import("warnings")?.call_method1("warn", (text, class(py, "AbandonedWarning")?, 1))?;
    Ok(())
}

/// Somebody else has it, who is named.
pub fn occupied(py: Python<'_>, kind: ErrorKind, who: &Occupied) -> PyErr {
    occupied_as(py, kind, who, &format!("{}: {who}", kind.phrase()))
}

/// As [`occupied`], said in other words.
pub fn occupied_as(py: Python<'_>, kind: ErrorKind, who: &Occupied, text: &str) -> PyErr {
    let raised = exception(py, kind, text);
    let told = (|| {
        let value = raised.value(py);
        value.setattr("object", who.object())?;
        value.setattr("holders", who.holders().iter().map(Owner::of).collect::<Vec<_>>())?;
        value.setattr("ahead", who.ahead())?;
        value.setattr("waited", who.waited().as_secs_f64())
    })();
    told.err().unwrap_or(raised)
}

/// Something was given back that the caller does not have.
pub fn not_held(object: &str, is_inherited: bool) -> PyErr {
    let why = if is_inherited {
        "it was taken before a fork, by the parent process, whose it is"
    } else {
        "the caller does not have it"
    };
    PyRuntimeError::new_err(format!("release {object}: {why}"))
}
