//! `_queue_state`: what a queue holds now; crosstie.Queue tells its size by it.

use std::path::PathBuf;

use crosstie::ErrorKind;
use crosstie::channel::queue::QueueState;
use pyo3::prelude::*;

use crate::{domain, refusal};

/// How many messages wait in the queue `name` and how many places are free, without taking part in it; None where nobody has made it.
#[pyfunction]
#[pyo3(name = "_queue_state", signature = (name, *, domain=None))]
pub fn queue_state(py: Python<'_>, name: &str, domain: Option<PathBuf>) -> PyResult<Option<(u32, u32)>> {
    let domain = domain::open(py, domain)?;
    match QueueState::of(domain, name) {
        Ok(state) => {
            // Received and not done yet, and what nobody can do, keep their places too.
            let in_hand = u32::try_from(state.in_hand.len()).unwrap_or(u32::MAX);
            let taken = state.waiting.saturating_add(in_hand).saturating_add(state.dead_letters);
            Ok(Some((state.waiting, state.places.saturating_sub(taken))))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refusal::error(py, &error)),
    }
}
