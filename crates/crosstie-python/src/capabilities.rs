//! `Capabilities`: what a mechanism can, as the end that answers it has it.

use crosstie::endpoint::{self, Delivery, Untaken};
use pyo3::prelude::*;

/// What a mechanism can, as an end has it: `caps()` of a Sender, a Receiver, a Client or a Server. docs/delivery.md has the same as a table.
///
/// >>> import crosstie
/// >>> with crosstie.Receiver("queue:jobs") as rx:
/// ...     caps = rx.caps()
/// >>> caps.mechanism, caps.delivery, caps.untaken, caps.many_receivers
/// ('queue', 'at least once', 'kept', True)
#[pyclass(frozen, eq, module = "crosstie")]
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// Its name, as in an address.
    #[pyo3(get)]
    mechanism: &'static str,
    /// How often a message is delivered: "at least once" (again only when somebody died that had it), "at most once", "best effort".
    #[pyo3(get)]
    delivery: &'static str,
    /// What becomes of messages that a dead receiver had not taken: "lost", "kept while open", "kept".
    #[pyo3(get)]
    untaken: &'static str,
    /// Whether what one sender sends comes in its order.
    #[pyo3(get)]
    ordered: bool,
    /// Whether a receiver is told the death of its senders.
    #[pyo3(get)]
    tells_death: bool,
    /// Whether messages are written and read where they lie.
    #[pyo3(get)]
    zero_copy: bool,
    /// Whether any number of processes may send.
    #[pyo3(get)]
    many_senders: bool,
    /// Whether any number of processes may receive.
    #[pyo3(get)]
    many_receivers: bool,
    /// Whether the two ends may be on different machines.
    #[pyo3(get)]
    crosses_machines: bool,
    /// Whether calls go over it.
    #[pyo3(get)]
    carries_calls: bool,
    /// The largest message of this end, in bytes.
    #[pyo3(get)]
    message_bytes_max: usize,
    /// In words.
    text: String,
}

impl Capabilities {
    pub fn of(found: endpoint::Capabilities) -> Self {
        Self {
            mechanism: found.mechanism,
            delivery: match found.delivery {
                Delivery::AtLeastOnce => "at least once",
                Delivery::AtMostOnce => "at most once",
                _ => "best effort",
            },
            untaken: match found.untaken {
                Untaken::Kept => "kept",
                Untaken::KeptWhileOpen => "kept while open",
                _ => "lost",
            },
            ordered: found.is_ordered,
            tells_death: found.tells_death,
            zero_copy: found.is_zero_copy,
            many_senders: found.has_many_senders,
            many_receivers: found.has_many_receivers,
            crosses_machines: found.crosses_machines,
            carries_calls: found.carries_calls,
            message_bytes_max: found.message_bytes_max,
            text: found.to_string(),
        }
    }
}

#[pymethods]
impl Capabilities {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<crosstie.Capabilities {}: {}>", self.mechanism, self.text)
    }
}
