//! [`Desk`]: where calls wait for workers, and workers for calls.
//!
//! There is no thread in the background: whoever waits for a call stands at the [door](super::door) and
//! takes in whatever comes: connections, calls, cancellations, room for replies. It goes on with a call
//! itself, so that a lone worker needs no wake-up between threads; if nobody is left at the door who
//! waits for something that only comes there, that one goes to it. [`serve`](super::pool) has one thread
//! more than workers, so that somebody is always there.
//!
//! Lock order: the desk's state, then a conversation's.

#[cfg(feature = "tokio")]
mod awaited;
mod line;
mod said;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::super::frame::Head;
use super::super::lock::{Changes, Lock, Locked};
use super::super::refusal::Refusal;
use super::conversation::Conversation;
use super::door::{Door, Errand};
use super::taken::{Came, Heard, Sent, Taken};
use crate::Deadline;
use crate::contract::RecvError;
use crate::endpoint::Body;
use crate::error::{Error, ErrorKind};
use crate::ledger::sign::Sign;
use crate::os::clock;
use crate::os::notice::Notice;
use line::Line;

/// A client that does not take its replies for so long when the server ends loses them.
const FAREWELL: Duration = Duration::from_secs(1);

/// So many errors of strangers wait to be told; more are not.
const STRANGERS_MAX: usize = 16;

/// Where calls wait for workers.
pub(super) struct Desk {
    pub(super) object: String,
    door: Door,
    state: Lock<State>,
    /// A call came, the door is free, a stream may go on.
    changed: Changes,
    /// Where the domain is in which it says of itself what a proof of a deadlock needs.
    domain: Option<PathBuf>,
    /// That, from the first workers on; a queue says it itself.
    sign: OnceLock<Option<Arc<Sign>>>,
    owner_pid: u32,
}

struct State {
    line: Line,
    at_door_count: usize,
    /// Who stands there waits for something that comes in: it is alone, so that nobody else hears of it.
    is_waited_at_door: bool,
    /// Of these, workers of a pool.
    pool_at_door_count: usize,
    sleepers_count: usize,
    /// Calls in hand, of workers of a pool.
    busy_count: usize,
    busy_max: usize,
    /// Threads of the user's have taken calls too, and may again.
    is_mixed: bool,
    is_stopped: bool,
    /// What strangers did, to be told to whoever receives.
    strangers: VecDeque<RecvError>,
    /// Why no call comes any more.
    end: Option<End>,
    /// What a task polls that waits for a call, and whether it waits now.
    notice: Option<Arc<Notice>>,
    is_awaited: bool,
}

/// Why no call comes any more.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The only client has ended.
    Closed,
    /// The only client has died.
    PeerDied,
    /// The bytes of the rings are not what they must be.
    Broken,
}

/// Who waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worker {
    /// A thread of the user's.
    OwnThread,
    /// A thread of a pool, which has so many workers.
    OfPool,
}

impl Desk {
    pub(super) fn new(object: String, door: Door, domain: Option<PathBuf>, waiting_bytes_max: usize) -> Self {
        let state = State {
            line: Line::new(waiting_bytes_max),
            at_door_count: 0,
            is_waited_at_door: false,
            pool_at_door_count: 0,
            sleepers_count: 0,
            busy_count: 0,
            busy_max: 0,
            is_mixed: false,
            is_stopped: false,
            strangers: VecDeque::new(),
            end: None,
            notice: None,
            is_awaited: false,
        };
        Self {
            object,
            door,
            state: Lock::new(state),
            changed: Changes::default(),
            domain,
            sign: OnceLock::new(),
            owner_pid: std::process::id(),
        }
    }

