//! `crosstie send ADDRESS`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use clap::Args;
use crosstie::endpoint::Address;
use crosstie::os::inherited;

use crate::args::{EndFlags, Globals};
use crate::ends::Outlet;
use crate::exit::{Failure, Outcome};
use crate::framing::{Choice, Reader};

/// Send messages: each line of standard input is one
///
/// On a ring or a queue they wait in shared memory, up to its capacity, whether a receiver is there or not.
/// A queue gives each to one of its receivers, and again to another if that one dies or fails.
/// A topic gives each to all who subscribe, and keeps the last ones for who comes later.
/// Sockets and FIFOs wait for their receiver, and at the end until it has taken everything, and say
/// so after two seconds; 88 if it ended before. When standard input ends, the receiver is told a
/// clean end; when it breaks, or send is killed, a death. On a ring, a queue or a topic the end waits behind the
/// messages; of standard input that had none, a receiver that comes later is not told.
#[derive(Debug, Args)]
#[command(
    after_help = "Addresses: ring:NAME  queue:NAME  topic:NAME  unix:/path  unix:@name  unixpacket:/path  fifo:/path
           tcp:host:port  udp:host:port  fd:3  -
A bare NAME is queue:NAME. A ring's options: ?capacity=1MiB&senders=turns (wait while another sends, instead of being refused)
A queue's: ?places=1024&capacity=1MiB&deliveries=3&lease=30s&full=block|error|drop
A topic's: ?mode=lossless|lossy|latest&places=1024&max=1008&from=oldest|newest|N|last:N

Examples:
  seq 3 | crosstie send ring:jobs
  crosstie send ring:jobs 'one message' 'another'
  crosstie send 'ring:log?senders=turns' 'a line'
  crosstie send unix:/run/x.sock --raw < big.iso"
)]
pub struct Arguments {
    /// Where to
    address: String,
    /// Send these instead of standard input, each as one message
    #[arg(value_name = "MESSAGE")]
    messages: Vec<OsString>,
    /// Stop after this many messages
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    framing: Choice,
    #[command(flatten)]
    end: EndFlags,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let address: Address = arguments.address.parse()?;
    if arguments.messages.is_empty() {
        // Before the receiver hears of a sender.
        inherited::require_standard(0).map_err(|error| Failure::of_input(&error))?;
    }
    let mut outlet = Outlet::open(&address, &arguments.end, globals)?;
    match send_all(&arguments, &mut outlet) {
        Ok(()) => outlet.close(),
        Err(failure) => {
            outlet.break_off();
            Err(failure)
        }
    }
}

fn send_all(arguments: &Arguments, outlet: &mut Outlet<'_>) -> Outcome {
    let mut left = arguments.count.unwrap_or(u64::MAX);
    if !arguments.messages.is_empty() {
        let messages: Vec<&[u8]> = arguments.messages.iter().map(|message| message.as_bytes()).collect();
        return outlet.send(first(&messages, &mut left));
    }
    let framing = arguments.framing.framing();
    let mut reader = Reader::of_standard_input(framing, outlet.message_bytes_max())?;
    while left > 0 {
        let Some(messages) = reader.next_batch()? else { break };
        outlet.send(first(&messages, &mut left))?;
    }
    Ok(())
}

/// The first `left` messages; counts them down.
fn first<'a, 'b>(messages: &'a [&'b [u8]], left: &mut u64) -> &'a [&'b [u8]] {
    let taken = messages.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= taken as u64;
    &messages[..taken]
}
