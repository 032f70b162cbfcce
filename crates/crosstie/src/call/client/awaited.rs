//! [`AsyncClient`]: calls as futures, any number at a time from any tasks; [`AsyncReplies`]: many replies, as a stream.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use super::beginning::{Beginning, Begun};
use super::driver::Driver;
use super::shared::Shared;
use super::slots::{Ending, Next, Slot};
use super::{CallOptions, Client, Tries, no_reply};
use crate::Deadline;
use crate::call::error::CallError;
use crate::call::frame::CallHead;
use crate::endpoint::Message;
use crate::error::{Error, ErrorKind, Result};
use crate::os::clock;
use crate::os::poll;
use crate::os::reactor;

/// A thread that connects looks so often whether anybody still waits for that.
const CONNECT_NS: u64 = 100_000_000;

/// A [`Client`] whose calls are futures of the tokio runtime in which it was made.
///
/// Any number of tasks may call at the same time over one client; the calls share one connection, and each reply finds its task. The server need not know:
/// blocking and async ends mix. Each method answers a future of its own that borrows nothing, so it may be spawned; the request is encoded when the method is
/// called, and sent when the future is polled first.
///
/// # Cancellation
/// A call that is dropped before it is ready is cancelled: the server is told that nobody waits, and a late answer is thrown away. Whether the
/// server has done it is not known. Before its first poll nothing was sent. The other calls of the client go on.
///
/// # Deadlock
/// None is told of a call that a task waits for, as with a task's locks: it may be dropped at any time. Give it a deadline.
///
/// # Death
/// As [`Client`] says. A server's death is told once the kernel has taken its memory down, as [`Receiver::arm`](crate::Receiver::arm) says.
///
/// # Cost
/// One task of the runtime for all calls of a client, which runs when something comes; while nothing does, nothing runs. While a client whose
/// server has gone connects anew, one thread of the runtime's waits for a server.
///
/// # Examples
/// ```
/// use crosstie::call::AsyncClient;
/// use crosstie::{Client, Server};
/// let folder = tempfile::tempdir()?;
/// # // A server leaves its sign in the domain: not in the user's own.
/// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
/// let address = format!("unix:{}/lengths", folder.path().display());
/// let server = Server::<str, u32>::open(&address)?;
/// let stop = server.stopper();
/// let serving = std::thread::spawn(move || server.serve(2, |text| Ok(text.len() as u32)));
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// runtime.block_on(async {
///     let client = AsyncClient::new(Client::<str, u32>::open(&address)?)?;
///     let (three, four) = tokio::join!(client.call("one"), client.call("four"));
///     assert_eq!((three?, four?), (3, 4));
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// stop.stop();
/// serving.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncClient<Q: Message + ?Sized, A: Message + ?Sized> {
    driven: Arc<Driven>,
    message: PhantomData<fn(&Q) -> A::Owned>,
}

