//! What all users of one client share: the line, the calls in flight, and whose turn it is to read.
//!
//! There is no thread in the background: whoever waits for a reply reads. One of them has the *turn to
//! read*; it hands every frame to the call that it is for, until its own is there, and then passes the
//! turn to another who waits. So a lone caller sends and receives itself, without a wake-up between
//! threads, and an idle client costs nothing.
//!
//! | lock | guards | held |
//! |---|---|---|
//! | `state` | the sending end, the slots, who reads | never across a wait |
//! | `reader` | the receiving end | by whoever has the turn, also across waits; before `state` |
//!
//! Nobody sleeps in a send: who finds no room waits for it beside the replies, and reads them if nobody
//! else does, so that a server which waits until its replies are taken is not waited for in a circle.

use std::collections::VecDeque;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use crosstie_core::atomic::{AtomicU64, Ordering};

use super::super::board::BOARD_CALLS;
use super::super::error::Broken;
use super::super::frame::{HEAD_BYTES_MAX, Head};
use super::super::lock::{Changes, Lock, Locked};
use super::line::{self, Line};
use super::outgoing::Outgoing;
use super::reading::keep_none;
use super::slots::Slots;
use super::state::{Greeting, Reader, State};
use crate::Deadline;
use crate::contract::SendError;
use crate::endpoint::{Address, Options, Place};
use crate::error::Result;
use crate::os::byte_stream;
use crate::os::clock;
use crate::os::poll::{self, Interest};

/// How long is waited for room, and for replies, in turn where one wait cannot be for both.
const SLICE_NS: u64 = 1_000_000;

/// What all users of one client share.
pub(super) struct Shared {
    pub(super) address: Address,
    pub(super) options: Options,
    state: Lock<State>,
    pub(super) reader: Lock<Reader>,
    /// A call ended, the turn to read came free, the line is there or gone.
    changed: Changes,
    /// What the server is known by in the ledger; 0 until it has said so.
    pub(super) server: Arc<AtomicU64>,
    owner_pid: u32,
}

impl Shared {
    /// Connects, and waits for a server until the options' deadline.
    pub(super) fn open(address: Address, options: Options) -> Result<Self> {
        let line = line::open(&address, &options)?;
        let state = State {
            sender: None,
            is_connecting: false,
            is_read: false,
            sleepers_count: 0,
            owes_rest: false,
            outbox: VecDeque::new(),
            slots: Slots::default(),
            token: 0,
        };
        let shared = Self {
            address,
            options,
            state: Lock::new(state),
            reader: Lock::default(),
            changed: Changes::default(),
            server: Arc::default(),
            owner_pid: std::process::id(),
        };
        shared.install(line);
        Ok(shared)
    }

