//! One run: workers started together, one figure.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};

use super::spec::{Begin, Part, TOPICS_SUBCOMMAND, TopicsAnswer, TopicsSpec};
use crate::engine::worker::Worker;

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many messages and bytes, and whether publishers wait.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Messages that are published.
    pub count: u64,
    /// Bytes of each message, a multiple of 8.
    pub payload_bytes: usize,
    /// Whether publishers wait for subscribers.
    pub is_lossless: bool,
}

/// Messages a second that one subscriber receives whole from one publisher, in a domain in `folder`.
///
/// # Errors
/// A worker fails, or a message is missing and nobody was told.
pub fn rate(program: &Path, folder: &Path, shape: Shape) -> Result<f64> {
    let domain = folder.join(format!("topics-{:x}", clock::now_ns()));
    let mut subscriber = start(program, &spec(&domain, shape, Part::Subscribe))?;
    let mut publisher = start(program, &spec(&domain, shape, Part::Publish))?;
    subscriber.tell(&Begin {})?;
    publisher.tell(&Begin {})?;
    let published = answered(&publisher)?;
    let received = answered(&subscriber)?;
    if received.messages + received.lost != published.messages {
        return Err(Error::new("measure", "a topic", ErrorKind::Corrupt).because(format!(
            "{} were published, {} received, {} told to be lost",
            published.messages, received.messages, received.lost
        )));
    }
    Ok(received.messages as f64 * 1e9 / received.ended_ns.saturating_sub(received.began_ns).max(1) as f64)
}

/// Nanoseconds that a publisher takes for each message while so many subscribers never read.
///
/// # Errors
/// A worker fails.
pub fn publishing_ns(program: &Path, folder: &Path, shape: Shape, idle: usize) -> Result<f64> {
    let domain = folder.join(format!("topics-{:x}", clock::now_ns()));
    let idle: Result<Vec<_>> = (0..idle).map(|_| start(program, &spec(&domain, shape, Part::Idle))).collect();
    let mut publisher = start(program, &spec(&domain, shape, Part::Publish))?;
    publisher.tell(&Begin {})?;
    let answer = answered(&publisher)?;
    drop(idle?);
    Ok(answer.ended_ns.saturating_sub(answer.began_ns) as f64 / shape.count as f64)
}

fn spec(domain: &Path, shape: Shape, part: Part) -> TopicsSpec {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    // Publisher and subscriber lie across processors.
    let processor = match part {
        Part::Publish => Some(1 % processors),
        Part::Subscribe => Some(0),
        Part::Idle => None,
    };
    TopicsSpec {
        domain: domain.to_owned(),
        is_lossless: shape.is_lossless,
        part,
        count: shape.count,
        payload_bytes: shape.payload_bytes,
        processor,
        parent: std::process::id(),
    }
}

/// A worker that is ready.
fn start(program: &Path, spec: &TopicsSpec) -> Result<Worker> {
    let ends = [Stdio::null(), Stdio::null()];
    let worker = Worker::start(program, (TOPICS_SUBCOMMAND, spec), "a worker of the topic", ends)?;
    answered(&worker)?;
    Ok(worker)
}

fn answered(worker: &Worker) -> Result<TopicsAnswer> {
    worker.answer_within(PATIENCE)?.ok_or_else(|| worker.hung())
}
