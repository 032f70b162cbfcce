//! [`Pending`]: a call whose reply is asked for later.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::reading::{Waited, kept};
use super::shared::Shared;
use super::slots::Ending;
use super::{Tries, no_reply};
use crate::Deadline;
use crate::call::error::CallError;
use crate::call::frame::CallHead;
use crate::endpoint::{Body, Message};
use crate::os::clock;

/// A call in flight; made by [`Client::start`](super::Client::start).
///
/// Dropped before its reply was taken, it is cancelled: the server is told that nobody waits, and a late
/// answer is thrown away.
#[must_use = "dropping it cancels the call"]
pub struct Pending<A: Message + ?Sized> {
    shared: Arc<Shared>,
    /// `None` once its end was told.
    id: Option<u32>,
    deadline: Deadline,
    /// The request, for the next server.
    body: Vec<u8>,
    call: CallHead,
    tries: Tries,
    message: PhantomData<fn() -> A::Owned>,
}

impl<A: Message + ?Sized> Pending<A> {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: u32,
        deadline: Deadline,
        call: CallHead,
        body: Vec<u8>,
    ) -> Self {
        let tries = Tries::new(call.is_idempotent && !shared.redelivers());
        Self { shared, id: Some(id), deadline, body, call, tries, message: PhantomData }
    }

    /// Waits for the reply until the call's own deadline.
    ///
    /// # Errors
    /// As [`Client::call_until`](super::Client::call_until).
    pub fn reply(mut self) -> Result<A::Owned, CallError> {
        self.reply_until(Deadline::NEVER)
    }

    /// The reply if it is there now.
    ///
    /// # Errors
    /// [`CallError::Pending`] if it is not; else as [`Pending::reply`].
    pub fn try_reply(&mut self) -> Result<A::Owned, CallError> {
        self.reply_until(Deadline::NOW)
    }

    /// Waits at most `timeout` for the reply; the call goes on if it is not there by then.
    ///
    /// # Errors
    /// As [`Pending::reply_until`].
    pub fn reply_for(&mut self, timeout: Duration) -> Result<A::Owned, CallError> {
        self.reply_until(clock::deadline_in(timeout))
    }

    /// Waits until `deadline` for the reply; the call goes on if it is not there by then.
    ///
    /// # Errors
    /// [`CallError::Pending`] if it is not there by then, and the call's own deadline is later; else as
    /// [`Pending::reply`]. After the reply or any other error: [`CallError::Closed`].
    pub fn reply_until(&mut self, deadline: Deadline) -> Result<A::Owned, CallError> {
        loop {
            let Some(id) = self.id else { return Err(CallError::Closed) };
            let mut reply = None;
            let mut keep = |mut body: Body<'_>| reply = Some(body.decode::<A>());
            match self.shared.wait(id, deadline.min(self.deadline), &mut keep) {
                Waited::Reply { is_last } => {
                    if !is_last {
                        self.shared.close(id);
                    }
                    self.id = None;
                    return kept::<A>(reply);
                }
                Waited::Over(ending) => {
                    self.id = None;
                    self.begin_again(*ending)?;
                }
                Waited::Stuck(deadlock) => {
                    self.id = None;
                    self.shared.give_up(id);
                    return Err(CallError::Deadlock(*deadlock));
                }
                Waited::Nothing if !self.deadline.is_over(clock::now_ns()) => return Err(CallError::Pending),
                Waited::Nothing => {
                    self.id = None;
                    self.shared.give_up(id);
                    return Err(CallError::TimedOut);
                }
            }
        }
    }

    /// Gives the call to the next server, if it may have it.
    fn begin_again(&mut self, ending: Ending) -> Result<(), CallError> {
        if !self.tries.has_another(&ending, self.deadline) {
            return Err(no_reply(&self.shared, ending));
        }
        self.call.is_repeated = self.tries.has_been_heard();
        let id = self.shared.begin(self.call, &self.body, self.deadline)?.1;
        self.id = Some(id);
        Ok(())
    }
}

impl<A: Message + ?Sized> Drop for Pending<A> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.give_up(id);
        }
    }
}

impl<A: Message + ?Sized> std::fmt::Debug for Pending<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("address", &self.shared.address).finish_non_exhaustive()
    }
}
