//! Waiting for what comes: whoever has the turn to read reads for all.

use std::os::fd::AsFd as _;
use std::thread;
use std::time::Duration;

use super::super::error::Broken;
use super::super::frame::Head;
use super::super::lock::Locked;
use super::call_wait::CallWait;
use super::line::ReplyQueue;
use super::outgoing::Outgoing;
use super::shared::Shared;
use super::slots::{Ending, Next, Slot};
use super::state::{Greeting, Reader, State};
use crate::Deadline;
use crate::channel::queue::{Beside, Job};
use crate::contract::RecvError;
use crate::endpoint::Place;
use crate::ledger::deadlock::Deadlock;
use crate::os::clock;
use crate::os::interruption::{self, Cause};
use crate::os::poll::{self, Interest};

/// So many frames that are for no call stand before a server's end at most.
const LATE_FRAMES_MAX: u32 = 16;

/// What one read brought.
pub(super) enum Read<R> {
    /// A frame that was handed to its call.
    Frame,
    /// A frame that its caller took at once.
    Own(R),
    /// Nothing before the deadline.
    Nothing,
    /// The conversation's end, which was told to all.
    Over,
    /// To wait on would close a circle.
    Stuck(Deadlock),
}

impl<R> Read<R> {
    pub(super) fn is_frame(&self) -> bool {
        matches!(self, Self::Frame | Self::Own(_))
    }
}

/// What a caller waited for.
pub(super) enum Waited<R> {
    /// One reply of many, or the only one: `is_last` says which.
    Reply { reply: R, is_last: bool },
    /// Nothing more comes.
    Over(Ending),
    /// Nothing before the deadline.
    Nothing,
    /// To wait on would close a circle.
    Stuck(Deadlock),
}

impl Shared {
    /// Reads one frame and hands it to its call, unless `take` keeps it.
    pub(super) fn read<R>(
        &self,
        reader: &mut Reader,
        deadline: Deadline,
        wait: Option<&CallWait>,
        take: impl FnOnce(Head, &[u8]) -> Option<R>,
    ) -> Read<R> {
        if let Some(queue) = reader.queue.take() {
            let read = self.read_queue(reader, &queue, (deadline, wait), take);
            reader.queue = Some(queue);
            return read;
        }
        let Some(wait) = wait else { return self.read_line(reader, deadline, take) };
        // What has come is taken before anybody is told for what it waits.
        let mut take = Some(take);
        let read = self.read_line(reader, Deadline::NOW, |head, body| take.take()?(head, body));
        let Some(take) = take.filter(|_| matches!(read, Read::Nothing)) else { return read };
        let Some(until) = wait.before_sleep(deadline) else {
            return wait.take_deadlock().map_or(Read::Frame, Read::Stuck);
        };
        match self.read_line(reader, until, take) {
            // To look again, not to give up.
            Read::Nothing if until < deadline => Read::Frame,
            read => read,
        }
    }

    /// As [`Shared::read`], where every frame is a message.
    fn read_line<R>(
        &self,
        reader: &mut Reader,
        deadline: Deadline,
        take: impl FnOnce(Head, &[u8]) -> Option<R>,
    ) -> Read<R> {
        if let Err(error) = await_sign(reader, deadline) {
            return self.over(&Broken::of_recv(&error));
        }
        let Reader { receiver, greeting, scratch, .. } = &mut *reader;
        let Some(receiver) = receiver else { return Read::Over };
        let came = receiver.recv_frame(scratch, deadline);
        let has_come = came.is_ok();
        let read = match came {
            Ok(frame) => match Head::read(frame) {
                Ok((head, body)) => self.hand_out(greeting, head, body, take),
                Err(text) if greeting.is_welcomed => self.over(&Broken::breach(text)),
                Err(text) => {
                    let kind = crate::ErrorKind::Mismatch;
                    let text = format!("no server of calls is there: {text}");
                    self.over(&Broken::Failed { kind, text })
                }
            },
            Err(RecvError::Empty | RecvError::TimedOut) => Read::Nothing,
            // It had not taken this client's greeting, nor what is behind it: all that waits in the ring for the next server (F5).
            Err(RecvError::Closed | RecvError::PeerDied) if self.hides_ends() && !greeting.is_welcomed => {
                Read::Frame
            }
            // It would have welcomed this client before it heard a call.
            Err(RecvError::Closed | RecvError::PeerDied) if greeting.is_unheard() => {
                self.over(&Broken::Unheard)
            }
            Err(error) => self.over(&Broken::of_recv(&error)),
        };
        if has_come {
            receiver.acknowledge_held();
        }
        if self.hides_ends() {
            reader.note_server();
        }
        read
    }

