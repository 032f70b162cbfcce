//! Waiting for what comes: whoever has the turn to read reads for all.

use std::os::fd::AsFd as _;
use std::thread;
use std::time::Duration;

use super::super::error::{Broken, CallError};
use super::super::frame::{Head, head_bytes};
use super::super::lock::Locked;
use super::call_wait::CallWait;
use super::line::ReplyQueue;
use super::outgoing::Outgoing;
use super::shared::Shared;
use super::slots::{Ending, Next, Slot};
use super::state::{Greeting, Reader, State};
use super::unwound::Unwound;
use crate::Deadline;
use crate::channel::queue::{Beside, Job};
use crate::contract::RecvError;
use crate::endpoint::{Body, Message, Place, Room};
use crate::ledger::deadlock::Deadlock;
use crate::os::clock;
use crate::os::interruption::{self, Cause};
use crate::os::poll::{self, Interest};

/// So many frames that are for no call stand before a server's end at most.
const LATE_FRAMES_MAX: u32 = 16;

/// What one read brought; what is rare lies behind a pointer, so that it is answered in registers.
pub(super) enum Read {
    /// A frame that was handed to its call.
    Frame,
    /// A frame that its caller took at once.
    Own,
    /// Nothing before the deadline.
    Nothing,
    /// The conversation's end, which was told to all.
    Over,
    /// To wait on would close a circle.
    Stuck(Box<Deadlock>),
}

impl Read {
    pub(super) fn is_frame(&self) -> bool {
        matches!(self, Self::Frame | Self::Own)
    }
}

/// What a caller waited for; the reply itself was given to it where it lay.
pub(super) enum Waited {
    /// One reply of many, or the only one: `is_last` says which.
    Reply { is_last: bool },
    /// Nothing more comes.
    Over(Box<Ending>),
    /// Nothing before the deadline.
    Nothing,
    /// To wait on would close a circle.
    Stuck(Box<Deadlock>),
}

/// What a reader takes who reads for others alone: nothing.
pub(super) fn keep_none(_: Head, _: &mut Body<'_>) -> bool {
    false
}

/// The reply that a wait has kept.
#[inline(always)]
pub(super) fn kept<A: Message + ?Sized>(
    reply: Option<crate::Result<A::Owned>>,
) -> Result<A::Owned, CallError> {
    // invariant: `Waited::Reply` says that there is one.
    reply.expect("a reply").map_err(CallError::Malformed)
}

