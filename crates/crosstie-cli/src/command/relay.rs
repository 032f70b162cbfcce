//! `crosstie relay FROM TO`.

use std::ops::Range;

use clap::Args;
use crosstie::endpoint::{Address, Payload};

use crate::args::{EndFlags, Globals};
use crate::ends::{End, GoesOnAfter, Intake, Outlet, Sink};
use crate::exit::Outcome;

/// Pass messages on from one address to another
///
/// Message by message, boundaries kept. A clean end is passed on as a clean end (0), a sender's
/// death as a death (83).
#[derive(Debug, Args)]
#[command(after_help = "Example:
  crosstie relay tcp:127.0.0.1:9000 ring:frames")]
pub struct Arguments {
    /// Where from
    #[arg(value_name = "FROM")]
    from: String,
    /// Where to
    #[arg(value_name = "TO")]
    to: String,
    /// Go on through any number of senders, whether they end or die
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    end: EndFlags,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let (from, to): (Address, Address) = (arguments.from.parse()?, arguments.to.parse()?);
    // The receiving end first: whoever sends to it need not wait until the other side is there.
    let mut intake = Intake::open(&from, &arguments.end, globals)?;
    if arguments.follow {
        intake = intake.going_on_after(GoesOnAfter::AnyEnd);
    }
    let mut passage = Passage {
        outlet: Outlet::open(&to, &arguments.end, globals)?,
        bytes: Vec::new(),
        messages: Vec::new(),
    };
    let end = loop {
        if let Err(end) = intake.take(u64::MAX, &mut passage) {
            break end;
        }
    };
    intake.tell_losses();
    match end {
        End::Clean => match intake.verdict() {
            Ok(()) => passage.outlet.close(),
            // What was passed over may be missing there: no clean end.
            Err(failure) => {
                passage.outlet.break_off();
                Err(failure)
            }
        },
        End::Late(failure) => {
            // More may be to come: no clean end there.
            passage.outlet.break_off();
            Err(failure)
        }
        End::Failed(failure) => {
            intake.break_off();
            passage.outlet.break_off();
            Err(failure)
        }
    }
}

/// From this much on messages are passed on, and a message is not copied into the passage.
const PASS_BYTES: usize = 256 << 10;

/// As many messages at most wait to be passed on.
const PASS_MESSAGES: usize = 4096;

/// Messages on their way.
struct Passage<'a> {
    outlet: Outlet<'a>,
    bytes: Vec<u8>,
    messages: Vec<Range<usize>>,
}

impl Sink for Passage<'_> {
    fn put(&mut self, payload: &Payload<'_>) -> Outcome {
        if let Some(bytes) = payload.private().filter(|bytes| bytes.len() >= PASS_BYTES / 4) {
            self.flush()?;
            return self.outlet.send(&[bytes]);
        }
        let start = self.bytes.len();
        payload.append_to(&mut self.bytes);
        self.messages.push(start..self.bytes.len());
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= PASS_BYTES || self.messages.len() >= PASS_MESSAGES
    }

    fn flush(&mut self) -> Outcome {
        let messages: Vec<&[u8]> = self.messages.iter().map(|message| &self.bytes[message.clone()]).collect();
        let sent = self.outlet.send(&messages);
        self.bytes.clear();
        self.messages.clear();
        sent
    }
}