    /// As [`Shared::read`], where replies come through a queue.
    fn read_queue<R>(
        &self,
        reader: &mut Reader,
        queue: &ReplyQueue,
        (deadline, wait): (Deadline, Option<&CallWait>),
        take: impl FnOnce(Head, &[u8]) -> Option<R>,
    ) -> Read<R> {
        let beside: &dyn Beside = wait.map_or(&*queue.servers, |wait| wait);
        let came = queue.replies.recv_beside(deadline, beside);
        if let Some(deadlock) = wait.and_then(CallWait::take_deadlock)
            && !matches!(came, Ok(Some(_)))
        {
            return Read::Stuck(deadlock);
        }
        match came {
            Ok(Some(job)) => self.hand_out_job(reader, job, take),
            // A server came, went or died.
            Ok(None) => self.look_for_lost(reader, queue),
            Err(RecvError::Empty | RecvError::TimedOut) => Read::Nothing,
            Err(error) => self.over(&Broken::of_recv(&error)),
        }
    }

    fn hand_out_job<R>(
        &self,
        reader: &mut Reader,
        job: Job<'_>,
        take: impl FnOnce(Head, &[u8]) -> Option<R>,
    ) -> Read<R> {
        let mut frame = std::mem::take(&mut reader.scratch);
        job.copy_into(&mut frame);
        // Who would get it again is this client alone, and what it has read is in its own memory.
        let _ = job.done();
        let read = match Head::read(&frame) {
            Ok((head, body)) => self.hand_out(&mut reader.greeting, head, body, take),
            Err(text) => self.over(&Broken::breach(text)),
        };
        reader.scratch = frame;
        read
    }

    /// Finds the calls that nobody has any more who will answer them, and tells their callers.
    #[cold]
    fn look_for_lost<R>(&self, reader: &mut Reader, queue: &ReplyQueue) -> Read<R> {
        queue.servers.look();
        let lost = {
            let mut state = self.lock();
            let State { sender, slots, .. } = &mut *state;
            let Some(calls) = sender.as_mut().and_then(Outgoing::queue) else { return Read::Over };
            if let Err(error) = calls.recover() {
                let cause = Broken::of_recv(&error.into());
                self.break_off(&mut state, &cause);
                return Read::Over;
            }
            slots.in_flight().filter(|&id| calls.is_lost(id)).collect::<Vec<_>>()
        };
        if lost.is_empty() {
            return Read::Frame;
        }
        // An answer that was sent before its server died is here.
        while let Ok(job) = queue.replies.recv(Deadline::NOW) {
            if let Read::Over = self.hand_out_job(reader, job, |_, _| None::<R>) {
                return Read::Over;
            }
        }
        let mut state = self.lock();
        for id in lost {
            // What is not in flight any more has had its answer.
            let _ = state.slots.end(id, Ending::Broken(Broken::PeerDied));
        }
        self.tell(&state);
        Read::Frame
    }

