//! What may be left after a kill, and what may not.

use super::case::{Act, Case};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{NEWCOMER, SENTINEL, number_of};
use crate::step::scene::Progress;
use crate::step::survivor::{Aftermath, Ending, Got};

/// Judges a topic after the kill.
pub fn judge(case: &Case, progress: Progress, after: &Aftermath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |fault, what: String| findings.push(Finding { fault, what });
    let mut numbers = |all: &[Got]| {
        let mut arrived = Vec::new();
        for got in all {
            match number_of(&got.bytes) {
                Some(number) if case.length_of(number) == Some(got.bytes.len()) => arrived.push(number),
                _ => find(Fault::Torn, format!("{} bytes that nobody published", got.bytes.len())),
            }
        }
        arrived
    };
    let (arrived, by_newcomer) = (numbers(&after.got), numbers(&after.by_newcomer));
    for number in 0..=case.backlog {
        let (least, most) = arrivals(case, progress, number);
        let count = arrived.iter().filter(|&&found| found == number).count();
        if count < least {
            find(Fault::Lost, format!("message {number} did not arrive"));
        }
        if count > most {
            find(Fault::Doubled, format!("message {number} came {count} times, {most} may be"));
        }
    }
    if !arrived.is_sorted() || !arrived.ends_with(&[SENTINEL, NEWCOMER]) {
        find(Fault::TakeOver, format!("the messages came as {arrived:?}"));
    }
    // A newcomer begins with the oldest that is there, and then misses nothing.
    let is_all_there = usize::try_from(case.places).is_ok_and(|places| arrived.len() < places);
    let is_whole = if is_all_there { by_newcomer == arrived } else { arrived.ends_with(&by_newcomer) };
    if !is_whole || by_newcomer.is_empty() {
        let what = format!("a newcomer read {by_newcomer:?} of {arrived:?}");
        find(if by_newcomer.len() < arrived.len() { Fault::Lost } else { Fault::Doubled }, what);
    }
    if !endings_are_right(case, progress, &after.endings) {
        find(Fault::Ending, format!("the end was told as {:?}", after.endings));
    }
    findings
}

/// How often the message `number` must and may arrive at a subscriber that lives all the time.
fn arrivals(case: &Case, progress: Progress, number: u32) -> (usize, usize) {
    match number == case.backlog && case.act.is_of_publisher() {
        true if !case.is_publishing() => (0, 0),
        true if progress == Progress::Under => (0, 1),
        _ => (1, 1),
    }
}

fn endings_are_right(case: &Case, progress: Progress, endings: &[Ending]) -> bool {
    if !case.act.is_of_publisher() {
        return endings.is_empty();
    }
    if case.act.is_open() {
        return true;
    }
    let is_end = case.act == Act::DropPublisher;
    match endings {
        [Ending::Clean] => is_end,
        [Ending::Death] => !(is_end && progress == Progress::Ended),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{CASES, MESSAGE_BYTES};
    use super::*;
    use crate::step::payload::{SENTINEL_BYTES, payload};

    fn messages(numbers: &[u32]) -> Vec<Got> {
        let backlog = numbers.iter().map(|&number| payload(number, MESSAGE_BYTES));
        let last = [SENTINEL, NEWCOMER].map(|number| payload(number, SENTINEL_BYTES));
        backlog.chain(last).map(|bytes| Got { bytes, deliveries: 1 }).collect()
    }

    fn faults(name: &str, progress: Progress, arrived: &[u32], endings: &[Ending]) -> Vec<Fault> {
        let after =
            Aftermath { got: messages(arrived), by_newcomer: messages(arrived), endings: endings.to_vec() };
        faults_of(name, progress, &after)
    }

    fn faults_of(name: &str, progress: Progress, after: &Aftermath) -> Vec<Fault> {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        judge(case, progress, after).iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn a_newcomer_reads_what_is_still_there_without_a_gap() {
        let judge = |name, by_newcomer| {
            let (got, endings) = (messages(&[0, 1, 2]), vec![Ending::Death]);
            faults_of(name, Progress::Returned, &Aftermath { got, by_newcomer, endings })
        };
        assert_eq!(judge("topic: publish into a full topic", messages(&[2])), []);
        assert_eq!(judge("topic: publish into a full topic", messages(&[1])), [Fault::Lost]);
        assert_eq!(judge("topic: publish into a full topic", Vec::new()), [Fault::Lost]);
        let two = |numbers: &[u32]| {
            let (got, endings) = (messages(&[0, 1]), vec![Ending::Death]);
            let after = Aftermath { got, by_newcomer: messages(numbers), endings };
            faults_of("topic: publish", Progress::Returned, &after)
        };
        assert_eq!(two(&[0, 1]), []);
        assert_eq!(two(&[1]), [Fault::Lost]);
        assert_eq!(two(&[0, 0, 1]), [Fault::Doubled]);
    }

    #[test]
    fn a_message_may_be_missing_only_until_its_send_has_returned() {
        let judge = |progress| faults("topic: publish", progress, &[0], &[Ending::Death]);
        assert_eq!(judge(Progress::Under), []);
        assert_eq!(judge(Progress::Returned), [Fault::Lost]);
    }

    #[test]
    fn every_message_comes_once_and_in_order_and_a_death_is_told_as_one() {
        let judge = |arrived: &[u32], endings: &[Ending]| {
            faults("topic: publish", Progress::Returned, arrived, endings)
        };
        assert_eq!(judge(&[0, 1], &[Ending::Death]), []);
        assert_eq!(judge(&[0, 1], &[Ending::Clean]), [Fault::Ending]);
        assert_eq!(judge(&[0, 1, 1], &[Ending::Death]), [Fault::Doubled]);
        assert_eq!(judge(&[1, 0], &[Ending::Death]), [Fault::TakeOver]);
        assert_eq!(faults("topic: receive", Progress::Under, &[0], &[]), [Fault::Lost]);
    }
}
