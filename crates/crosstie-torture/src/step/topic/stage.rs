//! One topic with its survivors in the judging process, before and after the kill.

use crosstie::Deadline;
use crosstie::channel::topic::{TopicReceiver, TopicSender, remove};
use crosstie::ledger::Domain;
use crosstie::os::clock;

use super::case::{Case, MESSAGE_BYTES, Survivor};
use super::judge::judge;
use crate::step::fault::Finding;
use crate::step::newcomer::{Joins as _, Newcomer};
use crate::step::payload::{SENTINEL, SENTINEL_BYTES, payload};
use crate::step::scene::{Arrival, Kill, Stage};
use crate::step::survivor::{Receives as _, Until, Witness, sent_late, take_over};
use crate::step::victim::Failure;

/// How long the judge's own calls may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// One topic, one operation, one kill.
pub struct TopicStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    topic: String,
    witness: Witness<TopicReceiver, TopicSender>,
    /// Of a subscriber that is killed: the publisher, unless it is in its thread.
    sender: Option<TopicSender>,
    /// The subscriber that has to get everything, unless it is in its thread.
    receiver: Option<TopicReceiver>,
    newcomer: Option<Newcomer>,
    is_message_sent: bool,
    findings: Vec<Finding>,
}

impl<'a> TopicStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, topic: &str) -> Result<Self, Failure> {
        let receiver = case.open_receiver(domain, topic)?;
        let mut sender = case.open_sender(domain, topic)?;
        if case.act.is_of_publisher() || case.act.is_open() {
            publish_backlog(case, &mut sender)?;
        }
        let of_publisher = case.act.is_of_publisher();
        Ok(Self {
            case,
            domain,
            topic: topic.to_owned(),
            witness: Witness::new(),
            // Where the victim publishes, the end of this one is clean, and told with the victim's.
            sender: (!of_publisher).then_some(sender),
            receiver: Some(receiver),
            newcomer: Some(Newcomer::start(case.name, domain, topic)?),
            is_message_sent: of_publisher,
            findings: Vec::new(),
        })
    }

    fn until(&self) -> Until {
        let awaits_end = self.case.act.is_of_publisher() && !self.case.act.is_open();
        if awaits_end { Until::End } else { Until::Sentinel }
    }

    /// Reads what is there.
    fn read(&mut self, most: u32) -> Result<(), Failure> {
        let Some(receiver) = &mut self.receiver else { return Err("nobody reads".into()) };
        for _ in 0..most {
            match receiver.next(Deadline::NOW) {
                Ok(got) => self.witness.after.got.push(got),
                Err(_) => return Err("nothing to read".into()),
            }
        }
        Ok(())
    }
}

impl Stage for TopicStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        // A subscriber that has joined is to get it, or hold it up.
        if let Some(sender) = self.sender.as_mut().filter(|_| !self.case.act.is_open()) {
            publish_backlog(self.case, sender)?;
        }
        match self.case.survivor {
            Survivor::Awake => {}
            Survivor::Asleep | Survivor::Deaf => {
                let deaf = (self.case.survivor == Survivor::Deaf).then_some(self.domain);
                if let Some(receiver) = self.receiver.take() {
                    self.witness.receive(receiver, self.until(), deaf);
                }
                self.witness.await_sleep()?;
            }
            Survivor::PublisherAsleep => {
                self.read(self.case.backlog)?;
                if let Some(sender) = self.sender.take() {
                    self.is_message_sent = true;
                    self.witness.send(sender, payload(self.case.backlog, MESSAGE_BYTES));
                    self.witness.await_sleep()?;
                }
            }
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        match &mut self.sender {
            // A publisher waits for the subscriber that has to get everything.
            None => self.read(1),
            Some(sender) if !self.is_message_sent => {
                self.is_message_sent = true;
                Ok(sender.send(&payload(self.case.backlog, MESSAGE_BYTES), Deadline::NOW)?)
            }
            Some(_) => Err("the victim sleeps, and nobody is there to wake it".into()),
        }
    }

    fn judge(mut self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64) {
        match self.go_on(kill) {
            Ok(()) => self.findings.extend(judge(self.case, kill.progress, &self.witness.after)),
            Err(finding) => self.findings.push(finding),
        }
        (self.findings, self.witness.slowest_ns)
    }
}

impl TopicStage<'_> {
    /// The victim was killed: everybody who is left goes on, until a late joiner's message has come; and a newcomer
    /// that comes before or behind them reads what they read.
    fn go_on(&mut self, kill: Kill) -> Result<(), Finding> {
        let Some(mut newcomer) = self.newcomer.take() else { return Ok(()) };
        let mut since_ns = kill.at_ns;
        if kill.arrival == Arrival::AtOnce {
            newcomer.take()?;
            // A publisher had to wait for it too.
            since_ns = clock::now_ns();
        }
        let (mut receiver, mut sender) = self.survivors_go_on(since_ns)?;
        self.exchange(&mut newcomer, &mut receiver)?;
        newcomer.leave()?;
        drop(receiver);
        // Nobody holds it up any more, and each slot is of use.
        for _ in 0..2 * self.case.places {
            self.send(&mut sender, 0, MESSAGE_BYTES)?;
        }
        drop(sender);
        take_over(remove(self.domain, &self.topic))
    }

    /// The newcomer finds what is still there, and everybody gets what it publishes, itself too.
    fn exchange(&mut self, newcomer: &mut Newcomer, receiver: &mut TopicReceiver) -> Result<(), Finding> {
        newcomer.take()?;
        newcomer.send()?;
        newcomer.take()?;
        self.witness.time(0, newcomer.slowest_ns);
        self.witness.after.by_newcomer.append(&mut newcomer.got);
        if let Ok(got) = receiver.next(clock::deadline_in(PATIENCE)) {
            self.witness.after.got.push(got);
        }
        Ok(())
    }

    fn survivors_go_on(&mut self, mut since_ns: u64) -> Result<(TopicReceiver, TopicSender), Finding> {
        let is_publisher_away = self.case.survivor == Survivor::PublisherAsleep;
        let mut sender = match self.sender.take() {
            // The death itself, or what the victim did, must wake it: nothing else comes before.
            None if is_publisher_away => Some(self.witness.await_sender(since_ns)?),
            sender => sender,
        };
        if let Some(receiver) = self.receiver.take() {
            since_ns = clock::now_ns();
            self.witness.receive(receiver, self.until(), None);
        }
        let told = match self.until() {
            Until::End => Some(self.witness.await_receiver(since_ns)?),
            Until::Sentinel => None,
        };
        let mut sender = match sender.take() {
            Some(sender) => sender,
            None => take_over(self.case.open_sender(self.domain, &self.topic))?,
        };
        if !self.is_message_sent {
            self.send(&mut sender, self.case.backlog, MESSAGE_BYTES)?;
        }
        let joined_ns = clock::now_ns();
        if let Some(receiver) = told {
            self.witness.receive(receiver, Until::Sentinel, None);
        }
        self.send(&mut sender, SENTINEL, SENTINEL_BYTES)?;
        let receiver = self.witness.await_receiver(joined_ns)?;
        Ok((receiver, sender))
    }

    fn send(&self, sender: &mut TopicSender, number: u32, length: usize) -> Result<(), Finding> {
        sent_late(sender.send(&payload(number, length), clock::deadline_in(PATIENCE)))
    }
}

fn publish_backlog(case: &Case, sender: &mut TopicSender) -> Result<(), Failure> {
    for number in 0..case.backlog {
        sender.send(&payload(number, MESSAGE_BYTES), Deadline::NOW)?;
    }
    Ok(())
}
