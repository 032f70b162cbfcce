//! [`Replies`]: many replies to one call, as they come.

use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::Arc;

use super::no_reply;
use super::reading::{Waited, kept};
use super::shared::Shared;
use super::slots::Ending;
use crate::Deadline;
use crate::call::error::CallError;
use crate::endpoint::{Body, Message};
use crate::os::clock;

/// The replies to one call, as they come; made by [`Client::stream`](super::Client::stream).
///
/// Iterating ends behind the last reply, and after the first error. Dropped before that, the call is
/// cancelled.
#[must_use = "dropping it cancels the call"]
pub struct Replies<A: Message + ?Sized> {
    shared: Arc<Shared>,
    /// `None` once its end was told.
    id: Option<u32>,
    deadline: Deadline,
    message: PhantomData<fn() -> A::Owned>,
}

impl<A: Message + ?Sized> Replies<A> {
    pub(super) fn new(shared: Arc<Shared>, id: u32, deadline: Deadline) -> Self {
        Self { shared, id: Some(id), deadline, message: PhantomData }
    }

    /// Waits until `deadline` for the next reply; `None` behind the last one.
    ///
    /// # Errors
    /// [`CallError::Pending`] if none is there by then, and the call's own deadline is later; else as
    /// [`Client::call_until`](super::Client::call_until).
    pub fn next_until(&mut self, deadline: Deadline) -> Option<Result<A::Owned, CallError>> {
        let id = self.id?;
        let mut reply = None;
        let mut keep = |mut body: Body<'_>| reply = Some(body.decode::<A>());
        match self.shared.wait(id, deadline.min(self.deadline), &mut keep) {
            Waited::Reply { is_last } => {
                if is_last {
                    self.id = None;
                }
                Some(kept::<A>(reply))
            }
            Waited::Over(ending) => {
                self.id = None;
                match *ending {
                    Ending::Done => None,
                    ending => Some(Err(no_reply(&self.shared, ending))),
                }
            }
            Waited::Stuck(deadlock) => {
                self.id = None;
                self.shared.give_up(id);
                Some(Err(CallError::Deadlock(*deadlock)))
            }
            Waited::Nothing if !self.deadline.is_over(clock::now_ns()) => Some(Err(CallError::Pending)),
            Waited::Nothing => {
                self.id = None;
                self.shared.give_up(id);
                Some(Err(CallError::TimedOut))
            }
        }
    }
}

impl<A: Message + ?Sized> Iterator for Replies<A> {
    type Item = Result<A::Owned, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_until(Deadline::NEVER);
        if let (Some(Err(_)), Some(id)) = (&next, self.id.take_if(|_| matches!(next, Some(Err(_))))) {
            self.shared.give_up(id);
        }
        next
    }
}

impl<A: Message + ?Sized> FusedIterator for Replies<A> {}

impl<A: Message + ?Sized> Drop for Replies<A> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.give_up(id);
        }
    }
}

impl<A: Message + ?Sized> std::fmt::Debug for Replies<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").field("address", &self.shared.address).finish_non_exhaustive()
    }
}
