//! [`Call`]: one call in a worker's hands.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::super::frame::Head;
use super::super::refusal::Refusal;
use super::desk::Desk;
use super::spare;
use super::stream::ReplyStream;
use super::taken::{Sent, Taken};
use crate::Deadline;
use crate::contract::SendError;
use crate::endpoint::Message;
use crate::error::ErrorKind;
use crate::ledger::calls::Busy;

/// One call in a worker's hands: the request, and the way to answer it.
///
/// It is answered exactly once: by [`Call::reply`], [`Call::answer`], [`Call::refuse`] or a [`Call::stream`]. Dropped without, it
/// is refused, so that no caller waits for an answer that never comes.
///
/// # Death
/// A worker's process that dies with calls in hand is [`PeerDied`](crate::call::CallError::PeerDied) at
/// once to their callers. A caller that dies, gives up or whose deadline passes is seen by
/// [`Call::is_cancelled`]; answering it is no error, and goes nowhere.
///
/// # Examples
/// See [`Server::receive`](super::Server::receive).
#[must_use = "dropping it refuses the call"]
pub struct Call<Q: Message + ?Sized, A: Message + ?Sized> {
    answering: Answering,
    request: Q::Owned,
    message: PhantomData<fn(&A)>,
}

/// What is needed to answer a call; refuses it on drop.
pub(super) struct Answering {
    pub(super) desk: Arc<Desk>,
    pub(super) taken: Box<Taken>,
    pub(super) is_answered: bool,
}

impl<Q: Message + ?Sized, A: Message + ?Sized> Call<Q, A> {
    /// Takes the request apart.
    ///
    /// # Errors
    /// Why it is not of the expected type; its caller was told.
    #[inline(always)]
    pub(super) fn new(desk: Arc<Desk>, taken: Box<Taken>) -> crate::Result<Self> {
        // Before the request's type is asked, which may panic: then the caller is told so.
        let mut answering = Answering { desk, taken, is_answered: false };
        match Q::take(&mut answering.taken.body) {
            Ok(request) => Ok(Self { answering, request, message: PhantomData }),
            Err(error) => {
                answering.refuse(&Refusal::of_kind(error.kind(), error.to_string()));
                Err(error)
            }
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &Q::Owned {
        &self.request
    }

    /// Until when the caller waits, counted from the call's arrival here; [`Deadline::NEVER`] if for ever.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.answering.taken.deadline
    }

    /// Whether nobody waits for the answer any more: the caller gave up, ended or died. May let come in what
    /// came from clients meanwhile; never waits.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.answering.is_cancelled()
    }

