//! The process that sends or receives.

use crosstie::channel::WaitMode;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::ledger::Domain;
use crosstie::os::{affinity, clock, parent};
use crosstie::{Deadline, Error, Result};
use crosstie_peers::message_queue::PosixMessageQueue;

use super::spec::{Begin, JobsAnswer, JobsSpec, Part, Way};
use crate::engine::worker::{Conversation, unreadable};

/// What runs in a worker: opens its end, says that it is ready, and goes when it is told.
///
/// # Errors
/// The measuring process is gone, or its words cannot be read.
pub fn run(spec: &str) -> Result<()> {
    let spec: JobsSpec = serde_json::from_str(spec)
        .map_err(|error| unreadable("a worker's specification", &error.to_string()))?;
    parent::end_with_parent(spec.parent).map_err(|error| Error::os("end with", "the parent", error))?;
    if let Some(processor) = spec.processor {
        affinity::pin_thread(processor).map_err(|error| Error::os("pin to", processor.to_string(), error))?;
    }
    let mut line = Conversation::on_standard_error()?;
    if let Err(error) = play(&spec, &mut line) {
        let failure = Some((error.kind().id().to_owned(), error.to_string()));
        line.answer(&JobsAnswer { failure, ..JobsAnswer::default() })?;
    }
    Ok(())
}

fn play(spec: &JobsSpec, line: &mut Conversation) -> Result<()> {
    match (&spec.way, spec.part) {
        (Way::Queue { domain, places }, Part::Send) => {
            let mut sender = QueueSender::open(Domain::open(domain)?, "jobs", &options(*places))?;
            time(spec, line, |message| Ok(sender.send(message, Deadline::NEVER)?))
        }
        (Way::Queue { domain, places }, part) => {
            let receiver = QueueReceiver::open(Domain::open(domain)?, "jobs", &options(*places))?;
            if part == Part::Hold {
                for _ in 0..spec.count {
                    receiver.recv_held(Deadline::NEVER).map_err(failed)?;
                }
            }
            time(spec, line, |message| {
                let job = receiver.recv(Deadline::NEVER)?;
                job.copy_to(message);
                Ok(job.done()?)
            })
        }
        (Way::PosixQueue { name }, part) => {
            let queue = PosixMessageQueue::open(name).map_err(|error| Error::os("open", name, error))?;
            time(spec, line, |message| match part {
                Part::Send => Ok(queue.send(message)?),
                Part::Receive | Part::Hold => Ok(queue.receive(message).map(drop)?),
            })
        }
    }
}

fn options(places: u32) -> QueueOptions {
    let credit = u32::MAX;
    QueueOptions { places: Some(places), wait: WaitMode::Adaptive, credit, ..QueueOptions::default() }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new("measure", "a queue", crosstie::ErrorKind::Failed).because(error.to_string())
}

/// Says that the end is open, waits for the word, and does `step` with each message: filled before it is
/// sent, every byte of it read after it was received.
fn time(
    spec: &JobsSpec,
    line: &mut Conversation,
    mut step: impl FnMut(&mut [u8]) -> std::result::Result<(), Box<dyn std::error::Error>>,
) -> Result<()> {
    line.answer(&JobsAnswer::default())?;
    if line.next_command::<Begin>()?.is_none() || spec.part == Part::Hold {
        return Ok(());
    }
    let mut message = vec![0; spec.payload_bytes];
    let mut answer = JobsAnswer { began_ns: clock::now_ns(), ..JobsAnswer::default() };
    for number in 0..spec.count {
        if spec.part == Part::Send {
            message[..8].copy_from_slice(&number.to_le_bytes());
        }
        step(&mut message).map_err(failed)?;
        answer.sum = answer.sum.wrapping_add(sum(&message));
    }
    answer.ended_ns = clock::now_ns();
    line.answer(&answer)
}

/// Touches every byte.
fn sum(message: &[u8]) -> u64 {
    let words =
        message.chunks_exact(8).map(|word| word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word)));
    words.fold(0, u64::wrapping_add)
}
