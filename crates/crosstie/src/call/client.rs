//! [`Client`]: the end that calls.

mod arrival;
#[cfg(feature = "tokio")]
mod awaited;
mod beginning;
mod call_wait;
#[cfg(feature = "tokio")]
mod driver;
mod line;
mod outgoing;
mod pending;
mod reading;
mod replies;
mod shared;
mod slots;
mod state;
mod tasks;
mod unwound;

#[cfg(feature = "tokio")]
pub use awaited::{AsyncClient, AsyncReplies};
pub(super) use line::{one_way, queue_of_calls, reply_fifo, rings};
pub use pending::Pending;
pub use replies::Replies;

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use reading::{Waited, kept};
use shared::Shared;
use slots::Ending;

use super::error::{Broken, CallError};
use super::frame::{CallHead, SERVERS_MAX};
use crate::Deadline;
use crate::endpoint::{Address, Body, Capabilities, Message, Options};
use crate::error::Result;
use crate::os::{clock, poll};

/// So many times a connection is made that its server ends before it has heard anything: one that is just
/// ending, or one that speaks something else.
const UNHEARD_MAX: u32 = 10;
const UNHEARD_PAUSE_NS: u64 = 5_000_000;

/// A longer request's memory is not kept.
const SCRATCH_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// Where requests are encoded.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How a call is made.
///
/// # Examples
/// ```
/// use crosstie::call::CallOptions;
/// let options = CallOptions { idempotent: true, ..CallOptions::default() };
/// assert!(options.deadline.is_never());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CallOptions {
    /// Until when the caller waits; the server is told how long that is.
    pub deadline: Deadline,
    /// To do it twice is as good as once: when the server dies with it in hand, or ends before it has
    /// answered, the next server at the address gets it, three servers at most.
    pub idempotent: bool,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { deadline: Deadline::NEVER, idempotent: false }
    }
}

/// The end that calls: a request of type `Q` to a [`Server`](super::Server), and its reply of type `A`.
///
/// Any number of threads may call at the same time over one client; the calls share one connection, and
/// each reply finds its caller. A client whose server has ended or died connects anew with its next
/// call, to whoever listens at the address then.
///
/// # Death
/// A server that dies with a call in hand is [`CallError::PeerDied`] at once to its caller, or the call
/// goes to the next server if it was declared [idempotent](CallOptions::idempotent). A client that dies
/// is seen by the server: its calls are cancelled.
///
/// # Deadlock
/// A call whose answer would need what its caller has is [`CallError::Deadlock`] to one of those in the
/// circle: a lock, or a worker of [`Server::serve`](super::Server::serve) that is busy with the very call for which this one is made. Both ends
/// must use the same domain.
///
/// # Cost
/// Two system calls a call (`send`, `recv`) without a deadline, two more with one, and three of its server; none on a ring while
/// both ends are awake. No thread in the background: who waits for a reply reads.
///
/// # Examples
/// ```
/// use crosstie::{Client, Server};
/// let folder = tempfile::tempdir()?;
/// # // A server leaves its sign in the domain: not in the user's own.
/// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
/// let address = format!("unix:{}/lengths", folder.path().display());
/// let server = Server::<str, u32>::open(&address)?;
/// let stop = server.stopper();
/// std::thread::scope(|scope| {
///     scope.spawn(|| server.serve(2, |text| Ok(text.len() as u32)));
///     let client = Client::<str, u32>::open(&address)?;
///     assert_eq!(client.call("four")?, 4);
///     stop.stop();
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client<Q: Message + ?Sized, A: Message + ?Sized> {
    shared: Arc<Shared>,
    message: PhantomData<fn(&Q) -> A::Owned>,
}

impl<Q: Message + ?Sized, A: Message + ?Sized> Client<Q, A> {
    /// Connects to the server at `address` (unix, unixpacket, tcp, fifo, queue, ring, fd), and waits until
    /// there is one; on a queue or a ring calls wait for their server in shared memory.
    ///
    /// # Errors
    /// What is wrong with the address; [`Usage`](crate::ErrorKind::Usage) for a mechanism that goes one way
    /// only; on a ring [`Busy`](crate::ErrorKind::Busy) while another process calls there.
    pub fn open(address: &str) -> Result<Self> {
        Self::open_with(address, &Options::default())
    }

    /// As [`Client::open`], with options; those in the address win.
    ///
    /// # Errors
    /// As [`Client::open`]; [`TimedOut`](crate::ErrorKind::TimedOut) when no server came in time.
    pub fn open_with(address: &str, options: &Options) -> Result<Self> {
        Self::open_at(&address.parse()?, options)
    }