    #[inline]
    fn hand_out<R>(
        &self,
        greeting: &mut Greeting,
        head: Head,
        body: &[u8],
        take: impl FnOnce(Head, &[u8]) -> Option<R>,
    ) -> Read<R> {
        if greeting.is_welcomed
            && let Some(own) = take(head, body)
        {
            return Read::Own(own);
        }
        match self.take_in(greeting, head, body) {
            Ok(()) => Read::Frame,
            Err(text) => self.over(&Broken::breach(text)),
        }
    }

    /// Whether a send goes well also after the server's end: into a ring, where it waits for the next one.
    pub(super) fn hides_ends(&self) -> bool {
        matches!(self.address.place(), Place::Ring(_))
    }

    /// Whether, by one glance, [`Shared::look_for_end`] would hear nothing.
    #[inline]
    pub(super) fn is_undisturbed(&self, state: &State) -> bool {
        // With calls in flight, somebody waits for what comes, or will.
        if !self.hides_ends() || state.is_read || !state.slots.is_idle() {
            return true;
        }
        // Only tried: whoever waits for it has the other lock already.
        self.reader.try_lock().is_some_and(|reader| reader.is_undisturbed())
    }

    /// Hears of a server that ended while it had no call, before one is sent to it.
    #[cold]
    pub(super) fn look_for_end<'a>(&'a self, mut state: Locked<'a, State>) -> Locked<'a, State> {
        state.is_read = true;
        drop(state);
        let mut reader = self.lock_reader();
        for _ in 0..LATE_FRAMES_MAX {
            if !self.read(&mut reader, Deadline::NOW, None, |_, _| None::<()>).is_frame() {
                break;
            }
        }
        // It has not told so yet: a call to the one before it would throw away.
        if reader.is_succeeded() {
            self.over::<()>(&Broken::Closed);
        }
        drop(reader);
        let mut state = self.lock();
        self.pass_turn(&mut state);
        state
    }

    #[cold]
    fn over<R>(&self, cause: &Broken) -> Read<R> {
        self.break_off(&mut self.lock(), cause);
        Read::Over
    }

    /// Waits until `deadline` for the next reply to the call `id`, or its end; a call that is over, or
    /// that had its only reply, is closed.
    pub(super) fn wait<R>(&self, id: u32, deadline: Deadline, decode: impl Fn(&[u8]) -> R) -> Waited<R> {
        self.wait_from(self.lock(), id, deadline, decode)
    }

