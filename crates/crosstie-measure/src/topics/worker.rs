//! The process that publishes or subscribes.

use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, TopicOptions, TopicReceiver, TopicSender};
use crosstie::contract::RecvError;
use crosstie::ledger::Domain;
use crosstie::os::{affinity, clock, parent};
use crosstie::{Deadline, Error, ErrorKind, Result};

use super::spec::{Begin, Part, TopicsAnswer, TopicsSpec};
use crate::engine::worker::{Conversation, unreadable};

/// What runs in a worker: opens its end, says that it is ready, and goes when it is told.
///
/// # Errors
/// The measuring process is gone, or its words cannot be read.
pub fn run(spec: &str) -> Result<()> {
    let spec: TopicsSpec = serde_json::from_str(spec)
        .map_err(|error| unreadable("a worker's specification", &error.to_string()))?;
    parent::end_with_parent(spec.parent).map_err(|error| Error::os("end with", "the parent", error))?;
    if let Some(processor) = spec.processor {
        affinity::pin_thread(processor).map_err(|error| Error::os("pin to", processor.to_string(), error))?;
    }
    let mut line = Conversation::on_standard_error()?;
    if let Err(error) = play(&spec, &mut line) {
        let failure = Some((error.kind().id().to_owned(), error.to_string()));
        line.answer(&TopicsAnswer { failure, ..TopicsAnswer::default() })?;
    }
    Ok(())
}

fn play(spec: &TopicsSpec, line: &mut Conversation) -> Result<()> {
    let domain = Domain::open(&spec.domain)?;
    let options = TopicOptions {
        mode: Some(if spec.is_lossless { Mode::Lossless } else { Mode::Lossy }),
        message_bytes_max: Some(spec.payload_bytes),
        wait: WaitMode::Adaptive,
        ..TopicOptions::default()
    };
    if spec.part == Part::Publish {
        let mut sender = TopicSender::open(domain, "topic", &options)?;
        if !is_to_begin(line)? {
            return Ok(());
        }
        let answer = publish(&mut sender, spec)?;
        // Subscribers are to see the end, and then the answer.
        sender.close();
        return line.answer(&answer);
    }
    let mut receiver = TopicReceiver::open(domain, "topic", &options)?;
    if !is_to_begin(line)? || spec.part == Part::Idle {
        return Ok(());
    }
    let answer = subscribe(&mut receiver, spec)?;
    line.answer(&answer)
}

/// Says that the end is open, and waits for the word.
fn is_to_begin(line: &mut Conversation) -> Result<bool> {
    line.answer(&TopicsAnswer::default())?;
    Ok(line.next_command::<Begin>()?.is_some())
}

/// Publishes messages all of whose words are their number.
fn publish(sender: &mut TopicSender, spec: &TopicsSpec) -> Result<TopicsAnswer> {
    let mut message = vec![0; spec.payload_bytes];
    let mut answer = TopicsAnswer { began_ns: clock::now_ns(), ..TopicsAnswer::default() };
    for number in 0..spec.count {
        for word in message.chunks_exact_mut(8) {
            word.copy_from_slice(&number.to_le_bytes());
        }
        sender.send(&message, Deadline::NEVER).map_err(failed)?;
    }
    answer.ended_ns = clock::now_ns();
    answer.messages = spec.count;
    Ok(answer)
}

/// Receives all, and sees that each is whole and none is missing untold.
fn subscribe(receiver: &mut TopicReceiver, spec: &TopicsSpec) -> Result<TopicsAnswer> {
    let mut message = vec![0; spec.payload_bytes];
    let mut answer = TopicsAnswer::default();
    let mut next = 0;
    loop {
        let number = match receiver.recv(Deadline::NEVER) {
            Ok(received) => {
                received.copy_to(&mut message);
                received.number()
            }
            Err(RecvError::Overrun { from, to }) => {
                answer.lost += to - from;
                next = to;
                continue;
            }
            Err(RecvError::Closed) => break,
            Err(error) => return Err(failed(error)),
        };
        if answer.messages == 0 {
            answer.began_ns = clock::now_ns();
        }
        let is_whole = message.chunks_exact(8).all(|word| word == number.to_le_bytes());
        if !is_whole || number != next {
            return Err(failed(format!("message {number} came torn, or instead of {next}")));
        }
        next += 1;
        answer.messages += 1;
    }
    answer.ended_ns = clock::now_ns();
    Ok(answer)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new("measure", "a topic", ErrorKind::Failed).because(error.to_string())
}