    /// As [`Client::open_with`], of an address that was parsed before.
    ///
    /// # Errors
    /// As [`Client::open_with`].
    pub fn open_at(address: &Address, options: &Options) -> Result<Self> {
        let shared = Shared::open(address.clone(), options.clone())?;
        Ok(Self { shared: Arc::new(shared), message: PhantomData })
    }

    /// Calls the server and waits for its reply.
    ///
    /// # Errors
    /// One variant per thing to do: see [`CallError`].
    pub fn call(&self, request: &Q) -> Result<A::Owned, CallError> {
        self.call_with(request, CallOptions::default())
    }

    /// Calls the server and waits for its reply, at most `timeout`.
    ///
    /// # Errors
    /// [`CallError::TimedOut`]; else as [`Client::call`].
    pub fn call_for(&self, request: &Q, timeout: Duration) -> Result<A::Owned, CallError> {
        self.call_until(request, clock::deadline_in(timeout))
    }

    /// Calls the server and waits for its reply until `deadline`, which travels with the call.
    ///
    /// # Errors
    /// [`CallError::TimedOut`], after which a late answer is thrown away; else as [`Client::call`].
    pub fn call_until(&self, request: &Q, deadline: Deadline) -> Result<A::Owned, CallError> {
        self.call_with(request, CallOptions { deadline, ..CallOptions::default() })
    }

    /// Calls the server as `options` say and waits for its reply.
    ///
    /// # Errors
    /// As [`Client::call_until`].
    ///
    /// # Examples
    /// ```no_run
    /// use crosstie::Client;
    /// use crosstie::call::CallOptions;
    /// let client = Client::<u64, String>::open("unix:/run/names.sock")?;
    /// // Served by another server if the first one dies with it in hand.
    /// let name = client.call_with(&7, CallOptions { idempotent: true, ..CallOptions::default() })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_with(&self, request: &Q, options: CallOptions) -> Result<A::Owned, CallError> {
        encoded(request, |body| {
            let mut call = CallHead { is_idempotent: options.idempotent, ..CallHead::default() };
            let mut tries = Tries::new(options.idempotent && !self.shared.redelivers());
            loop {
                let (state, id) = self.shared.begin(call, body, options.deadline)?;
                let mut reply = None;
                let mut keep = |mut body: Body<'_>| reply = Some(body.decode::<A>());
                match self.shared.wait_from(state, id, options.deadline, &mut keep) {
                    Waited::Reply { is_last } => {
                        if !is_last {
                            self.shared.close(id);
                        }
                        return kept::<A>(reply);
                    }
                    Waited::Over(ending) if tries.has_another(&ending, options.deadline) => {
                        call.is_repeated = tries.has_been_heard();
                    }
                    Waited::Over(ending) => return Err(no_reply(&self.shared, *ending)),
                    Waited::Stuck(deadlock) => {
                        self.shared.give_up(id);
                        return Err(CallError::Deadlock(*deadlock));
                    }
                    Waited::Nothing => {
                        self.shared.give_up(id);
                        return Err(CallError::TimedOut);
                    }
                }
            }
        })
    }

    /// Sends a call and does not wait for its reply: that is asked for later, by any thread. Up to 1,024
    /// calls of a client are in flight at a time; one more waits until one of them ends.
    ///
    /// # Errors
    /// As [`Client::call_until`], of what can go wrong before the server has it.
    ///
    /// # Examples
    /// ```
    /// use crosstie::{Client, Server};
    /// # let folder = tempfile::tempdir()?;
    /// # // A server leaves its sign in the domain: not in the user's own.
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// # let address = format!("unix:{}/s", folder.path().display());
    /// # let server = Server::<u32, u32>::open(&address)?;
    /// let client = Client::<u32, u32>::open(&address)?;
    /// let one = client.start(&1, Default::default())?;
    /// let two = client.start(&2, Default::default())?;
    /// for _ in 0..2 {
    ///     let call = server.receive()?;
    ///     let doubled = call.request() * 2;
    ///     call.reply(&doubled)?;
    /// }
    /// assert_eq!((two.reply()?, one.reply()?), (4, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(&self, request: &Q, options: CallOptions) -> Result<Pending<A>, CallError> {
        encoded(request, |body| {
            let call = CallHead { is_idempotent: options.idempotent, ..CallHead::default() };
            let id = self.shared.begin(call, body, options.deadline)?.1;
            Ok(Pending::new(Arc::clone(&self.shared), id, options.deadline, call, body.to_vec()))
        })
    }

    /// Calls the server for many replies, and iterates over them as they come; the deadline is for all of
    /// them together. The server is never more than 256 KiB, or one reply, ahead of who takes them.
    ///
    /// # Errors
    /// As [`Client::start`]. A stream is not repeated at another server.
    ///
    /// # Examples
    /// ```
    /// use crosstie::{Client, Server};
    /// # let folder = tempfile::tempdir()?;
    /// # // A server leaves its sign in the domain: not in the user's own.
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// # let address = format!("unix:{}/s", folder.path().display());
    /// # let server = Server::<u32, u32>::open(&address)?;
    /// let client = Client::<u32, u32>::open(&address)?;
    /// let below = client.stream(&3, crosstie::Deadline::NEVER)?;
    /// let call = server.receive()?;
    /// let limit = *call.request();
    /// let mut stream = call.stream()?;
    /// for number in 0..limit {
    ///     stream.send(&number)?;
    /// }
    /// stream.end()?;
    /// assert_eq!(below.collect::<Result<Vec<_>, _>>()?, [0, 1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self, request: &Q, deadline: Deadline) -> Result<Replies<A>, CallError> {
        encoded(request, |body| {
            let call = CallHead { is_stream: true, ..CallHead::default() };
            let id = self.shared.begin(call, body, deadline)?.1;
            Ok(Replies::new(Arc::clone(&self.shared), id, deadline))
        })
    }

    /// What calls over its mechanism can, and the limit on requests.
    #[must_use]
    pub fn caps(&self) -> Capabilities {
        // invariant: a client opens at no other mechanism than those that carry calls.
        let found = Capabilities::of_calls(self.shared.address.mechanism()).expect("a mechanism of calls");
        found.limited(self.request_bytes_max())
    }

    /// The largest request that this end sends, in bytes.
    #[must_use]
    pub fn request_bytes_max(&self) -> usize {
        self.shared.request_bytes_max()
    }
}