    /// Whether its caller declared that to do it twice is as good as once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.answering.taken.head.is_idempotent
    }

    /// Whether another server may have done it already, and died or ended before it had answered.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.answering.taken.head.is_repeated
    }

    /// Whether its caller takes many replies.
    #[must_use]
    pub fn takes_stream(&self) -> bool {
        self.answering.taken.head.is_stream
    }

    /// The caller's process id, where the kernel says it: on Unix sockets.
    #[must_use]
    pub fn client_pid(&self) -> Option<u32> {
        self.answering.taken.conversation.client_pid
    }

    /// Answers with a reply.
    ///
    /// Never blocks on a socket or FIFO: what finds no room goes out while the server waits for the next
    /// call, and until the client has taken it, none of its further calls are given out. Blocks on a full
    /// ring until its one client has read.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] and [`SendError::Malformed`], of which the caller is told too. That nobody waits any
    /// more is none.
    pub fn reply(self, reply: &A) -> Result<(), SendError> {
        self.answering.reply(reply)
    }

    /// Answers with what `handle` makes of the request, which it has for itself: what is of no more use may be the reply.
    ///
    /// # Errors
    /// As [`Call::reply`]; that `handle` refuses is none.
    ///
    /// # Examples
    /// ```
    /// use crosstie::{Client, Server};
    /// # let folder = tempfile::tempdir()?;
    /// # // A server leaves its sign in the domain: not in the user's own.
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// # let address = format!("unix:{}/s", folder.path().display());
    /// let server = Server::<[u8], [u8]>::open(&address)?;
    /// let client = Client::<[u8], [u8]>::open(&address)?;
    /// let call = client.start(b"drow", Default::default())?;
    /// server.receive()?.answer(|mut word| {
    ///     word.reverse();
    ///     Ok(word)
    /// })?;
    /// assert_eq!(call.reply()?, b"word");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer<R: Borrow<A>>(
        self,
        handle: impl FnOnce(Q::Owned) -> Result<R, Refusal>,
    ) -> Result<(), SendError> {
        // Only here: a call that its handler has got itself may be answered by another thread.
        let _busy = self.busy();
        let Self { request, mut answering, .. } = self;
        match handle(request) {
            Ok(reply) => answering.reply(reply.borrow()),
            Err(refusal) => {
                answering.refuse(&refusal);
                Ok(())
            }
        }
    }

    /// Answers that there is no reply, and why.
    pub fn refuse(mut self, refusal: &Refusal) {
        self.answering.refuse(refusal);
    }

    /// Answers with many replies, as they come.
    ///
    /// # Errors
    /// [`SendError::Failed`] of kind [`Mismatch`](ErrorKind::Mismatch) for a caller that takes one reply; it
    /// is told the same.
    pub fn stream(mut self) -> Result<ReplyStream<A>, SendError> {
        if self.takes_stream() {
            return Ok(ReplyStream::new(self.answering));
        }
        let why = "the server has many replies, the caller takes one";
        self.answering.refuse(&Refusal::of_kind(ErrorKind::Mismatch, why));
        Err(crate::Error::new("answer", &self.answering.desk.object, ErrorKind::Mismatch)
            .because(why)
            .advise("call it with Client::stream")
            .into())
    }

    /// Answers with the replies that `handle` sends, as they come, and then with their end, or with its refusal behind them.
    ///
    /// # Errors
    /// As [`Call::stream`] and [`ReplyStream::end`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::{Client, Server};
    /// # let folder = tempfile::tempdir()?;
    /// # // A server leaves its sign in the domain: not in the user's own.
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// let address = format!("unix:{}/s", folder.path().display());
    /// let server = Server::<u32, u32>::open(&address)?;
    /// let client = Client::<u32, u32>::open(&address)?;
    /// let below = client.stream(&3, crosstie::Deadline::NEVER)?;
    /// server.receive()?.answer_stream(|limit, replies| {
    ///     // Whether somebody takes them: if not, there is no need to go on.
    ///     let _ = (0..limit).try_for_each(|number| replies.send(&number));
    ///     Ok(())
    /// })?;
    /// assert_eq!(below.collect::<Result<Vec<_>, _>>()?, [0, 1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer_stream(
        self,
        handle: impl FnOnce(Q::Owned, &mut ReplyStream<A>) -> Result<(), Refusal>,
    ) -> Result<(), SendError> {
        let _busy = self.busy();
        if !self.takes_stream() {
            return self.stream().map(drop);
        }
        let mut replies = ReplyStream::new(self.answering);
        match handle(self.request, &mut replies) {
            Ok(()) => replies.end(),
            Err(refusal) => {
                replies.refuse(&refusal);
                Ok(())
            }
        }
    }

    /// Notes that the calling thread, one of a pool, does it.
    pub(super) fn busy(&self) -> Option<Busy> {
        self.answering.desk.busy(&self.answering.taken)
    }
}

impl Answering {
    pub(super) fn is_cancelled(&self) -> bool {
        self.desk.look();
        self.taken.conversation.is_cancelled(self.taken.id)
    }

    pub(super) fn reply<A: Message + ?Sized>(mut self, reply: &A) -> Result<(), SendError> {
        // The request's memory serves the reply.
        let mut scratch = std::mem::take(&mut self.taken.body);
        let body = match reply.encode(&mut scratch) {
            Ok(body) => body,
            Err(error) => {
                self.refuse(&Refusal::of_kind(error.kind(), error.to_string()));
                return Err(SendError::Malformed(error));
            }
        };
        let sent = self.finish(Head::Reply(self.taken.id), body);
        spare::keep(scratch);
        sent
    }

    /// Sends the last frame.
    pub(super) fn finish(&mut self, head: Head, body: &[u8]) -> Result<(), SendError> {
        self.is_answered = true;
        match self.taken.conversation.answer(self.taken.id, head, body) {
            Ok(sent) => {
                self.see_out(sent);
                Ok(())
            }
            Err(error) => {
                self.refuse(&Refusal::of_kind(error.kind(), error.to_string()));
                Err(error)
            }
        }
    }

    pub(super) fn refuse(&mut self, refusal: &Refusal) {
        self.is_answered = true;
        let sent = self.taken.conversation.refuse(self.taken.id, refusal);
        self.see_out(sent);
    }

    /// What found no room goes out when there is room, by whoever is at the door then.
    pub(super) fn see_out(&self, sent: Sent) {
        if sent == Sent::Owed {
            self.taken.conversation.keep(&self.taken);
            self.desk.await_room(&self.taken.conversation);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if self.is_answered || !self.desk.is_ours() {
            return;
        }
        let refusal = if std::thread::panicking() {
            Refusal::of_kind(ErrorKind::Poisoned, "the server panicked over the call")
        } else {
            Refusal::of_kind(ErrorKind::Failed, "the server dropped the call without an answer")
        };
        self.desk.refuse(&self.taken, &refusal);
    }
}

impl<Q: Message + ?Sized, A: Message + ?Sized> fmt::Debug for Call<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("id", &self.answering.taken.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_call_may_be_sent_to_a_thread_and_looked_at_by_several() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<super::Call<str, str>>();
    }
}
