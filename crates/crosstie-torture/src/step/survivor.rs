//! Who goes on after a kill: the ends of a channel, each in a thread of its own, which tells what it meets; and what the
//! judging process has heard of them.

use std::fmt::Display;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crosstie::ledger::Domain;
use crosstie::os::{clock, process, single_step};
use crosstie::{Deadline, Error};
use crosstie_core::atomic::AtomicU32;

use super::fault::{Fault, Finding};
use super::payload::{SENTINEL, number_of};

/// What a survivor gets that never comes: with the net off, nothing wakes it later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// How long the deaf twin sleeps.
const DEAF: Duration = Duration::from_millis(200);

/// How the other side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Clean,
    Death,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Got {
    pub bytes: Vec<u8>,
    /// How often it was delivered, this time included, as far as the channel says so.
    pub deliveries: u32,
}

/// Why an end got on no further.
pub enum Stopped {
    /// The other side ended.
    Ended(Ending),
    /// Nothing came, or there was no room, until the deadline.
    Nothing,
    /// Anything else, in words.
    Failed(String),
}

/// A receiving end.
pub trait Receives: Send + 'static {
    /// Waits for the next message, and is done with it.
    fn next(&mut self, deadline: Deadline) -> Result<Got, Stopped>;
}

/// A sending end.
pub trait Sends: Send + 'static {
    /// Sends a message as soon as there is room.
    fn send_one(&mut self, message: &[u8], deadline: Deadline) -> Result<(), Stopped>;
}

/// What a survivor tells.
pub enum Told<R, S> {
    /// Its thread, before its first look.
    Thread(u32),
    Got(Got),
    Ended(Ending),
    Failed(String),
    /// It is done.
    Received(Box<R>),
    Sent(Box<S>),
}

/// When a receiver gives its end back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The senders' end.
    End,
    /// The late joiner's message; ends are passed over.
    Sentinel,
}

/// What the survivors and the late joiner met.
#[derive(Debug, Default)]
pub struct Aftermath {
    /// In order, what the receivers of the judging process got.
    pub got: Vec<Got>,
    /// In order, what the newcomer got.
    pub by_newcomer: Vec<Got>,
    /// How the senders' end was told.
    pub endings: Vec<Ending>,
}

/// The judge's line to its survivors, and what came of them.
pub struct Witness<R, S> {
    tell: Sender<(u64, Told<R, S>)>,
    told: Receiver<(u64, Told<R, S>)>,
    pub after: Aftermath,
    /// The longest wait of a survivor, from what should have ended it.
    pub slowest_ns: u64,
}

impl<R: Receives, S: Sends> Witness<R, S> {
    pub fn new() -> Self {
        let (tell, told) = channel();
        Self { tell, told, after: Aftermath::default(), slowest_ns: 0 }
    }

    /// Starts a receiver; a deaf one first sleeps where no death can wake it.
    pub fn receive(&self, receiver: R, until: Until, deaf: Option<&'static Domain>) {
        let mouth = Mouth(self.tell.clone());
        std::thread::spawn(move || {
            mouth.tell(Told::Thread(process::tid()));
            if let Some(domain) = deaf {
                domain.wait(&AtomicU32::new(1), 1, &[], clock::deadline_in(DEAF));
            }
            receive_all(receiver, until, &mouth);
        });
    }

    /// Starts a sender of one message, which tries again when the other side ends.
    pub fn send(&self, mut sender: S, message: Vec<u8>) {
        let mouth = Mouth(self.tell.clone());
        std::thread::spawn(move || {
            mouth.tell(Told::Thread(process::tid()));
            loop {
                match sender.send_one(&message, Deadline::NEVER) {
                    Ok(()) => return mouth.tell(Told::Sent(Box::new(sender))),
                    Err(Stopped::Ended(ending)) => mouth.tell(Told::Ended(ending)),
                    Err(Stopped::Failed(what)) => return mouth.tell(Told::Failed(format!("send: {what}"))),
                    Err(Stopped::Nothing) => {}
                }
            }
        });
    }

    /// Waits until the survivor that was started last sleeps.
    pub fn await_sleep(&self) -> Result<(), String> {
        let Ok((_, Told::Thread(thread))) = self.told.recv_timeout(NEVER_COMES) else {
            return Err("no survivor came".into());
        };
        let give_up = clock::now_ns() + 10_000_000_000;
        while !single_step::is_in_futex(process::pid(), thread) {
            if clock::now_ns() > give_up {
                return Err("the survivor does not sleep".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// The next thing told and when.
    pub fn next(&self) -> Result<(u64, Told<R, S>), Finding> {
        match self.told.recv_timeout(NEVER_COMES) {
            Ok((_, Told::Failed(what))) => Err(Finding::new(Fault::TakeOver, what)),
            Ok(told) => Ok(told),
            Err(_) => Err(Finding::new(Fault::Hang, "a survivor sleeps for ever")),
        }
    }

    pub fn note(&mut self, told: Told<R, S>) {
        match told {
            Told::Got(got) => self.after.got.push(got),
            Told::Ended(ending) => self.after.endings.push(ending),
            _ => {}
        }
    }

    pub fn time(&mut self, since_ns: u64, at_ns: u64) {
        self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(since_ns));
    }

    /// Waits until the sender has sent.
    pub fn await_sender(&mut self, since_ns: u64) -> Result<S, Finding> {
        loop {
            let (at_ns, told) = self.next()?;
            if let Told::Sent(sender) = told {
                self.time(since_ns, at_ns);
                return Ok(*sender);
            }
            self.note(told);
        }
    }

    /// Waits until the receiver has got what it was to get.
    pub fn await_receiver(&mut self, since_ns: u64) -> Result<R, Finding> {
        loop {
            let (at_ns, told) = self.next()?;
            if let Told::Received(receiver) = told {
                self.time(since_ns, at_ns);
                return Ok(*receiver);
            }
            self.note(told);
        }
    }
}

/// What a call of the judging process itself must not fail at.
pub fn take_over<T>(opened: Result<T, Error>) -> Result<T, Finding> {
    opened.map_err(|error| Finding::new(Fault::TakeOver, error.to_string()))
}

/// The same of a message that is sent late.
pub fn sent_late(sent: Result<(), impl Display>) -> Result<(), Finding> {
    sent.map_err(|error| Finding::new(Fault::TakeOver, format!("late send: {error}")))
}

struct Mouth<R, S>(Sender<(u64, Told<R, S>)>);

impl<R, S> Mouth<R, S> {
    fn tell(&self, told: Told<R, S>) {
        // A judge that waits no more has judged.
        let _ = self.0.send((clock::now_ns(), told));
    }
}

fn receive_all<R: Receives, S>(mut receiver: R, until: Until, mouth: &Mouth<R, S>) {
    loop {
        let ending = match receiver.next(Deadline::NEVER) {
            Ok(got) => {
                let is_last = until == Until::Sentinel && number_of(&got.bytes) == Some(SENTINEL);
                mouth.tell(Told::Got(got));
                if is_last {
                    return mouth.tell(Told::Received(Box::new(receiver)));
                }
                continue;
            }
            Err(Stopped::Ended(ending)) => ending,
            Err(Stopped::Failed(what)) => return mouth.tell(Told::Failed(what)),
            Err(Stopped::Nothing) => continue,
        };
        mouth.tell(Told::Ended(ending));
        if until == Until::End {
            return mouth.tell(Told::Received(Box::new(receiver)));
        }
    }
}
