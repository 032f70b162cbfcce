//! [`KernelDoor`]: sockets and FIFOs, all under one wait.
//!
//! Many threads may stand at it: each event goes to one of them. A client is watched by edges: what more arrives is told once, to one,
//! and who has read all that was there need not say so to the kernel. Whatever else comes in is silent until it is armed again.

use crosstie_core::atomic::{AtomicU64, Ordering};
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::client::reply_fifo;
use super::super::frame::Head;
use super::super::refusal::Refusal;
use super::conversation::Conversation;
use super::desk::{Desk, End};
use super::taken::Came;
use crate::Deadline;
#[cfg(feature = "tokio")]
use crate::contract::Readiness;
use crate::contract::RecvError;
use crate::endpoint::{Address, Body, Listener, Options, Place, Receiver, Sender};
use crate::error::{Error, ErrorKind, Result};
use crate::os::byte_stream::ByteStream;
use crate::os::pipe;
use crate::os::poll::{self, Interest, Poller};

const LISTENER: u64 = u64::MAX;
const BELL: u64 = u64::MAX - 1;
const FIFO: u64 = u64::MAX - 2;

/// So many frames of one client are taken in before the others are looked at.
const FRAMES_MAX: usize = 256;

/// Where clients of sockets and FIFOs come in.
pub(super) struct KernelDoor {
    object: String,
    poller: Poller,
    bell: (ByteStream, ByteStream),
    entrance: Mutex<Option<Entrance>>,
    address: String,
    guests: Mutex<HashMap<u64, Guest>>,
    /// The next client's key.
    next_key: AtomicU64,
}

/// How clients come.
enum Entrance {
    /// They connect. Not armed while no descriptor is left.
    Listener(Listener, IsFull),
    /// They write into one FIFO.
    Fifo(Arc<Mutex<Fifo>>),
    /// There is one, and it is there.
    Connection,
}

type IsFull = bool;

struct Fifo {
    receiver: Receiver<[u8]>,
    address: Address,
    path: PathBuf,
    options: Options,
    /// The clients' keys, by what their packets are marked with.
    writers: HashMap<u64, u64>,
    scratch: Vec<u8>,
}

/// Whether all that lies in the kernel was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Whole,
    /// Perhaps not: it is to be told anew.
    Anew,
}

