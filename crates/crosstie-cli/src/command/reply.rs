//! `crosstie reply ADDRESS -- COMMAND`.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use clap::Args;
use crosstie::call::{Call, Refusal};
use crosstie::endpoint::Address;
use crosstie::os::clock;
use crosstie::os::parent;
use crosstie::os::poll::{self, Interest};
use crosstie::{ErrorKind, Server};

use super::input::whole;
use crate::args::values::bytes;
use crate::args::{EndFlags, Globals};
use crate::exit::Outcome;

/// How often a running command's caller is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Serve calls: the command runs once for each
///
/// The request is its standard input, its standard output is the reply. A command that fails refuses the call with
/// its exit code, which becomes that of `crosstie call`; 126 and 127 if it cannot be run. A command whose caller
/// gave up or died is killed, and so is one whose `crosstie reply` dies. In its environment stand CROSSTIE_TIMEOUT_MS, how long the caller waits, if
/// not for ever, and CROSSTIE_REPEATED=1 if another server may have done the call already. Runs until it is
/// stopped.
#[derive(Debug, Args)]
#[command(
    after_help = "Addresses: unix:/path  unix:@name  unixpacket:/path  tcp:host:port  fifo:/path  queue:NAME  ring:NAME

Examples:
  crosstie reply unix:/run/svc.sock -- ./handle
  crosstie reply ring:sum --workers 4 -- awk '{ s += $1 } END { print s }'"
)]
pub struct Arguments {
    /// Where calls come in
    address: String,
    /// So many commands run at a time
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// End after this many calls
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
    /// What calls that wait for a command may take, in bytes, and those of one client a quarter of it; more are refused as busy (75)
    /// [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    waiting_max: Option<usize>,
    #[command(flatten)]
    end: EndFlags,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let address: Address = arguments.address.parse()?;
    let mut options = arguments.end.options(&address, globals, crosstie::Deadline::NEVER)?;
    options.waiting_bytes_max = arguments.waiting_max.unwrap_or(options.waiting_bytes_max);
    let limit = options.message_bytes_max;
    let server = Server::<[u8], [u8]>::open_at(&address, &options)?;
    let stop = server.stopper();
    let left = std::sync::Mutex::new(arguments.count.unwrap_or(u64::MAX));
    server.serve_calls(usize::from(arguments.workers), |call| {
        let is_last = {
            let mut left = left.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let was = *left;
            *left = was.saturating_sub(1);
            match was {
                0 => return call.refuse(&Refusal::of_kind(ErrorKind::Closed, "the server ends")),
                was => was == 1,
            }
        };
        answer(call, &arguments.command, limit);
        if is_last {
            stop.stop();
        }
    })?;
    Ok(())
}

/// Runs the command for one call.
fn answer(call: Call<[u8], [u8]>, command: &[OsString], limit: usize) {
    match work(&call, command, limit) {
        // Of a reply above the limit the caller is told.
        Ok(reply) => drop(call.reply(&reply)),
        Err(refusal) => call.refuse(&refusal),
    }
}

fn work(call: &Call<[u8], [u8]>, command: &[OsString], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut child = spawn(call, command)?;
    let reply = child.stdout.take().map_or(Ok(Vec::new()), |output| read(call, output, limit));
    if reply.is_err() {
        let _ = child.kill();
    }
    let status =
        child.wait().map_err(|error| failed(&format!("the command cannot be waited for: {error}")))?;
    let reply = reply?;
    verdict(status).map(|()| reply)
}

fn spawn(call: &Call<[u8], [u8]>, command: &[OsString]) -> Result<Child, Refusal> {
    let Some((program, arguments)) = command.split_first() else { return Err(failed("there is no command")) };
    let mut child = Command::new(program);
    let input =
        whole(call.request()).map_err(|error| failed(&format!("the request cannot be kept: {error}")))?;
    child.args(arguments).stdin(input).stdout(Stdio::piped());
    if !call.deadline().is_never() {
        let left_ms = call.deadline().left_ns(clock::now_ns()) / 1_000_000;
        child.env("CROSSTIE_TIMEOUT_MS", left_ms.to_string());
    }
    if call.is_repeated() {
        child.env("CROSSTIE_REPEATED", "1");
    }
    // Whoever is told that the server died may give the call to another: the command must not go on.
    parent::bind_to_this_thread(&mut child);
    child.spawn().map_err(|error| {
        let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
        Refusal::new(format!("{}: {error}", program.display())).with_code(code)
    })
}

/// Reads what the command writes, until its end, while somebody waits for it.
fn read(call: &Call<[u8], [u8]>, mut output: impl Read + AsFd, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut reply = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let is_there = poll::wait(output.as_fd(), Interest::Readable, clock::deadline_in(LOOK));
        if call.is_cancelled() || call.deadline().is_over(clock::now_ns()) {
            return Err(Refusal::of_kind(ErrorKind::TimedOut, "nobody waits for the reply any more"));
        }
        if !is_there.map_err(|error| failed(&format!("the command's output: {error}")))? {
            continue;
        }
        match output.read(&mut piece) {
            Ok(0) => return Ok(reply),
            Ok(length) => reply.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&format!("the command's output: {error}"))),
        }
        if reply.len() > limit {
            let text = format!("the reply has more than {limit} bytes");
            return Err(Refusal::of_kind(ErrorKind::TooLarge, text));
        }
    }
}

fn verdict(status: ExitStatus) -> Result<(), Refusal> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => {
            let text = format!("the command ended with exit code {code}");
            Err(Refusal::new(text).with_code(code.cast_unsigned()))
        }
        (None, signal) => {
            let signal = signal.unwrap_or(0).cast_unsigned();
            Err(Refusal::new(format!("the command was ended by signal {signal}")).with_code(128 + signal))
        }
    }
}

fn failed(text: &str) -> Refusal {
    Refusal::of_kind(ErrorKind::Failed, text)
}
