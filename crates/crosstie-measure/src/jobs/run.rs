//! One run: workers started together, one figure.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::{Deadline, Error, ErrorKind, Result};
use crosstie_peers::message_queue::PosixMessageQueue;

use super::spec::{Begin, JOBS_SUBCOMMAND, JobsAnswer, JobsSpec, Part, Way};
use crate::engine::worker::Worker;

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Places of a queue whose rate is measured.
const PLACES: u32 = 1024;

/// How many ends, messages and bytes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Senders, and as many receivers.
    pub pairs: usize,
    /// Messages of each sender.
    pub count: u64,
    /// Bytes of each message.
    pub payload_bytes: usize,
}

/// Messages a second, each received and done, through Crosstie's queue in a domain in `folder`.
///
/// # Errors
/// A worker fails, or what was received is not what was sent.
pub fn queue(program: &Path, folder: &Path, shape: Shape) -> Result<f64> {
    let domain = folder.join(format!("jobs-{:x}", clock::now_ns()));
    rate(program, &Way::Queue { domain, places: PLACES }, shape)
}

/// The same through a POSIX message queue, which knows no acknowledgement.
///
/// # Errors
/// As [`queue`]; the kernel offers none.
pub fn posix_queue(program: &Path, shape: Shape) -> Result<f64> {
    let name = format!("/crosstie-measure-{}-{:x}", std::process::id(), clock::now_ns());
    let made = PosixMessageQueue::create(&name, shape.payload_bytes)
        .map_err(|error| Error::os("create", name.as_str(), error))?;
    let rate = rate(program, &Way::PosixQueue { name }, shape);
    drop(made);
    rate
}

fn rate(program: &Path, way: &Way, shape: Shape) -> Result<f64> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut workers = Vec::new();
    for index in 0..shape.pairs {
        // Each pair of a sender and a receiver lies across processors.
        for (part, processor) in [(Part::Receive, index), (Part::Send, index + 1)] {
            let spec = JobsSpec {
                way: way.clone(),
                part,
                count: shape.count,
                payload_bytes: shape.payload_bytes,
                processor: Some(processor % processors),
                parent: std::process::id(),
            };
            workers.push((part, start(program, &spec)?));
        }
    }
    for (_, worker) in &mut workers {
        worker.tell(&Begin {})?;
    }
    let (mut began, mut ended, mut sums) = (u64::MAX, 0, [0_u64; 2]);
    for (part, worker) in &workers {
        let answer = answered(worker)?;
        let is_receiver = *part == Part::Receive;
        sums[usize::from(is_receiver)] = sums[usize::from(is_receiver)].wrapping_add(answer.sum);
        if is_receiver {
            began = began.min(answer.began_ns);
            ended = ended.max(answer.ended_ns);
        }
    }
    if sums[0] != sums[1] {
        return Err(Error::new("measure", "a queue", ErrorKind::Corrupt)
            .because("what was received is not what was sent"));
    }
    let messages = shape.count * shape.pairs as u64;
    Ok(messages as f64 * 1e9 / ended.saturating_sub(began).max(1) as f64)
}

/// Nanoseconds that a survivor takes to bring back what a killed receiver had in hand, in a queue of `places`
/// places of which it had `held` and the others wait.
///
/// # Errors
/// A worker fails, or a job is lost.
pub fn recovery_ns(program: &Path, folder: &Path, places: u32, held: u32) -> Result<u64> {
    let path = folder.join(format!("recovery-{:x}", clock::now_ns()));
    let domain = Domain::open(&path)?;
    let options = QueueOptions { places: Some(places), ..QueueOptions::default() };
    let mut sender = QueueSender::open(domain, "jobs", &options)?;
    for number in 0..places {
        sender.send(&number.to_le_bytes(), Deadline::NOW).map_err(|error| {
            Error::new("measure", "a queue", ErrorKind::Failed).because(error.to_string())
        })?;
    }
    let spec = JobsSpec {
        way: Way::Queue { domain: path, places },
        part: Part::Hold,
        count: u64::from(held),
        payload_bytes: 8,
        processor: None,
        parent: std::process::id(),
    };
    let mut victim = start(program, &spec)?;
    let survivor = QueueReceiver::open(domain, "jobs", &options)?;
    victim.kill();
    // The whole of what opening does beside it is microseconds: the recovery is nearly all of this.
    let began = clock::now_ns();
    let second = QueueReceiver::open(domain, "jobs", &options)?;
    let took = clock::now_ns() - began;
    drop(survivor);
    match second.recv(Deadline::NOW) {
        Ok(job) if job.deliveries() == 2 || held == 0 => Ok(took),
        _ => Err(Error::new("measure", "a queue", ErrorKind::Corrupt).because("a job did not come back")),
    }
}

/// A worker that is ready.
fn start(program: &Path, spec: &JobsSpec) -> Result<Worker> {
    let ends = [Stdio::null(), Stdio::null()];
    let worker = Worker::start(program, (JOBS_SUBCOMMAND, spec), "a worker of the queue", ends)?;
    answered(&worker)?;
    Ok(worker)
}

fn answered(worker: &Worker) -> Result<JobsAnswer> {
    worker.answer_within(PATIENCE)?.ok_or_else(|| worker.hung())
}