/// What all calls of an async client share.
struct Driven {
    shared: Arc<Shared>,
    driver: AbortHandle,
    runtime: Handle,
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl<Q: Message + ?Sized, A: Message + ?Sized> AsyncClient<Q, A> {
    /// Makes the calls of `client` futures. Opening it may have to wait: open it before, or by `spawn_blocking`.
    ///
    /// # Errors
    /// Outside of a runtime; when no descriptor is left.
    ///
    /// # Panics
    /// tokio does, in a runtime that was built without `enable_io`.
    pub fn new(client: Client<Q, A>) -> Result<Self> {
        let shared = client.shared;
        let failed = |error| {
            Error::os("call in a runtime", shared.address.to_string(), error)
                .advise("call it in a tokio runtime that is built with enable_io")
        };
        let runtime = Handle::try_current().map_err(|_| failed(std::io::ErrorKind::NotConnected.into()))?;
        let driver = runtime.spawn(Driver::new(&shared).map_err(failed)?).abort_handle();
        Ok(Self { driven: Arc::new(Driven { shared, driver, runtime }), message: PhantomData })
    }

    /// Calls the server; ready with its reply.
    ///
    /// # Cancellation
    /// As [`AsyncClient`] says.
    ///
    /// # Errors
    /// One variant per thing to do: see [`CallError`]; [`CallError::Failed`] once the runtime is shutting down.
    pub fn call(&self, request: &Q) -> impl Future<Output = Result<A::Owned, CallError>> + Send + use<Q, A> {
        self.call_with(request, CallOptions::default())
    }

    /// Calls the server; ready with its reply, or behind `timeout`.
    ///
    /// # Cancellation
    /// As [`AsyncClient`] says.
    ///
    /// # Errors
    /// [`CallError::TimedOut`]; else as [`AsyncClient::call`].
    pub fn call_for(
        &self,
        request: &Q,
        timeout: Duration,
    ) -> impl Future<Output = Result<A::Owned, CallError>> + Send + use<Q, A> {
        self.call_until(request, clock::deadline_in(timeout))
    }

    /// Calls the server; ready with its reply, or at `deadline`, which travels with the call. Needs no timers of the runtime's.
    ///
    /// # Cancellation
    /// As [`AsyncClient`] says.
    ///
    /// # Errors
    /// [`CallError::TimedOut`], after which a late answer is thrown away; else as [`AsyncClient::call`].
    pub fn call_until(
        &self,
        request: &Q,
        deadline: Deadline,
    ) -> impl Future<Output = Result<A::Owned, CallError>> + Send + use<Q, A> {
        self.call_with(request, CallOptions { deadline, ..CallOptions::default() })
    }

    /// Calls the server as `options` say; ready with its reply.
    ///
    /// # Cancellation
    /// As [`AsyncClient`] says; a call that was declared idempotent goes to no further server.
    ///
    /// # Errors
    /// As [`AsyncClient::call_until`].
    pub fn call_with(
        &self,
        request: &Q,
        options: CallOptions,
    ) -> impl Future<Output = Result<A::Owned, CallError>> + Send + use<Q, A> {
        let body = encoded(request);
        let driven = Arc::clone(&self.driven);
        async move {
            let mut reply = reply(&driven, body?, options).await?;
            A::take(&mut reply).map_err(CallError::Malformed)
        }
    }

    /// Calls the server for many replies; ready once the call is sent, with a stream of them. The deadline is for all of them together. The server is never more
    /// than 256 KiB, or one reply, ahead of who takes them.
    ///
    /// # Cancellation
    /// As [`AsyncClient`] says.
    ///
    /// # Errors
    /// As [`AsyncClient::call`], of what can go wrong before the server has it.
    pub fn stream(
        &self,
        request: &Q,
        deadline: Deadline,
    ) -> impl Future<Output = Result<AsyncReplies<A>, CallError>> + Send + use<Q, A> {
        let body = encoded(request);
        let driven = Arc::clone(&self.driven);
        async move {
            let call = CallHead { is_stream: true, ..CallHead::default() };
            let mut sending = Sending::new(Arc::clone(&driven), call, deadline);
            let body = body?;
            let id = poll_fn(|context| sending.poll(&body, context)).await?;
            Ok(AsyncReplies { call: Some(InFlight { driven, id: Some(id), deadline }), message: PhantomData })
        }
    }

    /// The client, whose calls block again.
    #[must_use]
    pub fn into_inner(self) -> Client<Q, A> {
        Client { shared: Arc::clone(&self.driven.shared), message: PhantomData }
    }
}

fn encoded<Q: Message + ?Sized>(request: &Q) -> Result<Vec<u8>, CallError> {
    let mut scratch = Vec::new();
    request.encode(&mut scratch).map(<[u8]>::to_vec).map_err(CallError::Malformed)
}

/// The reply to a call, from whichever server.
async fn reply(driven: &Arc<Driven>, body: Vec<u8>, options: CallOptions) -> Result<Vec<u8>, CallError> {
    let mut call = CallHead { is_idempotent: options.idempotent, ..CallHead::default() };
    let mut tries = Tries::new(options.idempotent && !driven.shared.redelivers());
    loop {
        let mut sending = Sending::new(Arc::clone(driven), call, options.deadline);
        let id = poll_fn(|context| sending.poll(&body, context)).await?;
        let mut in_flight = InFlight { driven: Arc::clone(driven), id: Some(id), deadline: options.deadline };
        let ending = match poll_fn(|context| in_flight.poll(context)).await? {
            Next::Reply(reply) => {
                in_flight.close();
                return Ok(reply);
            }
            Next::Over(ending) => ending,
            Next::Nothing => return Err(CallError::TimedOut),
        };
        let Some(pause_ns) = tries.pause_before_another(&ending) else {
            return Err(no_reply(&driven.shared, ending));
        };
        let until = Deadline::at_ns(clock::now_ns()).after_ns(pause_ns).min(options.deadline);
        poll_fn(|context| sending.poll_pause(until, context)).await;
        call.is_repeated = tries.has_been_heard();
    }
}

/// A call that is being sent.
struct Sending {
    driven: Arc<Driven>,
    beginning: Beginning,
    /// By which it is known among those that wait.
    ticket: Option<u64>,
    connecting: Option<JoinHandle<Result<(), CallError>>>,
    /// Who connects for it looks whether it is there yet.
    wanted: Arc<()>,
}

impl Sending {
    fn new(driven: Arc<Driven>, call: CallHead, deadline: Deadline) -> Self {
        let beginning = Beginning::new(call, deadline);
        Self { driven, beginning, ticket: None, connecting: None, wanted: Arc::new(()) }
    }

