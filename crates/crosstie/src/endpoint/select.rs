//! [`Select`]: the first of several channels, events, semaphores and descriptors.

use std::fmt;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::arm::{Arm, Receiving, Sending, Taking};
use super::job::JobTicket;
use super::message::Message;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::Deadline;
use crate::contract::{Readiness, RecvError, SendError};
use crate::error::{Error, ErrorKind, Result};
use crate::os::clock;
use crate::os::notice::Notice;
use crate::os::poll::{self, Interest};
use crate::sync::Waitable;
use crate::sync::gathered::{Gathered, Standing};

/// How soon to look again where more had changes under way than are watched: 1 ms.
const LOOK_AGAIN_NS: u64 = 1_000_000;

/// Waits for the first of several: a message, room for one, an event, a unit of a counting semaphore, a descriptor.
///
/// Each wait has its own [`Arms`]; what stays is whose turn it is. One arm is done, by its own operation, and the others have done
/// nothing: no message is taken, sent or counted for them.
///
/// # Death
/// A peer's death, or its clean end, is an answer of the arm that it concerns. Its process's end makes a channel's arm ready, as
/// [`Receiver::arm`] says.
///
/// # Fairness
/// Of several that are ready, the first behind the arm that was done last: none of them waits for more than one turn of each other.
///
/// # Cost
/// An arm that is ready at once costs its own operation. A sleep is one `ppoll`, and before it a few system calls for each arm of
/// a channel ([`Receiver::arm`]); it costs no processor time.
///
/// # Examples
/// ```
/// use crosstie::contract::{RecvError, SendError};
/// use crosstie::endpoint::{Select, pair};
/// use crosstie::sync::{Event, Reset};
///
/// enum Turn {
///     Order(Result<String, RecvError>),
///     Sent(Result<(), SendError>),
///     Stop,
/// }
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let stop = Event::open_or_create_in(domain, "stop", Reset::Manual)?;
/// let (mut tx, mut orders) = pair::<str>()?;
/// let (mut replies, mut replied) = pair::<u32>()?;
/// tx.send("tea")?;
/// let (mut waiting, mut select) = (None, Select::new());
/// loop {
///     let mut arms = select.arms();
///     arms.recv(&mut orders, Turn::Order).wait(&*stop, || Turn::Stop);
///     if let Some(number) = &waiting {
///         arms.send(&mut replies, number, Turn::Sent); // waits for room only while there is something to send
///     }
///     match arms.select()? {
///         Turn::Order(order) => waiting = Some(order?.len() as u32),
///         Turn::Sent(sent) => {
///             sent?;
///             waiting = None;
///             stop.set()?;
///         }
///         Turn::Stop => break,
///     }
/// }
/// assert_eq!(replied.recv()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Source
/// The operation is done by the one that waits, and a random or rotating choice among the ready ones: Go's `select`,
/// crossbeam-channel's `Select`.
#[derive(Debug, Default)]
pub struct Select {
    /// The arm with which the next look begins.
    next: usize,
    /// What makes an event wake a thread that polls; made with the first that is waited for.
    notice: Option<Arc<Notice>>,
}

impl Select {
    /// Nothing was waited for yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0, notice: None }
    }

    /// The arms of one wait, to be added; `R` is what each of them makes of its outcome.
    pub fn arms<'a, R>(&'a mut self) -> Arms<'a, R> {
        Arms { select: self, arms: Vec::new(), sources: Vec::new() }
    }

    fn notice(&mut self) -> Result<Arc<Notice>> {
        if self.notice.is_none() {
            let made = Notice::new().map_err(|error| Error::os("wait for", "an event", error))?;
            self.notice = Some(Arc::new(made));
        }
        // invariant: it was made above.
        Ok(Arc::clone(self.notice.as_ref().expect("a notice")))
    }
}

/// What one wait of a [`Select`] is for: each arm an operation, and what to make of its outcome.
#[must_use = "arms wait for nothing before they are selected from"]
pub struct Arms<'a, R> {
    select: &'a mut Select,
    arms: Vec<Arm<'a, R>>,
    sources: Vec<&'a dyn Waitable>,
}

/// Why no arm was done.
#[derive(Debug)]
#[non_exhaustive]
pub enum SelectError {
    /// None is ready now ([`Arms::try_select`] only).
    Busy,
    /// The deadline passed first.
    TimedOut,
    /// The wait itself is not possible: no arm, more than 7 events and semaphores or of different domains, no descriptor left.
    Failed(Error),
}

