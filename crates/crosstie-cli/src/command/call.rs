//! `crosstie call ADDRESS`.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use clap::Args;
use crosstie::call::{CallError, CallOptions};
use crosstie::endpoint::{Address, Place};
use crosstie::os::{clock, inherited};
use crosstie::{Client, Deadline, ErrorKind};

use crate::args::{EndFlags, Globals};
use crate::ends::waited_for;
use crate::exit::{Failure, Outcome};
use crate::output::data;
use crate::output::patience::Patience;

/// Call a server, and write its reply
///
/// The request is MESSAGE, or all of standard input; the reply is written as it is. A server that refuses is
/// told on standard error, and its exit code is this one's: that of the command behind `crosstie reply`. 83 when
/// the server dies with the call in hand, 88 when it ends before it answers, 124 when time is up.
#[derive(Debug, Args)]
#[command(
    after_help = "Addresses: unix:/path  unix:@name  unixpacket:/path  tcp:host:port  fifo:/path  queue:NAME  ring:NAME

Examples:
  crosstie call unix:/run/svc.sock --timeout 2s '{\"op\":\"ping\"}'
  crosstie call ring:sum < numbers.txt"
)]
pub struct Arguments {
    /// Whom to call
    address: String,
    /// The request, instead of standard input
    #[arg(value_name = "MESSAGE")]
    message: Option<OsString>,
    /// To do it twice is as good as once: if the server dies with the call in hand, the next one gets it
    #[arg(long)]
    idempotent: bool,
    #[command(flatten)]
    end: EndFlags,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let address: Address = arguments.address.parse()?;
    let request = match &arguments.message {
        Some(message) => message.as_bytes().to_vec(),
        None => {
            inherited::require_standard(0).map_err(|error| Failure::of_input(&error))?;
            let mut request = Vec::new();
            std::io::stdin().lock().read_to_end(&mut request).map_err(|error| Failure::of_input(&error))?;
            request
        }
    };
    let deadline = arguments.end.timeout.map_or(Deadline::NEVER, clock::deadline_in);
    let mut patience = Patience::new(globals, arguments.end.timeout);
    let client = open(&address, &arguments.end, globals, &mut patience)?;
    let options = CallOptions { deadline, idempotent: arguments.idempotent };
    let failed = |error| failure(&address, error);
    let mut pending = client.start(&request, options).map_err(failed)?;
    let reply = loop {
        match pending.reply_until(patience.deadline()) {
            Err(CallError::Pending) => {
                patience.goes_on(|| waited_for("a reply", &address, globals));
            }
            answer => break answer.map_err(failed)?,
        }
    };
    data::bytes(&reply)
}

fn open(
    address: &Address,
    flags: &EndFlags,
    globals: &Globals,
    patience: &mut Patience<'_>,
) -> Result<Client<[u8], [u8]>, Failure> {
    loop {
        match Client::open_at(address, &flags.options(address, globals, patience.deadline())?) {
            Ok(client) => return Ok(client),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                if !patience.goes_on(|| waited_for("a server", address, globals)) {
                    return Err(Failure::from(error)
                        .advise(format!("start one: crosstie reply {address} -- COMMAND")));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn failure(address: &Address, error: CallError) -> Failure {
    let told = |error: &CallError| Failure::new(error.kind(), format!("call {address}: {error}"));
    match error {
        CallError::Failed(error) | CallError::Malformed(error) => error.into(),
        CallError::Refused(ref refusal) => {
            // 0 would say that there was a reply.
            let code = u8::try_from(refusal.code()).ok().filter(|code| *code != 0);
            told(&error).replace_code(code.unwrap_or(refusal.kind().exit_code()))
        }
        CallError::PeerDied => told(&error).advise(
            "whether it had done the call is not known; with --idempotent the next server would have got it",
        ),
        CallError::TimedOut if matches!(address.place(), Place::Ring(_) | Place::Queue(_)) => {
            told(&error).advise(format!("is there a server? crosstie reply {address} -- COMMAND"))
        }
        error => told(&error),
    }
}
