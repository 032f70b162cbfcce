//! A subscriber of a topic: it gets everything, and is judged as it reads.
//!
//! The first one of a run is *steady*: it joins before anything is published and is never killed, so all that was published
//! must have come to it, or be told as lost. The others are killed, and their successors begin where the topic begins then.

use crosstie::channel::topic::TopicReceiver;
use crosstie::ledger::Domain;
use crosstie::os::poll;
use crosstie::{Deadline, RecvError};

use super::message::{Number, WORDS_MAX};
use super::notes::{LANES_MAX, Notes, Tally, Wrong};
use super::pattern::{NAME, topic_options};
use super::worker::{Failure, LAST, Role, Twin};

/// Subscribes until the message behind all others.
pub fn subscribe(role: Role, notes: &Notes, domain: &'static Domain) -> Result<(), Failure> {
    let mut receiver = TopicReceiver::open(domain, NAME, &topic_options(role.pattern))?.follow();
    let mut life = Life::new(role, notes);
    if life.is_steady {
        notes.join();
    }
    let mut room = [0; WORDS_MAX * 8];
    let mut count = 0;
    loop {
        let (topic_number, length) = match receiver.recv(Deadline::NEVER) {
            Ok(message) => (message.number(), message.copy_to(&mut room)),
            Err(RecvError::Overrun { from, to }) => {
                life.lost(from, to);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        count += 1;
        match role.twin {
            Some(Twin::Hoards) => loop {
                poll::pause(u64::MAX / 2, Deadline::NEVER);
            },
            // It says of one message in so many neither that it came nor that it is lost.
            Some(Twin::Forgets) if count % role.pattern.wrong_every() == 7 => {
                life.expected = Some(topic_number + 1);
                continue;
            }
            _ => {}
        }
        if life.arrived(topic_number, &room[..length]) == Some(LAST) {
            life.end(topic_number);
            return Ok(());
        }
    }
}

/// What one subscriber has seen.
struct Life<'a> {
    notes: &'a Notes,
    is_steady: bool,
    /// The topic's number that comes next.
    expected: Option<u64>,
    /// Of each lane, the number that comes next.
    next: [Option<u64>; LANES_MAX],
    loses: bool,
    tells_losses: bool,
}

impl<'a> Life<'a> {
    fn new(role: Role, notes: &'a Notes) -> Self {
        let is_steady = role.lane == 0;
        let next = [is_steady.then_some(0); LANES_MAX];
        let (loses, tells_losses) = (role.pattern.loses(), role.pattern.tells_losses());
        Self { notes, is_steady, expected: None, next, loses, tells_losses }
    }

    /// The topic says that its numbers from `from` up to `to` are lost.
    fn lost(&mut self, from: u64, to: u64) {
        if !self.tells_losses || to <= from || self.expected.is_some_and(|expected| from < expected) {
            self.notes.note(Wrong::Gap);
        }
        self.pass_over(from);
        self.expected = Some(to);
        if self.is_steady {
            self.notes.add(Tally::Told, to.saturating_sub(from));
        }
    }

    /// Numbers that are neither messages nor told: each of a publisher that was killed, or that another one skipped.
    fn pass_over(&self, to: u64) {
        if let Some(expected) = self.expected.filter(|_| self.is_steady) {
            self.notes.add(Tally::Unsaid, to.saturating_sub(expected));
        }
    }

    fn arrived(&mut self, topic_number: u64, message: &[u8]) -> Option<Number> {
        if self.expected.is_some_and(|expected| topic_number < expected) {
            self.notes.note(Wrong::Doubled);
        }
        self.pass_over(topic_number);
        self.expected = Some(topic_number + 1);
        let number = Number::read(message);
        match number {
            None => self.notes.note(Wrong::Torn),
            Some(LAST) => {}
            Some(number) => self.take(number),
        }
        number
    }

    fn take(&mut self, number: Number) {
        if self.is_steady
            && let Some(wrong) = self.notes.arrived(number, false)
        {
            return self.notes.note(wrong);
        }
        let Some(next) = self.next.get_mut(number.lane) else { return self.notes.note(Wrong::Torn) };
        match next.replace(number.number + 1) {
            Some(next) if number.number < next => self.notes.note(Wrong::Disorder),
            Some(next) => self.miss(number.lane, next, number.number),
            None => {}
        }
    }

    /// The numbers of a lane from `from` up to `to` did not come, and will not.
    fn miss(&self, lane: usize, from: u64, to: u64) {
        if from >= to {
            return;
        }
        // A successor notes what is unsure before it sends.
        let unsure = self.notes.unsure(lane);
        let unsure = unsure.iter().filter(|&&number| (from..to).contains(&number)).count() as u64;
        let missing = to - from - unsure;
        if self.loses && self.is_steady {
            self.notes.add(Tally::Missing, missing);
        } else if !self.loses && missing > 0 {
            self.notes.note(Wrong::Gap);
        }
    }

    /// All is published: what has not come yet does not come.
    fn end(&self, numbers: u64) {
        if self.is_steady && self.loses {
            self.notes.add(Tally::Given, numbers);
            for (lane, next) in self.next.iter().enumerate() {
                self.miss(lane, next.unwrap_or(0), self.notes.sent_count(lane));
            }
        }
    }
}
