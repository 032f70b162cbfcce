//! [`Driver`]: the task that reads for the tasks of a client, and wakes them.
//!
//! Threads take turns at reading. Tasks cannot: one that has the turn may be polled no more, because whoever made it waits for another, and that other one
//! would wait for ever. So one task of the client's own reads for them all: [`AsyncClient`](super::AsyncClient) starts it in its runtime, and it
//! does nothing until something comes. It takes the turn only while it is polled, so threads may read between.
//!
//! Everything that can come is under one descriptor, the line's [`Watch`]; what the time is, the alarm tells.

use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use crosstie_core::ring::sleepers::Awaits;

use super::super::error::Broken;
use super::outgoing::Outgoing;
use super::reading::{Read, keep_none};
use super::shared::Shared;
use super::state::{Reader, State};
use crate::Deadline;
use crate::contract::{Readiness, SendError};
use crate::error::{Error, Result};
use crate::os::alarm::Alarm;
use crate::os::clock;
use crate::os::poll::{self, Interest, Poller};
use crate::os::reactor::{self, Registered};

/// How often the driver looks before it lets others run.
const LOOKS: u32 = 16;
/// So many frames are read before those for whom they are go on.
const FRAMES_MAX: u32 = 64;

/// What came from the server.
const REPLIES: u64 = 0;
/// The server's end, where the replies do not show it; servers' coming and going at a queue.
const SERVERS: u64 = 1;
/// Room.
const ROOM: u64 = 2;

/// Where the driver waits for one line. It lies with the line's ends, and goes with them.
pub(super) struct Watch {
    poller: Poller,
    /// The kernel's sending end once more: its room is watched by itself.
    room: Option<OwnedFd>,
    has_room_watched: bool,
}

/// Whether the driver may wait now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    Again,
    Waits,
}

/// The task that reads for a client's tasks.
pub(super) struct Driver {
    /// The client goes with its last user, not with this.
    shared: Weak<Shared>,
    number: u64,
    alarm: Alarm,
    alarm_watch: Registered,
    alarm_is_for: Deadline,
    /// The watch of the line of this token.
    line_watch: Option<(u64, Registered)>,
}

impl Driver {
    /// A driver in the runtime of the caller.
    ///
    /// # Errors
    /// Outside of a runtime; no descriptor left.
    pub(super) fn new(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let alarm = Alarm::new()?;
        let alarm_watch = Registered::new(alarm.as_fd(), Interest::Readable)?;
        let number = shared.lock().slots.tasks.begin_drive();
        let (shared, alarm_is_for) = (Arc::downgrade(shared), Deadline::NEVER);
        Ok(Self { shared, number, alarm, alarm_watch, alarm_is_for, line_watch: None })
    }

    fn round(&mut self, shared: &Shared, context: &mut Context<'_>) -> std::io::Result<Round> {
        let mut state = shared.lock();
        state.slots.tasks.begin_round();
        // A thread that has the turn reads for all, and then passes it on.
        let reads = state.sender.is_some() && !state.is_read;
        state.is_read |= reads;
        drop(state);
        self.alarm_watch.watch(context)?;
        let mut round = Round::Waits;
        if reads {
            let mut reader = shared.lock_reader();
            round = self.read(shared, &mut reader, context).unwrap_or_else(|error| {
                let cause = Broken::Failed { kind: error.kind(), text: error.to_string() };
                shared.break_off(&mut shared.lock(), &cause);
                Round::Waits
            });
            drop(reader);
            shared.end_turn(&mut shared.lock());
        }
        let mut state = shared.lock();
        state.slots.wake_late(clock::now_ns());
        let due = state.slots.tasks.due();
        if std::mem::replace(&mut self.alarm_is_for, due) != due {
            self.alarm.set(due)?;
        }
        let (woken, waits) = state.slots.tasks.end_round(context.waker());
        drop(state);
        woken.into_iter().for_each(std::task::Waker::wake);
        Ok(if waits { round } else { Round::Again })
    }

    /// Reads all that has come, sends what is owed, and arms the line's watch.
    fn read(&mut self, shared: &Shared, reader: &mut Reader, context: &mut Context<'_>) -> Result<Round> {
        self.registered(shared, reader)?.watch(context).map_err(failed)?;
        let has_lost_server = reader.has_lost_server();
        let mut count = 0;
        loop {
            match shared.read(reader, Deadline::NOW, None, keep_none) {
                Read::Nothing => break,
                Read::Frame | Read::Own if count < FRAMES_MAX => count += 1,
                Read::Frame | Read::Own => return Ok(Round::Again),
                Read::Over | Read::Stuck(_) => return Ok(Round::Waits),
            }
        }
        let mut state = shared.lock();
        if has_lost_server {
            shared.break_off(&mut state, &Broken::PeerDied);
            return Ok(Round::Waits);
        }
        if let Err(error) = state.flush()
            && !matches!(error, SendError::Full)
        {
            shared.break_off(&mut state, &Broken::of_send(&error));
            return Ok(Round::Waits);
        }
        reader.arm(&mut state)
    }

