//! `demo race`: two processes raise one counter, without and with a mutex.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use crosstie::os::clock;
use crosstie::sync::Mutex;

use super::role::{Role, refused};
use super::stage::{Stage, claim, failed, say, since};
use crate::exit::{Failure, Outcome};

/// How often each process raises it.
const ROUNDS: u64 = 50_000;
/// How often the race is run until something is lost.
const TRIES_MAX: u32 = 20;

pub fn tell(stage: &Stage) -> Outcome {
    let wanted = 2 * ROUNDS;
    say(format!("Two processes raise one counter in shared memory, {ROUNDS} times each: {wanted} in all."))?;
    say("To raise it is three steps: read it, add one, write it back.\n")?;
    let mut tries = 0;
    let without = loop {
        tries += 1;
        let without = raise(stage, "bare")?.0;
        if without < wanted || tries == TRIES_MAX {
            break without;
        }
    };
    let lost = wanted.saturating_sub(without);
    say(format!("  without a mutex   {without:>7}   {lost} updates were lost"))?;
    let (with, took) = raise(stage, "locked")?;
    let lost_with = wanted.saturating_sub(with);
    say(format!("  with a mutex      {with:>7}   {lost_with} updates were lost, in {took}"))?;
    say("\nWhere both read the same number, both write the same number back, and one update is gone.")?;
    say("The mutex lets one process at a time take the three steps.")?;
    claim(lost > 0, "that updates are lost without a mutex")?;
    claim(with == wanted, "that no update is lost with a mutex")
}

/// Lets two processes raise it; answers what it then holds, and how long that took.
fn raise(stage: &Stage, role: &str) -> Result<(u64, String), Failure> {
    let counter = File::create(stage.path("counter")).map_err(|error| failed("make the counter", &error))?;
    counter.write_all_at(&0_u64.to_le_bytes(), 0).map_err(|error| failed("set the counter", &error))?;
    let mut actors = [stage.actor(role, &[])?, stage.actor(role, &[])?];
    for actor in &mut actors {
        actor.says("ready")?;
    }
    let began = clock::now_ns();
    for actor in &mut actors {
        actor.go_on()?;
    }
    for actor in &mut actors {
        actor.says("done")?;
    }
    let took = clock::in_words(since(began));
    Ok((read(&File::open(stage.path("counter")).map_err(|error| failed("open the counter", &error))?)?, took))
}

fn read(counter: &File) -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    counter.read_exact_at(&mut bytes, 0).map_err(|error| failed("read the counter", &error))?;
    Ok(u64::from_le_bytes(bytes))
}

pub fn play(role: &mut Role) -> Outcome {
    let counter = File::options().read(true).write(true).open(role.path("counter"));
    let counter = counter.map_err(|error| failed("open the counter", &error))?;
    let mutex = Mutex::<u64>::open_or_create_in(role.domain, "counter", || 0)?;
    role.say("ready", "")?;
    role.wait()?;
    for _ in 0..ROUNDS {
        let _guard = if role.name == "locked" { Some(mutex.lock().map_err(refused)?) } else { None };
        let raised = read(&counter)? + 1;
        counter
            .write_all_at(&raised.to_le_bytes(), 0)
            .map_err(|error| failed("write the counter", &error))?;
    }
    role.say("done", "")
}
