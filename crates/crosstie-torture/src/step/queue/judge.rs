//! What may be left after a kill, and what may not.

use super::case::{Act, Case};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{NEWCOMER, SENTINEL, number_of};
use crate::step::scene::Progress;
use crate::step::survivor::{Aftermath, Ending, Got};

/// Judges a queue after the kill.
pub fn judge(case: &Case, progress: Progress, after: &Aftermath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |fault, what: String| findings.push(Finding { fault, what });
    let (here, by_newcomer) = (numbers(case, &after.got), numbers(case, &after.by_newcomer));
    let arrived: Vec<_> = here.iter().chain(&by_newcomer).filter_map(|told| told.as_ref().ok()).collect();
    for length in here.iter().chain(&by_newcomer).filter_map(|told| told.as_ref().err()) {
        find(Fault::Torn, format!("{length} bytes that nobody sent"));
    }
    for number in 0..=case.message_number() {
        let (least, most) = arrivals(case, progress, number);
        let count = arrived.iter().filter(|(found, _)| *found == number).count();
        if count < least {
            find(Fault::Lost, format!("message {number} did not arrive"));
        }
        if count > most {
            find(Fault::Doubled, format!("message {number} came {count} times, {most} may be"));
        }
    }
    let is_unflagged =
        |&&&(number, deliveries): &&&(u32, u32)| deliveries == 1 && was_in_hand(case, progress, number);
    if let Some((number, _)) = arrived.iter().find(is_unflagged) {
        find(Fault::Doubled, format!("message {number} came again without saying so"));
    }
    // What was delivered for the first time came in order to each, the late joiner's and the newcomer's message last.
    for (told, last) in [(&here, SENTINEL), (&by_newcomer, NEWCOMER)] {
        let first = told.iter().flatten().filter(|(_, deliveries)| *deliveries == 1);
        let first: Vec<_> = first.map(|(number, _)| *number).collect();
        if !first.is_sorted() || first.last() != Some(&last) {
            find(Fault::TakeOver, format!("the messages came as {told:?}"));
        }
    }
    if !endings_are_right(case, progress, &after.endings) {
        find(Fault::Ending, format!("the end was told as {:?}", after.endings));
    }
    findings
}

/// Of each message its number and how often it was delivered, or the length of what is none.
fn numbers(case: &Case, all: &[Got]) -> Vec<Result<(u32, u32), usize>> {
    let number = |got: &Got| match number_of(&got.bytes) {
        Some(number) if case.length_of(number) == Some(got.bytes.len()) => Ok((number, got.deliveries)),
        _ => Err(got.bytes.len()),
    };
    all.iter().map(number).collect()
}

/// How often the message `number` must and may arrive at those who are left.
fn arrivals(case: &Case, progress: Progress, number: u32) -> (usize, usize) {
    let is_last = number == case.message_number();
    match case.act.is_of_sender() {
        true if is_last && !case.is_sending() => (0, 0),
        true if is_last && progress == Progress::Under => (0, 1),
        false if number < case.taken() => match progress {
            // It may be done before it has returned.
            Progress::Under if case.act == Act::Done => (0, 1),
            Progress::Under => (1, 1),
            Progress::Returned => (0, 1),
            Progress::Ended => (0, 0),
        },
        _ => (1, 1),
    }
}

/// Whether the message `number` was surely in somebody's hands before.
fn was_in_hand(case: &Case, progress: Progress, number: u32) -> bool {
    match case.act {
        Act::OpenReceiver => case.behind_dead && number == 0,
        Act::DropReceiver | Act::Done | Act::GiveBack => number == 0,
        Act::Fail => number == 0 && progress > Progress::Under,
        _ => number < case.taken() && progress > Progress::Under,
    }
}

fn endings_are_right(case: &Case, progress: Progress, endings: &[Ending]) -> bool {
    if !case.act.is_of_sender() {
        return endings.is_empty();
    }
    if case.act.is_open() {
        return true;
    }
    let is_end = case.act == Act::DropSender;
    match endings {
        [Ending::Clean] => is_end,
        [Ending::Death] => !(is_end && progress == Progress::Ended),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::CASES;
    use super::*;
    use crate::step::payload::{SENTINEL_BYTES, payload};

    fn faults(
        name: &str,
        progress: Progress,
        arrived: &[(u32, usize, u32)],
        endings: &[Ending],
    ) -> Vec<Fault> {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let all = arrived.iter().chain([&(SENTINEL, SENTINEL_BYTES, 1)]);
        let got = all.map(|&(number, length, deliveries)| Got { bytes: payload(number, length), deliveries });
        let by_newcomer = vec![Got { bytes: payload(NEWCOMER, SENTINEL_BYTES), deliveries: 1 }];
        let after = Aftermath { got: got.collect(), by_newcomer, endings: endings.to_vec() };
        judge(case, progress, &after).iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn a_message_may_be_missing_only_until_its_send_has_returned() {
        let judge = |progress| faults("queue: send in line", progress, &[(0, 40, 1)], &[Ending::Death]);
        assert_eq!(judge(Progress::Under), []);
        assert_eq!(judge(Progress::Returned), [Fault::Lost]);
    }

    #[test]
    fn what_was_in_hand_comes_again_flagged_and_not_once_it_is_done() {
        let judge = |progress, deliveries| {
            let arrived = [(0, 56, deliveries), (1, 40, 1), (2, 56, 1)];
            faults("queue: receive in line", progress, &arrived, &[])
        };
        assert_eq!(judge(Progress::Under, 1), []);
        assert_eq!(judge(Progress::Returned, 2), []);
        assert_eq!(judge(Progress::Returned, 1), [Fault::Doubled]);
        assert_eq!(judge(Progress::Ended, 2), [Fault::Doubled]);
    }

    #[test]
    fn the_order_is_kept_of_what_nobody_has_had() {
        let arrived = [(1, 40, 1), (0, 56, 1), (2, 56, 1)];
        assert_eq!(faults("queue: receive in line", Progress::Under, &arrived, &[]), [Fault::TakeOver]);
    }

    #[test]
    fn a_death_is_told_as_one() {
        let arrived = [(0, 40, 1)];
        let judge = |endings: &[Ending]| faults("queue: send in line", Progress::Under, &arrived, endings);
        assert_eq!(judge(&[Ending::Clean]), [Fault::Ending]);
        assert_eq!(judge(&[]), [Fault::Ending]);
        assert_eq!(judge(&[Ending::Death]), []);
    }
}
