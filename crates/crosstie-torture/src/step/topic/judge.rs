//! What may be left after a kill, and what may not.

use super::case::{Act, Case};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{SENTINEL, number_of};
use crate::step::scene::Progress;
use crate::step::survivor::{Aftermath, Ending};

/// Judges a topic after the kill.
pub fn judge(case: &Case, progress: Progress, after: &Aftermath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |fault, what: String| findings.push(Finding { fault, what });
    let mut arrived = Vec::new();
    for got in &after.got {
        match number_of(&got.bytes) {
            Some(number) if case.length_of(number) == Some(got.bytes.len()) => arrived.push(number),
            _ => find(Fault::Torn, format!("{} bytes that nobody published", got.bytes.len())),
        }
    }
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
    if !arrived.is_sorted() || arrived.last() != Some(&SENTINEL) {
        find(Fault::TakeOver, format!("the messages came as {arrived:?}"));
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
    use crate::step::survivor::Got;

    fn faults(name: &str, progress: Progress, arrived: &[u32], endings: &[Ending]) -> Vec<Fault> {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let mut got: Vec<_> = arrived.iter().map(|&number| payload(number, MESSAGE_BYTES)).collect();
        got.push(payload(SENTINEL, SENTINEL_BYTES));
        let got = got.into_iter().map(|bytes| Got { bytes, deliveries: 1 }).collect();
        let after = Aftermath { got, endings: endings.to_vec() };
        judge(case, progress, &after).iter().map(|finding| finding.fault).collect()
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
