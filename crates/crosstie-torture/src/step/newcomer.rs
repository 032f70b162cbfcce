//! A process that comes only when the victim is dead, most often into the victim's own slot of the ledger: it opens a
//! channel, takes what is there, and sends.
//!
//! It is started before, does nothing until it is asked, and is asked line by line.
//!
//! | line | what it does | its answer |
//! |---|---|---|
//! | `take` | attaches and opens its receiving end, if it has none; takes all that is there | `ok` and each message: `DELIVERIES:BYTES`, the bytes in hexadecimal |
//! | `send` | the same for its sending end; sends its own message | `ok` |
//!
//! An answer that begins otherwise is what it failed at. It leaves when nobody can ask it any more.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use crosstie::ledger::{Domain, Net};
use crosstie::os::{clock, parent};
use crosstie::{Deadline, Error};

use super::fault::{Fault, Finding};
use super::payload::{NEWCOMER, SENTINEL_BYTES, payload};
use super::survivor::{Got, Receives, Sends, Stopped};
use super::victim::Failure;
use super::{queue, topic};

/// How long a newcomer's send may take, and a little longer its answer: with the net off, nothing comes later.
const PATIENCE: Duration = Duration::from_secs(2);
const NEVER_COMES: Duration = Duration::from_secs(4);

/// What a newcomer does with what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// It tells all of it.
    Sound,
    /// Twin: it forgets the first message.
    Forgets,
    /// Twin: it keeps the room of a message that it never sends.
    Keeps,
}

