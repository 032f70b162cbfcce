//! `demo starvation`: fair, fast, and a bare loop.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use crosstie::os::{clock, file_lock};
use crosstie::sync::{Mutex, Policy, Shared};

use super::role::{Role, refused};
use super::stage::{Stage, claim, failed, say, since};
use crate::exit::{Failure, Outcome};

const PROCESSES: u64 = 4;
/// How long they compete.
const CONTEST: Duration = Duration::from_millis(800);
/// How long each keeps the lock.
const TURN: Duration = Duration::from_micros(50);

/// What came of one contest.
struct Contest {
    turns: Vec<u64>,
    waited_most: Duration,
    overtaken_most: u64,
}

pub fn tell(stage: &Stage) -> Outcome {
    say(format!(
        "{PROCESSES} processes want one lock again and again for {}; each keeps it for {}.\n",
        clock::in_words(CONTEST),
        clock::in_words(TURN)
    ))?;
    say("                                      longest   most often   turns of the")?;
    say("                                         wait    overtaken   four processes")?;
    let ways = [
        ("fair", "fair: first come, first served"),
        ("fast", "fast: who is awake, for 0.5 ms"),
        ("loop", "a bare loop: try until it works"),
    ];
    let mut fair_overtaken = 0;
    for (way, name) in ways {
        let contest = contest(stage, way)?;
        if way == "fair" {
            fair_overtaken = contest.overtaken_most;
        }
        let turns: Vec<_> = contest.turns.iter().map(ToString::to_string).collect();
        say(format!(
            "  {name:<33} {:>9} {:>12}   {}",
            clock::in_words(contest.waited_most),
            contest.overtaken_most,
            turns.join(" ")
        ))?;
    }
    say(
        "\nOvertaken: how many turns others had while one waited, beyond those who had come before it; in the",
    )?;
    say(
        "loop, where there is no queue, all of them. Fair means at most the other three. Fast gives that up",
    )?;
    say("for speed: who is awake takes it, until one that has waited for 0.5 ms runs and asks to be next.")?;
    say("A loop promises nothing: its luckiest process wins again and again.")?;
    claim(fair_overtaken < PROCESSES, "that a fair lock lets at most the other three go first")
}

fn contest(stage: &Stage, way: &str) -> Result<Contest, Failure> {
    let turns = File::create(stage.path("turns")).map_err(|error| failed("make the counter", &error))?;
    turns.write_all_at(&0_u64.to_le_bytes(), 0).map_err(|error| failed("set the counter", &error))?;
    let actors = (0..PROCESSES).map(|_| stage.actor("rival", &[&way]));
    let mut actors = actors.collect::<Result<Vec<_>, _>>()?;
    for actor in &mut actors {
        actor.says("ready")?;
    }
    for actor in &mut actors {
        actor.go_on()?;
    }
    let mut contest = Contest { turns: Vec::new(), waited_most: Duration::ZERO, overtaken_most: 0 };
    for actor in &mut actors {
        let told = actor.says("had")?;
        let mut words = told.split(' ').filter_map(|word| word.parse::<u64>().ok());
        contest.turns.push(words.next().unwrap_or(0));
        contest.waited_most = contest.waited_most.max(Duration::from_nanos(words.next().unwrap_or(0)));
        contest.overtaken_most = contest.overtaken_most.max(words.next().unwrap_or(0));
    }
    Ok(contest)
}

/// What they compete for.
enum Prize {
    Lock(Shared<Mutex<u64>>),
    /// A file of which a byte is locked by who tries often enough, and a count of all turns.
    Loop(File),
}

impl Prize {
    fn open(role: &Role, way: &str) -> Result<Self, Failure> {
        if way == "loop" {
            let file = File::options().read(true).write(true).open(role.path("turns"));
            return file.map(Self::Loop).map_err(|error| failed("open the file", &error));
        }
        let policy = if way == "fair" { Policy::Fair } else { Policy::Fast };
        Ok(Self::Lock(Mutex::open_or_create_with(role.domain, way, policy, || 0)?))
    }

    /// One turn; answers how long it was waited for, and by how many others' turns, where that is counted here.
    fn turn(&self) -> Result<(Duration, u64), Failure> {
        let began = clock::now_ns();
        match self {
            Self::Lock(mutex) => {
                let mut turns = mutex.lock().map_err(refused)?;
                let waited = since(began);
                *turns += 1;
                work();
                Ok((waited, 0))
            }
            Self::Loop(file) => {
                let failed = |error| failed("lock the file", &error);
                let before = count(file)?;
                while !file_lock::try_lock_byte(file.as_fd(), 0).map_err(failed)? {
                    std::hint::spin_loop();
                }
                let (waited, now) = (since(began), count(file)?);
                file.write_all_at(&(now + 1).to_le_bytes(), 0).map_err(failed)?;
                work();
                file_lock::unlock_byte(file.as_fd(), 0).map_err(failed)?;
                Ok((waited, now.saturating_sub(before)))
            }
        }
    }
}

fn count(file: &File) -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, 0).map_err(|error| failed("read the counter", &error))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Keeps the processor, as work does.
fn work() {
    let began = clock::now_ns();
    while since(began) < TURN {
        std::hint::spin_loop();
    }
}

pub fn play(role: &mut Role) -> Outcome {
    let way: String = role.next()?;
    let prize = Prize::open(role, &way)?;
    role.say("ready", "")?;
    role.wait()?;
    let began = clock::now_ns();
    let (mut turns, mut waited_most, mut overtaken_most) = (0_u64, Duration::ZERO, 0);
    while since(began) < CONTEST {
        let (waited, overtaken) = prize.turn()?;
        turns += 1;
        waited_most = waited_most.max(waited);
        overtaken_most = overtaken_most.max(overtaken);
    }
    if let Prize::Lock(mutex) = &prize {
        // The lock itself counts, from each one's place in its queue.
        overtaken_most = mutex.counters().overtaken_most;
    }
    role.say("had", format!("{turns} {} {overtaken_most}", waited_most.as_nanos()))
}