    /// Sends the call; ready with its id.
    fn poll(&mut self, body: &[u8], context: &mut Context<'_>) -> Poll<Result<u32, CallError>> {
        let budget = ready!(reactor::proceed(context));
        loop {
            if let Some(connecting) = &mut self.connecting {
                let made = ready!(Pin::new(connecting).poll(context));
                self.connecting = None;
                made.unwrap_or_else(|_| Err(undriven(&self.driven.shared)))?;
                self.beginning.new_lines_count += 1;
            }
            let shared = &self.driven.shared;
            let state = shared.lock();
            if !state.slots.tasks.has_driver() {
                return Poll::Ready(Err(undriven(shared)));
            }
            let (mut state, begun) = shared.try_begin(state, &mut self.beginning, body)?;
            match begun {
                Begun::Sent(id) => {
                    state.slots.tasks.leave(&mut self.ticket);
                    if state.owes() {
                        state.slots.tasks.ask();
                    }
                    budget.made_progress();
                    return Poll::Ready(Ok(id));
                }
                Begun::NoLine if !state.is_connecting => {
                    state.is_connecting = true;
                    drop(state);
                    self.connecting = Some(self.connect());
                    continue;
                }
                Begun::NoRoom => state.slots.tasks.want_room(),
                Begun::NoSlot | Begun::NoLine => {}
            }
            state.slots.tasks.wait(&mut self.ticket, context.waker(), self.beginning.deadline);
            return Poll::Pending;
        }
    }

    /// Connects in a thread of the runtime's, as long as somebody waits for that.
    fn connect(&self) -> JoinHandle<Result<(), CallError>> {
        let connecting = Connecting(Arc::clone(&self.driven.shared));
        let (deadline, wanted) = (self.beginning.deadline, Arc::downgrade(&self.wanted));
        let pause_ns = self.beginning.pause_ns();
        self.driven.runtime.spawn_blocking(move || {
            if pause_ns > 0 {
                poll::pause(pause_ns, deadline);
            }
            loop {
                let slice = Deadline::at_ns(clock::now_ns()).after_ns(CONNECT_NS).min(deadline);
                let made = connecting.0.make_line(slice);
                let is_late = matches!(made, Err(CallError::TimedOut));
                if !is_late || clock::is_over(deadline) || wanted.strong_count() == 0 {
                    return made;
                }
            }
        })
    }

