//! The actors of a scene, and what they say.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::scene::{Kind, Step};

pub type Failure = Box<dyn std::error::Error>;

/// What an actor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Pid(u32),
    Had,
    /// How long the call took, and who waits for which object.
    Deadlock(u64, Vec<(u32, String)>),
    Refused(String),
}

fn understood(line: &str) -> Option<Said> {
    let mut words = line.split_ascii_whitespace();
    Some(match words.next()? {
        "pid" => Said::Pid(words.next()?.parse().ok()?),
        "had" => Said::Had,
        "deadlock" => {
            let took_ns = words.next()?.parse().ok()?;
            let link = |word: &str| {
                let (pid, object) = word.split_once('=')?;
                Some((pid.parse().ok()?, object.to_owned()))
            };
            Said::Deadlock(took_ns, words.map(link).collect::<Option<_>>()?)
        }
        _ => Said::Refused(line.to_owned()),
    })
}

struct Actor {
    child: Child,
    input: Option<ChildStdin>,
    /// The process that plays now: the first, or the program that it runs.
    pid: u32,
}

/// All actors of a scene; killed with it.
pub struct Cast {
    actors: Vec<Actor>,
    hears: Receiver<(usize, Said)>,
    says: Sender<(usize, Said)>,
}

impl Cast {
    /// Starts `count` actors in the domain at `domain`; with `patience` `patient`, no wait is endless.
    pub fn start(count: usize, domain: &Path, patience: &str) -> Result<Self, Failure> {
        let mut cast = Self::nobody();
        for _ in 0..count {
            cast.add(&[], domain, patience)?;
        }
        let mut known = 0;
        while known < count {
            match cast.hear(Duration::from_secs(5))? {
                Some((number, Said::Pid(pid))) => {
                    cast.now_played_by(number, pid);
                    known += 1;
                }
                other => return Err(format!("an actor said {other:?} at first").into()),
            }
        }
        Ok(cast)
    }

    /// A cast to which actors are to come.
    pub fn nobody() -> Self {
        let (says, hears) = mpsc::channel();
        Self { actors: Vec::new(), hears, says }
    }

    /// Starts an actor behind the command `wrapper`, which may be none; `domain` is its path as the actor sees it.
    /// Answers the actor's number.
    pub fn add(&mut self, wrapper: &[String], domain: &Path, patience: &str) -> Result<usize, Failure> {
        let number = self.actors.len();
        let own = std::env::current_exe()?;
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.arg("deadlock-actor").arg(domain).arg(patience).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let says = self.says.clone();
        // It ends with the last process that has the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let said = understood(&line).unwrap_or(Said::Refused(line));
                if says.send((number, said)).is_err() {
                    return;
                }
            }
        });
        let (input, pid) = (child.stdin.take(), child.id());
        self.actors.push(Actor { child, input, pid });
        Ok(number)
    }

    /// The child of this process behind which `number` plays.
    pub fn child(&self, number: usize) -> u32 {
        self.actors[number].child.id()
    }

    /// Kills it.
    pub fn kill(&mut self, number: usize) -> Result<(), Failure> {
        Ok(self.actors[number].child.kill()?)
    }

    /// What is said next, by whom; `None` when nothing is for so long.
    pub fn hear(&self, patience: Duration) -> Result<Option<(usize, Said)>, Failure> {
        match self.hears.recv_timeout(patience) {
            Ok(said) => Ok(Some(said)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("nobody is left who says anything".into()),
        }
    }

    pub fn pid(&self, number: usize) -> u32 {
        self.actors[number].pid
    }

    pub fn now_played_by(&mut self, number: usize, pid: u32) {
        self.actors[number].pid = pid;
    }

    /// Has `number` take `step` of an object of this kind and name.
    pub fn take(&mut self, number: usize, step: Step, kind: Kind, name: &str) -> Result<(), Failure> {
        let (word, total) = match kind {
            Kind::Mutex => ("mutex", 1),
            Kind::RwLock => ("rwlock", 1),
            Kind::Lock => ("lock", 1),
            Kind::Permits(total) => ("permits", total),
        };
        let shared = if step.shared { "shared" } else { "alone" };
        let nested = if step.nested { "nested" } else { "plain" };
        self.tell(number, &format!("take {word} {total} {name} {shared} {} {nested}\n", step.units))
    }

    /// Has `number` give everything back and end.
    pub fn end(&mut self, number: usize) -> Result<(), Failure> {
        self.tell(number, "end\n")
    }

    fn tell(&mut self, number: usize, line: &str) -> Result<(), Failure> {
        let input = self.actors[number].input.as_mut().ok_or("it was told to end")?;
        Ok(input.write_all(line.as_bytes())?)
    }
}

impl Drop for Cast {
    fn drop(&mut self) {
        for actor in &mut self.actors {
            drop(actor.input.take());
        }
        for actor in &mut self.actors {
            // Ended already, mostly; what a command runs ends with who started it.
            let _ = actor.child.kill();
            let _ = actor.child.wait();
        }
    }
}
