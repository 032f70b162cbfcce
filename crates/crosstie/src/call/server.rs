//! [`Server`]: the end that is called.

#[cfg(feature = "tokio")]
mod awaited;
mod call;
mod conversation;
mod desk;
mod door;
mod kernel_door;
mod pool;
mod queue_door;
mod ring_door;
mod spare;
mod stream;
mod taken;

#[cfg(feature = "tokio")]
pub use awaited::AsyncServer;
pub use call::Call;
pub use stream::ReplyStream;

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use desk::{Desk, Worker};
use door::Door;
use kernel_door::KernelDoor;
use queue_door::QueueDoor;
use ring_door::RingDoor;

use super::client::{one_way, rings};
use super::frame::HEAD_BYTES_MAX;
use super::refusal::Refusal;
use crate::Deadline;
use crate::contract::RecvError;
use crate::endpoint::{Address, Capabilities, Message, Options, Place, Receiver, Sender, connect};
use crate::error::{Error, ErrorKind, Result};
use crate::os::clock;

/// The end that is called: takes requests of type `Q` and answers with replies of type `A`.
///
/// [`Server::serve`] answers with a pool of workers; [`Server::receive`] gives one call at a time to whoever asks,
/// from any number of threads.
///
/// # Death
/// When the server's process dies, the callers whose calls it had are told
/// [`PeerDied`](crate::call::CallError::PeerDied) at once; calls that were declared idempotent go to the next
/// server at the address. When a client dies, its calls are [cancelled](Call::is_cancelled).
///
/// # Limits
/// Calls that wait for a worker take [`Options::waiting_bytes_max`] bytes at most, 256 MiB by default, and those of one client a quarter of that; a client
/// has 1,024 calls in flight at most. A call for which there is no memory is refused as [`Busy`](crate::ErrorKind::Busy) at once, but one that
/// waits alone never is. Through a queue, calls wait in the queue.
///
/// # Cost
/// Four system calls a call on a socket: wait, receive, watch again, send. None on a ring while both
/// ends are awake.
///
/// # Examples
/// See [`Client`](super::Client).
pub struct Server<Q: Message + ?Sized, A: Message + ?Sized> {
    desk: Arc<Desk>,
    mechanism: &'static str,
    message: PhantomData<fn(Q::Owned) -> Box<A>>,
}

/// Ends a server's waiting, from any thread.
#[derive(Clone)]
pub struct Stopper {
    desk: Arc<Desk>,
}

impl Stopper {
    /// No call is given out any more: whoever waits for one is told [`RecvError::Closed`], and
    /// [`Server::serve`] returns once the calls in hand are answered.
    pub fn stop(&self) {
        self.desk.stop();
    }
}

impl<Q: Message + ?Sized, A: Message + ?Sized> Server<Q, A> {
    /// Listens for calls at `address`: unix, unixpacket, tcp; `fifo:/path`, whose clients have a FIFO each
    /// for their replies beside it; `queue:NAME`, which other servers may share; `ring:NAME`, one client at a time through two rings in shared memory;
    /// `fd:N`, the one client at the other end of a connection.
    ///
    /// # Errors
    /// What is wrong with the address, or why the mechanism refuses: [`Busy`](crate::ErrorKind::Busy) when
    /// another process listens there.
    pub fn open(address: &str) -> Result<Self> {
        Self::open_with(address, &Options::default())
    }

    /// As [`Server::open`], with options; those in the address win.
    ///
    /// # Errors
    /// As [`Server::open`]; [`Usage`](crate::ErrorKind::Usage) for an [`Options::waiting_bytes_max`] of 0 or above `isize::MAX`.
    pub fn open_with(address: &str, options: &Options) -> Result<Self> {
        Self::open_at(&address.parse()?, options)
    }

