//! What may be in the notes, and what may not.
//!
//! | contract | in the notes |
//! |---|---|
//! | nothing sent is lost | every number up to the last one sent has arrived, unless its sender was killed while it sent it |
//! | what comes twice was in the hands of who died, and says so | no bit is set twice without the flag; no more flags than receivers were killed, each of which had one message in hand |
//! | nothing is torn | every message is what its number says |
//! | first come is first delivered | the new numbers of a lane that one receiver gets only grow |
//! | nobody hangs | until the last message, something always goes on |

use super::message::Number;
use super::notes::{LANES_MAX, Notes, Wrong};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Lost,
    Doubled,
    Torn,
    Disorder,
    Hang,
    /// More messages said that they may have come before than there were receivers killed.
    FlaggedTooOften,
    /// A worker ended although nobody killed it.
    Gave,
}

/// A fault, and what it is about.
#[derive(Clone, Debug)]
pub struct Finding {
    pub fault: Fault,
    pub what: String,
}

/// Everything that is wrong when everybody has ended, `killed` receivers of them by a kill.
pub fn judge(notes: &Notes, killed: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |fault, what| findings.push(Finding { fault, what });
    for (wrong, fault) in
        [(Wrong::Torn, Fault::Torn), (Wrong::Doubled, Fault::Doubled), (Wrong::Disorder, Fault::Disorder)]
    {
        let count = notes.wrong(wrong);
        if count > 0 {
            find(fault, format!("{count} messages"));
        }
    }
    for lane in 0..LANES_MAX {
        let unsure = notes.unsure(lane);
        let is_lost =
            |&number: &u64| !notes.has_arrived(Number { lane, number }) && !unsure.contains(&number);
        let mut lost = (0..notes.sent_count(lane)).filter(is_lost);
        if let Some(first) = lost.next() {
            find(Fault::Lost, format!("{} of lane {lane}, number {first} first", 1 + lost.count()));
        }
    }
    let [_, again, _] = notes.arrivals();
    if again > killed {
        find(Fault::FlaggedTooOften, format!("{again} messages, and {killed} receivers were killed"));
    }
    findings
}
