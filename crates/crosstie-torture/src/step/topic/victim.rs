//! What a victim does to a topic.

use crosstie::Deadline;
use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicReceiver, TopicSender};
use crosstie::os::single_step;

use super::case::{Act, Case, MESSAGE_BYTES};
use crate::step::payload::payload;
use crate::step::victim::{Failure, Role};

/// The options of every end here: sleeps at once, so that sweeps meet the sleeping paths.
pub fn options(case: &Case) -> TopicOptions {
    TopicOptions {
        mode: Some(Mode::Lossless),
        places: Some(case.places),
        message_bytes_max: Some(MESSAGE_BYTES),
        start: Start::Oldest,
        wait: WaitMode::Block,
    }
}

/// Does the operation of `case` between its marks; a predecessor is killed at its first, with a number claimed.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let Role { domain, object: topic, is_predecessor } = role;
    domain.process_owner()?;
    let options = options(case);
    if is_predecessor {
        let mut sender = TopicSender::open(domain, topic, &options)?;
        let mut loan = sender.reserve(MESSAGE_BYTES, Deadline::NOW)?;
        loan.write_at(0, &[0xEE; MESSAGE_BYTES]);
        single_step::mark()?;
        return Ok(loan.commit()?);
    }
    match case.act {
        Act::OpenPublisher => {
            single_step::mark()?;
            done_while_open(TopicSender::open(domain, topic, &options)?)
        }
        Act::OpenSubscriber => {
            single_step::mark()?;
            done_while_open(TopicReceiver::open(domain, topic, &options)?)
        }
        act if act.is_of_publisher() => publish(case, TopicSender::open(domain, topic, &options)?),
        _ => receive(case, TopicReceiver::open(domain, topic, &options)?),
    }
}

/// Marks twice; the end stays open until the kill.
fn done_while_open<T>(end: T) -> Result<(), Failure> {
    single_step::mark()?;
    single_step::mark()?;
    drop(end);
    Ok(())
}

fn publish(case: &Case, mut sender: TopicSender) -> Result<(), Failure> {
    let message = payload(case.backlog, MESSAGE_BYTES);
    single_step::mark()?;
    match case.act {
        Act::Publish => sender.send(&message, Deadline::NEVER)?,
        Act::PublishInPlace | Act::Abandon | Act::ReportThenCommit => {
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

fn receive(case: &Case, mut receiver: TopicReceiver) -> Result<(), Failure> {
    let mut copy = [0; MESSAGE_BYTES];
    single_step::mark()?;
    if case.act == Act::DropSubscriber {
        drop(receiver);
        return Ok(single_step::mark()?);
    }
    let message = receiver.recv(Deadline::NEVER)?;
    message.copy_to(&mut copy);
    single_step::mark()?;
    drop(message);
    // The end stays open until the kill.
    Ok(single_step::mark()?)
}
