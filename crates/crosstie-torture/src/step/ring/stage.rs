//! One ring with its survivor in the judging process, before and after the kill.

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender, remove};
use crosstie::ledger::Domain;
use crosstie::os::clock;

use super::case::{Act, Case, Side, Survivor};
use super::in_line::InLine;
use super::judge::judge;
use super::victim::options;
use crate::step::fault::Finding;
use crate::step::payload::{LEAD, LEAD_BYTES, SENTINEL, SENTINEL_BYTES, payload};
use crate::step::scene::{Kill, Stage};
use crate::step::survivor::{Got, Told, Until, Witness, sent_late, take_over};
use crate::step::victim::Failure;

/// How long the judge's own calls may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// The end of the ring that the judging process has.
enum Own {
    Nothing,
    Receiver(RingReceiver),
    Sender(RingSender),
    /// It is in its thread.
    Away,
}

/// One ring, one operation, one kill.
pub struct RingStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    ring: String,
    witness: Witness<RingReceiver, RingSender>,
    own: Own,
    /// Whose turn comes before the victim's.
    first: Option<RingSender>,
    /// Who stands in line behind the victim.
    in_line: Option<InLine>,
    is_message_sent: bool,
    findings: Vec<Finding>,
}

impl<'a> RingStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, ring: &str) -> Result<Self, Failure> {
        let own = match case.act.side() {
            _ if case.survivor == Survivor::Nobody => Own::Nothing,
            Side::Ledger => Own::Nothing,
            Side::Sender => Own::Receiver(RingReceiver::open(domain, ring, &options())?),
            Side::Receiver => Own::Sender(RingSender::open(domain, ring, &options())?),
        };
        let first = (case.act == Act::TakeTurn)
            .then(|| RingSender::open_in_turn(domain, ring, &options(), Deadline::NOW));
        let mut stage = Self {
            case,
            domain,
            ring: ring.to_owned(),
            witness: Witness::new(),
            own,
            first: first.transpose()?,
            in_line: None,
            is_message_sent: false,
            findings: Vec::new(),
        };
        if let Own::Sender(sender) = &mut stage.own {
            if case.wraps {
                sender.send(&payload(LEAD, LEAD_BYTES), Deadline::NOW)?;
            }
            if case.behind_dead {
                send_backlog(case, sender)?;
            }
        }
        Ok(stage)
    }
}

impl Stage for RingStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        let is_asleep = matches!(self.case.survivor, Survivor::Asleep | Survivor::Deaf);
        match std::mem::replace(&mut self.own, Own::Away) {
            Own::Receiver(mut receiver) => {
                if self.case.wraps {
                    receiver.recv(Deadline::NOW)?;
                }
                if is_asleep {
                    let deaf = (self.case.survivor == Survivor::Deaf).then_some(self.domain);
                    self.witness.receive(receiver, self.until(), deaf);
                } else {
                    self.own = Own::Receiver(receiver);
                }
            }
            Own::Sender(mut sender) => {
                if !self.case.behind_dead {
                    send_backlog(self.case, &mut sender)?;
                }
                if is_asleep {
                    self.is_message_sent = true;
                    self.witness.send(sender, payload(self.case.message_number(), self.case.message));
                } else {
                    self.own = Own::Sender(sender);
                }
            }
            other => self.own = other,
        }
        if is_asleep {
            self.witness.await_sleep()?;
        }
        if self.case.act == Act::PassTurn {
            let is_deaf = self.case.survivor == Survivor::Deaf;
            self.in_line = Some(InLine::stand(self.domain, &self.ring, is_deaf)?);
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        if let Some(first) = self.first.take() {
            drop(first);
            return Ok(());
        }
        match &mut self.own {
            Own::Receiver(receiver) => {
                let message = receiver.recv(Deadline::NOW)?;
                let deliveries = if message.is_redelivered() { 2 } else { 1 };
                self.witness.after.got.push(Got { bytes: message.to_vec(), deliveries });
                Ok(())
            }
            Own::Sender(sender) if !self.is_message_sent => {
                self.is_message_sent = true;
                let message = payload(self.case.message_number(), self.case.message);
                Ok(sender.send(&message, Deadline::NOW)?)
            }
            _ => Err("the victim sleeps, and nobody is there to wake it".into()),
        }
    }

    fn judge(mut self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64) {
        let Kill { progress, at_ns: killed_ns, .. } = kill;
        let went_on = match self.case.act.side() {
            Side::Ledger => return (Vec::new(), 0),
            Side::Sender => self.go_on_receiving(killed_ns),
            Side::Receiver => self.go_on_sending(killed_ns),
        };
        match went_on {
            Ok(()) => self.findings.extend(judge(self.case, progress, &self.witness.after)),
            Err(finding) => self.findings.push(finding),
        }
        (self.findings, self.witness.slowest_ns)
    }
}

