//! What runs in a side: open the lane, then do what each line of standard input says.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crosstie::os::{affinity, parent};
use crosstie::{Error, ErrorKind, Result};

use super::exchange::{Exchange, Fault, Play, time_arrivals, time_round_trips, time_whole};
use super::hand_over::HandOver;
use super::lane::{self, RingIn, RingOut};
use super::payload::Payloads;
use super::spec::{Answer, Command, Lane, Role, SideSpec, Wait};
use crate::floor::bare_loop::open as bare_loop;
use crate::floor::bare_ring::{BareReceiver, BareSender, Cut, Direction};
use crate::floor::cache_line::CacheLine;
use crate::floor::futex_wake::FutexWake;
use crate::floor::lines::SharedLines;

/// Runs the side that `spec` describes until the measuring process hangs up.
///
/// # Errors
/// The specification cannot be read, or the measuring process is gone: nobody is left to answer to.
pub fn run(spec: &str) -> Result<()> {
    let spec: SideSpec = serde_json::from_str(spec)
        .map_err(|error| unreadable("a side's specification", &error.to_string()))?;
    let mut parent = Conversation::on_standard_error()?;
    let mut play = match prepare(&spec) {
        Ok(play) => {
            parent.answer(&Answer::default())?;
            play
        }
        Err(error) => return parent.answer(&failed(&error)),
    };
    while let Some(command) = parent.next_command()? {
        match perform(play.as_mut(), spec.role, command) {
            Ok(answer) => parent.answer(&answer)?,
            Err(fault) => return parent.answer(&failed(&fault)),
        }
    }
    Ok(())
}

/// The two-way line to the measuring process: standard error, because standard input and output
/// may be the pipes that are measured.
struct Conversation {
    commands: BufReader<UnixStream>,
    answers: UnixStream,
}

impl Conversation {
    fn on_standard_error() -> Result<Self> {
        let refused = |error| Error::os("talk to the measuring process", "standard error", error);
        let duplicate = || std::io::stderr().as_fd().try_clone_to_owned().map_err(refused);
        Ok(Self { commands: BufReader::new(duplicate()?.into()), answers: duplicate()?.into() })
    }

    fn next_command(&mut self) -> Result<Option<Command>> {
        let mut line = String::new();
        match self.commands.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => serde_json::from_str(&line)
                .map(Some)
                .map_err(|error| unreadable("a command", &error.to_string())),
            Err(error) => Err(Error::os("read a command", "standard error", error)),
        }
    }

    fn answer(&mut self, answer: &Answer) -> Result<()> {
        let mut line =
            serde_json::to_string(answer).map_err(|error| unreadable("an answer", &error.to_string()))?;
        line.push('\n');
        self.answers
            .write_all(line.as_bytes())
            .map_err(|error| Error::os("answer", "the measuring process", error))
    }
}

fn prepare(spec: &SideSpec) -> Result<Box<dyn Play>> {
    let refused = |error| Error::os("start a side", "this process", error);
    parent::end_with_parent(spec.parent).map_err(refused)?;
    if let Some(processor) = spec.processor {
        affinity::pin_thread(processor).map_err(refused)?;
    }
    let payloads = || Payloads::new(spec.payload_bytes, spec.seed);
    let (there, back) = (Direction::There, Direction::Back);
    Ok(match &spec.lane {
        Lane::Crosstie { link, wait, domain: Some(domain), capacity_bytes } => {
            let room = (*capacity_bytes, spec.payload_bytes);
            let (sender, receiver) = lane::rings(link.ends(spec.role), domain.clone(), *wait, room)?;
            let outbound = RingOut::new(sender);
            let inbound = RingIn::new(receiver, spec.payload_bytes);
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::HandOver { link, domain, capacity_bytes } => {
            let room = (Some(*capacity_bytes), spec.payload_bytes);
            let ends = lane::rings(link.ends(spec.role), domain.clone(), Wait::Spin, room)?;
            Box::new(HandOver::new(ends, spec.payload_bytes))
        }
        Lane::Crosstie { link, domain: None, .. } => {
            let (outbound, inbound) = lane::open(link.ends(spec.role), &lane::options(spec.payload_bytes))?;
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::BareLoop { link } => bare_loop::open(link, spec.role, payloads()?)?,
        Lane::CacheLine { path } => Box::new(CacheLine::new(SharedLines::open(Path::new(path))?)),
        Lane::FutexWake { path } => Box::new(FutexWake::new(SharedLines::open(Path::new(path))?)),
        Lane::BareRing { path, capacity_bytes } => {
            let cut = Cut::of(*capacity_bytes, spec.payload_bytes);
            let (out, r#in) = if spec.role == Role::Client { (there, back) } else { (back, there) };
            let path = Path::new(path);
            Box::new(Exchange {
                outbound: BareSender::new(SharedLines::open(path)?, cut, out)?,
                inbound: BareReceiver::new(SharedLines::open(path)?, cut, r#in)?,
                payloads: payloads()?,
                sequence: 0,
            })
        }
    })
}

fn perform(play: &mut dyn Play, role: Role, command: Command) -> std::result::Result<Answer, Fault> {
    match (command, role) {
        (Command::RoundTrips { count, interval_ns }, Role::Client) => {
            time_round_trips(play, count, interval_ns)
        }
        (Command::RoundTrips { count, .. }, Role::Server) => time_whole(&mut || play.answer(count), count),
        (Command::OneWay { count, burden }, Role::Client) => {
            time_whole(&mut || play.produce(count, burden), count)
        }
        (Command::OneWay { count, burden }, Role::Server) => time_arrivals(play, count, burden),
    }
}

fn failed(error: &Error) -> Answer {
    Answer { failure: Some((error.kind().id().to_owned(), error.to_string())), ..Answer::default() }
}

fn unreadable(what: &'static str, why: &str) -> Error {
    Error::new("read", what, ErrorKind::Mismatch)
        .because(why)
        .advise("this is a conversation between one executable and its own children; do not run it by hand")
}
