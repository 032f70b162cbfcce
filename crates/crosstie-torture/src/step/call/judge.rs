//! What may be left after a kill, and what may not.

use super::case::{Act, Case, Way};
use super::people::{Done, Outcome};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{NEWCOMER, SENTINEL};
use crate::step::scene::Progress;

/// What the people of the judging process met.
#[derive(Debug, Default)]
pub struct Aftermath {
    /// What servers of the judging process got, in order.
    pub done: Vec<Done>,
    /// How the survivor's first call ended: the one that the victim may have had in hand.
    pub first: Option<Outcome>,
    /// How its next one ended.
    pub second: Option<Outcome>,
}

impl Aftermath {
    fn count(&self, number: u32) -> usize {
        self.done.iter().filter(|done| done.number == Some(number)).count()
    }
}

/// Judges an address of calls after the kill.
pub fn judge(case: &Case, progress: Progress, after: &Aftermath) -> Vec<Finding> {
    let mut findings = Vec::new();
    if after.done.iter().any(|done| done.number.is_none()) {
        findings.push(Finding::new(Fault::Torn, "a request that nobody made"));
    }
    if after.count(SENTINEL) != 1 || after.count(NEWCOMER) != usize::from(case.act.is_of_client()) {
        findings.push(Finding::new(Fault::TakeOver, format!("calls were done as {:?}", after.done)));
    }
    if case.act.is_of_client() {
        judge_call(case, progress, after, &mut findings);
    } else {
        judge_first(case, progress, after, &mut findings);
        judge_second(after, &mut findings);
    }
    findings
}

/// The victim's own call: done once at most, and once if it had its reply.
fn judge_call(case: &Case, progress: Progress, after: &Aftermath, findings: &mut Vec<Finding>) {
    let done = after.count(0);
    let has_reply = match case.act {
        Act::Call | Act::ReportThenCall => progress != Progress::Under,
        act => act.is_behind_a_reply(),
    };
    if done > 1 {
        findings.push(Finding::new(Fault::Doubled, format!("the victim's call was done {done} times")));
    }
    if has_reply && done == 0 {
        findings.push(Finding::new(Fault::Lost, "the victim has the reply to a call that nobody did"));
    }
}

/// The survivor's call that the victim may have had in hand.
fn judge_first(case: &Case, progress: Progress, after: &Aftermath, findings: &mut Vec<Finding>) {
    let mut find = |fault, what: String| findings.push(Finding::new(fault, what));
    let done = after.count(0);
    let has_returned = progress != Progress::Under;
    let was_taken = match case.act {
        Act::OpenServer => false,
        Act::Take => has_returned,
        _ => true,
    };
    let was_answered = has_returned && matches!(case.act, Act::Answer | Act::ReportThenAnswer);
    match &after.first {
        Some(Outcome::Reply) => {
            if done == 0 && !matches!(case.act, Act::Answer | Act::DropServer | Act::ReportThenAnswer) {
                find(Fault::Torn, "a reply to a call that nobody did".into());
            }
        }
        Some(Outcome::PeerDied) => {
            if case.is_idempotent || was_answered {
                find(Fault::Lost, "a call that was to be answered had no reply".into());
            }
            if case.way == Way::Queue && (done > 0 || case.act == Act::OpenServer) {
                find(
                    Fault::Ending,
                    format!("a death was told of a call that the next server did {done} times"),
                );
            }
        }
        other => find(Fault::Torn, format!("the first call ended with {other:?}")),
    }
    // A caller at rings that was welcomed cannot see that nothing else of it was heard: its greeting and its call wait there, and it
    // makes a call that may be done twice again.
    let may_be_twice = case.is_idempotent && case.way == Way::Ring && !has_returned;
    let most = if may_be_twice { 2 } else { usize::from(case.is_idempotent || !was_taken) };
    if done > most {
        find(Fault::Doubled, format!("a call in a dead server's hands was done {done} times again"));
    }
    let is_flagged = after.done.iter().filter(|done| done.number == Some(0)).all(|done| done.is_repeated);
    if was_taken && !is_flagged {
        find(Fault::Doubled, "a call was done again without being told so".into());
    }
}

/// The survivor's next call, made behind the death.
fn judge_second(after: &Aftermath, findings: &mut Vec<Finding>) {
    let done = after.count(1);
    if after.second != Some(Outcome::Reply) || done != 1 {
        let what = format!("the next call ended with {:?} and was done {done} times", after.second);
        findings.push(Finding::new(Fault::TakeOver, what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::CASES;
    use super::*;

    fn faults(name: &str, progress: Progress, first: Outcome, done: &[u32]) -> Vec<Fault> {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let done = done.iter().chain(&[1, SENTINEL]);
        let done = done.map(|&number| Done { number: Some(number), is_repeated: false });
        let after = Aftermath { done: done.collect(), first: Some(first), second: Some(Outcome::Reply) };
        judge(case, progress, &after).iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn a_call_in_a_dead_servers_hands_is_a_death_and_is_not_done_again() {
        let judge = |first, done: &[u32]| faults("call, queue: take a call", Progress::Returned, first, done);
        assert_eq!(judge(Outcome::PeerDied, &[]), []);
        assert!(judge(Outcome::Reply, &[0]).contains(&Fault::Doubled));
        assert!(judge(Outcome::PeerDied, &[0]).contains(&Fault::Ending));
        assert_eq!(judge(Outcome::Other, &[]), [Fault::Torn]);
    }

    #[test]
    fn a_reply_that_was_sent_arrives() {
        let judge = |progress, first| faults("call, ring: answer", progress, first, &[]);
        assert_eq!(judge(Progress::Under, Outcome::PeerDied), []);
        assert_eq!(judge(Progress::Returned, Outcome::Reply), []);
        assert_eq!(judge(Progress::Returned, Outcome::PeerDied), [Fault::Lost]);
    }
}
