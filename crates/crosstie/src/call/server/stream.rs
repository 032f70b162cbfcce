//! [`ReplyStream`]: many replies to one call.

use std::fmt;
use std::marker::PhantomData;

use super::super::frame::Head;
use super::super::refusal::Refusal;
use super::call::Answering;
use super::taken::Flow;
use crate::Deadline;
use crate::contract::SendError;
use crate::endpoint::Message;
use crate::os::clock;

/// Many replies to one call, as they come; made by [`Call::stream`](super::Call::stream).
///
/// [`ReplyStream::end`] says that there are no more. Dropped without, the call is refused behind the
/// replies, so that half of them cannot pass for all.
#[must_use = "dropping it refuses the call"]
pub struct ReplyStream<A: Message + ?Sized> {
    answering: Answering,
    message: PhantomData<fn(&A)>,
}

impl<A: Message + ?Sized> ReplyStream<A> {
    pub(super) fn new(answering: Answering) -> Self {
        Self { answering, message: PhantomData }
    }

    /// Sends the next reply; blocks while the client has 256 KiB that it has not taken, until the call's
    /// deadline.
    ///
    /// # Errors
    /// [`SendError::Closed`] when nobody takes the replies any more: stop. [`SendError::TimedOut`],
    /// [`SendError::TooLarge`], [`SendError::Malformed`].
    pub fn send(&mut self, reply: &A) -> Result<(), SendError> {
        self.send_until(reply, Deadline::NEVER)
    }

    /// Sends the next reply; waits for room until `deadline` or the call's own.
    ///
    /// # Errors
    /// As [`ReplyStream::send`].
    pub fn send_until(&mut self, reply: &A, deadline: Deadline) -> Result<(), SendError> {
        let deadline = deadline.min(self.answering.taken.deadline);
        let mut scratch = std::mem::take(&mut self.answering.taken.body);
        let sent = match reply.encode(&mut scratch) {
            Ok(body) => self.send_bytes(body, deadline),
            Err(error) => Err(SendError::Malformed(error)),
        };
        self.answering.taken.body = scratch;
        sent
    }

    fn send_bytes(&self, body: &[u8], deadline: Deadline) -> Result<(), SendError> {
        let Answering { desk, taken, .. } = &self.answering;
        loop {
            match taken.conversation.send_item(taken.id, body) {
                Ok(sent) => {
                    self.answering.see_out(sent);
                    return Ok(());
                }
                Err(SendError::Full) => {
                    let may_go_on = || taken.conversation.flow(taken.id) != Flow::Stopped;
                    if !taken.conversation.await_board(taken.id, deadline, may_go_on) {
                        // What stands on a board is waited for there, as soon as nothing waits for room.
                        let has_board = taken.conversation.board().is_some();
                        let is_out = || has_board && !taken.conversation.owes();
                        desk.wait_until(deadline, || may_go_on() || is_out());
                    }
                    if !may_go_on() && deadline.is_over(clock::now_ns()) {
                        return Err(if deadline.is_now() { SendError::Full } else { SendError::TimedOut });
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether nobody takes the replies any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.answering.is_cancelled()
    }

    /// Says that there are no more; blocks until the client's side has room for all of them, or the call's
    /// deadline.
    ///
    /// # Errors
    /// [`SendError::TimedOut`]; that nobody waits any more is none.
    pub fn end(mut self) -> Result<(), SendError> {
        self.answering.finish(Head::End(self.answering.taken.id), &[])?;
        let Answering { desk, taken, .. } = &self.answering;
        if desk.wait_until(taken.deadline, || !taken.conversation.owes()) {
            Ok(())
        } else {
            Err(SendError::TimedOut)
        }
    }

    /// Says that there are no more because something went wrong.
    pub fn refuse(mut self, refusal: &Refusal) {
        self.answering.refuse(refusal);
    }
}

impl<A: Message + ?Sized> fmt::Debug for ReplyStream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("id", &self.answering.taken.id).finish_non_exhaustive()
    }
}
