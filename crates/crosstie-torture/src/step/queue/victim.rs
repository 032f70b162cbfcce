//! What a victim does to a queue.

use crosstie::Deadline;
use crosstie::channel::WaitMode;
use crosstie::channel::queue::{Job, QueueOptions, QueueReceiver, QueueSender};
use crosstie::ledger::Domain;
use crosstie::os::single_step;

use super::case::{Act, Case};
use crate::step::payload::payload;
use crate::step::victim::{Failure, Role};

/// The options of every end here: sleeps at once, so that sweeps meet the sleeping paths.
pub fn options(case: &Case) -> QueueOptions {
    QueueOptions {
        places: Some(case.places),
        capacity_bytes: Some(4096),
        wait: WaitMode::Block,
        ..QueueOptions::default()
    }
}

/// Does the operation of `case` between its marks; a predecessor is killed at its first, with message 0 in hand.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let Role { domain, object: queue, is_predecessor } = role;
    domain.process_owner()?;
    if is_predecessor {
        let receiver = QueueReceiver::open(domain, queue, &options(case))?;
        let job = receiver.recv(Deadline::NEVER)?;
        single_step::mark()?;
        return Ok(job.done()?);
    }
    if case.act.is_open() {
        return open(case, domain, queue);
    }
    if case.act.is_of_sender() {
        send(case, QueueSender::open(domain, queue, &options(case))?)
    } else {
        receive(case, QueueReceiver::open(domain, queue, &options(case))?)
    }
}

fn open(case: &Case, domain: &'static Domain, queue: &str) -> Result<(), Failure> {
    single_step::mark()?;
    if case.act == Act::OpenSender {
        let sender = QueueSender::open(domain, queue, &options(case))?;
        done_while_open(sender)
    } else {
        let receiver = QueueReceiver::open(domain, queue, &options(case))?;
        done_while_open(receiver)
    }
}

/// Marks twice; the end stays open until the kill.
fn done_while_open<T>(end: T) -> Result<(), Failure> {
    single_step::mark()?;
    single_step::mark()?;
    drop(end);
    Ok(())
}

fn send(case: &Case, mut sender: QueueSender) -> Result<(), Failure> {
    let message = payload(case.message_number(), case.message);
    single_step::mark()?;
    match case.act {
        Act::Send => sender.send(&message, Deadline::NEVER)?,
        Act::SendInPlace | Act::Abandon | Act::ReportThenCommit => {
            let mut loan = sender.reserve(message.len(), Deadline::NEVER)?;
            loan.write_at(0, &message);
            if case.act == Act::ReportThenCommit {
                single_step::mark()?;
            }
            if case.act != Act::Abandon {
                loan.commit()?;
            }
        }
        _ => {
            drop(sender);
            return Ok(single_step::mark()?);
        }
    }
    if case.act == Act::ReportThenCommit {
        return Ok(single_step::mark()?);
    }
    done_while_open(sender)
}

fn receive(case: &Case, receiver: QueueReceiver) -> Result<(), Failure> {
    let mut copy = [0; 4096];
    if case.act == Act::DropReceiver {
        receiver.recv_held(Deadline::NEVER)?.copy_to(&mut copy);
    }
    if matches!(case.act, Act::Done | Act::GiveBack) {
        let job = receiver.recv(Deadline::NEVER)?;
        single_step::mark()?;
        if case.act == Act::Done {
            job.done()?
        } else {
            job.fail()?
        }
        // The end stays open until the kill.
        single_step::mark()?;
        return Ok(single_step::mark()?);
    }
    single_step::mark()?;
    match case.act {
        Act::Receive => {
            let job = receiver.recv(Deadline::NEVER)?;
            hand_over(&job, &mut copy)?;
            job.done()?;
        }
        Act::ReceiveHeld => {
            for _ in 0..2 {
                receiver.recv_held(Deadline::NEVER)?.copy_to(&mut copy);
            }
            single_step::mark()?;
            receiver.acknowledge();
        }
        Act::Fail => {
            receiver.recv(Deadline::NEVER)?.fail()?;
            single_step::mark()?;
        }
        Act::DoneThenCopy => {
            receiver.recv(Deadline::NEVER)?.done()?;
            single_step::mark()?;
        }
        Act::ReceiveAndFail => {
            let job = receiver.recv(Deadline::NEVER)?;
            hand_over(&job, &mut copy)?;
            job.fail()?;
        }
        _ => {
            drop(receiver);
            return Ok(single_step::mark()?);
        }
    }
    // The end stays open until the kill.
    Ok(single_step::mark()?)
}

/// Copies a message out, and says so: from now on its user has it.
fn hand_over(job: &Job<'_>, copy: &mut [u8]) -> Result<(), Failure> {
    job.copy_to(copy);
    Ok(single_step::mark()?)
}
