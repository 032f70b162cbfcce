//! One queue with its survivors in the judging process, before and after the kill.

use crosstie::Deadline;
use crosstie::channel::queue::{QueueReceiver, QueueSender, QueueState, remove};
use crosstie::ledger::Domain;
use crosstie::os::clock;

use super::case::{Act, Case, Survivor};
use super::judge::judge;
use super::newcomer::ALL_BYTES;
use crate::step::fault::{Fault, Finding};
use crate::step::newcomer::{Joins as _, Newcomer};
use crate::step::payload::{SENTINEL, SENTINEL_BYTES, payload};
use crate::step::scene::{Arrival, Kill, Stage};
use crate::step::survivor::{Receives as _, Stopped, Until, Witness, sent_late, take_over};
use crate::step::victim::Failure;

/// How long the judge's own calls may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// One queue, one operation, one kill.
pub struct QueueStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    queue: String,
    witness: Witness<QueueReceiver, QueueSender>,
    /// Of a receiver that is killed: the sender, unless it is in its thread.
    sender: Option<QueueSender>,
    /// The survivor, unless it is in its thread.
    receiver: Option<QueueReceiver>,
    newcomer: Option<Newcomer>,
    is_message_sent: bool,
    findings: Vec<Finding>,
}

impl<'a> QueueStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, queue: &str) -> Result<Self, Failure> {
        let mut sender = case.open_sender(domain, queue)?;
        for (number, &length) in (0..).zip(case.backlog) {
            sender.send(&payload(number, length), Deadline::NOW)?;
        }
        let of_sender = case.act.is_of_sender();
        Ok(Self {
            case,
            domain,
            queue: queue.to_owned(),
            witness: Witness::new(),
            // Where the victim sends, the end of this one is clean, and told with the victim's.
            sender: (!of_sender).then_some(sender),
            receiver: None,
            newcomer: Some(Newcomer::start(case.name, domain, queue)?),
            is_message_sent: of_sender,
            findings: Vec::new(),
        })
    }

    fn put_to_sleep(&mut self) -> Result<(), Failure> {
        let deaf = (self.case.survivor == Survivor::Deaf).then_some(self.domain);
        let receiver = self.case.open_receiver(self.domain, &self.queue)?;
        self.witness.receive(receiver, self.until(), deaf);
        Ok(self.witness.await_sleep()?)
    }

    fn until(&self) -> Until {
        let awaits_end = self.case.act.is_of_sender() && !self.case.act.is_open();
        if awaits_end { Until::End } else { Until::Sentinel }
    }
}