    #[inline(always)]
    pub(super) fn lock(&self) -> Locked<'_, State> {
        self.state.lock()
    }

    #[inline(always)]
    pub(super) fn lock_reader(&self) -> Locked<'_, Reader> {
        self.reader.lock()
    }

    pub(super) fn install(&self, line: Line) {
        let Line { sender, receiver, queue, token, is_alone, lifeline, file } = line;
        let mut reader = self.lock_reader();
        let room = std::mem::take(&mut reader.room);
        // Nobody else knows the queue of these replies.
        let is_welcomed = queue.is_some();
        let greeting = Greeting { token, is_alone, is_welcomed, welcomed_by: None };
        *reader = Reader {
            receiver,
            queue,
            lifeline,
            _file: file,
            greeting,
            room,
            #[cfg(feature = "tokio")]
            watch: None,
        };
        let mut state = self.lock();
        if is_welcomed {
            state.slots.limit(BOARD_CALLS);
        }
        // Relaxed: under the lock.
        self.server.store(0, Ordering::Relaxed);
        (state.sender, state.token) = (Some(sender), token);
        state.owes_rest = false;
        state.outbox.clear();
        state.slots.tasks.ask();
    }

    /// Whether the mechanism itself gives a call to the next server when one dies with it.
    pub(super) fn redelivers(&self) -> bool {
        matches!(self.address.place(), Place::Queue(_))
    }

    /// The largest request that this end sends, in bytes, while it has a line.
    pub(super) fn request_bytes_max(&self) -> usize {
        let state = self.lock();
        let limit = state.sender.as_ref().map_or(self.options.message_bytes_max, Outgoing::message_bytes_max);
        limit.saturating_sub(HEAD_BYTES_MAX)
    }

    /// Sleeps until something changes, or `deadline`.
    pub(super) fn sleep<'a>(&'a self, mut state: Locked<'a, State>, deadline: Deadline) -> Locked<'a, State> {
        state.sleepers_count += 1;
        let mut state = self.changed.sleep(state, deadline);
        state.sleepers_count -= 1;
        state
    }

    /// Wakes those who wait for a change.
    pub(super) fn tell(&self, state: &State) {
        if state.sleepers_count > 0 {
            self.changed.tell();
        }
    }

    /// The turn to read is free: whoever waits may take it.
    pub(super) fn pass_turn(&self, state: &mut State) {
        self.end_turn(state);
        state.slots.tasks.ask();
    }

    /// As [`Shared::pass_turn`], by the driver itself.
    pub(super) fn end_turn(&self, state: &mut State) {
        state.is_read = false;
        if let Some(sleeper) = state.slots.sleeper() {
            sleeper.unpark();
        }
        self.tell(state);
    }

    /// Waits until a call has ended, and reads if nobody does.
    pub(super) fn await_change<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        deadline: Deadline,
    ) -> Locked<'a, State> {
        if state.is_read {
            return self.sleep(state, deadline);
        }
        state.is_read = true;
        drop(state);
        let mut reader = self.lock_reader();
        self.read(&mut reader, deadline, None, keep_none);
        drop(reader);
        let mut state = self.lock();
        self.pass_turn(&mut state);
        state
    }

    /// Waits until there may be room to send, and reads if nobody does; sends what was left to send.
    pub(super) fn await_room<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        deadline: Deadline,
    ) -> Locked<'a, State> {
        let Some(sender) = &state.sender else { return state };
        let writable = sender.as_fd().and_then(|fd| fd.try_clone_to_owned().ok());
        let slice = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS).min(deadline);
        let reads = !std::mem::replace(&mut state.is_read, true);
        drop(state);
        match (&writable, reads) {
            (Some(writable), true) => {
                let mut reader = self.lock_reader();
                if !self.read(&mut reader, Deadline::NOW, None, keep_none).is_frame()
                    && let Some(readable) = reader.receiver.as_ref().and_then(|receiver| receiver.as_fd())
                {
                    let room = (writable.as_fd(), Interest::Writable);
                    // What comes is found by looking.
                    let _ = poll::wait_either((readable, Interest::Readable), room, deadline);
                }
            }
            (Some(writable), false) => {
                let _ = poll::wait(writable.as_fd(), Interest::Writable, deadline);
            }
            (None, true) => {
                self.read(&mut self.lock_reader(), slice, None, keep_none);
            }
            (None, false) => poll::pause(SLICE_NS, deadline),
        }
        let mut state = self.lock();
        if reads {
            self.pass_turn(&mut state);
        }
        if let Err(error) = state.flush()
            && !matches!(error, SendError::Full)
        {
            self.break_off(&mut state, &Broken::of_send(&error));
        }
        state
    }

    /// Whether this is no child of fork, whose parent goes on with it (H6).
    fn is_ours(&self) -> bool {
        self.owner_pid == std::process::id()
    }

    /// Nobody waits for the call `id` any more.
    pub(super) fn give_up(&self, id: u32) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.lock();
        if state.slots.abandon(id) {
            let queue = state.sender.as_mut().and_then(Outgoing::queue);
            if queue.is_some_and(|calls| calls.withdraw(id)) {
                state.close(id);
            } else {
                self.send_aside(&mut state, Head::Cancel(id));
            }
        }
        self.tell(&state);
    }

    /// The call `id` had its only reply, which had waited for its caller.
    pub(super) fn close(&self, id: u32) {
        let mut state = self.lock();
        state.close(id);
        self.tell(&state);
    }

    /// Sends a frame for which nobody waits: now, or before the next one.
    pub(super) fn send_aside(&self, state: &mut State, head: Head) {
        // Of another error: whoever reads meets the end.
        if let Err(SendError::Full) = state.send(head, &[]) {
            state.outbox.push_back(head.to_frame(&[]));
            state.slots.tasks.ask();
        }
    }

    /// The conversation is over: tells all calls, and ends this side.
    pub(super) fn break_off(&self, state: &mut State, cause: &Broken) {
        if let Some(sender) = state.sender.take() {
            // Whatever has not gone out goes nowhere: a drop must not wait for a server that breaks the protocol.
            if let (Some(fd), Broken::Failed { .. }) = (sender.as_fd(), cause) {
                let _ = byte_stream::cut_off(fd);
            }
        }
        state.outbox.clear();
        state.owes_rest = false;
        state.slots.break_all(cause);
        state.slots.tasks.tell();
        self.tell(state);
    }

    /// Ends the conversation, as the drop of the client does.
    fn end(&self) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.lock();
        let Some(mut sender) = state.sender.take() else { return };
        // A server that does not take what was sent is not waited for.
        if state.owes()
            && sender.settle().is_err()
            && let Some(fd) = sender.as_fd()
        {
            let _ = byte_stream::cut_off(fd);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end();
    }
}