    /// Ready at `until`.
    fn poll_pause(&mut self, until: Deadline, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.driven.shared.lock();
        if clock::is_over(until) || !state.slots.tasks.has_driver() {
            return Poll::Ready(());
        }
        state.slots.tasks.wait(&mut self.ticket, context.waker(), until);
        Poll::Pending
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.driven.shared.lock().slots.tasks.leave(&mut self.ticket);
        }
    }
}

/// Somebody makes a new line for all; dropped, nobody does any more.
struct Connecting(Arc<Shared>);

impl Drop for Connecting {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_connecting = false;
        state.slots.tasks.tell();
        self.0.tell(&state);
    }
}

/// A call that was sent; dropped before its end, it is cancelled.
struct InFlight {
    driven: Arc<Driven>,
    /// `None` once its end was told.
    id: Option<u32>,
    deadline: Deadline,
}

impl InFlight {
    /// The next reply, or its end; nothing once it is too late.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Next, CallError>> {
        let Some(id) = self.id else { return Poll::Ready(Ok(Next::Over(Ending::Done))) };
        let budget = ready!(reactor::proceed(context));
        let shared = &self.driven.shared;
        let mut state = shared.lock();
        let next = state.slots.get(id).map_or(Next::Nothing, Slot::next);
        match &next {
            Next::Reply(_) => shared.note_taken(&mut state, id),
            Next::Over(_) => {
                shared.note_over(&mut state, id);
                self.id = None;
            }
            Next::Nothing if clock::is_over(self.deadline) => {}
            Next::Nothing if !state.slots.tasks.has_driver() => return Poll::Ready(Err(undriven(shared))),
            Next::Nothing => {
                state.slots.wait(id, context.waker(), self.deadline);
                return Poll::Pending;
            }
        }
        drop(state);
        budget.made_progress();
        Poll::Ready(Ok(next))
    }

    /// It had its only reply.
    fn close(&mut self) {
        if let Some(id) = self.id.take() {
            self.driven.shared.close(id);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.driven.shared.give_up(id);
        }
    }
}

/// The replies to one call, as they come; made by [`AsyncClient::stream`].
///
/// As a `Stream` it ends behind the last reply, and after the first error. Dropped before that, the call is cancelled.
#[must_use = "dropping it cancels the call"]
pub struct AsyncReplies<A: Message + ?Sized> {
    /// `None` once its end was told.
    call: Option<InFlight>,
    message: PhantomData<fn() -> A::Owned>,
}

impl<A: Message + ?Sized> AsyncReplies<A> {
    /// The next reply; `None` behind the last one.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has taken nothing: the reply comes to the next call.
    ///
    /// # Errors
    /// As [`AsyncClient::call_until`].
    pub async fn next(&mut self) -> Option<Result<A::Owned, CallError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<A: Message + ?Sized> Stream for AsyncReplies<A> {
    type Item = Result<A::Owned, CallError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(call) = &mut this.call else { return Poll::Ready(None) };
        let next = match ready!(call.poll(context)) {
            Ok(Next::Reply(mut reply)) => Some(A::take(&mut reply).map_err(CallError::Malformed)),
            Ok(Next::Over(Ending::Done)) => None,
            Ok(Next::Over(ending)) => Some(Err(no_reply(&call.driven.shared, ending))),
            Ok(Next::Nothing) => Some(Err(CallError::TimedOut)),
            Err(error) => Some(Err(error)),
        };
        if !matches!(next, Some(Ok(_))) {
            this.call = None;
        }
        Poll::Ready(next)
    }
}

/// Nobody reads for tasks any more.
fn undriven(shared: &Shared) -> CallError {
    let error = Error::new("call", shared.address.to_string(), ErrorKind::Failed);
    let error = error.because("the runtime in which its client was made is shutting down");
    CallError::Failed(error.advise("make the client in the runtime that lives longest"))
}

impl<Q: Message + ?Sized, A: Message + ?Sized> fmt::Debug for AsyncClient<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient").field("address", &self.driven.shared.address).finish_non_exhaustive()
    }
}

impl<A: Message + ?Sized> fmt::Debug for AsyncReplies<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReplies").field("is_over", &self.call.is_none()).finish_non_exhaustive()
    }
}
