//! Who has something, who died, who waits for whom.

use crosstie::ledger::deadlock::Blockage;
use crosstie::ledger::{Identity, OwnerKind};
use pyo3::prelude::*;

/// Who owns something, or did: a thread, a process, or a command that `crosstie lock` runs.
#[pyclass(frozen, eq, module = "crosstie")]
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// The process id; of a command, its program's.
    #[pyo3(get)]
    pid: u32,
    /// The thread id.
    #[pyo3(get)]
    tid: u32,
    /// The user.
    #[pyo3(get)]
    uid: u32,
    /// `"thread"`, `"process"` or `"command"`.
    #[pyo3(get)]
    kind: &'static str,
    /// The command's name.
    #[pyo3(get)]
    command: String,
    text: String,
}

impl Owner {
    pub fn of(identity: &Identity) -> Self {
        let kind = match identity.kind {
            OwnerKind::Thread => "thread",
            OwnerKind::Process => "process",
            OwnerKind::Command => "command",
        };
        let Identity { pid, tid, uid, ref command, .. } = *identity;
        Self { pid, tid, uid, kind, command: command.clone(), text: identity.to_string() }
    }
}

#[pymethods]
impl Owner {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Owner {}: {}>", self.kind, self.text)
    }
}

/// One of those in a deadlock, and what it waits for; the next one has that.
#[pyclass(frozen, get_all, module = "crosstie")]
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Who waits; `None` if that could not be told any more.
    who: Option<Owner>,
    /// The object: `"lock:stock"`.
    object: String,
    /// In what way: `"exclusive"`, `"shared"`, …
    mode: String,
    /// For how long, in seconds.
    waited: f64,
}

impl Blocked {
    pub fn of(blockage: &Blockage) -> Self {
        Self {
            who: blockage.who.as_ref().map(Owner::of),
            object: blockage.object.clone(),
            mode: format!("{:?}", blockage.mode).to_lowercase(),
            waited: blockage.waited.as_secs_f64(),
        }
    }
}

#[pymethods]
impl Blocked {
    fn __repr__(&self) -> String {
        let who = self.who.as_ref().map_or("somebody", |who| &who.text);
        format!("<crosstie.Blocked {who} waits for {}>", self.object)
    }
}