/// At how many servers a call has been tried.
#[derive(Debug)]
struct Tries {
    is_idempotent: bool,
    /// Servers that may have done it.
    heard_count: u32,
    /// Servers that ended before they heard anything.
    unheard_count: u32,
}

impl Tries {
    fn new(is_idempotent: bool) -> Self {
        Self { is_idempotent, heard_count: 0, unheard_count: 0 }
    }

    /// Whether a call that ended so may go to the next server; pauses before a server that came to
    /// nothing is tried once more.
    fn has_another(&mut self, ending: &Ending, deadline: Deadline) -> bool {
        let pause_ns = self.pause_before_another(ending);
        if let Some(pause_ns @ 1..) = pause_ns {
            poll::pause(pause_ns, deadline);
        }
        pause_ns.is_some()
    }

    /// For how long is paused before a call that ended so goes to the next server; `None` if it may not.
    fn pause_before_another(&mut self, ending: &Ending) -> Option<u64> {
        match ending {
            Ending::Broken(Broken::Unheard) => {
                self.unheard_count += 1;
                let pause_ns = UNHEARD_PAUSE_NS * u64::from(self.unheard_count);
                (self.unheard_count < UNHEARD_MAX).then_some(pause_ns)
            }
            Ending::Broken(Broken::PeerDied | Broken::Closed) => {
                self.heard_count += 1;
                (self.is_idempotent && self.heard_count < SERVERS_MAX).then_some(0)
            }
            _ => None,
        }
    }

    fn has_been_heard(&self) -> bool {
        self.heard_count > 0
    }
}

/// Why a call ended without a reply.
fn no_reply(shared: &Shared, ending: Ending) -> CallError {
    match ending {
        Ending::Refused(refusal) => CallError::Refused(refusal),
        Ending::Broken(cause) => cause.report(&shared.address.to_string()),
        Ending::Done => Broken::breach("an end without a reply").report(&shared.address.to_string()),
    }
}

/// Encodes `request` into this thread's memory for `run`.
fn encoded<Q: Message + ?Sized, R>(
    request: &Q,
    run: impl FnOnce(&[u8]) -> Result<R, CallError>,
) -> Result<R, CallError> {
    // Taken out, so that a request which calls while it is encoded finds another.
    let mut scratch = SCRATCH.take();
    let answer = match request.encode(&mut scratch) {
        Ok(body) => run(body),
        Err(error) => Err(CallError::Malformed(error)),
    };
    if scratch.capacity() <= SCRATCH_BYTES_MAX {
        SCRATCH.set(scratch);
    }
    answer
}

impl<Q: Message + ?Sized, A: Message + ?Sized> fmt::Debug for Client<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.shared.address).finish_non_exhaustive()
    }
}
