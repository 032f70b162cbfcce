//! `crosstie recv queue:NAME --each -- CMD`, and its dead letters.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus};

use crosstie::contract::RecvError;
use crosstie::endpoint::{Address, Place, Receiver};
use crosstie::os::forward;
use crosstie::os::signal_state::SignalState;
use crosstie::{Deadline, ErrorKind};

use super::held;
use super::input::whole;
use crate::args::{EndFlags, Globals};
use crate::ends::{Sink, waited_for};
use crate::exit::{Failure, Outcome};
use crate::framing::Writer;
use crate::output::note;
use crate::output::patience::Patience;

/// What is to be done.
pub struct Work<'a> {
    /// The queue.
    pub address: &'a Address,
    /// The command and its arguments.
    pub command: &'a [OsString],
    /// For how many messages.
    pub count: Option<u64>,
    /// Whether it goes on through any number of senders.
    pub follows: bool,
}

/// Runs the command for each message.
pub fn run(work: &Work<'_>, flags: &EndFlags, globals: &Globals) -> Outcome {
    let mut patience = Patience::new(globals, flags.timeout);
    let receiver = open(work.address, flags, globals)?;
    let mut left = work.count.unwrap_or(u64::MAX);
    while left > 0 {
        patience.begin();
        let job = loop {
            match receiver.recv_job(patience.deadline()) {
                Ok(job) => break job,
                Err(RecvError::Closed) if work.follows || work.count.is_some() => {}
                Err(RecvError::PeerDied) if work.follows => {}
                Err(RecvError::Closed) => return Ok(()),
                Err(RecvError::TimedOut)
                    if patience.goes_on(|| waited_for("a message", work.address, globals)) => {}
                Err(error) => return Err(Failure::of_recv(work.address, error)),
            }
        };
        let deliveries = job.deliveries();
        let found = SignalState::as_found();
        forward::begin(&found).map_err(|error| failed("forward signals".to_owned(), &error))?;
        let status = handle(work.command, &job, deliveries)?;
        if status.success() {
            job.done()?;
            left -= 1;
        } else {
            note::line(
                globals,
                &format!(
                    "a message of {}, delivery {deliveries}: the command ended with {}",
                    work.address,
                    held::exit_code(status)
                ),
            );
            job.fail()?;
        }
        // Only now: the message is in nobody's hands, and no command runs.
        let ended_by = forward::end().map_err(|error| failed("forward signals".to_owned(), &error))?;
        if let Some(signal) = ended_by {
            return Err(Failure::silent(held::code_of_signal(signal)));
        }
        patience.hush();
    }
    Ok(())
}

/// Writes the dead letters that are there, at most `most`, and removes them.
pub fn dead_letters(
    address: &Address,
    flags: &EndFlags,
    globals: &Globals,
    writer: &mut Writer,
    most: Option<u64>,
) -> Outcome {
    let receiver = open(address, flags, globals)?;
    let mut left = most.unwrap_or(u64::MAX);
    while left > 0 {
        match receiver.recv_dead_letter() {
            Ok(payload) => {
                let written = writer.put(&payload).and_then(|()| writer.flush());
                if written.is_err() {
                    // Dropping it would remove it; so it goes back when the receiver leaves.
                    std::mem::forget(payload);
                }
                written?;
            }
            Err(RecvError::Empty) => break,
            Err(error) => return Err(Failure::of_recv(address, error)),
        }
        left -= 1;
    }
    Ok(())
}

fn open(address: &Address, flags: &EndFlags, globals: &Globals) -> Result<Receiver, Failure> {
    if !matches!(address.place(), Place::Queue(_)) {
        return Err(Failure::usage(format!(
            "receive from {address}: only a queue delivers again what is not done"
        ))
        .advise("write queue:NAME"));
    }
    Ok(Receiver::open_at(address, &flags.options(address, globals, Deadline::NEVER)?)?)
}

/// Runs the command with `message` on its standard input; signals are passed on to it until it ends.
fn handle(argv: &[OsString], message: &[u8], deliveries: u32) -> Result<ExitStatus, Failure> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Failure::usage("there is no command to run").advise("write it behind --"));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env("CROSSTIE_DELIVERY", deliveries.to_string())
        .stdin(whole(message).map_err(|error| failed("keep a message".to_owned(), &error))?)
        .spawn()
        .map_err(|error| not_run(program, &error))?;
    forward::to(child.id());
    let status = child.wait().map_err(|error| failed(format!("wait for {}", program.display()), &error))?;
    forward::to(0);
    Ok(status)
}

fn failed(what: String, error: &io::Error) -> Failure {
    Failure::new(ErrorKind::Failed, format!("{what}: {error}"))
}

fn not_run(program: &OsString, error: &io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    Failure::with_code(code, format!("run {}: {error}", program.display())).advise(
        "the message is delivered again; is the command spelled right, in a folder of $PATH, and a program?",
    )
}
