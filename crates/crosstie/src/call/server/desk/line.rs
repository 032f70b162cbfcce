//! [`Line`]: the calls that wait for a worker, first come, first served, in memory that has a limit.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::conversation::Conversation;
use super::super::taken::Taken;
use super::{Desk, State};
use crate::call::Refusal;
use crate::call::lock::Locked;
use crate::error::ErrorKind;

/// What one client's calls may take of the memory for all of them: this part.
const SHARE: usize = 4;

/// The calls that wait for a worker.
pub(super) struct Line {
    calls: VecDeque<Box<Taken>>,
    /// What they take, in bytes.
    bytes: usize,
    bytes_max: usize,
}

impl Line {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { calls: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many calls wait, and what they take, in bytes.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.calls.len(), self.bytes)
    }

    /// Those that came first.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Box<Taken>> {
        self.calls.iter_mut()
    }

    /// Puts a call at the end.
    ///
    /// # Errors
    /// The call, and why: there is no memory for it beside what waits. A single one is never too much.
    fn push(&mut self, taken: Box<Taken>) -> Result<(), (Box<Taken>, Refusal)> {
        let (bytes, of_client) = (taken.bytes(), taken.conversation.waiting_bytes());
        let refusal = |text| Refusal::of_kind(ErrorKind::Busy, text);
        let share = self.bytes_max / SHARE;
        if of_client > 0 && of_client.saturating_add(bytes) > share {
            let text = format!("calls of this client wait already that take {of_client} of {share} bytes");
            return Err((taken, refusal(text)));
        }
        if self.bytes > 0 && self.bytes.saturating_add(bytes) > self.bytes_max {
            let (waiting, max) = (self.bytes, self.bytes_max);
            let text = format!("calls wait at the server already that take {waiting} of {max} bytes");
            return Err((taken, refusal(text)));
        }
        self.bytes += bytes;
        taken.conversation.waits(bytes);
        self.calls.push_back(taken);
        Ok(())
    }

    /// The first call whose client has taken what it was sent: who does not, waits by itself.
    pub(super) fn take(&mut self) -> Option<Box<Taken>> {
        let at = self.calls.iter().position(|taken| !taken.conversation.owes())?;
        self.remove(at)
    }

    /// The call `id` of `conversation`, if it waits.
    pub(super) fn take_one(&mut self, conversation: &Arc<Conversation>, id: u32) -> Option<Box<Taken>> {
        let is_it = |taken: &Taken| taken.id == id && Arc::ptr_eq(&taken.conversation, conversation);
        let at = self.calls.iter().position(|taken| is_it(taken))?;
        self.remove(at)
    }

    /// Takes out whatever waits of `conversation`, which is over.
    pub(super) fn take_all_of(&mut self, conversation: &Arc<Conversation>) {
        let bytes = &mut self.bytes;
        self.calls.retain(|taken| {
            let stays = !Arc::ptr_eq(&taken.conversation, conversation);
            if !stays {
                *bytes = bytes.saturating_sub(taken.bytes());
            }
            stays
        });
    }

    /// All that wait.
    pub(super) fn take_all(&mut self) -> VecDeque<Box<Taken>> {
        self.bytes = 0;
        std::mem::take(&mut self.calls)
    }

    fn remove(&mut self, at: usize) -> Option<Box<Taken>> {
        let mut taken = self.calls.remove(at)?;
        let bytes = taken.bytes();
        self.bytes = self.bytes.saturating_sub(bytes);
        taken.conversation.waits_no_more(bytes);
        // Before anybody does it (`Sign`).
        taken.waiting = None;
        Some(taken)
    }
}

impl Desk {
    /// Makes a call wait for a worker.
    pub(in crate::call::server) fn queue(&self, taken: Box<Taken>) {
        drop(self.enqueue(self.lock(), taken));
    }

    /// As [`Desk::queue`]; a call for which there is no memory is refused.
    pub(super) fn enqueue<'a>(
        &'a self,
        mut state: Locked<'a, State>,
        taken: Box<Taken>,
    ) -> Locked<'a, State> {
        match state.line.push(taken) {
            Ok(()) => {
                self.say_waiting(&mut state);
                self.tell(&state);
                state
            }
            Err((taken, refusal)) => {
                // A client that does not read may make this wait: nobody else has to.
                drop(state);
                self.refuse(&taken, &refusal);
                self.lock()
            }
        }
    }
}
