//! One ring with its survivor in the judging process, before and after the kill.

use crosstie::channel::ring::{RingReceiver, RingSender, remove};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::{Deadline, Error};

use super::case::{Case, Side, Survivor};
use super::judge::{Aftermath, judge};
use super::survivor::{Line, Told, Until};
use super::victim::options;
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{LEAD, LEAD_BYTES, SENTINEL, SENTINEL_BYTES, payload};
use crate::step::scene::{Progress, Stage};
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
    line: Line,
    own: Own,
    is_message_sent: bool,
    after: Aftermath,
    findings: Vec<Finding>,
    /// The longest wait of a survivor, from what should have ended it.
    slowest_ns: u64,
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
        let mut stage = Self {
            case,
            domain,
            ring: ring.to_owned(),
            line: Line::new(),
            own,
            is_message_sent: false,
            after: Aftermath::default(),
            findings: Vec::new(),
            slowest_ns: 0,
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
                    self.line.receive(receiver, self.until(), deaf);
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
                    self.line.send(sender, payload(self.case.message_number(), self.case.message));
                } else {
                    self.own = Own::Sender(sender);
                }
            }
            other => self.own = other,
        }
        if is_asleep {
            self.line.await_sleep()?;
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        match &mut self.own {
            Own::Receiver(receiver) => {
                let message = receiver.recv(Deadline::NOW)?;
                let (bytes, is_redelivered) = (message.to_vec(), message.is_redelivered());
                self.after.got.push(super::survivor::Got { bytes, is_redelivered });
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

    fn judge(mut self: Box<Self>, progress: Progress, killed_ns: u64) -> (Vec<Finding>, u64) {
        let went_on = match self.case.act.side() {
            Side::Ledger => return (Vec::new(), 0),
            Side::Sender => self.go_on_receiving(killed_ns),
            Side::Receiver => self.go_on_sending(killed_ns),
        };
        match went_on {
            Ok(()) => self.findings.extend(judge(self.case, progress, &self.after)),
            Err(finding) => self.findings.push(finding),
        }
        (self.findings, self.slowest_ns)
    }
}

impl RingStage<'_> {
    fn until(&self) -> Until {
        if self.case.act.is_open() { Until::Sentinel } else { Until::End }
    }

    /// The sender was killed: the receiver must be told, then a new sender's message must come.
    fn go_on_receiving(&mut self, killed_ns: u64) -> Result<(), Finding> {
        match std::mem::replace(&mut self.own, Own::Away) {
            Own::Receiver(receiver) => self.line.receive(receiver, self.until(), None),
            Own::Nothing => {
                let receiver = self.take_over(RingReceiver::open(self.domain, &self.ring, &options()))?;
                self.line.receive(receiver, Until::Sentinel, None);
            }
            _ => {}
        }
        let told = match self.until() {
            Until::End => Some(self.await_receiver(killed_ns)?),
            Until::Sentinel => None,
        };
        let joined_ns = clock::now_ns();
        let mut successor = self.take_over(RingSender::open(self.domain, &self.ring, &options()))?;
        self.send(&mut successor, SENTINEL, SENTINEL_BYTES)?;
        if let Some(receiver) = told {
            self.line.receive(receiver, Until::Sentinel, None);
        }
        let receiver = self.await_receiver(joined_ns)?;
        drop((receiver, successor));
        self.remove()
    }

    /// The receiver was killed: the sender must be told if it waits, then a new receiver must get
    /// everything that is left.
    fn go_on_sending(&mut self, killed_ns: u64) -> Result<(), Finding> {
        let mut sender = match std::mem::replace(&mut self.own, Own::Away) {
            Own::Sender(sender) => Some(sender),
            Own::Nothing => Some(self.take_over(RingSender::open(self.domain, &self.ring, &options()))?),
            _ if self.case.act.is_open() => None,
            _ => self.await_news(killed_ns)?,
        };
        let joined_ns = clock::now_ns();
        let successor = self.take_over(RingReceiver::open(self.domain, &self.ring, &options()))?;
        self.line.receive(successor, Until::Sentinel, None);
        if sender.is_none() {
            sender = Some(self.await_sender(joined_ns)?);
        }
        let Some(mut sender) = sender else { return Ok(()) };
        if !self.is_message_sent {
            self.send(&mut sender, self.case.message_number(), self.case.message)?;
        }
        let sent_ns = clock::now_ns();
        self.send(&mut sender, SENTINEL, SENTINEL_BYTES)?;
        let receiver = self.await_receiver(sent_ns)?;
        drop((receiver, sender));
        self.remove()
    }

    /// Waits until the survivor that sleeps in `send` is told something.
    fn await_news(&mut self, since_ns: u64) -> Result<Option<RingSender>, Finding> {
        loop {
            let (at_ns, told) = self.next()?;
            match told {
                Told::Sent => return self.await_sender(since_ns.max(at_ns)).map(Some),
                Told::Ended(ending) => {
                    self.after.endings.push(ending);
                    self.time(since_ns, at_ns);
                    return Ok(None);
                }
                _ => {}
            }
        }
    }

    fn await_sender(&mut self, since_ns: u64) -> Result<RingSender, Finding> {
        loop {
            let (at_ns, told) = self.next()?;
            match told {
                Told::Ended(ending) => self.after.endings.push(ending),
                Told::Got(got) => self.after.got.push(got),
                Told::Sender(sender) => {
                    self.time(since_ns, at_ns);
                    return Ok(sender);
                }
                _ => {}
            }
        }
    }

    fn await_receiver(&mut self, since_ns: u64) -> Result<RingReceiver, Finding> {
        loop {
            let (at_ns, told) = self.next()?;
            match told {
                Told::Ended(ending) => self.after.endings.push(ending),
                Told::Got(got) => self.after.got.push(got),
                Told::Received(receiver) => {
                    self.time(since_ns, at_ns);
                    return Ok(receiver);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(u64, Told), Finding> {
        match self.line.next() {
            Some((_, Told::Failed(what))) => Err(Finding { fault: Fault::TakeOver, what }),
            Some(told) => Ok(told),
            None => Err(Finding { fault: Fault::Hang, what: "a survivor sleeps for ever".to_owned() }),
        }
    }

    fn time(&mut self, since_ns: u64, at_ns: u64) {
        self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(since_ns));
    }

    fn take_over<T>(&self, opened: Result<T, Error>) -> Result<T, Finding> {
        opened.map_err(|error| Finding { fault: Fault::TakeOver, what: error.to_string() })
    }

    fn send(&self, sender: &mut RingSender, number: u32, length: usize) -> Result<(), Finding> {
        let sent = sender.send(&payload(number, length), clock::deadline_in(PATIENCE));
        sent.map_err(|error| Finding { fault: Fault::TakeOver, what: format!("late send: {error}") })
    }

    fn remove(&self) -> Result<(), Finding> {
        self.take_over(remove(self.domain, &self.ring))
    }
}

fn send_backlog(case: &Case, sender: &mut RingSender) -> Result<(), Failure> {
    for (number, &length) in (0..).zip(case.backlog) {
        sender.send(&payload(number, length), Deadline::NOW)?;
    }
    Ok(())
}
