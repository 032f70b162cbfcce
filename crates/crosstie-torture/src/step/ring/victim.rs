//! What a victim does to a ring.

use crosstie::channel::ring::{RingMessage, RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::ledger::Domain;
use crosstie::os::single_step;
use crosstie::{Deadline, Error};

use super::case::{Act, Case, Side};
use super::twin;
use crate::step::payload::{LEAD, LEAD_BYTES, payload};
use crate::step::victim::{Failure, Role};

/// The options of every end here: sleeps at once, so that sweeps meet the sleeping paths.
pub fn options() -> RingOptions {
    RingOptions { capacity_bytes: Some(4096), wait: WaitMode::Block, ..RingOptions::default() }
}

/// Does the operation of `case` between its marks; a predecessor is killed at its first.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let Role { domain, object: ring, is_predecessor } = role;
    let scene = Scene { case, domain, ring, is_predecessor };
    match case.act.side() {
        Side::Ledger => scene.attach(),
        Side::Sender => scene.send(),
        Side::Receiver => scene.receive(),
    }
}

struct Scene<'a> {
    case: &'a Case,
    domain: &'static Domain,
    ring: &'a str,
    is_predecessor: bool,
}

impl Scene<'_> {
    fn attach(&self) -> Result<(), Failure> {
        single_step::mark()?;
        let me = match self.case.act {
            Act::AttachProcess => self.domain.process_owner(),
            _ => self.domain.thread_owner(),
        };
        me?;
        Ok(single_step::mark()?)
    }

    fn open_sender(&self) -> Result<RingSender, Error> {
        if self.case.act.is_in_turn() {
            return RingSender::open_in_turn(self.domain, self.ring, &options(), Deadline::NEVER);
        }
        RingSender::open(self.domain, self.ring, &options())
    }

    fn open_receiver(&self) -> Result<RingReceiver, Error> {
        RingReceiver::open(self.domain, self.ring, &options())
    }

    fn send(&self) -> Result<(), Failure> {
        self.domain.process_owner()?;
        let case = self.case;
        if (case.act.is_open() || case.act == Act::TakeTurn) && !self.is_predecessor {
            single_step::mark()?;
            let sender = self.open_sender()?;
            single_step::mark()?;
            // The end stays open until the kill.
            single_step::mark()?;
            drop(sender);
            return Ok(());
        }
        let mut sender = self.open_sender()?;
        if case.wraps {
            sender.send(&payload(LEAD, LEAD_BYTES), Deadline::NEVER)?;
        }
        for (number, &length) in (0..).zip(case.backlog) {
            sender.send(&payload(number, length), Deadline::NEVER)?;
        }
        let message = payload(case.message_number(), case.message);
        single_step::mark()?;
        match case.act {
            Act::Send => sender.send(&message, Deadline::NEVER)?,
            Act::SendInPlace => {
                let mut loan = sender.reserve(message.len(), Deadline::NEVER)?;
                loan.write_at(0, &message);
                loan.commit();
            }
            Act::ReportThenCommit => twin::report_then_commit(&mut sender, &message)?,
            Act::CommitThenWrite => twin::commit_then_write(&mut sender, &message)?,
            Act::CloseSender => sender.close(),
            Act::HandOver => {
                sender.hand_over();
                return Ok(single_step::mark()?);
            }
            Act::DropSender | Act::EndTurn | Act::PassTurn => {
                drop(sender);
                return Ok(single_step::mark()?);
            }
            act => return Err(format!("{act:?} is no operation of a sender").into()),
        }
        if case.act != Act::ReportThenCommit {
            single_step::mark()?;
        }
        // The end stays open until the kill.
        single_step::mark()?;
        Ok(())
    }

    fn receive(&self) -> Result<(), Failure> {
        self.domain.process_owner()?;
        let case = self.case;
        if case.act.is_open() && !self.is_predecessor {
            single_step::mark()?;
            let receiver = self.open_receiver()?;
            single_step::mark()?;
            // The end stays open until the kill.
            single_step::mark()?;
            drop(receiver);
            return Ok(());
        }
        let mut receiver = self.open_receiver()?;
        if case.wraps {
            receiver.recv(Deadline::NEVER)?;
        }
        let held = if self.is_predecessor { Some(receiver.recv(Deadline::NEVER)?) } else { None };
        let mut copy = [0; 4096];
        single_step::mark()?;
        drop(held);
        match case.act {
            Act::Receive => hand_over(&receiver.recv(Deadline::NEVER)?, &mut copy)?,
            Act::ReceiveHeld => {
                receiver.recv_held(Deadline::NEVER)?.copy_to(&mut copy);
                hand_over(&receiver.recv_held(Deadline::NEVER)?, &mut copy)?;
                receiver.acknowledge();
            }
            Act::AcknowledgeThenCopy => twin::acknowledge_then_copy(&mut receiver, &mut copy)?,
            Act::ReceiveTwice => {
                hand_over(&receiver.recv_held(Deadline::NEVER)?, &mut copy)?;
                receiver.put_all_back();
            }
            Act::DropReceiver => {
                drop(receiver);
                return Ok(single_step::mark()?);
            }
            act => return Err(format!("{act:?} is no operation of a receiver").into()),
        }
        // The end stays open until the kill.
        single_step::mark()?;
        Ok(())
    }
}

/// Copies a message out, and says so: from now on its user has it.
fn hand_over(message: &RingMessage<'_>, copy: &mut [u8]) -> Result<(), Failure> {
    message.copy_to(copy);
    Ok(single_step::mark()?)
}
