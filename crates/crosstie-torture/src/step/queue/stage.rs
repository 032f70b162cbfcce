//! One queue with its survivors in the judging process, before and after the kill.

use crosstie::channel::queue::{QueueReceiver, QueueSender, QueueState, remove};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::{Deadline, Error};

use super::case::{Act, Case, Survivor};
use super::judge::judge;
use super::victim::options;
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{SENTINEL, SENTINEL_BYTES, payload};
use crate::step::scene::{Progress, Stage};
use crate::step::survivor::{Got, Until, Witness, sent_late, take_over};
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
    is_message_sent: bool,
    findings: Vec<Finding>,
}

impl<'a> QueueStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, queue: &str) -> Result<Self, Failure> {
        let mut sender = QueueSender::open(domain, queue, &options(case))?;
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
            is_message_sent: of_sender,
            findings: Vec::new(),
        })
    }

    fn open_receiver(&self) -> Result<QueueReceiver, Error> {
        QueueReceiver::open(self.domain, &self.queue, &options(self.case))
    }

    fn put_to_sleep(&mut self) -> Result<(), Failure> {
        let deaf = (self.case.survivor == Survivor::Deaf).then_some(self.domain);
        self.witness.receive(self.open_receiver()?, self.until(), deaf);
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
            Survivor::Awake if self.case.act.is_of_sender() => self.receiver = Some(self.open_receiver()?),
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
        if let Some(receiver) = &self.receiver {
            self.witness.after.got.push(take(receiver, Deadline::NOW)?);
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

    fn judge(mut self: Box<Self>, progress: Progress, killed_ns: u64) -> (Vec<Finding>, u64) {
        match self.go_on(killed_ns) {
            Ok(()) => self.findings.extend(judge(self.case, progress, &self.witness.after)),
            Err(finding) => self.findings.push(finding),
        }
        (self.findings, self.witness.slowest_ns)
    }
}

impl QueueStage<'_> {
    /// The victim was killed: everybody who is left goes on, until a late joiner's message has come.
    fn go_on(&mut self, killed_ns: u64) -> Result<(), Finding> {
        let is_away = matches!(self.case.survivor, Survivor::Asleep | Survivor::Deaf);
        let mut since_ns = killed_ns;
        if !is_away {
            let receiver = match self.receiver.take() {
                Some(receiver) => receiver,
                None => take_over(self.open_receiver())?,
            };
            since_ns = clock::now_ns();
            self.witness.receive(receiver, self.until(), None);
        }
        if self.case.act == Act::GiveBack {
            // The death itself, or what the victim did, must wake the receiver: nothing else comes before.
            self.await_message(killed_ns)?;
        }
        let told = match self.until() {
            Until::End => Some(self.witness.await_receiver(since_ns)?),
            Until::Sentinel => None,
        };
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None if self.case.survivor == Survivor::SenderAsleep => self.witness.await_sender(since_ns)?,
            None => {
                let opened = QueueSender::open(self.domain, &self.queue, &options(self.case));
                take_over(opened)?
            }
        };
        if !self.is_message_sent {
            self.send(&mut sender, self.case.message_number(), self.case.message)?;
        }
        let joined_ns = clock::now_ns();
        self.send(&mut sender, SENTINEL, SENTINEL_BYTES)?;
        if let Some(receiver) = told {
            self.witness.receive(receiver, Until::Sentinel, None);
        }
        let receiver = self.witness.await_receiver(joined_ns)?;
        self.take_what_comes_again(&receiver)?;
        self.look_at_places(&mut sender)?;
        drop((receiver, sender));
        take_over(remove(self.domain, &self.queue))
    }

    /// What the victim had in hand comes again when its death is noticed: behind the late joiner's message too, for
    /// only what nobody has had keeps its order.
    fn take_what_comes_again(&mut self, receiver: &QueueReceiver) -> Result<(), Finding> {
        loop {
            let is_settled = take_over(QueueState::of(self.domain, &self.queue))?.in_hand.is_empty();
            let deadline = if is_settled { Deadline::NOW } else { clock::deadline_in(PATIENCE) };
            let since_ns = clock::now_ns();
            match take(receiver, deadline) {
                Ok(got) => {
                    self.witness.time(since_ns, clock::now_ns());
                    self.witness.after.got.push(got);
                }
                Err(_) if is_settled => return Ok(()),
                Err(failure) => {
                    return Err(Finding::new(Fault::Lost, format!("what is in hand comes never: {failure}")));
                }
            }
        }
    }

    /// Every place is to be had, and every chunk.
    fn look_at_places(&self, sender: &mut QueueSender) -> Result<(), Finding> {
        let lost = |what: &str| Finding::new(Fault::Lost, format!("{what} is taken for ever"));
        sender.send(&[0; 4096], Deadline::NOW).map_err(|_| lost("a chunk"))?;
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

/// The next message, done at once.
fn take(receiver: &QueueReceiver, deadline: Deadline) -> Result<Got, Failure> {
    let job = receiver.recv(deadline)?;
    let got = Got { bytes: job.to_vec(), deliveries: job.deliveries() };
    job.done()?;
    Ok(got)
}