impl Shared {
    /// Reads one frame and hands it to its call, unless `take` keeps it.
    #[inline(always)]
    pub(super) fn read(
        &self,
        reader: &mut Reader,
        deadline: Deadline,
        wait: Option<&CallWait>,
        take: impl FnOnce(Head, &mut Body<'_>) -> bool,
    ) -> Read {
        if let Reader { queue: Some(queue), greeting, room, .. } = reader {
            return self.read_queue(queue, (greeting, room), (deadline, wait), take);
        }
        let Some(wait) = wait else { return self.read_line(reader, deadline, take) };
        self.read_seen(reader, (deadline, wait), take)
    }

    /// As [`Shared::read_line`], of a wait that others see.
    #[inline(never)]
    fn read_seen(
        &self,
        reader: &mut Reader,
        (deadline, wait): (Deadline, &CallWait),
        take: impl FnOnce(Head, &mut Body<'_>) -> bool,
    ) -> Read {
        // What has come is taken before anybody is told for what it waits.
        let mut take = Some(take);
        let take_once = |head, body: &mut Body<'_>| take.take().is_some_and(|take| take(head, body));
        let read = self.read_line(reader, Deadline::NOW, take_once);
        let Some(take) = take.filter(|_| matches!(read, Read::Nothing)) else { return read };
        let Some(until) = wait.before_sleep(deadline) else {
            return wait.take_deadlock().map_or(Read::Frame, |deadlock| Read::Stuck(Box::new(deadlock)));
        };
        match self.read_line(reader, until, take) {
            // To look again, not to give up.
            Read::Nothing if until < deadline => Read::Frame,
            read => read,
        }
    }

    /// As [`Shared::read`], where every frame is a message.
    #[inline(always)]
    fn read_line(
        &self,
        reader: &mut Reader,
        deadline: Deadline,
        take: impl FnOnce(Head, &mut Body<'_>) -> bool,
    ) -> Read {
        if let Err(error) = await_sign(reader, deadline) {
            return self.over(&Broken::of_recv(&error));
        }
        let Reader { receiver, greeting, room, .. } = &mut *reader;
        let Some(receiver) = receiver else { return Read::Over };
        let read = match receiver.recv_frame(room, deadline, head_bytes) {
            Ok(mut frame) => match Head::read(frame.head(), frame.body.bytes()) {
                Ok(head) => self.hand_out(greeting, head, &mut frame.body, take),
                Err(text) => self.breach(greeting, text),
            },
            Err(RecvError::Empty | RecvError::TimedOut) => return Read::Nothing,
            Err(error) => return self.meet_end(greeting, &error),
        };
        receiver.acknowledge_held();
        if self.hides_ends() {
            reader.note_server();
        }
        read
    }

    #[cold]
    fn breach(&self, greeting: &Greeting, text: &'static str) -> Read {
        if greeting.is_welcomed {
            return self.over(&Broken::breach(text));
        }
        let text = format!("no server of calls is there: {text}");
        self.over(&Broken::Failed { kind: crate::ErrorKind::Mismatch, text })
    }

    /// Nothing more comes.
    #[cold]
    fn meet_end(&self, greeting: &Greeting, error: &RecvError) -> Read {
        let is_end = matches!(error, RecvError::Closed | RecvError::PeerDied);
        // It had not taken this client's greeting, nor what is behind it: all that waits in the ring for the next server (F5).
        if is_end && self.hides_ends() && !greeting.is_welcomed {
            return Read::Frame;
        }
        // It would have welcomed this client before it heard a call.
        if is_end && greeting.is_unheard() {
            return self.over(&Broken::Unheard);
        }
        self.over(&Broken::of_recv(error))
    }

    /// As [`Shared::read`], where replies come through a queue.
    #[inline(never)]
    fn read_queue(
        &self,
        queue: &ReplyQueue,
        books: (&mut Greeting, &mut Room),
        (deadline, wait): (Deadline, Option<&CallWait>),
        take: impl FnOnce(Head, &mut Body<'_>) -> bool,
    ) -> Read {
        let beside: &dyn Beside = wait.map_or(&*queue.servers, |wait| wait);
        let came = queue.replies.recv_beside(deadline, beside);
        if let Some(deadlock) = wait.and_then(CallWait::take_deadlock)
            && !matches!(came, Ok(Some(_)))
        {
            return Read::Stuck(Box::new(deadlock));
        }
        match came {
            Ok(Some(job)) => self.hand_out_job(books, job, take),
            // A server came, went or died.
            Ok(None) => self.look_for_lost(queue, books),
            Err(RecvError::Empty | RecvError::TimedOut) => Read::Nothing,
            Err(error) => self.over(&Broken::of_recv(&error)),
        }
    }

    fn hand_out_job(
        &self,
        (greeting, room): (&mut Greeting, &mut Room),
        job: Job<'_>,
        take: impl FnOnce(Head, &mut Body<'_>) -> bool,
    ) -> Read {
        let frame = room.memory();
        job.copy_into(frame);
        // Who would get it again is this client alone, and what it has read is in its own memory.
        let _ = job.done();
        match Head::split(frame) {
            Ok((head, body)) => self.hand_out(greeting, head, &mut Body::Lent(body), take),
            Err(text) => self.over(&Broken::breach(text)),
        }
    }

    /// Finds the calls that nobody has any more who will answer them, and tells their callers.
    #[cold]
    fn look_for_lost(&self, queue: &ReplyQueue, (greeting, room): (&mut Greeting, &mut Room)) -> Read {
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
            if let Read::Over = self.hand_out_job((&mut *greeting, &mut *room), job, keep_none) {
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

    #[inline(always)]
    fn hand_out(
        &self,
        greeting: &mut Greeting,
        head: Head,
        body: &mut Body<'_>,
        take: impl FnOnce(Head, &mut Body<'_>) -> bool,
    ) -> Read {
        if greeting.is_welcomed && take(head, body) {
            return Read::Own;
        }
        self.hand_in(greeting, head, body.bytes())
    }

    #[inline(never)]
    fn hand_in(&self, greeting: &mut Greeting, head: Head, body: &[u8]) -> Read {
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
            if !self.read(&mut reader, Deadline::NOW, None, keep_none).is_frame() {
                break;
            }
        }
        // It has not told so yet: a call to the one before it would throw away.
        if reader.is_succeeded() {
            self.over(&Broken::Closed);
        }
        drop(reader);
        let mut state = self.lock();
        self.pass_turn(&mut state);
        state
    }

    #[cold]
    fn over(&self, cause: &Broken) -> Read {
        self.break_off(&mut self.lock(), cause);
        Read::Over
    }

    /// Waits until `deadline` for the next reply to the call `id`, which `keep` gets, or its end; a call that is over, or
    /// that had its only reply, is closed.
    pub(super) fn wait(&self, id: u32, deadline: Deadline, keep: &mut impl FnMut(Body<'_>)) -> Waited {
        self.wait_from(self.lock(), id, deadline, keep)
    }

    /// As [`Shared::wait`], by who has the lock already.
    #[inline(always)]
    pub(super) fn wait_from<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        id: u32,
        deadline: Deadline,
        keep: &mut impl FnMut(Body<'_>),
    ) -> Waited {
        let wait = state.wait_for(id, deadline, &self.server);
        let mut unwound = Unwound::new(self, id);
        let waited = loop {
            let Some(slot) = state.slots.get(id) else { break Waited::Nothing };
            let until = interruption::next_look(deadline);
            match slot.next() {
                Next::Reply(mut reply) => {
                    unwound.has_last = !slot.is_stream();
                    drop(state);
                    unwound.keep(keep, Body::Own(&mut reply));
                    state = self.lock();
                    break Waited::Reply { is_last: false };
                }
                Next::Over(ending) => break Waited::Over(Box::new(ending)),
                Next::Nothing => {}
            }
            if state.owes() && !deadline.is_now() {
                state = self.await_room(state, until);
            } else if !state.is_read {
                let (read, after, is_last) =
                    self.read_until_own(state, &mut unwound, (until, wait.as_ref()), keep);
                state = after;
                match read {
                    Read::Own => break Waited::Reply { is_last },
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
                    break Waited::Stuck(Box::new(deadlock));
                }
            }
            if interruption::has_ended()
                || (until < deadline && clock::is_over(until) && interruption::should_end(Cause::Tick))
            {
                break Waited::Nothing;
            }
        };
        match &waited {
            Waited::Reply { is_last: false } => self.note_taken(&mut state, id),
            Waited::Reply { is_last: true } | Waited::Over(_) => self.note_over(&mut state, id),
            Waited::Nothing | Waited::Stuck(_) => {}
        }
        // The turn may have been passed to this thread, which goes.
        if !state.is_read {
            self.pass_turn(&mut state);
        }
        waited
    }

    /// One reply of the call `id` was taken: the server of a stream is told so, when it is worth a frame.
    pub(super) fn note_taken(&self, state: &mut State, id: u32) {
        if let Some(cost) = state.slots.get(id).and_then(Slot::credit) {
            self.send_aside(state, Head::Credit(id, cost));
        }
    }

    /// The caller of `id` knows that it is over.
    pub(super) fn note_over(&self, state: &mut State, id: u32) {
        state.close(id);
        self.tell(state);
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

    /// Takes the turn to read, and keeps it until something is there for the call `id`; answers also whether what `keep` has got is
    /// the only reply.
    #[inline(always)]
    fn read_until_own<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        unwound: &mut Unwound<'_>,
        (deadline, wait): (Deadline, Option<&CallWait>),
        keep: &mut impl FnMut(Body<'_>),
    ) -> (Read, Locked<'a, State>, bool) {
        let id = unwound.id;
        let is_stream = state.slots.get(id).is_some_and(|slot| slot.is_stream());
        state.is_read = true;
        drop(state);
        let mut reader = self.lock_reader();
        loop {
            // Bytes of one reply of many.
            let mut passed_bytes = None;
            let read = self.read(&mut reader, deadline, wait, |head, body| {
                match head {
                    Head::Reply(of) if of == id => unwound.has_last = true,
                    Head::Item(of) if of == id && is_stream => passed_bytes = Some(body.bytes().len()),
                    _ => return false,
                }
                unwound.has_turn = true;
                unwound.keep(keep, std::mem::replace(body, Body::Lent(&[])));
                true
            });
            let mut state = self.lock();
            let is_own = match (&read, state.slots.get(id)) {
                (Read::Frame, Some(slot)) => slot.is_due() || state.owes(),
                (Read::Own, Some(slot)) => {
                    if let Some(bytes) = passed_bytes {
                        slot.pass(bytes);
                    }
                    true
                }
                _ => true,
            };
            if is_own {
                drop(reader);
                state.is_read = false;
                return (read, state, passed_bytes.is_none());
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
