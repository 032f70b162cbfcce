//! [`Capabilities`]: what a mechanism can, as one value; docs/delivery.md has the same as a table.

use std::fmt;

use crate::channel::ring::Senders;
use crate::channel::topic::Mode;

/// How often a message is delivered, when ends die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// Once, or not at all, also when nobody dies.
    BestEffort,
    /// Once; not at all only when somebody dies.
    AtMostOnce,
    /// Once; again, flagged, only when somebody dies that had it.
    AtLeastOnce,
}

/// What becomes of messages that a dead receiver had not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Untaken {
    /// They are lost with it.
    Lost,
    /// The next receiver gets them, if another end is open until then.
    KeptWhileOpen,
    /// The next receiver gets them.
    Kept,
}

/// What a mechanism can, as the end that answers it has it: [`Sender::caps`](super::Sender::caps),
/// [`Receiver::caps`](super::Receiver::caps), [`Client::caps`](crate::Client::caps), [`Server::caps`](crate::Server::caps).
///
/// # Examples
/// ```
/// use crosstie::endpoint::{Delivery, Untaken};
/// let (tx, rx) = crosstie::pair::<str>()?;
/// let caps = tx.caps();
/// assert_eq!((caps.mechanism, caps.delivery, caps.untaken), ("pipe", Delivery::AtMostOnce, Untaken::Lost));
/// assert!(caps.is_ordered && !caps.has_many_senders);
/// assert_eq!(caps, rx.caps());
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Capabilities {
    /// The mechanism's name, as in an address: `"queue"`.
    pub mechanism: &'static str,
    /// How often a message is delivered.
    pub delivery: Delivery,
    /// What one sender sends comes in its order, when it is delivered for the first time.
    pub is_ordered: bool,
    /// What becomes of messages that a dead receiver had not taken.
    pub untaken: Untaken,
    /// A receiver is told the death of its senders, and tells it from a clean end.
    pub tells_death: bool,
    /// Messages are written and read where they lie.
    pub is_zero_copy: bool,
    /// Any number of processes may send at a time; into a ring at which senders take turns, one after the other.
    pub has_many_senders: bool,
    /// Any number of processes may receive at a time: each message of a queue one of them, each of a topic all.
    pub has_many_receivers: bool,
    /// The two ends may be on different machines.
    pub crosses_machines: bool,
    /// Calls go over it, with their replies.
    pub carries_calls: bool,
    /// The largest message of this end, in bytes.
    pub message_bytes_max: usize,
}

/// A mechanism's name and what it can; the rows of the table.
const fn row(mechanism: &'static str, delivery: Delivery, untaken: Untaken) -> Capabilities {
    Capabilities {
        mechanism,
        delivery,
        is_ordered: true,
        untaken,
        tells_death: true,
        is_zero_copy: false,
        has_many_senders: true,
        has_many_receivers: false,
        crosses_machines: false,
        carries_calls: true,
        message_bytes_max: usize::MAX,
    }
}

use Delivery::{AtLeastOnce, AtMostOnce, BestEffort};

const TABLE: [Capabilities; 10] = [
    Capabilities { has_many_senders: false, carries_calls: false, ..row("pipe", AtMostOnce, Untaken::Lost) },
    Capabilities { has_many_senders: false, ..row("fd", AtMostOnce, Untaken::Lost) },
    row("fifo", AtMostOnce, Untaken::KeptWhileOpen),
    row("unix", AtMostOnce, Untaken::Lost),
    row("unixpacket", AtMostOnce, Untaken::Lost),
    Capabilities { crosses_machines: true, ..row("tcp", AtMostOnce, Untaken::Lost) },
    Capabilities {
        is_ordered: false,
        tells_death: false,
        crosses_machines: true,
        carries_calls: false,
        ..row("udp", BestEffort, Untaken::Lost)
    },
    Capabilities { is_zero_copy: true, has_many_senders: false, ..row("ring", AtLeastOnce, Untaken::Kept) },
    Capabilities { is_zero_copy: true, has_many_receivers: true, ..row("queue", AtLeastOnce, Untaken::Kept) },
    Capabilities {
        is_zero_copy: true,
        has_many_receivers: true,
        carries_calls: false,
        ..row("topic", AtMostOnce, Untaken::Lost)
    },
];

