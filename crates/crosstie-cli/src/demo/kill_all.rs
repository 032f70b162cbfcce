//! `demo kill-all`: all the ways in which Python's multiprocessing and Boost.Interprocess were seen to hang after a
//! `kill -9`, played again, each beside the same here.

use std::time::Duration;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::ledger::{Domain, Identity};
use crosstie::os::clock;
use crosstie::shareable::Deque;
use crosstie::sync::predicate::at_least;
use crosstie::sync::{
    Barrier, BarrierError, Condvar, Event, LockError, LockResult, Monitor, Mutex, OnDeath, Reset, RwLock,
    Semaphore, Shared,
};
use crosstie::{Deadline, Error, ErrorKind};

use super::role::{Role, refused};
use super::stage::{Actor, Stage, claim, say, since};
use crate::exit::{Failure, Outcome};

/// How long is called a hang, theirs; the programs take it as seconds.
const BOUND: &str = "2";
/// How long is called a hang, ours.
const PATIENCE: Duration = Duration::from_secs(10);

const PYTHON: &str = include_str!("../../programs/kill_python.py");
const BOOST: &str = include_str!("../../programs/kill_boost.cpp");

/// Whose way to hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Python,
    Boost,
}

/// One way: whose, its scene there, what a user calls it, and ours.
type Way = (Peer, &'static str, &'static str, &'static str);

const WAYS: &[Way] = &[
    (Peer::Python, "lock", "Lock: its holder", "mutex"),
    (Peer::Python, "semaphore", "Semaphore: its holder", "semaphore"),
    (Peer::Python, "notify", "Condition.notify: a waiter", "notify"),
    (Peer::Python, "notify-all", "Condition.notify_all: a waiter", "notify-all"),
    (Peer::Python, "event", "Event.set: a waiter", "event"),
    (Peer::Python, "barrier", "Barrier: one of its parties", "barrier"),
    (Peer::Python, "queue", "Queue.get: one that waits", "queue"),
    (Peer::Python, "simple-queue", "SimpleQueue.get: one that waits", "ring"),
    (Peer::Python, "value", "Value: the holder of its lock", "mutex"),
    (Peer::Boost, "mutex", "interprocess_mutex: its holder", "mutex"),
    (Peer::Boost, "semaphore", "interprocess_semaphore: its holder", "semaphore"),
    (Peer::Boost, "upgradable", "interprocess_upgradable_mutex: its holder", "rwlock"),
    (Peer::Boost, "named", "named_mutex: its holder", "mutex"),
];

pub fn tell(stage: &Stage) -> Outcome {
    say("One process is killed with kill -9 while it has a thing or waits for it; another wants to go on.")?;
    say(format!(
        "Each line is played twice, theirs and ours; what is not over after {BOUND} s is called a hang.\n"
    ))?;
    let python = |way: &Way| stage.program("python3", &["-c", PYTHON, way.1, BOUND]);
    let boost = build(stage);
    let start = |way: &Way| match (way.0, &boost) {
        (Peer::Python, _) => {
            python(way).map_err(|_| "SKIPPED: there is no python3 on this machine".to_owned())
        }
        (Peer::Boost, Ok(program)) => {
            stage.program(program, &[way.1, BOUND]).map_err(|failure| failure.text().to_owned())
        }
        (Peer::Boost, Err(why)) => Err(format!("SKIPPED: {why}")),
    };
    // All at once: each of theirs does little but wait.
    let theirs: Vec<_> = WAYS.iter().map(start).collect();
    let (mut hung, mut played) = (0, 0);
    for (at, (way, theirs)) in WAYS.iter().zip(theirs).enumerate() {
        if at == 0 || WAYS[at - 1].0 != way.0 {
            let title = if way.0 == Peer::Python { "Python's multiprocessing" } else { "Boost.Interprocess" };
            say(format!("{}{title}", if at == 0 { "" } else { "\n" }))?;
        }
        let ours = ours(stage, at, way.3)?;
        let theirs = theirs.map_or_else(|why| why, |mut actor| outcome(&mut actor));
        hung += usize::from(theirs == "hangs");
        played += usize::from(!theirs.starts_with("SKIPPED"));
        say(format!("  {:<42} {theirs}", way.2))?;
        say(format!("    crosstie: {ours}"))?;
    }
    say(format!("\nTheirs: {hung} of {played} hang. Ours: {} of {} go on.", WAYS.len(), WAYS.len()))
}

/// The program that plays Boost's part, or why there is none.
fn build(stage: &Stage) -> Result<String, String> {
    let (source, program) = (stage.path("kill_boost.cpp"), stage.path("kill_boost"));
    std::fs::write(&source, BOOST).map_err(|error| error.to_string())?;
    let (source, program) = (source.display().to_string(), program.display().to_string());
    let arguments = ["-O0", "-w", "-pthread", "-o", &program, &source, "-lrt"];
    let compiler = stage.program("c++", &arguments).map_err(|_| "there is no C++ compiler".to_owned())?;
    match compiler.finish() {
        Ok((0, _)) => Ok(program),
        Ok((_, complaints)) if complaints.iter().any(|line| line.contains("boost/")) => {
            Err("Boost's headers are not installed".to_owned())
        }
        Ok((_, complaints)) => Err(complaints.into_iter().next().unwrap_or_else(|| "c++ failed".to_owned())),
        Err(failure) => Err(failure.text().to_owned()),
    }
}

fn outcome(actor: &mut Actor) -> String {
    actor.says("outcome").unwrap_or_else(|failure| format!("SKIPPED: it was not played: {}", failure.text()))
}

/// Plays ours; answers how it went on.
fn ours(stage: &Stage, at: usize, scene: &str) -> Result<String, Failure> {
    let (domain, name) = (stage.domain(), format!("{scene}-{at}"));
    let mut victim = stage.actor(scene, &[&name])?;
    if scene == "barrier" {
        // Once together, so that each knows the other.
        barrier(domain, &name)?.wait_for(PATIENCE).map_err(|error| unexpected(&error.to_string()))?;
    }
    victim.says("ready")?;
    let pid = victim.pid();
    let waits = matches!(scene, "notify" | "notify-all" | "event" | "queue");
    // Waiting for the fact that it waits.
    while waits && domain.waiting_count() == 0 {
        std::thread::yield_now();
    }
    let mut next = None;
    if matches!(scene, "notify" | "notify-all" | "event") {
        let mut waiter = stage.actor(scene, &[&name])?;
        waiter.says("ready")?;
        while domain.waiting_count() < 2 {
            std::thread::yield_now();
        }
        next = Some(waiter);
    }
    // Their waits are there before they have given up what they wait with.
    match scene {
        "notify" | "notify-all" => drop(mutex(domain, &name)?.lock_for(PATIENCE).map_err(refused)?),
        "queue" => drop(queue(domain, &name)?.enter_until(clock::deadline_in(PATIENCE)).map_err(refused)?),
        _ => {}
    }
    victim.kill();
    let began = clock::now_ns();
    let how = go_on(domain, scene, &name)?;
    if let Some(waiter) = &mut next {
        waiter.says("had")?;
    }
    let after = clock::in_words(since(began));
    if let Some(who) = &how {
        claim(who.starts_with(&pid.to_string()), "that the dead one is named")?;
        return Ok(format!("went on after {after}, and was told who died: {who}"));
    }
    Ok(match scene {
        "notify" | "notify-all" | "event" => {
            format!("went on after {after}; the waiter behind the dead one was woken")
        }
        "semaphore" => format!("went on after {after}: a dead holder's permit is free"),
        _ => format!("went on after {after}: one that waited and died holds nobody up"),
    })
}

/// What the other one wants; answers who died, where that is told.
fn go_on(domain: &'static Domain, scene: &str, name: &str) -> Result<Option<String>, Failure> {
    match scene {
        "mutex" => told(mutex(domain, name)?.lock_for(PATIENCE), |guard| guard.dead_owner()),
        "rwlock" => told(rwlock(domain, name)?.write_for(PATIENCE), |guard| guard.dead_owner()),
        "semaphore" => told(semaphore(domain, name)?.acquire_for(PATIENCE), |_| None),
        "notify" | "notify-all" => {
            let (mutex, condition) = (mutex(domain, name)?, Condvar::open_or_create_in(domain, name)?);
            let guard = mutex.lock_for(PATIENCE).map_err(refused)?;
            if scene == "notify" {
                condition.notify_one(&guard)?
            } else {
                condition.notify_all(&guard)?
            }
            Ok(None)
        }
        "event" => {
            event(domain, name)?.set()?;
            Ok(None)
        }
        "barrier" => match barrier(domain, name)?.wait_for(PATIENCE) {
            Err(BarrierError::Broken(who)) => Ok(who.map(|who| who.to_string())),
            other => Err(unexpected(&format!("{other:?}"))),
        },
        "queue" => {
            let queue = queue(domain, name)?;
            let inside = queue.enter_until(clock::deadline_in(PATIENCE));
            // Nothing fills it but this.
            let _ = inside.map_err(refused)?.push_back(1);
            let inside = queue.wait_when(|queue| at_least(queue, 1));
            claim(inside.map_err(refused)?.pop_front() == Some(1), "that the item is there")?;
            Ok(None)
        }
        _ => {
            let (options, deadline) = (RingOptions::default(), clock::deadline_in(PATIENCE));
            let failed = |error: &dyn std::fmt::Display| unexpected(&error.to_string());
            let mut sender = RingSender::open(domain, name, &options)?;
            sender.send(b"1", deadline).map_err(|error| failed(&error))?;
            let mut receiver = RingReceiver::open(domain, name, &options)?;
            let message = receiver.recv(deadline).map_err(|error| failed(&error))?;
            claim(message.to_vec() == b"1", "that the message is there")?;
            Ok(None)
        }
    }
}

fn told<G>(
    taken: LockResult<G>,
    who: impl FnOnce(&G) -> Option<Identity>,
) -> Result<Option<String>, Failure> {
    match taken {
        Ok(_) => Ok(None),
        Err(LockError::Abandoned(guard)) => Ok(who(&guard).map(|who| who.to_string())),
        Err(refusal) => Err(refused(refusal)),
    }
}

fn unexpected(what: &str) -> Failure {
    Failure::new(ErrorKind::Failed, format!("the scene went another way: {what}"))
}

/// Who is killed: has the thing and says so, or says that it will wait for it and does. And who waits behind it.
pub fn play(role: &mut Role) -> Outcome {
    let name: String = role.next()?;
    let domain = role.domain;
    match role.name.as_str() {
        "mutex" => {
            let mutex = mutex(domain, &name)?;
            let _guard = mutex.lock().map_err(refused)?;
            holds(role)
        }
        "rwlock" => {
            let lock = rwlock(domain, &name)?;
            let _guard = lock.write().map_err(refused)?;
            holds(role)
        }
        "semaphore" => {
            let semaphore = semaphore(domain, &name)?;
            let _permit = semaphore.acquire().map_err(refused)?;
            holds(role)
        }
        "notify" | "notify-all" => {
            let (mutex, condition) = (mutex(domain, &name)?, Condvar::open_or_create_in(domain, &name)?);
            let guard = mutex.lock().map_err(refused)?;
            role.say("ready", "to wait")?;
            drop(condition.wait(guard).map_err(refused)?);
            role.say("had", "it")
        }
        "event" => {
            let event = event(domain, &name)?;
            role.say("ready", "to wait")?;
            event.wait().map_err(refused)?;
            role.say("had", "it")
        }
        "barrier" => {
            let barrier = barrier(domain, &name)?;
            barrier.wait().map_err(|error| unexpected(&error.to_string()))?;
            holds(role)
        }
        "queue" => {
            let queue = queue(domain, &name)?;
            role.say("ready", "to wait")?;
            queue.wait_when(|queue| at_least(queue, 1)).map(drop).map_err(refused)
        }
        _ => {
            let mut receiver = RingReceiver::open(domain, &name, &RingOptions::default())?;
            role.say("ready", "to wait")?;
            receiver.recv(Deadline::NEVER).map(drop).map_err(|error| unexpected(&error.to_string()))
        }
    }
}

fn holds(role: &Role) -> Outcome {
    role.say("ready", "has it")?;
    role.wait()
}

fn mutex(domain: &'static Domain, name: &str) -> Result<Shared<Mutex<u64>>, Error> {
    Mutex::open_or_create_in(domain, name, || 0)
}

fn rwlock(domain: &'static Domain, name: &str) -> Result<Shared<RwLock<u64>>, Error> {
    RwLock::open_or_create_in(domain, name, || 0)
}

fn semaphore(domain: &'static Domain, name: &str) -> Result<Shared<Semaphore>, Error> {
    Semaphore::open_or_create_in(domain, name, 1)
}

fn event(domain: &'static Domain, name: &str) -> Result<Shared<Event>, Error> {
    Event::open_or_create_in(domain, name, Reset::Manual)
}

fn barrier(domain: &'static Domain, name: &str) -> Result<Shared<Barrier>, Error> {
    Barrier::open_or_create_in(domain, name, 2, OnDeath::Break)
}

fn queue(domain: &'static Domain, name: &str) -> Result<Shared<Monitor<Deque<u64, 4>>>, Error> {
    Monitor::open_or_create_in(domain, name, Deque::new)
}
