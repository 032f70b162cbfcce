//! What may be left after a kill, and what may not.

use super::case::{Act, Case, Side};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{SENTINEL, number_of};
use crate::step::scene::Progress;
use crate::step::survivor::{Aftermath, Ending};

/// Judges a ring after the kill.
pub fn judge(case: &Case, progress: Progress, after: &Aftermath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |fault, what: String| findings.push(Finding { fault, what });
    let mut numbers = Vec::new();
    for got in &after.got {
        match number_of(&got.bytes) {
            Some(number) if case.length_of(number) == Some(got.bytes.len()) => numbers.push(number),
            _ => find(Fault::Torn, format!("{} bytes that nobody sent", got.bytes.len())),
        }
    }
    for number in 0..=case.message_number() {
        let (least, most) = arrivals(case, progress, number);
        let count = numbers.iter().filter(|&&found| found == number).count();
        if count < least {
            find(Fault::Lost, format!("message {number} did not arrive"));
        }
        if count > most {
            find(Fault::Doubled, format!("message {number} came {count} times, {most} may be"));
        }
    }
    if !numbers.is_sorted() || numbers.last() != Some(&SENTINEL) {
        find(Fault::TakeOver, format!("the messages came as {numbers:?}"));
    }
    if let Some(got) = after.got.first()
        && progress == Progress::Returned
        && case.taken() > 0
        && number_of(&got.bytes) == Some(0)
        && got.deliveries == 1
    {
        find(Fault::Doubled, "a message that was handed over came again without saying so".to_owned());
    }
    if !endings_are_right(case, progress, &after.endings) {
        find(Fault::Ending, format!("the end was told as {:?}", after.endings));
    }
    findings
}

/// How often the message `number` must and may arrive at those who are left.
fn arrivals(case: &Case, progress: Progress, number: u32) -> (usize, usize) {
    let is_last = number == case.message_number();
    match case.act.side() {
        Side::Sender if is_last && !case.is_sending() => (0, 0),
        Side::Sender if is_last && progress == Progress::Under => (0, 1),
        Side::Receiver if number < case.taken() => match progress {
            Progress::Under => (1, 1),
            Progress::Returned => (0, 1),
            Progress::Ended => (0, 0),
        },
        _ => (1, 1),
    }
}

fn endings_are_right(case: &Case, progress: Progress, endings: &[Ending]) -> bool {
    let may_be = |ending: &Ending| match ending {
        // Who stands in line has no end: the one before it has.
        Ending::Clean => case.act.is_end() || (case.act == Act::TakeTurn && progress == Progress::Under),
        Ending::Death => !(case.act.is_end() && progress == Progress::Ended),
    };
    // Who hands over, or ends while another stands in line, has no end; a death is told of one that was killed before it had.
    if matches!(case.act, Act::HandOver | Act::PassTurn) {
        let is_over = progress != Progress::Under;
        return endings.is_empty() || (!is_over && endings == [Ending::Death]);
    }
    // Who opens an end may die before anybody could know of it; a sender asks only while the ring is full.
    let is_told = case.act.is_open() || case.act.side() == Side::Receiver || endings.len() == 1;
    is_told && (case.act.is_open() || endings.iter().all(may_be))
}

#[cfg(test)]
mod tests {
    use super::super::case::CASES;
    use super::*;
    use crate::step::payload::{SENTINEL_BYTES, payload};
    use crate::step::survivor::Got;

    fn case(name: &str) -> &'static Case {
        CASES.iter().find(|case| case.name == name).unwrap()
    }

    fn got(messages: &[(u32, usize)]) -> Vec<Got> {
        let sentinel = (SENTINEL, SENTINEL_BYTES);
        let all = messages.iter().chain([&sentinel]);
        all.map(|&(number, length)| Got { bytes: payload(number, length), deliveries: 1 }).collect()
    }

    fn faults(name: &str, progress: Progress, got: Vec<Got>, endings: &[Ending]) -> Vec<Fault> {
        let after = Aftermath { got, endings: endings.to_vec(), ..Aftermath::default() };
        judge(case(name), progress, &after).iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn a_message_may_be_missing_only_until_its_send_has_returned() {
        let judge = |progress| faults("send one cell", progress, got(&[(0, 40)]), &[Ending::Death]);
        assert_eq!(judge(Progress::Under), []);
        assert_eq!(judge(Progress::Returned), [Fault::Lost]);
    }

    #[test]
    fn bytes_that_are_no_message_are_torn() {
        let mut messages = got(&[(0, 40), (1, 56)]);
        messages[1].bytes[55] ^= 1;
        let found = faults("send one cell", Progress::Under, messages, &[Ending::Death]);
        assert_eq!(found, [Fault::Torn]);
    }

    #[test]
    fn what_was_acknowledged_must_not_come_again() {
        let again = || got(&[(0, 56), (1, 40), (2, 56)]);
        assert_eq!(faults("receive one cell", Progress::Under, again(), &[]), []);
        assert_eq!(faults("receive one cell", Progress::Returned, again(), &[]), [Fault::Doubled]);
        assert_eq!(faults("receive one cell", Progress::Ended, again(), &[]), [Fault::Doubled]);
        let mut flagged = again();
        flagged[0].deliveries = 2;
        assert_eq!(faults("receive one cell", Progress::Returned, flagged, &[]), []);
    }

    #[test]
    fn a_clean_end_is_no_death_and_must_be_told() {
        let judge = |endings| faults("close a sender", Progress::Ended, got(&[(0, 40)]), endings);
        assert_eq!(judge(&[Ending::Clean]), []);
        assert_eq!(judge(&[Ending::Death]), [Fault::Ending]);
        assert_eq!(judge(&[]), [Fault::Ending]);
    }

    #[test]
    fn who_took_a_turn_is_told_as_dead_and_who_passed_it_on_is_not_told() {
        let take =
            |progress, endings| faults("take over the sender's role in turn", progress, got(&[]), endings);
        assert_eq!(take(Progress::Under, &[Ending::Clean]), []);
        assert_eq!(take(Progress::Returned, &[Ending::Clean]), [Fault::Ending]);
        assert_eq!(take(Progress::Returned, &[Ending::Death]), []);
        assert_eq!(take(Progress::Under, &[]), [Fault::Ending]);
        let passed = |endings| {
            faults("pass the sender's role on to one in line", Progress::Ended, got(&[(0, 40)]), endings)
        };
        assert_eq!(passed(&[]), []);
        assert_eq!(passed(&[Ending::Clean]), [Fault::Ending]);
    }

    #[test]
    fn messages_out_of_order_are_no_take_over() {
        let swapped = got(&[(1, 56), (0, 40)]);
        assert_eq!(faults("send one cell", Progress::Under, swapped, &[Ending::Death]), [Fault::TakeOver]);
    }
}
