//! `crosstie recv ADDRESS`.

use std::ffi::OsString;

use clap::Args;
use crosstie::ErrorKind;
use crosstie::channel::topic::Start;
use crosstie::endpoint::{Address, Place};

use super::each;
use crate::args::values::start;
use crate::args::{EndFlags, Globals};
use crate::ends::{End, GoesOnAfter, Intake};
use crate::exit::{Failure, Outcome};
use crate::framing::{Choice, Framing, Writer};

/// Receive messages: each becomes one line of standard output
///
/// Ends with 0 when every sender has ended cleanly, or after -n messages; with 83 when one of them
/// died. Every whole message is written before. On a ring or a queue a message is acknowledged only after it was
/// written.
/// Of an empty stream into a ring, a queue or a topic, only a receiver that is there when it ends is told: who comes later
/// finds them as if new, and waits for the next message (--timeout ends that).
/// Who speaks another protocol is named and passed over, and so is a message above the limit; the others are
/// served, and the end is 86 or 87.
///
/// Of a topic everybody gets every message from where they begin (--from). Where a topic may lose messages, what was
/// overwritten before it was read is told on standard error, with its numbers; --jsonl says each message's number.
///
/// With --each a command runs for each message of a queue, with the message on its standard input and
/// CROSSTIE_DELIVERY, how often it was delivered, in its environment. If it exits with 0 the message is done; else, and if it
/// or crosstie is killed, the message is delivered again, here or elsewhere, until it is a dead letter (after 3
/// deliveries, or ?deliveries=N). A signal such as SIGTERM is passed on to the command, whose end is awaited; then crosstie ends
/// too, with 128 and the signal's number. A command whose crosstie was killed by SIGKILL goes on beside the next one's.
#[derive(Debug, Args)]
#[command(
    after_help = "Addresses: ring:NAME  queue:NAME  topic:NAME  unix:/path  unix:@name  unixpacket:/path  fifo:/path
           tcp:host:port  udp:host:port  fd:3  -

Examples:
  crosstie recv ring:jobs -n 3
  crosstie recv queue:jobs --each -- ./handle
  crosstie recv queue:jobs --dead-letters
  crosstie recv topic:ticks --from last:10 --jsonl
  crosstie recv unix:/run/x.sock --raw > big.iso
  crosstie recv tcp:127.0.0.1:9000 --follow --jsonl | jq .payload"
)]
pub struct Arguments {
    /// Where from
    address: String,
    /// End after this many messages, from as many senders as it takes
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
    /// Go on through any number of senders, whether they end or die
    #[arg(long)]
    follow: bool,
    /// Run the command behind -- for each message of a queue
    #[arg(long, requires = "command", conflicts_with_all = ["Choice", "dead_letters"])]
    each: bool,
    /// Take the dead letters of a queue instead, all that are there
    #[arg(long, conflicts_with = "follow")]
    dead_letters: bool,
    /// Where to begin in a topic: oldest, newest, a number, or last:N [default: newest]
    #[arg(long, value_name = "WHERE", value_parser = start)]
    from: Option<Start>,
    #[command(flatten)]
    framing: Choice,
    #[command(flatten)]
    end: EndFlags,
    /// The command and its arguments
    #[arg(last = true, value_name = "CMD", requires = "each")]
    command: Vec<OsString>,
}

pub fn run(mut arguments: Arguments, globals: &Globals) -> Outcome {
    let address: Address = arguments.address.parse()?;
    if arguments.from.is_some() && !matches!(address.place(), Place::Topic(_)) {
        return Err(Failure::usage(format!("receive from {address}: --from is for a topic"))
            .advise("elsewhere a receiver gets what was not received yet: leave it out"));
    }
    arguments.end.start = arguments.from;
    if arguments.each {
        let work = each::Work {
            address: &address,
            command: &arguments.command,
            count: arguments.count,
            follows: arguments.follow,
        };
        return each::run(&work, &arguments.end, globals);
    }
    let framing = arguments.framing.framing();
    let mut writer = Writer::to_standard_output(framing)?;
    let wanted = if framing == Framing::Whole { Some(arguments.count.unwrap_or(1)) } else { arguments.count };
    let goes_on_after = match wanted {
        _ if arguments.follow => GoesOnAfter::AnyEnd,
        Some(_) => GoesOnAfter::CleanEnds,
        None => GoesOnAfter::Nothing,
    };
    if arguments.dead_letters {
        return each::dead_letters(&address, &arguments.end, globals, &mut writer, wanted);
    }
    let mut intake = Intake::open(&address, &arguments.end, globals)?.going_on_after(goes_on_after);
    let mut left = wanted.unwrap_or(u64::MAX);
    let mut end = None;
    while left > 0 && end.is_none() {
        match intake.take(left, &mut writer) {
            Ok(taken) => left -= taken,
            Err(why) => end = Some(why),
        }
    }
    intake.tell_losses();
    match end {
        None => intake.verdict(),
        Some(End::Clean) => match wanted {
            None => intake.verdict(),
            Some(wanted) => Err(Failure::new(
                ErrorKind::Closed,
                format!(
                    "receive from {address}: the senders have ended after {} of {wanted} messages",
                    wanted - left
                ),
            )),
        },
        Some(End::Late(failure)) => Err(failure),
        Some(End::Failed(failure)) => {
            intake.break_off();
            Err(failure)
        }
    }
}
