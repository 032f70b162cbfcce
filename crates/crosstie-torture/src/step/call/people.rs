//! Who calls and who serves in the judging process, each in a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crosstie::call::{CallError, CallOptions};
use crosstie::ledger::Domain;
use crosstie::os::{clock, process, single_step};
use crosstie::{Client, Server};
use crosstie_core::atomic::AtomicU32;

use super::case::{MESSAGE_BYTES, Survivor};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{NEWCOMER, SENTINEL, number_of, payload};

/// What is told after so long never comes: with the net off, nothing wakes anybody later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// How long the deaf twin sleeps.
const DEAF: Duration = Duration::from_millis(200);

/// A call as a server of the judging process got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The number of its request, if that is whole.
    pub number: Option<u32>,
    pub is_repeated: bool,
}

/// How a call of the judging process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With its own reply.
    Reply,
    /// With bytes that are not its reply.
    Other,
    /// Its server died.
    PeerDied,
    /// Otherwise, in words.
    Failed(String),
}

/// A thread of the judging process, and what it tells.
pub struct Person<T> {
    thread: JoinHandle<()>,
    tid: u32,
    told: Receiver<(u64, T)>,
}

impl<T: Send + 'static> Person<T> {
    fn start(run: impl FnOnce(Sender<(u64, T)>) + Send + 'static) -> Result<Self, Finding> {
        let ((tell, told), (say, said)) = (channel(), channel());
        let thread = thread::spawn(move || {
            // A judge that waits no more has judged.
            let _ = say.send(process::tid());
            run(tell);
        });
        let tid = said.recv_timeout(NEVER_COMES);
        let tid = tid.map_err(|_| Finding::new(Fault::Hang, "a thread of the judge does not start"))?;
        Ok(Self { thread, tid, told })
    }

    /// Waits until it sleeps.
    pub fn await_sleep(&self) -> Result<(), String> {
        let give_up = clock::now_ns() + 10_000_000_000;
        while !single_step::is_in_futex(process::pid(), self.tid) {
            if clock::now_ns() > give_up {
                return Err("the survivor does not sleep".into());
            }
            thread::yield_now();
        }
        Ok(())
    }

    /// What it tells next, and when.
    pub fn next(&self, awaited: &str) -> Result<(u64, T), Finding> {
        let told = self.told.recv_timeout(NEVER_COMES);
        told.map_err(|_| Finding::new(Fault::Hang, format!("{awaited} never came")))
    }

    /// Waits for its end; answers what it has told meanwhile.
    pub fn join(self) -> Result<Vec<T>, Finding> {
        let mut told = Vec::new();
        loop {
            match self.told.recv_timeout(NEVER_COMES) {
                Ok((_, one)) => told.push(one),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => return Err(Finding::new(Fault::Hang, "a thread of the judge sleeps for ever")),
            }
        }
        let ended = self.thread.join();
        ended.map_err(|_| Finding::new(Fault::TakeOver, "a thread of the judge panicked"))?;
        Ok(told)
    }
}

/// Until when a server keeps the victim's call.
#[derive(Clone)]
pub struct Keep(Arc<AtomicBool>);

impl Keep {
    pub fn new(is_kept: bool) -> Self {
        Self(Arc::new(AtomicBool::new(is_kept)))
    }

    /// The call is to be answered.
    pub fn end(&self) {
        // Relaxed: one flag between two threads, nothing else is read by it.
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        // Relaxed: as in `end`.
        self.0.load(Ordering::Relaxed)
    }
}

/// Serves until the call of a client that comes late.
pub fn serve(server: Server<[u8], [u8]>, keep: Keep) -> Result<Person<Done>, Finding> {
    Person::start(move |tell| {
        loop {
            let Ok(call) = server.receive() else { return };
            let number = number_of(call.request());
            while number == Some(0) && keep.is_on() && !call.is_cancelled() {
                thread::yield_now();
            }
            let _ = tell.send((clock::now_ns(), Done { number, is_repeated: call.is_repeated() }));
            let reply = call.request().clone();
            let _ = call.reply(&reply);
            if matches!(number, Some(SENTINEL | NEWCOMER)) {
                return;
            }
        }
    })
}

/// Calls with number 0, and with number 1 when it is told to go on.
pub fn call(
    client: Client<[u8], [u8]>,
    (survivor, is_idempotent): (Survivor, bool),
    domain: &'static Domain,
    go_on: Receiver<()>,
) -> Result<Person<Outcome>, Finding> {
    Person::start(move |tell| {
        let idempotent = is_idempotent || survivor == Survivor::Repeating;
        let options = CallOptions { idempotent, ..CallOptions::default() };
        let first = if survivor == Survivor::Deaf {
            let started = client.start(&payload(0, MESSAGE_BYTES), options);
            domain.wait(&AtomicU32::new(1), 1, &[], clock::deadline_in(DEAF));
            outcome(0, started.and_then(crosstie::call::Pending::reply))
        } else {
            outcome(0, client.call_with(&payload(0, MESSAGE_BYTES), options))
        };
        let _ = tell.send((clock::now_ns(), first));
        if go_on.recv().is_ok() {
            let second = outcome(1, client.call(&payload(1, MESSAGE_BYTES)));
            let _ = tell.send((clock::now_ns(), second));
        }
    })
}

/// How the call `number` ended.
pub fn outcome(number: u32, reply: Result<Vec<u8>, CallError>) -> Outcome {
    match reply {
        Ok(reply) if number_of(&reply) == Some(number) => Outcome::Reply,
        Ok(_) => Outcome::Other,
        Err(CallError::PeerDied) => Outcome::PeerDied,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
