//! What may be in the notes, and what may not.
//!
//! | contract | in the notes |
//! |---|---|
//! | nothing sent is lost | every number up to the last one sent has arrived, unless its sender was killed while it sent it |
//! | what comes twice was in the hands of who died, and says so | no bit is set twice without the flag; no more flags than receivers were killed, each of which had one message in hand |
//! | nothing is torn | every message is what its number says |
//! | first come is first delivered | the new numbers of a lane that one receiver gets only grow |
//! | the latest value never goes back | the topic's numbers that one subscriber gets only grow, and so do those of each lane; the last of all comes to everybody |
//! | a lossy topic tells exactly what is lost | what its steady subscriber was told is what did not come, but for numbers without a message |
//! | nobody hangs | until the last message, something always goes on |

use super::message::Number;
use super::notes::{LANES_MAX, Notes, Tally, Wrong};
use super::pattern::Pattern;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Lost,
    Doubled,
    Torn,
    Disorder,
    Hang,
    /// More was told as lost than is, or less was said than there was to say.
    Told,
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
pub fn judge(pattern: Pattern, notes: &Notes, killed: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |fault, what| findings.push(Finding { fault, what });
    for (wrong, fault) in [
        (Wrong::Torn, Fault::Torn),
        (Wrong::Doubled, Fault::Doubled),
        (Wrong::Disorder, Fault::Disorder),
        (Wrong::Gap, Fault::Lost),
    ] {
        let count = notes.wrong(wrong);
        if count > 0 {
            find(fault, format!("{count} messages"));
        }
    }
    if pattern.tells_losses() {
        judge_losses(notes).into_iter().for_each(|finding| find(finding.fault, finding.what));
        return findings;
    }
    if pattern.loses() {
        return findings;
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

/// What a lossy topic told, beside what did not come. There is no message of a number that a killed publisher had claimed, nor of one
/// that was skipped because somebody stood still in its slot: such a number may be told as lost, or be passed over.
fn judge_losses(notes: &Notes) -> Vec<Finding> {
    let [told, missing, unsaid, given] =
        [Tally::Told, Tally::Missing, Tally::Unsaid, Tally::Given].map(|tally| notes.tally(tally));
    let lanes = || 0..LANES_MAX;
    let unsure = lanes().map(|lane| notes.unsure(lane).len() as u64).sum::<u64>();
    let published = lanes().map(|lane| notes.sent_count(lane)).sum::<u64>() - unsure;
    let empty = given.saturating_sub(published);
    let mut findings = Vec::new();
    if missing > told {
        let what = format!("{missing} messages did not come, {told} were told");
        findings.push(Finding { fault: Fault::Lost, what });
    }
    if told + unsaid > missing + empty {
        let what =
            format!("{told} told, {unsaid} passed over; {missing} did not come, {empty} have no message");
        findings.push(Finding { fault: Fault::Told, what });
    }
    findings
}