impl SelectError {
    /// The kind in the one error table; decides the exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy => ErrorKind::Busy,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Failed(error) => error.kind(),
        }
    }
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            other => f.write_str(other.kind().phrase()),
        }
    }
}

impl std::error::Error for SelectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Busy | Self::TimedOut => None,
        }
    }
}

impl From<Error> for SelectError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'a, R> Arms<'a, R> {
    /// Receives from `receiver`, as [`Receiver::recv`]; also every way in which that ends is an outcome. A receiver that has ended is ready
    /// for ever: leave it out of the next wait.
    pub fn recv<T: Message + ?Sized>(
        &mut self,
        receiver: &'a mut Receiver<T>,
        then: impl FnOnce(Result<T::Owned, RecvError>) -> R + 'a,
    ) -> &mut Self {
        let then = Some(then);
        self.add(Arm::Channel(Box::new(Receiving { receiver, then })))
    }

    /// Takes the next message of a queue into hand, as [`Receiver::take_job`]: once the wait is over, [`Receiver::settle`] says what has become
    /// of it. While as many are in hand as the receiver's [credit](super::Options::credit) allows, there is nothing for this arm.
    ///
    /// # Death
    /// Killed with it in hand, or dropped with the receiver before it is settled: it is delivered again.
    ///
    /// # Examples
    /// ```
    /// use crosstie::endpoint::{Options, Outcome, Receiver, Select, Sender};
    /// use crosstie::sync::{Event, Reset};
    /// let folder = tempfile::tempdir()?;
    /// let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    /// let domain = crosstie::ledger::Domain::open(folder.path().join("domain"))?;
    /// let stop = Event::open_or_create_in(domain, "stop", Reset::Manual)?;
    /// let mut tx = Sender::<u32>::open_with("queue:jobs", &options)?;
    /// let mut jobs = Receiver::<u32>::open_with("queue:jobs", &options)?;
    /// tx.send(&7)?;
    /// let mut select = Select::new();
    /// let mut arms = select.arms();
    /// arms.take_job(&mut jobs, Some).wait(&*stop, || None);
    /// if let Some(taken) = arms.select()? {
    ///     let (number, ticket) = taken?;
    ///     assert_eq!(number, 7);
    ///     jobs.settle(ticket, Outcome::Done)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_job<T: Message + ?Sized>(
        &mut self,
        receiver: &'a mut Receiver<T>,
        then: impl FnOnce(Result<(T::Owned, JobTicket), RecvError>) -> R + 'a,
    ) -> &mut Self {
        let then = Some(then);
        self.add(Arm::Channel(Box::new(Taking { receiver, then })))
    }

    /// Sends `message` through `sender`, as [`Sender::send`]: waits for room.
    pub fn send<T: Message + ?Sized>(
        &mut self,
        sender: &'a mut Sender<T>,
        message: &'a T,
        then: impl FnOnce(Result<(), SendError>) -> R + 'a,
    ) -> &mut Self {
        let then = Some(then);
        self.add(Arm::Channel(Box::new(Sending { sender, message, then })))
    }

    /// Passes `source`, an event or a counting semaphore, as [`wait_any`](fn@crate::sync::wait_any) does: first come, first served in
    /// its queue. At most 7 in one wait, of one domain.
    pub fn wait(&mut self, source: &'a dyn Waitable, then: impl FnOnce() -> R + 'a) -> &mut Self {
        self.sources.push(source);
        let index = self.sources.len() - 1;
        self.add(Arm::Source(index, Some(Box::new(then))))
    }

    /// Waits until a read of `fd` would not block.
    pub fn readable(&mut self, fd: BorrowedFd<'a>, then: impl FnOnce() -> R + 'a) -> &mut Self {
        self.add(Arm::Descriptor(fd, Interest::Readable, Some(Box::new(then))))
    }

    /// Waits until a write to `fd` would not block.
    pub fn writable(&mut self, fd: BorrowedFd<'a>, then: impl FnOnce() -> R + 'a) -> &mut Self {
        self.add(Arm::Descriptor(fd, Interest::Writable, Some(Box::new(then))))
    }

    fn add(&mut self, arm: Arm<'a, R>) -> &mut Self {
        self.arms.push(arm);
        self
    }

    /// Does the first that is ready, and waits for one as long as it takes; answers what its arm makes of it.
    ///
    /// # Errors
    /// [`SelectError::Failed`]; what a channel's operation answers is its arm's outcome.
    #[track_caller]
    pub fn select(self) -> Result<R, SelectError> {
        self.select_until(Deadline::NEVER)
    }

    /// Does the first that is ready now.
    ///
    /// # Errors
    /// [`SelectError::Busy`]; as [`Arms::select`].
    #[track_caller]
    pub fn try_select(self) -> Result<R, SelectError> {
        self.select_until(Deadline::NOW)
    }

    /// As [`Arms::select`], for at most `timeout`.
    ///
    /// # Errors
    /// [`SelectError::TimedOut`]; as [`Arms::select`].
    #[track_caller]
    pub fn select_for(self, timeout: Duration) -> Result<R, SelectError> {
        self.select_until(clock::deadline_in(timeout))
    }

    /// As [`Arms::select`], until `deadline`.
    ///
    /// # Errors
    /// [`SelectError::TimedOut`]; as [`Arms::select`].
    #[track_caller]
    pub fn select_until(mut self, deadline: Deadline) -> Result<R, SelectError> {
        if self.arms.is_empty() {
            let none = Error::new("wait", "any of several", ErrorKind::Usage).because("there is no arm");
            return Err(none.advise("add what it is to wait for").into());
        }
        let sources = std::mem::take(&mut self.sources);
        let gathered = match sources.is_empty() {
            true => None,
            false => Some(Gathered::new(&sources, deadline, Location::caller())?),
        };
        let at_once = |source: usize| gathered.as_ref().is_some_and(|it| it.passes_at_once(source));
        if let Some(outcome) = self.look(at_once)? {
            return Ok(outcome);
        }
        if deadline.is_now() {
            return Err(SelectError::Busy);
        }
        let (mut standing, notice) = match &gathered {
            Some(gathered) => (Some(gathered.queue_up()?), Some(self.select.notice()?)),
            None => (None, None),
        };
        loop {
            if let Some(standing) = &mut standing {
                standing.begin_look();
            }
            let passes = |source| standing.as_mut().is_some_and(|standing| standing.passes(source));
            if let Some(outcome) = self.look(passes)? {
                return Ok(outcome);
            }
            if deadline.is_over(clock::now_ns()) {
                return Err(SelectError::TimedOut);
            }
            if let Some(outcome) = self.sleep(standing.as_ref(), notice.as_ref(), deadline)? {
                return Ok(outcome);
            }
        }
    }

    /// Does the first arm that is ready, from the one on whose turn it is; the next turn is of the one behind it.
    fn look(&mut self, mut passes: impl FnMut(usize) -> bool) -> Result<Option<R>> {
        let count = self.arms.len();
        for at in 0..count {
            let index = (self.select.next + at) % count;
            if let Some(outcome) = self.arms[index].attempt(&mut passes)? {
                self.select.next = index + 1;
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    /// Sleeps until one of them may be ready; answers the outcome of one that cannot be waited for.
    fn sleep(
        &mut self,
        standing: Option<&Standing<'_>>,
        notice: Option<&Arc<Notice>>,
        deadline: Deadline,
    ) -> Result<Option<R>> {
        let mut until = deadline;
        // Until the sleep is over.
        let mut attended = None;
        if let (Some(standing), Some(notice)) = (standing, notice) {
            notice.clear();
            let Some((entry, is_crowded)) = standing.attend(&Waker::from(Arc::clone(notice)))? else {
                return Ok(None);
            };
            if is_crowded.0 {
                until = until.min(Deadline::at_ns(clock::now_ns()).after_ns(LOOK_AGAIN_NS));
            }
            attended = Some(entry);
        }
        for arm in &mut self.arms {
            match arm.arm() {
                Ok(Readiness::Armed) => {}
                Ok(Readiness::Ready) => return Ok(None),
                Err(outcome) => return Ok(Some(outcome)),
            }
        }
        let mut entries = Vec::with_capacity(self.arms.len() + 1);
        entries.extend(notice.map(|notice| (notice.as_fd(), Interest::Readable)));
        for arm in &mut self.arms {
            // One that was armed has a descriptor.
            entries.extend(arm.pollable());
        }
        let waited = poll::wait_for_one(&entries, until);
        drop(attended);
        waited.map_err(|error| Error::os("wait for", "any of several", error))?;
        Ok(None)
    }
}

impl<R> fmt::Debug for Arms<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arms").field("count", &self.arms.len()).finish_non_exhaustive()
    }
}
