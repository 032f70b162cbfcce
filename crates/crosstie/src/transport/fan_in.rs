//! A receiver with many senders: accepts them, reads those that are ready in turn.
//!
//! Nothing blocks but the one wait for all of them, so a sender that stops inside a message delays
//! nobody else. A turn is one read of one sender, and all messages that it brought.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use crosstie_core::Deadline;

use super::Options;
use super::accept::Accept;
use super::inbound::{Inbound, Step, is_gone};
use crate::contract::{Arrived, ReceiveMessages, RecvError};
use crate::error::Error;
use crate::os::poll::{self, Poller};

/// The listener's key; connections have their slot's number.
const LISTENER: u64 = u64::MAX;

/// So many senders are waited for without a poller, which costs each of their writes a little.
const FEW: usize = 8;

/// So many reads more than the wait promised are tried before the next wait, which is when senders
/// that became ready meanwhile are found.
const REREADS_MAX: usize = 64;

#[derive(Debug)]
struct Connection<C> {
    inbound: C,
    pid: Option<u32>,
    /// Messages of it that were delivered.
    taken_count: u64,
}

/// The receiving end for many senders.
///
/// The messages end when at least one sender came and none is left: cleanly if all of them said so,
/// else with [`RecvError::PeerDied`]. Receiving again then waits for the next senders.
///
/// A sender that speaks another protocol, or announces a message above the limit, is dropped and
/// reported once; the others are served on.
pub struct FanInReceiver<C: Inbound> {
    accept: Box<dyn Accept>,
    /// Made when there are many senders, or when somebody asks for a descriptor.
    poller: OnceLock<Poller>,
    /// What the last wait found; empty between waits.
    found: Vec<u64>,
    connections: Vec<Option<Connection<C>>>,
    /// Slots to read from, in turn.
    ready: VecDeque<usize>,
    /// How often a slot was read once more since the last wait.
    reread_count: usize,
    /// The slot whose messages are being taken.
    current: Option<usize>,
    live_count: usize,
    has_come: bool,
    has_died: bool,
    /// No descriptor was left for the next sender; one that ends leaves one.
    is_full: bool,
    object: String,
    limit: usize,
    owner_pid: u32,
}

impl<C: Inbound> FanInReceiver<C> {
    pub(crate) fn new(accept: impl Accept + 'static, object: String, options: &Options) -> Self {
        Self {
            accept: Box::new(accept),
            poller: OnceLock::new(),
            found: Vec::new(),
            connections: Vec::new(),
            ready: VecDeque::new(),
            reread_count: 0,
            current: None,
            live_count: 0,
            has_come: false,
            has_died: false,
            is_full: false,
            object,
            limit: options.message_bytes_max,
            owner_pid: std::process::id(),
        }
    }

    /// The poller of the listener and all connections, made if there is none.
    fn poller(&self) -> io::Result<&Poller> {
        if let Some(poller) = self.poller.get() {
            return Ok(poller);
        }
        let poller = Poller::new()?;
        for (fd, key) in self.descriptors() {
            poller.add(fd, key)?;
        }
        Ok(self.poller.get_or_init(|| poller))
    }

    /// What to wait for, by key.
    fn descriptors(&self) -> impl Iterator<Item = (BorrowedFd<'_>, u64)> {
        let listener = (!self.is_full).then(|| (self.accept.descriptor(), LISTENER));
        let connections = (0..).zip(&self.connections).filter_map(|(key, connection)| {
            connection.as_ref().map(|connection| (connection.inbound.descriptor(), key))
        });
        listener.into_iter().chain(connections)
    }

    /// The address that it listens on, with the port that the kernel chose where none was asked for.
    pub fn address(&self) -> &str {
        &self.object
    }

    /// The next message, as the slot of its sender and its place there.
    fn next(&mut self, deadline: Deadline) -> Result<(usize, Range<usize>), RecvError> {
        loop {
            if let Some(slot) = self.current {
                if let Some(range) = self.take_message(slot)? {
                    return Ok((slot, range));
                }
            } else if let Some(slot) = self.ready.pop_front() {
                self.read(slot);
            } else if self.live_count == 0 && self.has_come {
                if !self.accept_all()? {
                    return Err(self.end());
                }
            } else {
                self.wait(deadline)?;
            }
        }
    }

    /// All senders that came have gone; the next ones begin anew.
    fn end(&mut self) -> RecvError {
        self.has_come = false;
        if std::mem::take(&mut self.has_died) { RecvError::PeerDied } else { RecvError::Closed }
    }

    /// The next message that has arrived from the sender in `slot`.
    fn take_message(&mut self, slot: usize) -> Result<Option<Range<usize>>, RecvError> {
        let Some(connection) = self.connections.get_mut(slot).and_then(Option::as_mut) else {
            self.current = None;
            return Ok(None);
        };
        let step = connection.inbound.step();
        self.has_come |= connection.inbound.has_begun();
        match step {
            Ok(Step::Message(range)) => {
                connection.taken_count += 1;
                return Ok(Some(range));
            }
            Ok(Step::Incomplete) => {
                self.current = None;
                if connection.inbound.may_have_more() && self.reread_count < REREADS_MAX {
                    self.reread_count += 1;
                    // Behind the others that are ready; mostly there are none.
                    if self.ready.is_empty() { self.read(slot) } else { self.ready.push_back(slot) }
                }
            }
            Ok(Step::End) => self.remove(slot),
            Err(breach) => {
                self.remove(slot);
                return Err(breach.report(&self.object));
            }
        }
        Ok(None)
    }

