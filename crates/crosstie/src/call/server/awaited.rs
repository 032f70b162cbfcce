//! [`AsyncServer`]: a server whose wait for calls is a future.

use std::fmt;
use std::future::poll_fn;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::{Server, Stopper};
use crate::Deadline;
use crate::contract::{Readiness, RecvError};
use crate::endpoint::Message;
use crate::error::{Error, Result};
use crate::os::alarm::Alarm;
use crate::os::clock;
use crate::os::notice::Notice;
use crate::os::poll::{Interest, Poller};
use crate::os::reactor::{self, Registered};

/// How often a task looks before it lets others run.
const LOOKS: u32 = 16;

/// How soon is looked again while a client of a queue takes no replies.
const SLICE_NS: u64 = 1_000_000;

/// What comes to the desk from within this process.
const NOTICE: u64 = 1 << 32;
const ALARM: u64 = NOTICE + 1;

/// A [`Server`] whose wait for calls is a future of the tokio runtime in which it was made.
///
/// One task takes the calls; each may be answered by another one, at any time and in any order. Clients need not know: blocking and async ends mix.
///
/// Clients come in, cancellations are heard and replies that found no room go out while [`AsyncServer::receive`] is polled, and in the calls' own methods. So poll
/// it, also while there are enough calls in hand.
///
/// # Death
/// As [`Server`] says; a client's death cancels its calls once the kernel has taken its memory down.
///
/// # Cost
/// While nothing comes, nothing runs; but while a client at a queue takes no replies, it is looked each millisecond. Dropping it waits at most a second for clients
/// that have not taken their replies.
///
/// # Examples
/// ```
/// use crosstie::call::{AsyncClient, AsyncServer};
/// use crosstie::{Client, Server};
/// let folder = tempfile::tempdir()?;
/// # // A server leaves its sign in the domain: not in the user's own.
/// # unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.path().join("d")) };
/// let address = format!("unix:{}/lengths", folder.path().display());
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// runtime.block_on(async {
///     let mut server = AsyncServer::new(Server::<str, u32>::open(&address)?)?;
///     let client = AsyncClient::new(Client::<str, u32>::open(&address)?)?;
///     tokio::spawn(async move {
///         while let Ok(call) = server.receive().await {
///             tokio::spawn(async move {
///                 let length = call.request().len();
///                 let _ = call.reply(&(length as u32));
///             });
///         }
///     });
///     assert_eq!(client.call("four").await?, 4);
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncServer<Q: Message + ?Sized, A: Message + ?Sized> {
    registered: Registered,
    poller: Poller,
    alarm: Alarm,
    alarm_is_set: bool,
    server: Server<Q, A>,
}

impl<Q: Message + ?Sized, A: Message + ?Sized> AsyncServer<Q, A> {
    /// Makes the wait of `server` a future.
    ///
    /// # Errors
    /// Outside of a runtime; when no descriptor is left.
    ///
    /// # Panics
    /// tokio does, in a runtime that was built without `enable_io`.
    pub fn new(server: Server<Q, A>) -> Result<Self> {
        let made = || {
            let (poller, notice, alarm) = (Poller::new()?, Arc::new(Notice::new()?), Alarm::new()?);
            poller.add(notice.as_fd(), NOTICE)?;
            poller.add(alarm.as_fd(), ALARM)?;
            let registered = Registered::new(poller.as_fd(), Interest::Readable)?;
            Ok((registered, poller, notice, alarm))
        };
        let (registered, poller, notice, alarm) = made().map_err(|error| failed(&server, error))?;
        server.desk.set_notice(Some(notice));
        Ok(Self { registered, poller, alarm, alarm_is_set: false, server })
    }

    /// Takes the next call.
    ///
    /// # Cancellation
    /// Dropped before it is ready, it has taken no call: the next one comes to the next `receive`.
    ///
    /// # Errors
    /// As [`Server::receive`].
    pub async fn receive(&mut self) -> Result<Call<Q, A>, RecvError> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// As [`AsyncServer::receive`], for futures written by hand.
    ///
    /// # Errors
    /// As [`Server::receive`].
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Call<Q, A>, RecvError>> {
        let budget = ready!(reactor::proceed(context));
        for _ in 0..LOOKS {
            let mut looked = self.server.try_receive();
            let mut readiness = Readiness::Ready;
            if let Err(RecvError::Empty) = looked {
                self.registered.watch(context).map_err(|error| failed(&self.server, error))?;
                self.server.desk.set_awaited(true);
                // What comes to the desk from here on raises the notice.
                looked = self.server.try_receive();
                if let Err(RecvError::Empty) = looked {
                    readiness = self.arm()?;
                }
                if looked.is_ok() || readiness == Readiness::Ready {
                    self.server.desk.set_awaited(false);
                }
            }
            match looked {
                Err(RecvError::Empty) if readiness == Readiness::Armed => return Poll::Pending,
                Err(RecvError::Empty) => {}
                other => {
                    budget.made_progress();
                    return Poll::Ready(other);
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// What ends the waiting, for another thread or task.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.server.stopper()
    }

    /// The address to call, with the port that the kernel chose for port 0.
    #[must_use]
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// The server, which blocks again.
    #[must_use]
    pub fn into_inner(self) -> Server<Q, A> {
        self.server.desk.set_notice(None);
        self.server
    }

    fn arm(&mut self) -> Result<Readiness, RecvError> {
        let door = self.server.desk.door();
        let readiness = door.arm(&self.poller)?;
        let looks_soon = door.is_shared() && door.owes();
        if looks_soon || self.alarm_is_set {
            let soon = Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS);
            let set = self.alarm.set(if looks_soon { soon } else { Deadline::NEVER });
            set.map_err(|error| failed(&self.server, error))?;
            self.alarm_is_set = looks_soon;
        }
        Ok(readiness)
    }
}

fn failed<Q: Message + ?Sized, A: Message + ?Sized>(server: &Server<Q, A>, error: std::io::Error) -> Error {
    Error::os("wait in a runtime for calls at", server.address(), error)
        .advise("call it in a tokio runtime that is built with enable_io")
}

impl<Q: Message + ?Sized, A: Message + ?Sized> fmt::Debug for AsyncServer<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncServer").field("address", &self.address()).finish_non_exhaustive()
    }
}