    /// As [`Server::open_with`], of an address that was parsed before.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub fn open_at(address: &Address, options: &Options) -> Result<Self> {
        check_waiting(address, options.waiting_bytes_max)?;
        let door = match address.place() {
            Place::Unix(_) | Place::UnixPacket(_) | Place::Tcp(_) => {
                Door::Kernel(KernelDoor::listen(address, options)?)
            }
            Place::Fifo(_) => Door::Kernel(KernelDoor::fifo(address, options)?),
            Place::Descriptor(_) => {
                let (sender, receiver) = connect(&address.to_string(), options)?;
                Door::Kernel(KernelDoor::connection(address, sender, receiver)?)
            }
            Place::Ring(name) => {
                let [calls, replies] = rings(address, name, options)?;
                // A message above a ring's limit would stay in it: each is taken, and refused if it is too long.
                let any = Options { message_bytes_max: usize::MAX, ..options.clone() };
                let receiver = Receiver::open_at(&calls.clone().without_limit(), &any)?;
                let sender: Sender<[u8]> = Sender::open_at(&replies, options)?;
                let limit = sender.message_bytes_max().saturating_sub(HEAD_BYTES_MAX);
                Door::Ring(RingDoor::new(sender, receiver, limit))
            }
            Place::Queue(name) => Door::Queue(QueueDoor::open(address, name, options)?),
            _ => return Err(one_way("listen on", address)),
        };
        let (object, domain) = (address.to_string(), options.domain.clone());
        let desk = Arc::new(Desk::new(object, door, domain, options.waiting_bytes_max));
        Ok(Self { desk, mechanism: address.mechanism(), message: PhantomData })
    }

    /// The address to call, with the port that the kernel chose for port 0.
    #[must_use]
    pub fn address(&self) -> &str {
        self.desk.address()
    }

    /// What calls over its mechanism can; what is the longest request, its clients know.
    #[must_use]
    pub fn caps(&self) -> Capabilities {
        // invariant: a server opens at no other mechanism than those that carry calls.
        Capabilities::of_calls(self.mechanism).expect("a mechanism of calls")
    }

    /// Serves calls with `workers` workers at a time, until [`Stopper::stop`], or until the only client that
    /// there can be has ended.
    ///
    /// `handle` turns a request into a reply, or refuses it. One that panics refuses its call, and the
    /// others go on. Blocks, and has one thread more than workers.
    ///
    /// # Errors
    /// [`Failed`](crate::ErrorKind::Failed) when no thread can be started; else why no call can come any
    /// more. What strangers do who speak another protocol is no error: they are cut off.
    ///
    /// # Examples
    /// See [`Client`](super::Client).
    pub fn serve<R: Borrow<A>>(
        &self,
        workers: usize,
        handle: impl Fn(Q::Owned) -> Result<R, Refusal> + Sync,
    ) -> Result<()> {
        pool::serve(&self.desk, workers, &|call: Call<Q, A>| pool::answer(call, &handle))
    }

    /// As [`Server::serve`], for handlers that look at more than the request, or answer in another way:
    /// [`Call::is_cancelled`], [`Call::deadline`], [`Call::stream`].
    ///
    /// # Errors
    /// As [`Server::serve`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::{Client, Deadline, Server};
    /// let folder = tempfile::tempdir()?;
    /// # // A server leaves its sign in the domain: not in the user's own.
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// let address = format!("unix:{}/words", folder.path().display());
    /// let server = Server::<str, str>::open(&address)?;
    /// let stop = server.stopper();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         server.serve_calls(2, |call| {
    ///             let text = call.request().clone();
    ///             let Ok(mut words) = call.stream() else { return };
    ///             for word in text.split(' ') {
    ///                 if words.send(word).is_err() {
    ///                     return; // nobody takes them any more
    ///                 }
    ///             }
    ///             let _ = words.end();
    ///         })
    ///     });
    ///     let client = Client::<str, str>::open(&address)?;
    ///     let words = client.stream("one two three", Deadline::NEVER)?;
    ///     assert_eq!(words.collect::<Result<Vec<_>, _>>()?, ["one", "two", "three"]);
    ///     stop.stop();
    ///     Ok::<(), Box<dyn std::error::Error>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve_calls(&self, workers: usize, handle: impl Fn(Call<Q, A>) + Sync) -> Result<()> {
        pool::serve(&self.desk, workers, &handle)
    }

    /// What ends the serving, for another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { desk: Arc::clone(&self.desk) }
    }

    /// Takes the next call; blocks while there is none. Clients come in while a thread is in here, or in a
    /// call's own methods.
    ///
    /// # Errors
    /// [`RecvError::Malformed`] for a request of another type, whose caller was told: go on.
    /// [`RecvError::Failed`] for what a stranger did, once: it is cut off, go on. [`RecvError::Closed`] once the
    /// server was stopped, or the only client that there can be has ended ([`RecvError::PeerDied`] if it
    /// died).
    ///
    /// # Examples
    /// ```
    /// use crosstie::{Client, Server};
    /// # let folder = tempfile::tempdir()?;
    /// # // A server leaves its sign in the domain: not in the user's own.
    /// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
    /// # let address = format!("unix:{}/s", folder.path().display());
    /// let server = Server::<str, u32>::open(&address)?;
    /// let caller = std::thread::spawn(move || Client::<str, u32>::open(&address)?.call("four").map_err(Box::<dyn std::error::Error + Send + Sync>::from));
    /// let call = server.receive()?;
    /// let length = call.request().len();
    /// call.reply(&(length as u32))?;
    /// assert_eq!(caller.join().unwrap().unwrap(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receive(&self) -> Result<Call<Q, A>, RecvError> {
        self.receive_until(Deadline::NEVER)
    }

    /// Takes the next call if there is one now.
    ///
    /// # Errors
    /// [`RecvError::Empty`] if there is none; else as [`Server::receive`].
    pub fn try_receive(&self) -> Result<Call<Q, A>, RecvError> {
        self.receive_until(Deadline::NOW)
    }

    /// Takes the next call; waits at most `timeout` for it.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`]; else as [`Server::receive`].
    pub fn receive_for(&self, timeout: Duration) -> Result<Call<Q, A>, RecvError> {
        self.receive_until(clock::deadline_in(timeout))
    }

    /// Takes the next call; waits for it until `deadline`.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`]; else as [`Server::receive`].
    pub fn receive_until(&self, deadline: Deadline) -> Result<Call<Q, A>, RecvError> {
        // Counted before the wait: behind it somebody waits for the answer.
        let desk = Arc::clone(&self.desk);
        let taken = desk.next(Worker::OwnThread, deadline)?;
        Call::new(desk, taken).map_err(RecvError::Malformed)
    }
}

/// Whether calls that wait may take so much: no more than memory can have.
fn check_waiting(address: &Address, bytes_max: usize) -> Result<()> {
    let most = isize::MAX.cast_unsigned();
    if (1..=most).contains(&bytes_max) {
        return Ok(());
    }
    let why = format!("{bytes_max} bytes for calls that wait: it is 1 to {most}");
    Err(Error::new("listen on", address.to_string(), ErrorKind::Usage).because(why))
}

impl<Q: Message + ?Sized, A: Message + ?Sized> Drop for Server<Q, A> {
    fn drop(&mut self) {
        if self.desk.is_ours() {
            self.desk.close();
        }
    }
}

impl<Q: Message + ?Sized, A: Message + ?Sized> fmt::Debug for Server<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").field("address", &self.desk.address()).finish_non_exhaustive()
    }
}