/// How a newcomer comes to a channel.
pub trait Joins {
    type Receiver: Receives;
    type Sender: Sends;
    /// What it does there.
    fn habit(&self) -> Habit;
    /// # Errors
    /// Those of the channel.
    fn open_receiver(&self, domain: &'static Domain, name: &str) -> Result<Self::Receiver, Error>;
    /// # Errors
    /// Those of the channel.
    fn open_sender(&self, domain: &'static Domain, name: &str) -> Result<Self::Sender, Error>;
    /// Keeps room that is never used, as long as its process lives; where there is such a twin.
    ///
    /// # Errors
    /// Those of the channel.
    fn keep_room(&self, _domain: &'static Domain, _name: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// The judge's line to a newcomer; dropped, it ends it.
pub struct Newcomer {
    child: Child,
    line: BufReader<UnixStream>,
    /// What it took, in order.
    pub got: Vec<Got>,
    /// The longest that it took for what it was asked.
    pub slowest_ns: u64,
}

impl Newcomer {
    /// Starts one for the object of `operation`; it does nothing yet.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(operation: &str, domain: &Domain, object: &str) -> Result<Self, Failure> {
        let (mine, its) = UnixStream::pair()?;
        mine.set_read_timeout(Some(NEVER_COMES))?;
        let child = Command::new("/proc/self/exe")
            .args(["newcomer", operation])
            .arg(domain.directory().path())
            .args([object, &std::process::id().to_string()])
            .stdin(OwnedFd::from(its.try_clone()?))
            .stdout(Stdio::from(OwnedFd::from(its)))
            .spawn()?;
        Ok(Self { child, line: BufReader::new(mine), got: Vec::new(), slowest_ns: 0 })
    }

    /// It takes all that is there.
    ///
    /// # Errors
    /// It could not, or does not answer.
    pub fn take(&mut self) -> Result<(), Finding> {
        let told = self.ask("take")?;
        for word in told.split_ascii_whitespace() {
            let got = read(word).ok_or_else(|| not_taken_over(&told))?;
            self.got.push(got);
        }
        Ok(())
    }

    /// It sends its message.
    ///
    /// # Errors
    /// As [`Newcomer::take`].
    pub fn send(&mut self) -> Result<(), Finding> {
        self.ask("send").map(drop)
    }

    /// It closes its ends, and goes.
    ///
    /// # Errors
    /// It does not go.
    pub fn leave(mut self) -> Result<(), Finding> {
        let gone = self.line.get_ref().shutdown(std::net::Shutdown::Write).and_then(|()| {
            // Read to its end: it has closed its side, and has only to exit.
            let mut rest = String::new();
            self.line.read_line(&mut rest)?;
            self.child.wait()
        });
        match gone {
            Ok(status) if status.success() => Ok(()),
            other => Err(not_taken_over(&format!("it went with {other:?}"))),
        }
    }

    fn ask(&mut self, what: &str) -> Result<String, Finding> {
        let asked_ns = clock::now_ns();
        let mut answer = String::new();
        let asked = writeln!(self.line.get_ref(), "{what}").and_then(|()| self.line.read_line(&mut answer));
        self.slowest_ns = self.slowest_ns.max(clock::now_ns() - asked_ns);
        match (asked, answer.trim_end().strip_prefix("ok")) {
            (Ok(_), Some(told)) => Ok(told.to_owned()),
            (Ok(_), None) => Err(not_taken_over(&format!("{what}: {answer}"))),
            (Err(error), _) => Err(Finding::new(Fault::Hang, format!("a newcomer, {what}: {error}"))),
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        // An error: it has gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn not_taken_over(what: &str) -> Finding {
    Finding::new(Fault::TakeOver, format!("a newcomer: {}", what.trim_end()))
}

/// `DELIVERIES:BYTES`.
fn read(word: &str) -> Option<Got> {
    let (deliveries, bytes) = word.split_once(':')?;
    let pairs = (0..bytes.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(bytes.get(at..at + 2)?, 16).ok());
    Some(Got { bytes: bytes.collect::<Option<_>>()?, deliveries: deliveries.parse().ok()? })
}

fn write(got: &Got) -> String {
    let bytes = got.bytes.iter().map(|byte| format!("{byte:02x}"));
    format!(" {}:{}", got.deliveries, bytes.collect::<String>())
}

/// `newcomer OPERATION DOMAIN OBJECT PARENT`.
pub fn run(arguments: &[&str]) -> ExitCode {
    match play(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("newcomer {arguments:?}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(arguments: &[&str]) -> Result<(), Failure> {
    let &[operation, domain, object, parent] = arguments else {
        return Err("newcomer OPERATION DOMAIN OBJECT PARENT".into());
    };
    parent::end_with_parent(parent.parse()?)?;
    if let Some(case) = queue::CASES.iter().find(|case| case.name == operation) {
        attend(case, Path::new(domain), object)
    } else {
        let case = topic::CASES.iter().find(|case| case.name == operation);
        attend(case.ok_or("no such operation")?, Path::new(domain), object)
    }
}

fn attend<J: Joins>(joins: &J, domain: &Path, object: &str) -> Result<(), Failure> {
    let mut there = There { joins, domain, object, receiver: None, sender: None, has_forgotten: false };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match line?.as_str() {
            "take" => there.take(),
            _ => there.send(),
        };
        match answer {
            Ok(told) => writeln!(out, "ok{told}")?,
            Err(error) => writeln!(out, "{}", error.to_string().replace('\n', "; "))?,
        }
    }
    Ok(())
}

/// A newcomer, and what it has open.
struct There<'a, J: Joins> {
    joins: &'a J,
    domain: &'a Path,
    object: &'a str,
    receiver: Option<J::Receiver>,
    sender: Option<J::Sender>,
    has_forgotten: bool,
}

impl<J: Joins> There<'_, J> {
    fn attach(&self) -> Result<&'static Domain, Failure> {
        let domain = Domain::open(self.domain)?;
        domain.set_net(Net::Absent);
        Ok(domain)
    }

    fn take(&mut self) -> Result<String, Failure> {
        let receiver = match &mut self.receiver {
            Some(receiver) => receiver,
            None => {
                let opened = self.joins.open_receiver(self.attach()?, self.object)?;
                self.receiver.insert(opened)
            }
        };
        let mut told = String::new();
        loop {
            match receiver.next(Deadline::NOW) {
                Ok(_) if self.joins.habit() == Habit::Forgets && !self.has_forgotten => {
                    self.has_forgotten = true;
                }
                Ok(got) => told += &write(&got),
                // Somebody's end, before it came or since.
                Err(Stopped::Ended(_)) => {}
                Err(Stopped::Nothing) => return Ok(told),
                Err(Stopped::Failed(what)) => return Err(what.into()),
            }
        }
    }

    fn send(&mut self) -> Result<String, Failure> {
        let sender = match &mut self.sender {
            Some(sender) => sender,
            None => {
                let domain = self.attach()?;
                if self.joins.habit() == Habit::Keeps {
                    self.joins.keep_room(domain, self.object)?;
                }
                self.sender.insert(self.joins.open_sender(domain, self.object)?)
            }
        };
        let message = payload(NEWCOMER, SENTINEL_BYTES);
        match sender.send_one(&message, clock::deadline_in(PATIENCE)) {
            Ok(()) => Ok(String::new()),
            Err(Stopped::Failed(what)) => Err(what.into()),
            Err(_) => Err("its message had no room".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_as_it_was_whole_or_not() {
        for bytes in [payload(3, 40), vec![0xEE; 7], Vec::new()] {
            let got = read(write(&Got { bytes: bytes.clone(), deliveries: 2 }).trim_start()).unwrap();
            assert_eq!((got.bytes, got.deliveries), (bytes, 2));
        }
        assert!(read("1:abc").is_none() && read("ab").is_none());
    }
}
