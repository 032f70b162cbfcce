//! [`Worker`]: a process of the measuring executable that is told by lines of JSON what to do, and
//! answers by lines; and its end of that [`Conversation`].

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crosstie::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a worker answers.
pub trait Reply: DeserializeOwned {
    /// Why it gave up, as the id of an error's kind and its text; it ends after this answer.
    fn failure(&self) -> Option<&(String, String)>;
}

/// A worker that is ready for commands; killed when dropped.
#[derive(Debug)]
pub struct Worker {
    name: &'static str,
    child: Child,
    commands: UnixStream,
    answers: Receiver<String>,
}

impl Worker {
    /// Starts `program` under a hidden subcommand with a specification; its standard error is the
    /// conversation.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(
        program: &Path,
        (subcommand, spec): (&str, &impl Serialize),
        name: &'static str,
        [input, output]: [Stdio; 2],
    ) -> Result<Self> {
        let refused = |error| Error::os("start a side", program.display().to_string(), error);
        let json = serde_json::to_string(spec).map_err(|error| refused(error.into()))?;
        let (commands, of_worker) = UnixStream::pair().map_err(refused)?;
        let child = std::process::Command::new(program)
            .arg(subcommand)
            .arg(json)
            .stdin(input)
            .stdout(output)
            .stderr(OwnedFd::from(of_worker))
            .spawn()
            .map_err(refused)?;
        let (lines, answers) = channel();
        let worker = Self { name, child, commands, answers };
        let output = worker.commands.try_clone().map_err(refused)?;
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(worker)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it what to do next.
    ///
    /// # Errors
    /// It is gone.
    pub fn tell(&mut self, command: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_string(command).map_err(|error| self.refused(error.into()))?;
        line.push('\n');
        self.commands.write_all(line.as_bytes()).map_err(|error| self.refused(error))
    }

    /// A line that it has answered already.
    #[must_use]
    pub fn answer_now(&self) -> Option<String> {
        self.answers.try_recv().ok()
    }

    /// What it answers within `timeout`.
    ///
    /// # Errors
    /// It died, or gave up.
    pub fn answer_within<A: Reply>(&self, timeout: Duration) -> Result<Option<A>> {
        match self.answers.recv_timeout(timeout) {
            Ok(line) => self.understand(&line).map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Error::new("measure", self.name, ErrorKind::PeerDied)
                .because(format!("process {} ended without an answer", self.child.id()))),
        }
    }

    /// What a line of its means.
    ///
    /// # Errors
    /// It gave up.
    pub fn understand<A: Reply>(&self, line: &str) -> Result<A> {
        // What is no answer is what a panic says.
        let answer: A = serde_json::from_str(line)
            .map_err(|_| Error::new("measure", self.name, ErrorKind::Failed).because(line))?;
        match answer.failure() {
            Some((id, text)) => {
                let kind = ErrorKind::ALL.iter().find(|kind| kind.id() == id).copied();
                Err(Error::new("measure", self.name, kind.unwrap_or(ErrorKind::Failed)).because(text))
            }
            None => Ok(answer),
        }
    }

    /// That it did not answer in time.
    #[must_use]
    pub fn hung(&self) -> Error {
        Error::new("measure", self.name, ErrorKind::TimedOut)
            .because(format!("process {} did not answer in time", self.child.id()))
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(&mut self) {
        // Errors say that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn refused(&self, error: std::io::Error) -> Error {
        Error::os("talk to a side", self.name, error)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The worker's two-way line to the measuring process: standard error, because standard input and
/// output may be the pipes that are measured.
pub struct Conversation {
    commands: BufReader<UnixStream>,
    answers: UnixStream,
}

impl Conversation {
    /// The one that this process was started with.
    ///
    /// # Errors
    /// Standard error is closed.
    pub fn on_standard_error() -> Result<Self> {
        let refused = |error| Error::os("talk to the measuring process", "standard error", error);
        let duplicate = || std::io::stderr().as_fd().try_clone_to_owned().map_err(refused);
        Ok(Self { commands: BufReader::new(duplicate()?.into()), answers: duplicate()?.into() })
    }

    /// What to do next; `None` when the measuring process has hung up.
    ///
    /// # Errors
    /// What it said cannot be read.
    pub fn next_command<C: DeserializeOwned>(&mut self) -> Result<Option<C>> {
        let mut line = String::new();
        match self.commands.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => serde_json::from_str(&line)
                .map(Some)
                .map_err(|error| unreadable("a command", &error.to_string())),
            Err(error) => Err(Error::os("read a command", "standard error", error)),
        }
    }

    /// Answers.
    ///
    /// # Errors
    /// The measuring process is gone.
    pub fn answer(&mut self, answer: &impl Serialize) -> Result<()> {
        let mut line =
            serde_json::to_string(answer).map_err(|error| unreadable("an answer", &error.to_string()))?;
        line.push('\n');
        self.answers
            .write_all(line.as_bytes())
            .map_err(|error| Error::os("answer", "the measuring process", error))
    }
}

/// An error in a conversation that only we hold with ourselves.
pub(crate) fn unreadable(what: &'static str, why: &str) -> Error {
    Error::new("read", what, ErrorKind::Mismatch)
        .because(why)
        .advise("this is a conversation between one executable and its own children; do not run it by hand")
}
