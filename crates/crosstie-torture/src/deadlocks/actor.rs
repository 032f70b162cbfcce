//! One process of a scene: does what its input says, and says what became of it.
//!
//! | it reads | it says |
//! |---|---|
//! | | `pid N`, or `refused ID …` when it cannot open the domain |
//! | `take KIND TOTAL NAME shared|alone UNITS nested|plain` | `had`, or `deadlock NANOSECONDS PID=OBJECT …`, or `refused ID` |
//! | `end` | nothing: it gives everything back and ends |
//!
//! Behind a nested step, the program that the command runs goes on in its place.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crosstie::ledger::{CommandOwner, Deadlock, Domain, Net};
use crosstie::os::held_spawn::HeldCommand;
use crosstie::os::{clock, parent, process};
use crosstie::sync::{Access, AnyLock, Lock, LockError, LockResult, Mutex, RwLock, Semaphore};
use crosstie::{Deadline, Error};

type Failure = Box<dyn std::error::Error>;

/// What an actor has; dropped when it ends.
trait Keep {}
impl<T> Keep for T {}

/// How long a patient actor waits: no wait that ends by itself is ever called a deadlock.
const PATIENCE: Duration = Duration::from_secs(3600);

/// `deadlock-actor DOMAIN never|patient`.
pub fn run(arguments: &[&str]) -> ExitCode {
    let &[folder, patience] = arguments else { return ExitCode::from(2) };
    match act(folder, patience) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deadlock-actor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn act(folder: &str, patience: &str) -> Result<(), Failure> {
    let parent = std::os::unix::process::parent_id();
    // Whoever started it from outside of its PID namespace has seen to that (`unshare --kill-child`).
    if parent != 0 {
        parent::end_with_parent(parent)?;
    }
    let domain = match Domain::open(Path::new(folder)) {
        Ok(domain) => domain,
        Err(error) => return say(&format!("refused {} {error}", error.kind().id())),
    };
    domain.set_net(Net::Absent);
    say(&format!("pid {}", process::pid()))?;
    let mut kept: Vec<Box<dyn Keep>> = Vec::new();
    while let Some(line) = hear()? {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let &["take", kind, total, name, shared, units, nested] = words.as_slice() else { break };
        let deadline = if patience == "never" { Deadline::NEVER } else { clock::deadline_in(PATIENCE) };
        let access = if shared == "shared" { Access::Shared } else { Access::Exclusive };
        let take = Take { domain, deadline, access, total: total.parse()?, units: units.parse()? };
        if nested == "nested" {
            match take.nested(kind, name, &[folder, patience])? {
                Nested::Ended => break,
                Nested::Refused => continue,
            }
        }
        let since_ns = clock::now_ns();
        match take.plain(kind, name)? {
            Ok(guard) => {
                kept.push(guard);
                say("had")?;
            }
            Err(refusal) => tell(&refusal, since_ns)?,
        }
    }
    Ok(())
}

struct Take {
    domain: &'static Domain,
    deadline: Deadline,
    access: Access,
    total: u32,
    units: u32,
}

/// What became of a nested step.
enum Nested {
    /// The program has run.
    Ended,
    /// It was not to be had: this process goes on.
    Refused,
}

type Taken = Result<Box<dyn Keep>, LockError<()>>;

/// The guard as something to keep.
fn keep<G: 'static>(taken: LockResult<G>) -> Taken {
    match taken {
        Ok(guard) => Ok(Box::new(guard)),
        Err(LockError::Deadlock(cycle)) => Err(LockError::Deadlock(cycle)),
        Err(other) => Err(LockError::Failed(Error::from(other))),
    }
}

impl Take {
    fn plain(&self, kind: &str, name: &str) -> Result<Taken, Failure> {
        let Self { domain, deadline, access, total, units } = *self;
        // Leaked: the handles live as long as the process, and so do their guards.
        Ok(match (kind, access) {
            ("mutex", _) => {
                let mutex = &*Box::leak(Box::new(Mutex::<u64>::open_or_create_in(domain, name, || 0)?));
                keep(mutex.lock_until(deadline))
            }
            ("rwlock", Access::Shared) => keep(rwlock(domain, name)?.read_until(deadline)),
            ("rwlock", Access::Exclusive) => keep(rwlock(domain, name)?.write_until(deadline)),
            ("lock", access) => {
                let lock = &*Box::leak(Box::new(Lock::open_or_create_in(domain, name)?));
                keep(lock.lock_until(access, deadline))
            }
            _ => {
                let permits = &*Box::leak(Box::new(Semaphore::open_or_create_in(domain, name, total)?));
                keep(permits.acquire_many(units, deadline))
            }
        })
    }

    /// Takes it for a command that goes on in this process's place.
    fn nested(&self, kind: &str, name: &str, arguments: &[&str]) -> Result<Nested, Failure> {
        let Self { domain, deadline, access, total, units } = *self;
        let owner = domain.command_owner("deadlock-actor")?;
        let since_ns = clock::now_ns();
        let taken = if kind == "lock" {
            keep(AnyLock::open_or_create_in(domain, name)?.lock_for_command(&owner, access, deadline))
        } else {
            keep(
                Semaphore::open_or_create_in(domain, name, total)?
                    .acquire_for_command(&owner, units, deadline),
            )
        };
        match taken {
            Ok(guard) => {
                say("had")?;
                run_program(&owner, arguments)?;
                drop(guard);
                Ok(Nested::Ended)
            }
            Err(refusal) => {
                tell(&refusal, since_ns)?;
                Ok(Nested::Refused)
            }
        }
    }
}

fn rwlock(domain: &'static Domain, name: &str) -> Result<&'static RwLock<u64>, Error> {
    Ok(Box::leak(Box::new(RwLock::<u64>::open_or_create_in(domain, name, || 0)?)))
}

fn run_program(owner: &CommandOwner, arguments: &[&str]) -> Result<(), Failure> {
    let program = HeldCommand::new("/proc/self/exe").arg("deadlock-actor").args(arguments);
    let mut child = owner.start(&program).map_err(|error| format!("{error:?}"))?;
    child.wait()?;
    Ok(())
}

fn tell(refusal: &LockError<()>, since_ns: u64) -> Result<(), Failure> {
    match refusal {
        LockError::Deadlock(cycle) => {
            let took_ns = clock::now_ns().saturating_sub(since_ns);
            say(&format!("deadlock {took_ns} {}", in_words(cycle)))
        }
        other => say(&format!("refused {}", other.kind().id())),
    }
}

/// `PID=OBJECT`, each waiting for the next.
fn in_words(cycle: &Deadlock) -> String {
    let link = |link: &crosstie::ledger::deadlock::Blockage| {
        format!("{}={}", link.who.as_ref().map_or(0, |who| who.pid), link.object)
    };
    cycle.cycle().iter().map(link).collect::<Vec<_>>().join(" ")
}

fn say(words: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{words}")?;
    Ok(out.flush()?)
}

/// The next line. Nobody writes another before this one is answered, so that the program that goes on in this
/// one's place misses nothing.
fn hear() -> Result<Option<String>, Failure> {
    let mut line = String::new();
    let count = std::io::stdin().lock().read_line(&mut line)?;
    Ok((count > 0).then_some(line))
}
