//! Jobs go to whichever worker is free; one whose worker fails, or is killed, goes to another.
//!
//! `cargo run --example jobs -- send`, and `cargo run --example jobs -- work` in as many terminals as
//! you like; kill some.
use std::error::Error;

use crosstie::{Deadline, Receiver, RecvError, Sender};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("send") => send(),
        Some("work") => work(),
        _ => Err("say send or work".into()),
    }
}

fn send() -> Result<(), Box<dyn Error>> {
    let mut jobs = Sender::<u64>::open("queue:jobs")?;
    for number in 1..=3 {
        jobs.send(&number)?;
    }
    Ok(jobs.close()?)
}

fn work() -> Result<(), Box<dyn Error>> {
    let jobs = Receiver::<u64>::open("queue:jobs")?;
    loop {
        let job = match jobs.recv_job(Deadline::NEVER) {
            Ok(job) => job,
            Err(RecvError::Closed) => return Ok(()), // everything is done
            Err(error) => return Err(error.into()),
        };
        if *job == 2 && !job.is_redelivered() {
            println!("job 2 fails once");
            continue; // dropped without done(): delivered again
        }
        println!("job {}, delivery {}", *job, job.deliveries());
        job.done()?;
    }
}