    fn lock(&self) -> Locked<'_, State> {
        self.state.lock()
    }

    /// Whether this is no child of fork, whose parent goes on with it (H6).
    pub(super) fn is_ours(&self) -> bool {
        self.owner_pid == std::process::id()
    }

    /// The next call; waits for it until `deadline`.
    ///
    /// # Errors
    /// [`RecvError::Empty`] for [`Deadline::NOW`], [`RecvError::TimedOut`]; [`RecvError::Closed`] once the
    /// server is stopped; what a stranger did, once; of a server with one client, its end.
    pub(super) fn next(&self, worker: Worker, deadline: Deadline) -> Result<Box<Taken>, RecvError> {
        let mut state = self.lock();
        if worker == Worker::OwnThread && !std::mem::replace(&mut state.is_mixed, true) {
            self.say_workers(&state);
        }
        let mut has_looked = false;
        loop {
            if state.is_stopped {
                return Err(RecvError::Closed);
            }
            if worker == Worker::OwnThread
                && let Some(error) = state.strangers.pop_front()
            {
                return Err(error);
            }
            let may_take = self.may_take(&state, worker);
            if may_take && let Some(taken) = state.line.take() {
                if let Some(taken) = self.hand_over(&mut state, worker, taken) {
                    return Ok(taken);
                }
                continue;
            }
            match state.end {
                Some(End::Closed) => return Err(RecvError::Closed),
                Some(End::PeerDied) => return Err(RecvError::PeerDied),
                Some(End::Broken) => {
                    let error = Error::new("receive from", &self.object, ErrorKind::Corrupt);
                    return Err(error.because("what came before broke the protocol").into());
                }
                None => {}
            }
            if has_looked && clock::is_over(deadline) {
                return Err(if deadline.is_now() { RecvError::Empty } else { RecvError::TimedOut });
            }
            let is_of_pool = usize::from(may_take && worker == Worker::OfPool);
            state.pool_at_door_count += is_of_pool;
            let errand = if may_take { Errand::Call } else { Errand::Rest };
            let came;
            (state, came) = self.attend(state, errand, deadline);
            state.pool_at_door_count -= is_of_pool;
            has_looked = matches!(came, Came::Nothing);
            if let Came::Call(taken) = came {
                // Handed over directly only if nothing is in line, so that no call is overtaken by a later one.
                let goes_in_line = state.is_stopped || taken.is_early || !state.line.is_empty();
                if !goes_in_line && self.may_take(&state, worker) {
                    if let Some(taken) = self.hand_over(&mut state, worker, taken) {
                        return Ok(taken);
                    }
                } else {
                    state = self.enqueue(state, taken);
                }
            }
        }
    }

    /// Whether a worker may do a call now: of a pool, only so many at a time. At a shared door nobody takes a call in that
    /// others could do while its own workers are all busy.
    fn may_take(&self, state: &State, worker: Worker) -> bool {
        let ahead = if self.door.is_shared() { state.pool_at_door_count } else { 0 };
        worker == Worker::OwnThread || state.busy_count + ahead < state.busy_max
    }

    /// Gives a call to a worker, unless nobody waits for it any more.
    fn hand_over(&self, state: &mut State, worker: Worker, taken: Box<Taken>) -> Option<Box<Taken>> {
        if clock::is_over(taken.deadline) {
            let refusal =
                Refusal::of_kind(ErrorKind::TimedOut, "its deadline had passed before a worker was free");
            self.refuse(&taken, &refusal);
            return None;
        }
        if worker == Worker::OfPool {
            state.busy_count += 1;
            self.say_waiting(state);
        }
        if !state.line.is_empty() && state.at_door_count > 0 {
            self.door.ring_bell();
        }
        if state.at_door_count == 0 && state.sleepers_count > 0 && !self.door.is_shared() {
            self.changed.tell();
        }
        Some(taken)
    }

    /// A worker of a pool has done its call.
    pub(super) fn be_free(&self) {
        let mut state = self.lock();
        state.busy_count = state.busy_count.saturating_sub(1);
        self.say_waiting(&mut state);
    }

    /// Lets come in what comes until `deadline`, or until something has come. A call that came alone is answered to whoever
    /// is there for calls; it stands in front of all that come later.
    #[inline(always)]
    fn attend<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        errand: Errand,
        deadline: Deadline,
    ) -> (Locked<'a, State>, Came) {
        if errand == Errand::Rest && self.door.is_shared() {
            return self.mind_room(state, deadline);
        }
        if state.at_door_count > 0 && (!self.door.is_wide() || state.is_waited_at_door) {
            if deadline.is_now() {
                return (state, Came::Nothing);
            }
            return (self.sleep(state, deadline), Came::Nothing);
        }
        let is_alone = state.at_door_count == 0 && errand == Errand::Rest;
        state.is_waited_at_door |= is_alone;
        state.at_door_count += 1;
        drop(state);
        let came = self.door.attend(self, deadline);
        let mut state = self.lock();
        state.at_door_count -= 1;
        state.is_waited_at_door &= !is_alone;
        if state.at_door_count == 0 && state.sleepers_count > 0 {
            self.changed.tell();
        }
        let came = came.unwrap_or_else(|error| {
            state.note_stranger(*error);
            Came::Something
        });
        match came {
            Came::Call(taken) if errand == Errand::Rest => (self.enqueue(state, taken), Came::Something),
            came => (state, came),
        }
    }

    /// At a shared door, without calls: sends what waits for room, or sleeps until some does.
    fn mind_room<'a>(&'a self, state: Locked<'a, State>, deadline: Deadline) -> (Locked<'a, State>, Came) {
        if self.door.owes() {
            drop(state);
            let was_owed = self.door.mind_room(deadline);
            let state = self.lock();
            self.tell(&state);
            return (state, if was_owed { Came::Something } else { Came::Nothing });
        }
        (if deadline.is_now() { state } else { self.sleep(state, deadline) }, Came::Nothing)
    }

    fn sleep<'a>(&'a self, mut state: Locked<'a, State>, deadline: Deadline) -> Locked<'a, State> {
        state.sleepers_count += 1;
        let mut state = self.changed.sleep(state, deadline);
        state.sleepers_count -= 1;
        state
    }

    /// Waits until `is_there`, or `deadline`, at the door if nobody is there.
    pub(super) fn wait_until(&self, deadline: Deadline, is_there: impl Fn() -> bool) -> bool {
        let mut state = self.lock();
        loop {
            if is_there() {
                return true;
            }
            if clock::is_over(deadline) && !deadline.is_now() {
                return false;
            }
            let came;
            let is_minded = state.at_door_count > 0 && !self.door.is_shared();
            (state, came) = if is_minded && !deadline.is_now() {
                (self.sleep(state, deadline), Came::Something)
            } else {
                self.attend(state, Errand::Rest, deadline)
            };
            if deadline.is_now() && matches!(came, Came::Nothing) {
                return is_there();
            }
        }
    }

    /// Lets come in what is there, if nobody is at the door to do so.
    pub(super) fn look(&self) {
        let mut state = self.lock();
        while state.at_door_count == 0 {
            let came;
            (state, came) = self.attend(state, Errand::Rest, Deadline::NOW);
            if matches!(came, Came::Nothing) {
                return;
            }
        }
    }

    /// A frame of `conversation` came; answers the call that it is, which keeps the conversation and which [`Desk::queue`] makes wait for a
    /// worker.
    ///
    /// # Errors
    /// What its sender must not have sent.
    #[inline(always)]
    pub(super) fn hear(
        &self,
        conversation: Arc<Conversation>,
        head: Head,
        body: Body<'_>,
    ) -> Result<Option<Box<Taken>>, &'static str> {
        let Head::Call(id, call) = head else { return self.note(&conversation, head).map(|()| None) };
        let taken = conversation.hear_call(id, call, body)?;
        match &taken {
            Some(taken) => {
                // Greeted before there were workers.
                if let Some(sign) = self.sign().filter(|_| !taken.is_named) {
                    taken.conversation.name(sign.token());
                }
            }
            None => self.tell_all(),
        }
        Ok(taken)
    }

    /// A frame of `conversation` came that is no call.
    #[inline(never)]
    fn note(&self, conversation: &Arc<Conversation>, head: Head) -> Result<(), &'static str> {
        match conversation.hear(head)? {
            Heard::Greeted => {
                if let Some(sign) = self.sign() {
                    conversation.name(sign.token());
                }
                self.tell_all();
            }
            Heard::Cancelled(id) => {
                let mut state = self.lock();
                if let Some(taken) = state.line.take_one(conversation, id) {
                    self.refuse(&taken, &Refusal::of_kind(ErrorKind::TimedOut, "cancelled"));
                    self.say_waiting(&mut state);
                }
                self.tell(&state);
            }
            Heard::Noted => self.tell_all(),
        }
        Ok(())
    }

    /// Answers a call with a refusal.
    pub(super) fn refuse(&self, taken: &Taken, refusal: &Refusal) {
        if taken.conversation.refuse(taken.id, refusal) == Sent::Owed {
            taken.conversation.keep(taken);
            self.door.await_room(&taken.conversation);
        }
    }

    fn tell(&self, state: &State) {
        if state.sleepers_count > 0 {
            self.changed.tell();
        }
        if let (Some(notice), true) = (&state.notice, state.is_awaited) {
            notice.raise();
        }
    }

    /// Something that sleepers wait for may have come.
    pub(super) fn tell_all(&self) {
        self.tell(&self.lock());
    }

    /// `conversation` is over: its calls wait no more.
    pub(super) fn end(&self, conversation: &Arc<Conversation>, farewell: Option<&Refusal>) {
        conversation.end(farewell);
        let mut state = self.lock();
        state.line.take_all_of(conversation);
        self.say_waiting(&mut state);
        self.tell(&state);
    }

    /// No call comes any more.
    pub(super) fn end_for_good(&self, end: End) {
        let mut state = self.lock();
        state.end = Some(end);
        self.tell(&state);
        for _ in 0..state.at_door_count {
            self.door.ring_bell();
        }
    }

    /// No call is given out any more; whoever waits for one is told.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        self.tell(&state);
        for _ in 0..state.at_door_count {
            self.door.ring_bell();
        }
    }

    /// Refuses what waits, and lets nobody in any more.
    pub(super) fn close(&self) {
        // What lies unread would make their end look like a death.
        self.door.take_all_in(self);
        let line = self.lock().line.take_all();
        for taken in line {
            let refusal = Refusal::of_kind(ErrorKind::Closed, "the server ended before a worker was free");
            self.refuse(&taken, &refusal);
        }
        self.wait_until(clock::deadline_in(FAREWELL), || !self.door.owes());
        self.door.close();
    }

    /// Tells the door that `conversation` waits for room.
    pub(super) fn await_room(&self, conversation: &Arc<Conversation>) {
        self.door.await_room(conversation);
        self.tell_all();
    }

    /// The address with what the kernel chose.
    pub(super) fn address(&self) -> &str {
        self.door.address().unwrap_or(&self.object)
    }
}

impl State {
    fn note_stranger(&mut self, error: RecvError) {
        if self.strangers.len() < STRANGERS_MAX {
            self.strangers.push_back(error);
        }
    }
}