/// One client.
#[derive(Clone)]
struct Guest {
    conversation: Arc<Conversation>,
    /// Of a connection; calls of a FIFO's client come with all others'.
    receiver: Option<Arc<Mutex<Receiver<[u8]>>>>,
    /// Of a FIFO's client: its replies' FIFO, which is removed with it, and its mark.
    file: Option<(PathBuf, u64)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KernelDoor {
    fn new(address: &Address, entrance: Entrance, spoken: String) -> Result<Self> {
        let fail = |error: io::Error| Error::os("listen on", address.to_string(), error);
        let poller = Poller::new().map_err(fail)?;
        let (listen, ring) = pipe::pair().map_err(fail)?;
        let bell = (ByteStream::new(listen).map_err(fail)?, ByteStream::new(ring).map_err(fail)?);
        poller.add_once(bell.0.as_fd(), BELL).map_err(fail)?;
        match &entrance {
            Entrance::Listener(listener, _) => poller.add_once(listener.as_fd(), LISTENER).map_err(fail)?,
            Entrance::Fifo(fifo) => {
                if let Some(fd) = lock(fifo).receiver.as_fd() {
                    poller.add_once(fd, FIFO).map_err(fail)?;
                }
            }
            Entrance::Connection => {}
        }
        Ok(Self {
            object: address.to_string(),
            poller,
            bell,
            entrance: Mutex::new(Some(entrance)),
            address: spoken,
            guests: Mutex::default(),
            next_key: AtomicU64::new(0),
        })
    }

    /// Listens at `address`: unix, unixpacket, tcp.
    pub(super) fn listen(address: &Address, options: &Options) -> Result<Self> {
        let listener = Listener::open_with(&address.to_string(), options)?;
        let spoken = listener.address().to_owned();
        Self::new(address, Entrance::Listener(listener, false), spoken)
    }

    /// Receives calls from the FIFO at `address`.
    pub(super) fn fifo(address: &Address, options: &Options) -> Result<Self> {
        let Place::Fifo(path) = address.place() else {
            return Err(Error::new("open", address.to_string(), ErrorKind::Usage).because("it is no FIFO"));
        };
        let fifo = Fifo {
            receiver: Receiver::open_at(address, options)?,
            address: address.clone(),
            path: path.clone(),
            options: options.clone(),
            writers: HashMap::new(),
            scratch: Vec::new(),
        };
        Self::new(address, Entrance::Fifo(Arc::new(Mutex::new(fifo))), address.to_string())
    }

    /// Serves the one client at the other end of a connection.
    pub(super) fn connection(
        address: &Address,
        sender: Sender<[u8]>,
        receiver: Receiver<[u8]>,
    ) -> Result<Self> {
        let door = Self::new(address, Entrance::Connection, address.to_string())?;
        door.let_in(sender, receiver).map_err(|error| Error::os("open", address.to_string(), error))?;
        Ok(door)
    }

    pub(super) fn address(&self) -> Option<&str> {
        Some(&self.address)
    }

    fn key(&self) -> u64 {
        // Relaxed: only that no two are the same counts.
        self.next_key.fetch_add(1, Ordering::Relaxed)
    }

    fn let_in(&self, sender: Sender<[u8]>, receiver: Receiver<[u8]>) -> io::Result<()> {
        let conversation = Conversation::new(self.key(), sender);
        let key = conversation.key;
        let receiver = Some(Arc::new(Mutex::new(receiver)));
        lock(&self.guests)
            .insert(key, Guest { conversation: Arc::clone(&conversation), receiver, file: None });
        let talk = conversation.lock();
        let watched = match talk.descriptor() {
            Some(fd) => self.poller.watch(fd, key),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        drop(talk);
        watched.inspect_err(|_| {
            lock(&self.guests).remove(&key);
        })
    }

    /// Has `poller` told of every event.
    #[cfg(feature = "tokio")]
    pub(super) fn arm_in(&self, poller: &Poller) -> Result<Readiness, RecvError> {
        let added = poller.keep(&self.poller, LISTENER);
        added.map_err(|error| Error::os("wait for calls at", &self.object, error))?;
        Ok(Readiness::Armed)
    }

    pub(super) fn ring_bell(&self) {
        // A full bell rings enough.
        let _ = self.bell.1.write(&[IoSlice::new(&[1])], Deadline::NOW);
    }

    /// Waits for one event and deals with it.
    pub(super) fn attend(&self, desk: &Desk, deadline: Deadline) -> Result<Came, RecvError> {
        let event = self.poller.take(deadline);
        let Some(ready) = event.map_err(|error| Error::os("receive from", &self.object, error))? else {
            return Ok(Came::Nothing);
        };
        match ready.key {
            BELL => {
                let _ = self.bell.0.read(&mut [0], Deadline::NOW);
                let _ = self.poller.rearm(self.bell.0.as_fd(), BELL, Interest::Readable);
                Ok(Came::Something)
            }
            LISTENER => self.accept_all().map(|()| Came::Something),
            FIFO => self.read_fifo(desk).map(|()| Came::Something),
            key => {
                let guest = lock(&self.guests).get(&key).cloned();
                guest
                    .map_or(Ok(()), |guest| self.read(desk, &guest, ready.is_hung_up))
                    .map(|()| Came::Something)
            }
        }
    }

    fn accept_all(&self) -> Result<(), RecvError> {
        let mut entrance = lock(&self.entrance);
        let Some(Entrance::Listener(listener, is_full)) = &mut *entrance else { return Ok(()) };
        loop {
            match listener.accept_until::<[u8], [u8]>(Deadline::NOW) {
                // A client for which no descriptor is left for the wait finds the connection closed.
                Ok((sender, receiver)) => drop(self.let_in(sender, receiver)),
                Err(error) if error.kind() == ErrorKind::Busy => break,
                Err(error) if lock(&self.guests).is_empty() => {
                    let _ = self.poller.rearm(listener.as_fd(), LISTENER, Interest::Readable);
                    return Err(error.into());
                }
                Err(_) => {
                    // Those that wait stay in the kernel's queue until one of ours leaves.
                    *is_full = true;
                    return Ok(());
                }
            }
        }
        let armed = self.poller.rearm(listener.as_fd(), LISTENER, Interest::Readable);
        Ok(armed.map_err(|error| Error::os("accept on", &self.object, error))?)
    }

    /// Takes in what came from a client, and sends what waits for room.
    fn read(&self, desk: &Desk, guest: &Guest, is_hung_up: bool) -> Result<(), RecvError> {
        let conversation = &guest.conversation;
        let (end, is_drained) = match &guest.receiver {
            Some(receiver) => {
                let mut receiver = lock(receiver);
                let (_, end) = take_in(desk, conversation, &mut receiver);
                (end, receiver.is_drained())
            }
            // The FIFO of its replies shows room and its end, nothing else.
            None => (Some(RecvError::PeerDied).filter(|_| !self.has_room_or_reader(conversation)), true),
        };
        match end {
            None => {
                // Behind what was read its end may stand.
                self.watch_on(guest, if is_hung_up || !is_drained { Sight::Anew } else { Sight::Whole });
                desk.tell_all();
                Ok(())
            }
            Some(end) => self.see_off(desk, guest, end),
        }
    }

    /// Whether a FIFO's client still reads its replies.
    fn has_room_or_reader(&self, conversation: &Conversation) -> bool {
        conversation.lock().descriptor().is_some_and(|fd| {
            let hung_up = poll::wait(fd, Interest::Hangup, Deadline::NOW);
            hung_up.is_ok_and(|hung_up| !hung_up)
        })
    }

    /// Sends what waits for room, and watches the client for room while there is not enough.
    fn watch_on(&self, guest: &Guest, sight: Sight) {
        // Under the conversation's lock: whoever comes to owe watches for room afterwards.
        let mut talk = guest.conversation.lock();
        talk.flush();
        let owes = talk.owes();
        let was_for_room = std::mem::replace(&mut talk.is_watched_for_room, owes);
        if let Some(fd) = talk.descriptor()
            && (owes || was_for_room || sight == Sight::Anew)
        {
            let room = owes.then_some(Interest::Writable);
            let _ = self.poller.rewatch(fd, guest.conversation.key, room);
        }
    }

    pub(super) fn await_room(&self, conversation: &Conversation) {
        let guest = lock(&self.guests).get(&conversation.key).cloned();
        if let Some(guest) = guest {
            self.watch_on(&guest, Sight::Whole);
        }
    }

    /// The client is gone, or is cut off for what it did, which is told.
    fn see_off(&self, desk: &Desk, guest: &Guest, end: RecvError) -> Result<(), RecvError> {
        // Another thread that had an event of it may have been first.
        if lock(&self.guests).remove(&guest.conversation.key).is_none() {
            return Ok(());
        }
        let farewell = match &end {
            RecvError::Closed | RecvError::PeerDied => None,
            error => Some(Refusal::of_kind(error.kind(), error.to_string())),
        };
        self.forget(&guest.conversation);
        desk.end(&guest.conversation, farewell.as_ref());
        match &mut *lock(&self.entrance) {
            Some(Entrance::Listener(listener, is_full)) if *is_full => {
                *is_full = self.poller.rearm(listener.as_fd(), LISTENER, Interest::Readable).is_err();
            }
            Some(Entrance::Fifo(fifo)) => {
                if let Some((path, writer)) = &guest.file {
                    lock(fifo).writers.remove(writer);
                    let _ = std::fs::remove_file(path);
                }
            }
            Some(Entrance::Connection) => {
                desk.end_for_good(if matches!(end, RecvError::Closed) { End::Closed } else { End::PeerDied })
            }
            _ => {}
        }
        if farewell.is_some() { Err(end) } else { Ok(()) }
    }

    fn forget(&self, conversation: &Conversation) {
        if let Some(fd) = conversation.lock().descriptor() {
            let _ = self.poller.remove(fd);
        }
    }

    /// Takes in what came from the clients of a FIFO.
    fn read_fifo(&self, desk: &Desk) -> Result<(), RecvError> {
        let fifo = match &*lock(&self.entrance) {
            Some(Entrance::Fifo(fifo)) => Arc::clone(fifo),
            _ => return Ok(()),
        };
        let mut fifo = lock(&fifo);
        let mut outcome = Ok(());
        for _ in 0..FRAMES_MAX {
            match self.read_packet(desk, &mut fifo) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        // It may be another descriptor since the last writer left.
        if let Some(fd) = fifo.receiver.as_fd()
            && self.poller.rearm(fd, FIFO, Interest::Readable).is_err()
        {
            let added = self.poller.add_once(fd, FIFO);
            added.map_err(|error| Error::os("receive from", &self.object, error))?;
        }
        outcome
    }

    /// Takes in one frame of a FIFO; answers whether there was one.
    fn read_packet(&self, desk: &Desk, fifo: &mut Fifo) -> Result<bool, RecvError> {
        let mut scratch = std::mem::take(&mut fifo.scratch);
        scratch.clear();
        let came =
            fifo.receiver.recv_bytes_until(Deadline::NOW).map(|payload| payload.append_to(&mut scratch));
        let writer = fifo.receiver.last_sender_id();
        let heard = match came {
            Ok(()) => self.hear_writer(desk, fifo, writer.unwrap_or(0), &scratch).map(|()| true),
            Err(RecvError::Empty) => Ok(false),
            // All writers left; each is seen by its own FIFO.
            Err(RecvError::Closed | RecvError::PeerDied) => Ok(true),
            Err(error) => self.cut_off_writer(desk, fifo, writer.unwrap_or(0), error).map(|()| true),
        };
        fifo.scratch = scratch;
        heard
    }

    fn hear_writer(&self, desk: &Desk, fifo: &mut Fifo, writer: u64, frame: &[u8]) -> Result<(), RecvError> {
        let (head, body) = match Head::split(frame) {
            Ok(read) => read,
            Err(text) => return self.cut_off_writer(desk, fifo, writer, self.corrupt(text)),
        };
        if let (Head::Hello(token), false) = (head, fifo.writers.contains_key(&writer)) {
            self.let_writer_in(fifo, writer, token);
        }
        let guest = fifo.writers.get(&writer).and_then(|key| lock(&self.guests).get(key).cloned());
        // Nobody is there to answer to: it died before it could be.
        let Some(guest) = guest else { return Ok(()) };
        match desk.hear(Arc::clone(&guest.conversation), head, Body::Lent(body)) {
            Ok(call) => {
                if let Some(call) = call {
                    desk.queue(call);
                }
                Ok(())
            }
            Err(text) => self.cut_off_writer(desk, fifo, writer, self.corrupt(text)),
        }
    }

    fn let_writer_in(&self, fifo: &mut Fifo, writer: u64, token: u64) {
        let path = reply_fifo(&fifo.path, token);
        let options = Options { open_deadline: Deadline::NOW, ..fifo.options.clone() };
        let Ok(sender) = Sender::open_at(&fifo.address.at(Place::Fifo(path.clone())), &options) else {
            return;
        };
        let conversation = Conversation::new(self.key(), sender);
        let key = conversation.key;
        // Not readable ever: only that its reader leaves is reported, and room when it is asked for.
        let watched = conversation.lock().descriptor().is_some_and(|fd| self.poller.watch(fd, key).is_ok());
        if watched {
            let guest = Guest { conversation, receiver: None, file: Some((path, writer)) };
            lock(&self.guests).insert(key, guest);
            fifo.writers.insert(writer, key);
        }
    }

    fn corrupt(&self, text: &'static str) -> RecvError {
        Error::new("receive from", &self.object, ErrorKind::Corrupt).because(text).into()
    }

    /// Cuts a FIFO's client off for what it did, and tells it why.
    fn cut_off_writer(
        &self,
        desk: &Desk,
        fifo: &mut Fifo,
        writer: u64,
        error: RecvError,
    ) -> Result<(), RecvError> {
        let guest = fifo.writers.remove(&writer).and_then(|key| lock(&self.guests).remove(&key));
        if let Some(guest) = guest {
            let refusal = Refusal::of_kind(error.kind(), error.to_string());
            self.forget(&guest.conversation);
            desk.end(&guest.conversation, Some(&refusal));
        }
        Err(error)
    }

    pub(super) fn take_all_in(&self, desk: &Desk) {
        let guests: Vec<Guest> = lock(&self.guests).values().cloned().collect();
        for guest in guests {
            // A socket of packets gives one at a time.
            for _ in 0..FRAMES_MAX {
                let Some(receiver) = &guest.receiver else { break };
                if !matches!(take_in(desk, &guest.conversation, &mut lock(receiver)), (1.., None)) {
                    break;
                }
            }
        }
    }

    pub(super) fn owes(&self) -> bool {
        let guests: Vec<Guest> = lock(&self.guests).values().cloned().collect();
        guests.iter().any(|guest| guest.conversation.owes())
    }

    pub(super) fn close(&self) {
        lock(&self.entrance).take();
        // Their ends close with the last call in hand.
        lock(&self.guests).clear();
    }
}

/// Takes in what came on a connection; answers how many frames, and how it ended, if it did.
fn take_in(
    desk: &Desk,
    conversation: &Arc<Conversation>,
    receiver: &mut Receiver<[u8]>,
) -> (usize, Option<RecvError>) {
    let mut scratch = Vec::new();
    let mut count = 0;
    loop {
        let came = if count > 0 { receiver.recv_arrived() } else { receiver.recv_bytes_until(Deadline::NOW) };
        let heard = match came {
            Ok(payload) => Head::split(payload.bytes(&mut scratch))
                .and_then(|(head, body)| desk.hear(Arc::clone(conversation), head, Body::Lent(body))),
            Err(RecvError::Empty | RecvError::TimedOut) => return (count, None),
            Err(error) => return (count, Some(error)),
        };
        match heard {
            Ok(None) => {}
            Ok(Some(call)) => desk.queue(call),
            Err(text) => {
                let kind = if conversation.is_greeted() { ErrorKind::Corrupt } else { ErrorKind::Mismatch };
                let error = Error::new("receive from", &desk.object, kind).because(text);
                return (count, Some(error.into()));
            }
        }
        count += 1;
    }
}