    /// The watch of the line that is there now, in the runtime.
    fn registered(&mut self, shared: &Shared, reader: &mut Reader) -> Result<&Registered> {
        let token = reader.greeting.token;
        let watch = match &mut reader.watch {
            Some(watch) => watch,
            None => {
                let watch = Watch::new(reader, &mut shared.lock())?;
                reader.watch.insert(watch)
            }
        };
        if self.line_watch.as_ref().is_none_or(|(of, _)| *of != token) {
            let registered = Registered::new(watch.poller.as_fd(), Interest::Readable).map_err(failed)?;
            self.line_watch = Some((token, registered));
        }
        // invariant: put there above.
        Ok(&self.line_watch.as_ref().expect("a watch").1)
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(shared) = this.shared.upgrade() else { return Poll::Ready(()) };
        let budget = ready!(reactor::proceed(context));
        for _ in 0..LOOKS {
            match this.round(&shared, context) {
                Ok(Round::Again) => budget.made_progress(),
                Ok(Round::Waits) => return Poll::Pending,
                // The runtime is shutting down.
                Err(_) => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.lock();
        if !state.slots.tasks.end_drive(self.number) {
            return;
        }
        // Whoever waits in another runtime is told that nobody reads for it.
        state.slots.wake_tasks();
        let woken = state.slots.tasks.take_woken();
        drop(state);
        woken.into_iter().for_each(std::task::Waker::wake);
    }
}

impl Watch {
    fn new(reader: &mut Reader, state: &mut State) -> Result<Self> {
        let poller = Poller::new().map_err(failed)?;
        if let Some(receiver) = &mut reader.receiver {
            poller.add(receiver.pollable()?, REPLIES).map_err(failed)?;
        }
        if let Some(lifeline) = &reader.lifeline {
            poller.add(lifeline, SERVERS).map_err(failed)?;
        }
        if let Some(queue) = &mut reader.queue {
            poller.add(queue.replies.pollable()?, REPLIES).map_err(failed)?;
        }
        if let Some(calls) = state.sender.as_mut().and_then(Outgoing::queue) {
            poller.add(calls.pollable()?, SERVERS).map_err(failed)?;
        }
        Ok(Self { poller, room: None, has_room_watched: false })
    }

    /// Has room for what goes out watched; answers whether there is some.
    fn await_room(&mut self, sender: &mut Outgoing) -> Result<Readiness> {
        let Outgoing::Line(sender) = sender else { return Ok(Readiness::Ready) };
        let (fd, interest) = sender.pollable()?;
        if interest == Interest::Readable {
            // In shared memory: a descriptor that is there for this alone.
            if !std::mem::replace(&mut self.has_room_watched, true) {
                self.poller.add(fd, ROOM).map_err(failed)?;
            }
        } else {
            let room = match self.room.take() {
                Some(room) => room,
                None => {
                    let room = fd.try_clone_to_owned().map_err(failed)?;
                    self.poller.add_once(&room, ROOM).map_err(failed)?;
                    room
                }
            };
            self.poller.rearm(self.room.insert(room), ROOM, interest).map_err(failed)?;
        }
        sender.arm()
    }
}

impl Reader {
    /// Whether the server has gone, where what comes from it does not show that.
    fn has_lost_server(&self) -> bool {
        self.lifeline.as_ref().is_some_and(|lifeline| {
            poll::wait(lifeline.as_fd(), Interest::Hangup, Deadline::NOW).unwrap_or(true)
        })
    }

    /// Arms what waits in shared memory, and for room where that is wanted.
    fn arm(&mut self, state: &mut State) -> Result<Round> {
        // The kernel's descriptors tell by themselves of what comes behind the last look.
        if let Some(receiver) = self.receiver.as_mut().filter(|receiver| receiver.as_fd().is_none())
            && receiver.arm()? == Readiness::Ready
        {
            return Ok(Round::Again);
        }
        if let Some(queue) = &mut self.queue
            && queue.replies.arm()? == Readiness::Ready
        {
            return Ok(Round::Again);
        }
        let (wants_room, owes) = (state.wants_room(), state.owes());
        let ready = match &mut state.sender {
            Some(Outgoing::Queue(calls)) => {
                let awaits = wants_room.then_some(Awaits::Something);
                calls.arm(awaits)? == Readiness::Ready
            }
            Some(sender @ Outgoing::Line(_)) if wants_room => match &mut self.watch {
                Some(watch) => watch.await_room(sender)? == Readiness::Ready,
                None => false,
            },
            Some(Outgoing::Line(_)) | None => return Ok(Round::Waits),
        };
        if ready && wants_room {
            state.slots.tasks.tell_room();
        }
        // What comes beside room at a queue is looked at; what is owed is sent.
        let looks_again = ready && (owes || self.queue.is_some());
        Ok(if looks_again { Round::Again } else { Round::Waits })
    }
}

impl State {
    /// Whether anything waits for room.
    fn wants_room(&self) -> bool {
        self.owes() || self.slots.tasks.wants_room()
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::os("wait in a runtime for", "a server's replies", error)
        .advise("call it in a tokio runtime that is built with enable_io")
}