impl RingStage<'_> {
    fn until(&self) -> Until {
        let has_no_end = self.case.act.is_open() || matches!(self.case.act, Act::HandOver | Act::PassTurn);
        if has_no_end { Until::Sentinel } else { Until::End }
    }

    /// The sender was killed: the receiver must be told, then a new sender's message must come.
    fn go_on_receiving(&mut self, killed_ns: u64) -> Result<(), Finding> {
        // It was killed in line, before its turn could come.
        let ended_ns = match self.first.take() {
            Some(first) => {
                drop(first);
                clock::now_ns()
            }
            None => killed_ns,
        };
        match std::mem::replace(&mut self.own, Own::Away) {
            Own::Receiver(receiver) => self.witness.receive(receiver, self.until(), None),
            Own::Nothing => {
                let receiver = take_over(RingReceiver::open(self.domain, &self.ring, &options()))?;
                self.witness.receive(receiver, Until::Sentinel, None);
            }
            _ => {}
        }
        let told = match self.until() {
            Until::End => Some(self.witness.await_receiver(ended_ns)?),
            Until::Sentinel => None,
        };
        let (joined_ns, mut successor) = match self.in_line.take() {
            Some(in_line) => {
                let (at_ns, successor) = in_line.turn()?;
                self.witness.time(killed_ns, at_ns);
                (clock::now_ns(), successor)
            }
            None => (clock::now_ns(), self.join()?),
        };
        self.send(&mut successor, SENTINEL, SENTINEL_BYTES)?;
        if let Some(receiver) = told {
            self.witness.receive(receiver, Until::Sentinel, None);
        }
        let receiver = self.witness.await_receiver(joined_ns)?;
        drop((receiver, successor));
        self.remove()
    }

    /// A sender that comes late.
    fn join(&self) -> Result<RingSender, Finding> {
        let (domain, ring) = (self.domain, &self.ring);
        take_over(if self.case.act.is_in_turn() {
            RingSender::open_in_turn(domain, ring, &options(), clock::deadline_in(PATIENCE))
        } else {
            RingSender::open(domain, ring, &options())
        })
    }

    /// The receiver was killed: the sender must be told if it waits, then a new receiver must get
    /// everything that is left.
    fn go_on_sending(&mut self, killed_ns: u64) -> Result<(), Finding> {
        let mut sender = match std::mem::replace(&mut self.own, Own::Away) {
            Own::Sender(sender) => Some(sender),
            Own::Nothing => Some(take_over(RingSender::open(self.domain, &self.ring, &options()))?),
            _ if self.case.act.is_open() => None,
            _ => self.await_news(killed_ns)?,
        };
        let joined_ns = clock::now_ns();
        let successor = take_over(RingReceiver::open(self.domain, &self.ring, &options()))?;
        self.witness.receive(successor, Until::Sentinel, None);
        if sender.is_none() {
            sender = Some(self.witness.await_sender(joined_ns)?);
        }
        let Some(mut sender) = sender else { return Ok(()) };
        if !self.is_message_sent {
            self.send(&mut sender, self.case.message_number(), self.case.message)?;
        }
        let sent_ns = clock::now_ns();
        self.send(&mut sender, SENTINEL, SENTINEL_BYTES)?;
        let receiver = self.witness.await_receiver(sent_ns)?;
        drop((receiver, sender));
        self.remove()
    }

    /// Waits until the survivor that sleeps in `send` is told something.
    fn await_news(&mut self, since_ns: u64) -> Result<Option<RingSender>, Finding> {
        loop {
            let (at_ns, told) = self.witness.next()?;
            match told {
                Told::Sent(sender) => return Ok(Some(*sender)),
                Told::Ended(ending) => {
                    self.witness.after.endings.push(ending);
                    self.witness.time(since_ns, at_ns);
                    return Ok(None);
                }
                _ => {}
            }
        }
    }

    fn send(&self, sender: &mut RingSender, number: u32, length: usize) -> Result<(), Finding> {
        sent_late(sender.send(&payload(number, length), clock::deadline_in(PATIENCE)))
    }

    fn remove(&self) -> Result<(), Finding> {
        take_over(remove(self.domain, &self.ring))
    }
}

fn send_backlog(case: &Case, sender: &mut RingSender) -> Result<(), Failure> {
    for (number, &length) in (0..).zip(case.backlog) {
        sender.send(&payload(number, length), Deadline::NOW)?;
    }
    Ok(())
}