impl Stage for QueueStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        match self.case.survivor {
            Survivor::Awake if self.case.act.is_of_sender() => {
                self.receiver = Some(self.case.open_receiver(self.domain, &self.queue)?);
            }
            Survivor::Awake => {}
            Survivor::Asleep | Survivor::Deaf => self.put_to_sleep()?,
            Survivor::SenderAsleep => {
                if let Some(sender) = self.sender.take() {
                    self.is_message_sent = true;
                    self.witness.send(sender, payload(self.case.message_number(), self.case.message));
                    self.witness.await_sleep()?;
                }
            }
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        if let Some(receiver) = &mut self.receiver {
            let got = receiver.next(Deadline::NOW).map_err(|_| "nothing to take")?;
            self.witness.after.got.push(got);
            return Ok(());
        }
        match &mut self.sender {
            Some(sender) if !self.is_message_sent => {
                self.is_message_sent = true;
                Ok(sender.send(&payload(self.case.message_number(), self.case.message), Deadline::NOW)?)
            }
            _ => Err("the victim sleeps, and nobody is there to wake it".into()),
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

impl QueueStage<'_> {
    /// The victim was killed: everybody who is left goes on, until a late joiner's message has come; and a newcomer
    /// that comes before or behind them has what nobody else had.
    fn go_on(&mut self, kill: Kill) -> Result<(), Finding> {
        let Some(mut newcomer) = self.newcomer.take() else { return Ok(()) };
        if kill.arrival == Arrival::AtOnce {
            newcomer.take()?;
        }
        let (receiver, mut sender) = self.survivors_go_on(kill)?;
        self.exchange(&mut newcomer)?;
        self.look_at_places(&mut sender)?;
        newcomer.leave()?;
        drop((receiver, sender));
        take_over(remove(self.domain, &self.queue))
    }

    /// The newcomer is as good as anybody: what it sends now is there, and it is the one who gets it.
    fn exchange(&mut self, newcomer: &mut Newcomer) -> Result<(), Finding> {
        newcomer.take()?;
        newcomer.send()?;
        newcomer.take()?;
        self.witness.time(0, newcomer.slowest_ns);
        self.witness.after.by_newcomer.append(&mut newcomer.got);
        Ok(())
    }

    fn survivors_go_on(&mut self, kill: Kill) -> Result<(QueueReceiver, QueueSender), Finding> {
        let is_away = matches!(self.case.survivor, Survivor::Asleep | Survivor::Deaf);
        let mut since_ns = kill.at_ns;
        if !is_away {
            let receiver = match self.receiver.take() {
                Some(receiver) => receiver,
                None => take_over(self.case.open_receiver(self.domain, &self.queue))?,
            };
            since_ns = clock::now_ns();
            self.witness.receive(receiver, self.until(), None);
        }
        if self.case.act == Act::GiveBack && kill.arrival == Arrival::Late {
            // The death itself, or what the victim did, must wake the receiver: nothing else comes before.
            self.await_message(kill.at_ns)?;
        }
        let told = match self.until() {
            Until::End => Some(self.witness.await_receiver(since_ns)?),
            Until::Sentinel => None,
        };
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None if self.case.survivor == Survivor::SenderAsleep => self.witness.await_sender(since_ns)?,
            None => take_over(self.case.open_sender(self.domain, &self.queue))?,
        };
        if !self.is_message_sent {
            self.send(&mut sender, self.case.message_number(), self.case.message)?;
        }
        let joined_ns = clock::now_ns();
        self.send(&mut sender, SENTINEL, SENTINEL_BYTES)?;
        if let Some(receiver) = told {
            self.witness.receive(receiver, Until::Sentinel, None);
        }
        let mut receiver = self.witness.await_receiver(joined_ns)?;
        self.take_what_comes_again(&mut receiver)?;
        Ok((receiver, sender))
    }

    /// What the victim had in hand comes again when its death is noticed: behind the late joiner's message too, for
    /// only what nobody has had keeps its order.
    fn take_what_comes_again(&mut self, receiver: &mut QueueReceiver) -> Result<(), Finding> {
        loop {
            let is_settled = take_over(QueueState::of(self.domain, &self.queue))?.in_hand.is_empty();
            let deadline = if is_settled { Deadline::NOW } else { clock::deadline_in(PATIENCE) };
            let since_ns = clock::now_ns();
            match receiver.next(deadline) {
                Ok(got) => {
                    self.witness.time(since_ns, clock::now_ns());
                    self.witness.after.got.push(got);
                }
                Err(Stopped::Failed(what)) => return Err(Finding::new(Fault::TakeOver, what)),
                Err(_) if is_settled => return Ok(()),
                Err(_) => return Err(Finding::new(Fault::Lost, "what is in hand comes never")),
            }
        }
    }

    /// Every place is to be had, and every chunk.
    fn look_at_places(&self, sender: &mut QueueSender) -> Result<(), Finding> {
        let lost = |what: &str| Finding::new(Fault::Lost, format!("{what} is taken for ever"));
        sender.send(&[0; ALL_BYTES], Deadline::NOW).map_err(|_| lost("a chunk"))?;
        for _ in 1..self.case.places {
            sender.send(b"fills", Deadline::NOW).map_err(|_| lost("a place"))?;
        }
        Ok(())
    }

    fn await_message(&mut self, since_ns: u64) -> Result<(), Finding> {
        let (at_ns, told) = self.witness.next()?;
        self.witness.time(since_ns, at_ns);
        self.witness.note(told);
        Ok(())
    }

    fn send(&self, sender: &mut QueueSender, number: u32, length: usize) -> Result<(), Finding> {
        sent_late(sender.send(&payload(number, length), clock::deadline_in(PATIENCE)))
    }
}
