//! `demo jobs`: a thousand jobs, five workers that are killed at random, and none is left undone.

use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender, QueueState};
use crosstie::{Deadline, ErrorKind};

use super::role::Role;
use super::stage::{Stage, claim, failed, say};
use crate::exit::{Failure, Outcome};

const JOBS: u32 = 1000;
const WORKERS: u64 = 5;
/// A worker is killed after so many jobs, on the average.
const JOBS_A_LIFE: u64 = 60;
const QUEUE: &str = "jobs";
/// Behind all jobs lies one of these for each worker: go home.
const GO_HOME: u32 = u32::MAX;

/// A job may be delivered as often as workers die.
fn options() -> QueueOptions {
    QueueOptions { places: Some(2 * JOBS), deliveries_max: Some(200), ..QueueOptions::default() }
}

pub fn tell(stage: &Stage) -> Outcome {
    say(format!(
        "{JOBS} jobs in a queue, {WORKERS} workers. Each is killed with kill -9 at a random job, and another starts.\n"
    ))?;
    let mut sender = QueueSender::open(stage.domain(), QUEUE, &options())?;
    for job in (0..JOBS).chain((0..WORKERS).map(|_| GO_HOME)) {
        sender.send(&job.to_le_bytes(), Deadline::NOW).map_err(|error| Failure::of_send(&QUEUE, error))?;
    }
    let seed = seed()?;
    let kills = AtomicU32::new(0);
    let done: Vec<_> = (0..JOBS).map(|_| AtomicU32::new(0)).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = (1..=WORKERS)
            .map(|worker| {
                let (kills, done) = (&kills, &done);
                scope.spawn(move || keep_working(stage, seed.wrapping_mul(worker), kills, done))
            })
            .collect();
        // A thread that panicked has said so.
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    let done: Vec<_> = done.into_iter().map(AtomicU32::into_inner).collect();
    conclude(stage, kills.into_inner(), &done)
}

/// One worker after the other, each until it is killed, until there is nothing more to do.
fn keep_working(stage: &Stage, mut dice: u64, kills: &AtomicU32, done: &[AtomicU32]) -> Outcome {
    loop {
        // A xorshift: which number comes next does not matter, only that they differ.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let mut worker = stage.actor("worker", &[])?;
        for _ in 0..dice % (2 * JOBS_A_LIFE) {
            let Ok(job) = worker.says("has")?.parse::<usize>() else { return Ok(()) };
            worker.go_on()?;
            worker.says("did")?;
            // Relaxed: read when all threads have been joined.
            done[job].fetch_add(1, Ordering::Relaxed);
        }
        if worker.says("has")?.parse::<usize>().is_err() {
            return Ok(());
        }
        // With that job in hand.
        worker.kill();
        // Relaxed: as above.
        kills.fetch_add(1, Ordering::Relaxed);
    }
}

fn conclude(stage: &Stage, kills: u32, done: &[u32]) -> Outcome {
    let state = QueueState::of(stage.domain(), QUEUE)?;
    let twice = done.iter().filter(|&&times| times > 1).count();
    say(format!("  workers killed      {kills}"))?;
    say(format!("  jobs done           {} of {JOBS}", done.iter().filter(|&&times| times > 0).count()))?;
    say(format!("  delivered again     {}, each to another worker, which was told so", state.redelivered))?;
    say(format!("  done twice          {twice}"))?;
    claim(done.iter().all(|&times| times == 1), "every job is done once")?;
    claim(
        state.redelivered == u64::from(kills),
        "what each of the dead had in hand is delivered again, and nothing else",
    )?;
    claim(state.waiting == 0 && state.in_hand.is_empty() && state.dead_letters == 0, "nothing is left")?;
    say(
        "\nA worker says `done` behind its work; whoever dies before has not, and the job is in its hands by its",
    )?;
    say("name. The kernel marks the dead, which wakes a worker that sleeps, and that one takes the job.")
}

fn seed() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes));
    read.map_err(|error| failed("take a random number", &error))?;
    Ok(u64::from_le_bytes(bytes) | 1)
}

pub fn play(role: &mut Role) -> Outcome {
    let receiver = QueueReceiver::open(role.domain, QUEUE, &options())?;
    loop {
        let job = match receiver.recv(Deadline::NEVER) {
            Ok(job) => job,
            Err(error) => return Err(Failure::of_recv(&QUEUE, error)),
        };
        let mut number = [0; 4];
        if job.copy_to(&mut number) != number.len() {
            return Err(Failure::new(ErrorKind::Corrupt, "a job of the scene has another length"));
        }
        let number = u32::from_le_bytes(number);
        if number == GO_HOME {
            job.done()?;
            return role.say("has", "nothing more");
        }
        role.say("has", number)?;
        role.wait()?;
        job.done()?;
        role.say("did", "it")?;
    }
}