    /// As [`Shared::wait`], by who has the lock already.
    pub(super) fn wait_from<'a, R>(
        &'a self,
        mut state: Locked<'a, State>,
        id: u32,
        deadline: Deadline,
        decode: impl Fn(&[u8]) -> R,
    ) -> Waited<R> {
        let wait = state.wait_for(id, deadline, &self.server);
        let waited = loop {
            let Some(slot) = state.slots.get(id) else { return Waited::Nothing };
            let until = interruption::next_look(deadline);
            match slot.next() {
                Next::Reply(reply) => break Waited::Reply { reply: decode(&reply), is_last: false },
                Next::Over(ending) => break Waited::Over(ending),
                Next::Nothing => {}
            }
            if state.owes() && !deadline.is_now() {
                state = self.await_room(state, until);
            } else if !state.is_read {
                let (read, after) = self.read_until_own(state, id, (until, wait.as_ref()), &decode);
                state = after;
                match read {
                    Read::Own(own) => break own,
                    Read::Nothing if until == deadline => break Waited::Nothing,
                    Read::Stuck(deadlock) => break Waited::Stuck(deadlock),
                    Read::Nothing | Read::Frame | Read::Over => {}
                }
            } else if clock::is_over(deadline) {
                break Waited::Nothing;
            } else {
                let (after, deadlock) = self.sleep_for(state, id, until, wait.as_ref());
                state = after;
                if let Some(deadlock) = deadlock {
                    break Waited::Stuck(deadlock);
                }
            }
            if interruption::has_ended()
                || (until < deadline && clock::is_over(until) && interruption::should_end(Cause::Tick))
            {
                break Waited::Nothing;
            }
        };
        self.settle(&mut state, id, &waited);
        // The turn may have been passed to this thread, which goes.
        if !state.is_read {
            self.pass_turn(&mut state);
        }
        waited
    }

    /// Keeps the books of what a call was given.
    pub(super) fn settle<R>(&self, state: &mut State, id: u32, waited: &Waited<R>) {
        match waited {
            Waited::Reply { is_last: false, .. } => {
                // The server of a stream is told what was taken, when it is worth a frame.
                if let Some(cost) = state.slots.get(id).and_then(Slot::credit) {
                    self.send_aside(state, Head::Credit(id, cost));
                }
            }
            Waited::Reply { is_last: true, .. } | Waited::Over(_) => {
                state.close(id);
                self.tell(state);
            }
            Waited::Nothing | Waited::Stuck(_) => {}
        }
    }

    /// Sleeps until something arrives for the call `id`, or its turn to read may have come.
    fn sleep_for<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        id: u32,
        deadline: Deadline,
        wait: Option<&CallWait>,
    ) -> (Locked<'a, State>, Option<Deadlock>) {
        state.slots.begin_sleep(id, thread::current());
        drop(state);
        let until = wait.map_or(Some(deadline), |wait| wait.before_sleep(deadline));
        match until {
            None => {}
            Some(until) if until.is_never() => thread::park(),
            Some(until) => thread::park_timeout(Duration::from_nanos(until.left_ns(clock::now_ns()))),
        }
        let deadlock = wait.and_then(CallWait::take_deadlock);
        let mut state = self.lock();
        state.slots.end_sleep(id);
        // What has come meanwhile comes first.
        let is_due = state.slots.get(id).is_some_and(|slot| slot.is_due());
        (state, deadlock.filter(|_| !is_due))
    }

    /// Takes the turn to read, and keeps it until something is there for the call `id`.
    fn read_until_own<'a, R>(
        &'a self,
        mut state: Locked<'a, State>,
        id: u32,
        (deadline, wait): (Deadline, Option<&CallWait>),
        decode: &impl Fn(&[u8]) -> R,
    ) -> (Read<Waited<R>>, Locked<'a, State>) {
        let is_stream = state.slots.get(id).is_some_and(|slot| slot.is_stream());
        state.is_read = true;
        drop(state);
        let mut reader = self.lock_reader();
        loop {
            let mut passed_bytes = 0;
            let read = self.read(&mut reader, deadline, wait, |head, body| match head {
                Head::Reply(of) if of == id => Some(Waited::Reply { reply: decode(body), is_last: true }),
                Head::Item(of) if of == id && is_stream => {
                    passed_bytes = body.len();
                    Some(Waited::Reply { reply: decode(body), is_last: false })
                }
                _ => None,
            });
            let mut state = self.lock();
            let is_own = match (&read, state.slots.get(id)) {
                (Read::Own(Waited::Reply { is_last: false, .. }), Some(slot)) => {
                    slot.pass(passed_bytes);
                    true
                }
                (Read::Frame, Some(slot)) => slot.is_due() || state.owes(),
                _ => true,
            };
            if is_own {
                drop(reader);
                state.is_read = false;
                return (read, state);
            }
        }
    }
}

/// Where the receiver alone would not show that the server has gone: waits until there is something
/// to receive, or `deadline`.
fn await_sign(reader: &Reader, deadline: Deadline) -> Result<(), RecvError> {
    let (Some(lifeline), Some(receiver)) = (&reader.lifeline, &reader.receiver) else { return Ok(()) };
    let Some(replies) = receiver.as_fd() else { return Ok(()) };
    if deadline.is_now() {
        return Ok(());
    }
    let replies = (replies, Interest::Readable);
    match poll::wait_either(replies, (lifeline.as_fd(), Interest::Hangup), deadline) {
        // What it had sent is taken first.
        Ok((false, true)) => Err(RecvError::PeerDied),
        _ => Ok(()),
    }
}
