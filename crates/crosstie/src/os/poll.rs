//! Waiting for a descriptor: one by `ppoll`, many by `epoll`, both until a deadline.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crosstie_core::Deadline;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::clock;

/// No single wait in the kernel is longer; a longer one is several.
const SLICE_NS: u64 = 3_600_000_000_000;

/// What a wait on one descriptor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// A read would not block: there is something, or the end.
    Readable,
    /// A write of some bytes would not block: there is room, or nobody to read.
    Writable,
    /// Only an error or that both directions have ended.
    Hangup,
}

impl Interest {
    fn flags(self) -> PollFlags {
        match self {
            Self::Readable => PollFlags::IN,
            Self::Writable => PollFlags::OUT,
            Self::Hangup => PollFlags::empty(),
        }
    }
}

/// Waits until `fd` is ready or `deadline` has passed; answers whether it is ready.
///
/// # Errors
/// What `ppoll` answers; never an interruption by a signal.
pub fn wait(fd: BorrowedFd<'_>, interest: Interest, deadline: Deadline) -> io::Result<bool> {
    let mut entries = [PollFd::new(&fd, interest.flags())];
    loop {
        let (timeout, last) = slice(deadline);
        match rustix::event::poll(&mut entries, timeout.as_ref()) {
            Ok(0) if last => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until at least one of `entries` is readable; puts the keys of those into `ready`, none when
/// `deadline` passed first.
///
/// Cheaper than a [`Poller`] for a few: who writes to a descriptor wakes nobody while nobody waits.
///
/// # Errors
/// What `ppoll` answers; never an interruption by a signal.
pub fn wait_any<'fd>(
    entries: impl Iterator<Item = (BorrowedFd<'fd>, u64)>,
    deadline: Deadline,
    ready: &mut Vec<u64>,
) -> io::Result<()> {
    let (mut polled, keys): (Vec<_>, Vec<_>) =
        entries.map(|(fd, key)| (PollFd::from_borrowed_fd(fd, PollFlags::IN), key)).unzip();
    loop {
        let (timeout, last) = slice(deadline);
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(0) if !last => {}
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let is_ready = |(entry, key): (&PollFd<'_>, &u64)| (!entry.revents().is_empty()).then_some(*key);
    ready.extend(polled.iter().zip(&keys).filter_map(is_ready));
    Ok(())
}

/// As [`wait`], with a passed deadline as an error: `WouldBlock` for [`Deadline::NOW`], else
/// `TimedOut`.
///
/// # Errors
/// These two, and those of [`wait`].
pub fn wait_or_fail(fd: BorrowedFd<'_>, interest: Interest, deadline: Deadline) -> io::Result<()> {
    if wait(fd, interest, deadline)? {
        return Ok(());
    }
    Err(if deadline.is_now() { io::ErrorKind::WouldBlock } else { io::ErrorKind::TimedOut }.into())
}

/// Waits until `first` is ready for its interest, or `second` for its own, or `deadline` has passed;
/// answers which of them are ready. Both may lead to one object.
///
/// # Errors
/// What `ppoll` answers; never an interruption by a signal.
pub fn wait_either(
    first: (BorrowedFd<'_>, Interest),
    second: (BorrowedFd<'_>, Interest),
    deadline: Deadline,
) -> io::Result<(bool, bool)> {
    let mut entries = [first, second].map(|(fd, interest)| PollFd::from_borrowed_fd(fd, interest.flags()));
    loop {
        let (timeout, last) = slice(deadline);
        match rustix::event::poll(&mut entries, timeout.as_ref()) {
            Ok(0) if !last => {}
            Err(Errno::INTR) => {}
            Ok(_) => return Ok((!entries[0].revents().is_empty(), !entries[1].revents().is_empty())),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until one of `entries` is ready for its interest, or `deadline` has passed; answers whether one is.
///
/// # Errors
/// What `ppoll` answers; never an interruption by a signal.
pub fn wait_for_one(entries: &[(BorrowedFd<'_>, Interest)], deadline: Deadline) -> io::Result<bool> {
    let entries = entries.iter().map(|&(fd, interest)| PollFd::from_borrowed_fd(fd, interest.flags()));
    let mut polled: Vec<_> = entries.collect();
    loop {
        let (timeout, last) = slice(deadline);
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(0) if last => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sleeps for `ns` nanoseconds or until `deadline`, whichever is first.
pub fn pause(ns: u64, deadline: Deadline) {
    let until = Deadline::at_ns(clock::now_ns().saturating_add(ns)).min(deadline);
    loop {
        let (timeout, last) = slice(until);
        let answer = rustix::event::poll(&mut [], timeout.as_ref());
        if last && answer != Err(Errno::INTR) {
            return;
        }
    }
}

/// The next wait's length, and whether the deadline lies within it.
fn slice(deadline: Deadline) -> (Option<Timespec>, bool) {
    if deadline.is_never() {
        return (None, false);
    }
    let left_ns = if deadline.is_now() { 0 } else { deadline.left_ns(clock::now_ns()) };
    let ns = left_ns.min(SLICE_NS);
    let timeout = Timespec {
        tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (ns % 1_000_000_000).cast_signed(),
    };
    (Some(timeout), ns == left_ns)
}

/// Many descriptors under one wait; each is known by the key that it was added with.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What it was added with.
    pub key: u64,
    /// Its other end has gone, or sends nothing more; what it had sent is there first.
    pub is_hung_up: bool,
}

/// How many ready descriptors one wait reports at most.
const EVENTS_MAX: usize = 64;
const WATCHED: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);
const HUNG_UP: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

impl Poller {
    /// A poller without descriptors.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    /// Reports `key` whenever `fd` is readable, until it is removed or closed.
    ///
    /// # Errors
    /// What `epoll_ctl` answers: no room, or a descriptor that cannot be polled.
    pub fn add(&self, fd: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key), EventFlags::IN)?)
    }

    /// As [`Poller::add`]; one that is there already stays as it is.
    ///
    /// # Errors
    /// As [`Poller::add`].
    pub fn keep(&self, fd: impl AsFd, key: u64) -> io::Result<()> {
        match self.add(fd, key) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            added => added,
        }
    }

    /// Reports `key` to one waiter, once, when `fd` is readable; again after [`Poller::rearm`].
    ///
    /// # Errors
    /// As [`Poller::add`].
    pub fn add_once(&self, fd: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key), EventFlags::IN | EventFlags::ONESHOT)?)
    }

    /// Reports `key` to one waiter each time that more arrives at `fd`, or its other end goes: not while it is readable, but
    /// when it becomes so. Who has read until nothing was left misses nothing; who has not, [watches it anew](Poller::rewatch).
    ///
    /// # Errors
    /// As [`Poller::add`].
    pub fn watch(&self, fd: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key), WATCHED)?)
    }

    /// As [`Poller::watch`], of what is watched already, and also for room where that is asked for; reports at once what is
    /// there.
    ///
    /// # Errors
    /// When it was not added.
    pub fn rewatch(&self, fd: impl AsFd, key: u64, also: Option<Interest>) -> io::Result<()> {
        let flags = match also {
            Some(Interest::Writable) => WATCHED | EventFlags::OUT,
            _ => WATCHED,
        };
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(key), flags)?)
    }

    /// Reports `key` once more when `fd` is ready for `interest`; at once if it is already.
    ///
    /// # Errors
    /// When it was not added.
    pub fn rearm(&self, fd: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        let flags = EventFlags::ONESHOT
            | match interest {
                Interest::Readable => EventFlags::IN,
                Interest::Writable => EventFlags::OUT,
                // Always reported.
                Interest::Hangup => EventFlags::empty(),
            };
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(key), flags)?)
    }

    /// Waits until one is ready, and takes it: of many waiters each gets another. `None` when
    /// `deadline` passed first.
    ///
    /// # Errors
    /// What `epoll_wait` answers; never an interruption by a signal.
    pub fn take(&self, deadline: Deadline) -> io::Result<Option<Ready>> {
        let mut events = [MaybeUninit::uninit(); 1];
        loop {
            let (timeout, last) = slice(deadline);
            match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
                Ok(([], _)) if !last => {}
                Ok((events, _)) => {
                    return Ok(events.first().map(|event| {
                        let (key, flags) = (event.data.u64(), event.flags);
                        Ready { key, is_hung_up: flags.intersects(HUNG_UP) }
                    }));
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reports `fd` no longer.
    ///
    /// # Errors
    /// When it was not added.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until at least one is readable; puts their keys into `ready`, none when `deadline`
    /// passed first.
    ///
    /// # Errors
    /// What `epoll_wait` answers; never an interruption by a signal.
    pub fn wait(&self, deadline: Deadline, ready: &mut Vec<u64>) -> io::Result<()> {
        let mut events = [MaybeUninit::uninit(); EVENTS_MAX];
        loop {
            let (timeout, last) = slice(deadline);
            match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
                Ok(([], _)) if !last => {}
                Ok((events, _)) => {
                    ready.extend(events.iter().map(|event| event.data.u64()));
                    return Ok(());
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_arrives_is_told_once_and_an_end_behind_it_too() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let poller = Poller::new().unwrap();
        poller.watch(&ours, 7).unwrap();
        let told = || poller.take(Deadline::NOW).unwrap();
        assert_eq!(told(), None);
        theirs.write_all(b"one").unwrap();
        let arrived = Some(Ready { key: 7, is_hung_up: false });
        assert_eq!((told(), told()), (arrived, None), "told while it lies there");
        theirs.write_all(b"two").unwrap();
        assert_eq!((told(), told()), (arrived, None));
        poller.rewatch(&ours, 7, None).unwrap();
        assert_eq!(told(), arrived, "who has not read all is told anew");
        assert_eq!(ours.read(&mut [0; 16]).unwrap(), 6);
        drop(theirs);
        let gone = Some(Ready { key: 7, is_hung_up: true });
        assert_eq!(told(), gone);
        poller.rewatch(&ours, 7, None).unwrap();
        assert_eq!(told(), gone, "its end stays");
    }
}