impl Capabilities {
    /// What each mechanism can, whatever the limit of an end: in the order of docs/delivery.md.
    #[must_use]
    pub const fn table() -> &'static [Self] {
        &TABLE
    }

    /// What the mechanism of this name can; the standard descriptors are `fd`, a topic is lossless.
    #[must_use]
    pub fn of(mechanism: &str) -> Option<Self> {
        let mechanism = if mechanism == "-" { "fd" } else { mechanism };
        TABLE.into_iter().find(|row| row.mechanism == mechanism)
    }

    /// The same of calls over it: a request is the message. A reply is not waited for in order, and a call is done once at
    /// most unless it was declared idempotent.
    #[must_use]
    pub fn of_calls(mechanism: &str) -> Option<Self> {
        let found = Self::of(mechanism).filter(|row| row.carries_calls)?;
        Some(Self { delivery: AtMostOnce, is_ordered: false, is_zero_copy: false, ..found })
    }

    /// The same of a topic of `mode`: one that waits for no subscriber overwrites what they have not read, and what is read
    /// there is a copy.
    #[must_use]
    pub fn of_mode(self, mode: Mode) -> Self {
        match mode {
            Mode::Lossless => self,
            Mode::Lossy | Mode::Latest => Self { delivery: BestEffort, is_zero_copy: false, ..self },
        }
    }

    /// The same of a ring with one sender, or with many that take turns.
    #[must_use]
    pub fn of_senders(self, senders: Senders) -> Self {
        Self { has_many_senders: self.has_many_senders || senders == Senders::Turns, ..self }
    }

    /// The same with the limit of an end.
    pub(crate) fn limited(self, message_bytes_max: usize) -> Self {
        Self { message_bytes_max, ..self }
    }
}

impl Delivery {
    const fn words(self) -> &'static str {
        match self {
            Self::BestEffort => "best effort",
            Self::AtMostOnce => "at most once",
            Self::AtLeastOnce => "at least once",
        }
    }
}

impl Untaken {
    const fn words(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::KeptWhileOpen => "kept while an end is open",
            Self::Kept => "kept",
        }
    }
}

/// `at least once, in order, what a dead receiver had not taken is kept, …`
impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |is, yes, no| if is { yes } else { no };
        write!(
            f,
            "{}, {}, what a dead receiver had not taken is {}, deaths are {}, {}, {} to {}, {}, {}",
            self.delivery.words(),
            said(self.is_ordered, "in order", "in any order"),
            self.untaken.words(),
            said(self.tells_death, "told", "not told"),
            said(self.is_zero_copy, "in place", "copied"),
            said(self.has_many_senders, "many", "one"),
            said(self.has_many_receivers, "many", "one"),
            said(self.crosses_machines, "between machines", "on one machine"),
            said(self.carries_calls, "calls", "no calls"),
        )?;
        if self.message_bytes_max == usize::MAX {
            return Ok(());
        }
        write!(f, ", up to {} bytes", self.message_bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_delivery_says_of_each_mechanism_what_the_table_says() {
        let page = include_str!("../../../../docs/delivery.md");
        let yes = |is: bool| if is { "yes" } else { "no" };
        for row in Capabilities::table() {
            let line = format!(
                "| `{}:` | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                row.mechanism,
                row.delivery.words(),
                yes(row.is_ordered),
                row.untaken.words(),
                yes(row.tells_death),
                yes(row.is_zero_copy),
                yes(row.has_many_senders),
                yes(row.has_many_receivers),
                yes(row.crosses_machines),
                yes(row.carries_calls),
            );
            assert!(page.contains(&line), "{line}");
        }
    }

    #[test]
    fn each_mechanism_of_an_address_has_a_row() {
        for address in [
            "fifo:/f",
            "unix:/s",
            "unixpacket:/s",
            "ring:r",
            "queue:q",
            "topic:t",
            "tcp:h:1",
            "udp:h:1",
            "fd:3",
            "-",
            "pipe:",
        ] {
            let address: crate::endpoint::Address = address.parse().expect("an address");
            assert!(Capabilities::of(address.mechanism()).is_some(), "{address}");
        }
    }
}