    /// Lets what waits from the sender in `slot` arrive.
    fn read(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot).and_then(Option::as_mut) else { return };
        match connection.inbound.fill(Deadline::NOW) {
            Ok(0) => self.lose(slot),
            Ok(_) => self.current = Some(slot),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if is_gone(&error) => self.lose(slot),
            // Nothing else is known to happen; the sender is of no more use.
            Err(_) => self.lose(slot),
        }
    }

    /// The sender in `slot` went without its end mark. Who never said who it is was no sender: a
    /// probe whether somebody listens, a port scan.
    fn lose(&mut self, slot: usize) {
        let was_sender = self.connections[slot].as_ref().is_some_and(|c| c.inbound.has_begun());
        self.has_died |= was_sender;
        self.has_come |= was_sender;
        self.remove(slot);
    }

    fn remove(&mut self, slot: usize) {
        if self.current == Some(slot) {
            self.current = None;
        }
        if let Some(connection) = self.connections.get_mut(slot).and_then(Option::take) {
            // Before it is closed, in case that a clone of it lives elsewhere.
            if let Some(poller) = self.poller.get() {
                let _ = poller.remove(connection.inbound.descriptor());
            }
            self.live_count -= 1;
        }
        if std::mem::take(&mut self.is_full) {
            // If even this fails, the next sender that ends tries again.
            let watched = self.poller.get().map(|poller| poller.add(self.accept.descriptor(), LISTENER));
            self.is_full = watched.is_some_and(|watched| watched.is_err());
        }
    }

    fn wait(&mut self, deadline: Deadline) -> Result<(), RecvError> {
        self.reread_count = 0;
        let mut found = std::mem::take(&mut self.found);
        let waited = match self.poller.get() {
            None if self.live_count <= FEW => poll::wait_any(self.descriptors(), deadline, &mut found),
            _ => self.poller().and_then(|poller| poller.wait(deadline, &mut found)),
        };
        let is_over = found.is_empty();
        let knocks = found.contains(&LISTENER);
        let slots = found.drain(..).filter(|key| *key != LISTENER);
        self.ready.extend(slots.filter_map(|key| usize::try_from(key).ok()));
        self.found = found;
        waited.map_err(|error| Error::os("receive from", &self.object, error))?;
        if is_over {
            return Err(if deadline.is_now() { RecvError::Empty } else { RecvError::TimedOut });
        }
        if knocks {
            self.accept_all()?;
        }
        Ok(())
    }

    /// Takes every sender that waits; answers whether there was one.
    fn accept_all(&mut self) -> Result<bool, RecvError> {
        let mut any = false;
        loop {
            match self.accept.accept() {
                Ok((fd, pid)) => any |= self.add(fd, pid),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
                Err(error) if self.live_count == 0 => {
                    return Err(Error::os("accept on", &self.object, error).into());
                }
                Err(_) => {
                    // No descriptor left: those that wait stay in the kernel's queue until one of
                    // ours ends, and do not wake us meanwhile.
                    self.is_full = true;
                    if let Some(poller) = self.poller.get() {
                        let _ = poller.remove(self.accept.descriptor());
                    }
                    return Ok(any);
                }
            }
        }
    }

    fn add(&mut self, fd: OwnedFd, pid: Option<u32>) -> bool {
        let Ok(inbound) = C::of_connection(fd, self.limit) else { return false };
        let free = self.connections.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.connections.len());
        if self.poller.get().is_some_and(|poller| poller.add(inbound.descriptor(), slot as u64).is_err()) {
            return false;
        }
        let connection = Some(Connection { inbound, pid, taken_count: 0 });
        match self.connections.get_mut(slot) {
            Some(place) => *place = connection,
            None => self.connections.push(connection),
        }
        self.live_count += 1;
        true
    }
}

impl<C: Inbound> ReceiveMessages for FanInReceiver<C> {
    fn recv(&mut self, deadline: Deadline) -> Result<Arrived<'_>, RecvError> {
        let (slot, range) = self.next(deadline)?;
        match self.connections.get(slot) {
            Some(Some(connection)) => {
                Ok(Arrived { payload: connection.inbound.message(range), sender_pid: connection.pid })
            }
            // invariant: next() answers a slot whose connection has just given a message, and leaves it.
            _ => unreachable!("next() names a slot that is taken"),
        }
    }

    fn address(&self) -> Option<&str> {
        Some(&self.object)
    }

    fn message_bytes_max(&self) -> usize {
        self.limit
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.poller().ok().map(Poller::as_fd)
    }
}

impl<C: Inbound> std::fmt::Debug for FanInReceiver<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FanInReceiver")
            .field("object", &self.object)
            .field("senders", &self.live_count)
            .finish_non_exhaustive()
    }
}

impl<C: Inbound> Drop for FanInReceiver<C> {
    fn drop(&mut self) {
        // While panicking, and in a child of fork (H6), no clean end is claimed.
        if std::thread::panicking() || self.owner_pid != std::process::id() {
            return;
        }
        // Those that wait to be accepted are told too; a failure leaves nothing to do.
        let _ = self.accept_all();
        for connection in self.connections.iter_mut().flatten() {
            connection.inbound.say_goodbye(connection.taken_count);
        }
    }
}
