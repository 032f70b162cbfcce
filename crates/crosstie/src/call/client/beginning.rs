//! How a call is sent: over a new line if there is none, with a slot and room for it.

use super::super::error::{Broken, CallError};
use super::super::frame::{CallHead, HEAD_BYTES_MAX, Head};
use super::super::lock::Locked;
use super::line;
use super::shared::Shared;
use super::state::{Reader, State};
use super::{UNHEARD_MAX, UNHEARD_PAUSE_NS};
use crate::Deadline;
use crate::contract::SendError;
use crate::endpoint::Options;
use crate::os::{clock, poll};

/// What a try to send a call came to.
pub(super) enum Begun {
    /// It is sent, under this id.
    Sent(u32),
    /// There is no line to a server.
    NoLine,
    /// As many calls are in flight as may be.
    NoSlot,
    /// The line has no room.
    NoRoom,
}

/// A call that is to be sent, and how far that has come.
pub(super) struct Beginning {
    pub(super) call: CallHead,
    pub(super) deadline: Deadline,
    /// So many lines were made for it. One that fails at once is that of a server which is just ending.
    pub(super) new_lines_count: u32,
    has_looked: bool,
}

impl Beginning {
    pub(super) fn new(call: CallHead, deadline: Deadline) -> Self {
        Self { call, deadline, new_lines_count: 0, has_looked: false }
    }

    /// For how long is paused before a line is made for it.
    pub(super) fn pause_ns(&self) -> u64 {
        UNHEARD_PAUSE_NS * u64::from(self.new_lines_count)
    }
}

impl Shared {
    /// Sends a call, over a new line if there is none; answers its id, and the lock that whoever waits for it at once needs.
    ///
    /// # Errors
    /// As [`CallError`] says; nothing was sent.
    pub(super) fn begin(
        &self,
        call: CallHead,
        body: &[u8],
        deadline: Deadline,
    ) -> Result<(Locked<'_, State>, u32), CallError> {
        let mut beginning = Beginning::new(call, deadline);
        let mut state = self.lock();
        loop {
            let (after, begun) = self.try_begin(state, &mut beginning, body)?;
            state = match begun {
                Begun::Sent(id) => {
                    let mut state = after;
                    while state.owes() && state.slots.get(id).is_some() && !clock::is_over(deadline) {
                        state = self.await_room(state, deadline);
                    }
                    return Ok((state, id));
                }
                Begun::NoLine => {
                    let pause_ns = beginning.pause_ns();
                    beginning.new_lines_count += 1;
                    self.connect(after, pause_ns, deadline)?
                }
                Begun::NoSlot => self.await_change(after, deadline),
                Begun::NoRoom => self.await_room(after, deadline),
            };
        }
    }

    /// Sends a call if that goes without waiting; else says for what it would have to wait.
    ///
    /// # Errors
    /// As [`Shared::begin`].
    pub(super) fn try_begin<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        beginning: &mut Beginning,
        body: &[u8],
    ) -> Result<(Locked<'a, State>, Begun), CallError> {
        loop {
            let Beginning { call, deadline, new_lines_count, has_looked } = beginning;
            if !deadline.is_never() {
                let now_ns = clock::now_ns();
                if deadline.is_over(now_ns) {
                    return Err(CallError::TimedOut);
                }
                call.left_ns = Some(deadline.left_ns(now_ns));
            }
            if state.sender.is_none() {
                return Ok((state, Begun::NoLine));
            }
            if *new_lines_count == 0 && !std::mem::replace(has_looked, true) && !self.is_undisturbed(&state) {
                state = self.look_for_end(state);
                continue;
            }
            let Some(id) = state.slots.open(call.is_stream) else { return Ok((state, Begun::NoSlot)) };
            let sent = state.send(Head::Call(id, *call), body);
            if sent.is_ok() {
                return Ok((state, Begun::Sent(id)));
            }
            state.slots.withdraw(id);
            match sent {
                Ok(()) => {}
                Err(SendError::Full) => return Ok((state, Begun::NoRoom)),
                Err(SendError::TooLarge { limit, .. }) => {
                    let limit = limit.saturating_sub(HEAD_BYTES_MAX);
                    return Err(CallError::TooLarge { length: body.len(), limit });
                }
                Err(error) => {
                    let cause = Broken::of_send(&error);
                    self.break_off(&mut state, &cause);
                    // The call was not sent, so another server may have it, declared idempotent or not.
                    if *new_lines_count >= UNHEARD_MAX || matches!(cause, Broken::Failed { .. }) {
                        return Err(cause.report(&self.address.to_string()));
                    }
                }
            }
        }
    }

    /// Makes a new line, after a pause; others who need one wait for it.
    fn connect<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        pause_ns: u64,
        deadline: Deadline,
    ) -> Result<Locked<'a, State>, CallError> {
        while state.is_connecting {
            if clock::is_over(deadline) {
                return Err(CallError::TimedOut);
            }
            state = self.sleep(state, deadline);
            if state.sender.is_some() {
                return Ok(state);
            }
        }
        state.is_connecting = true;
        drop(state);
        if pause_ns > 0 {
            poll::pause(pause_ns, deadline);
        }
        let made = self.make_line(deadline);
        let mut state = self.lock();
        state.is_connecting = false;
        state.slots.tasks.tell();
        self.tell(&state);
        made.map(|()| state)
    }

    /// Makes a new line, for whoever has said that they are connecting.
    pub(super) fn make_line(&self, deadline: Deadline) -> Result<(), CallError> {
        let mut state = self.lock();
        while state.is_read {
            if clock::is_over(deadline) {
                return Err(CallError::TimedOut);
            }
            state = self.sleep(state, deadline);
        }
        drop(state);
        // An end of the old line would be in the way of the new one.
        *self.lock_reader() = Reader::default();
        let options = Options { open_deadline: deadline, ..self.options.clone() };
        line::open(&self.address, &options).map(|line| self.install(line)).map_err(CallError::from)
    }
}
