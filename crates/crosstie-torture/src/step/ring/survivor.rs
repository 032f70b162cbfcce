//! Who goes on after a kill: an end of the ring in a thread of its own, which tells what it meets.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Domain;
use crosstie::os::{clock, process, single_step};
use crosstie_core::atomic::AtomicU32;

use crate::step::payload::{SENTINEL, number_of};

/// What a survivor gets that never comes: with the net off, nothing wakes it later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// How long the deaf twin sleeps.
const DEAF: Duration = Duration::from_millis(200);

/// How the other end ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Clean,
    Death,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Got {
    pub bytes: Vec<u8>,
    pub is_redelivered: bool,
}

/// What a survivor tells.
pub enum Told {
    /// Its thread, before its first look.
    Thread(u32),
    Got(Got),
    Ended(Ending),
    /// What it had to send is sent.
    Sent,
    Failed(String),
    /// It is done.
    Received(RingReceiver),
    Sender(RingSender),
}

/// When a receiver gives its end back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The sender's end.
    End,
    /// The late joiner's message; ends are passed over.
    Sentinel,
}

/// The judge's line to its survivors.
pub struct Line {
    tell: Sender<(u64, Told)>,
    told: Receiver<(u64, Told)>,
}

impl Line {
    pub fn new() -> Self {
        let (tell, told) = channel();
        Self { tell, told }
    }

    /// The next thing told and when; `None` if nothing comes.
    pub fn next(&self) -> Option<(u64, Told)> {
        self.told.recv_timeout(NEVER_COMES).ok()
    }

    /// Starts a receiver; a deaf one first sleeps where no death can wake it.
    pub fn receive(&self, receiver: RingReceiver, until: Until, deaf: Option<&'static Domain>) {
        let mouth = Mouth(self.tell.clone());
        std::thread::spawn(move || {
            mouth.tell(Told::Thread(process::tid()));
            if let Some(domain) = deaf {
                domain.wait(&AtomicU32::new(1), 1, &[], clock::deadline_in(DEAF));
            }
            receive_all(receiver, until, &mouth);
        });
    }

    /// Starts a sender of one message, which tries again when the receiver ends.
    pub fn send(&self, sender: RingSender, message: Vec<u8>) {
        let mouth = Mouth(self.tell.clone());
        std::thread::spawn(move || {
            mouth.tell(Told::Thread(process::tid()));
            send_one(sender, &message, &mouth);
        });
    }

    /// Waits until the survivor that was started last sleeps.
    pub fn await_sleep(&self) -> Result<(), String> {
        let Some((_, Told::Thread(thread))) = self.next() else { return Err("no survivor came".into()) };
        let give_up = clock::now_ns() + 10_000_000_000;
        while !single_step::is_in_futex(process::pid(), thread) {
            if clock::now_ns() > give_up {
                return Err("the survivor does not sleep".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

struct Mouth(Sender<(u64, Told)>);

impl Mouth {
    fn tell(&self, told: Told) {
        // A judge that waits no more has judged.
        let _ = self.0.send((clock::now_ns(), told));
    }
}

fn receive_all(mut receiver: RingReceiver, until: Until, mouth: &Mouth) {
    loop {
        let received = receiver
            .recv(Deadline::NEVER)
            .map(|message| Got { bytes: message.to_vec(), is_redelivered: message.is_redelivered() });
        let ending = match received {
            Ok(got) => {
                let is_last = until == Until::Sentinel && number_of(&got.bytes) == Some(SENTINEL);
                mouth.tell(Told::Got(got));
                if is_last {
                    return mouth.tell(Told::Received(receiver));
                }
                continue;
            }
            Err(RecvError::Closed) => Ending::Clean,
            Err(RecvError::PeerDied) => Ending::Death,
            Err(other) => return mouth.tell(Told::Failed(format!("recv: {other}"))),
        };
        mouth.tell(Told::Ended(ending));
        if until == Until::End {
            return mouth.tell(Told::Received(receiver));
        }
    }
}

fn send_one(mut sender: RingSender, message: &[u8], mouth: &Mouth) {
    loop {
        let ending = match sender.send(message, Deadline::NEVER) {
            Ok(()) => {
                mouth.tell(Told::Sent);
                return mouth.tell(Told::Sender(sender));
            }
            Err(SendError::Closed) => Ending::Clean,
            Err(SendError::PeerDied) => Ending::Death,
            Err(other) => return mouth.tell(Told::Failed(format!("send: {other}"))),
        };
        mouth.tell(Told::Ended(ending));
    }
}
