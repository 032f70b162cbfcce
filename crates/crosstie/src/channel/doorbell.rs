//! [`Doorbell`]: an end's wait as a descriptor, for `epoll`; [`Ringer`]: who wakes it.
//!
//! A futex is no descriptor, an eventfd cannot be opened by an unrelated process, and `epoll` sees no life word (HAZARDS H18). So an end
//! that waits for descriptors makes a FIFO in the domain's directory, once, and says in the channel's own words, beside "asleep", at which
//! one. Whoever finds somebody asleep looks there and writes one byte. Who is awake, or sleeps on a futex, costs nothing more than before.
//!
//! What polls is one `epoll` for the life of the end, over:
//!
//! | in it | tells |
//! |---|---|
//! | the FIFO | a wake |
//! | a pidfd for each one watched | that its process has ended: what it changed last, it may not have told |
//! | ticks, 50 ms apart | nothing: look. Only while one watched lives in another PID namespace, the kernel has no `membarrier`, or a queue has a lease |
//!
//! # Invariants
//! - **I1** Who waits has taken the bytes out, then announced itself, then looked: what is written from there on stays in the FIFO.
//! - **I2** Whose death can leave a wake undone was in the `epoll` before the last look.
//! - **I3** The FIFO has its name when the end announces itself; only who holds the end makes or removes it.
//!
//! # Death
//! The FIFO of an end that was killed stays, and is removed by the next who takes that end, or with the channel.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosstie_core::ring::asleep;
use crosstie_core::ring::spsc::Barrier;
use crosstie_core::{Deadline, OwnerId};

use crate::error::{Error, Result};
use crate::ledger::Domain;
use crate::ledger::liveness::ProcessEnd;
use crate::os::poll::Poller;
use crate::os::{directory, doorbell as os, futex, process, ticks};

const FIFO: u64 = 0;
const TICKS: u64 = 1;
/// The key of the first process that is watched.
const WATCHED: u64 = 2;

/// The doorbell at which one end of a channel waits.
#[derive(Debug)]
pub(super) struct Doorbell {
    domain: &'static Domain,
    /// Its name in the domain's directory.
    name: String,
    fifo: OwnedFd,
    number: asleep::Doorbell,
    poller: Poller,
    watched: Vec<Watched>,
    next_key: u64,
    ticks: Option<OwnedFd>,
    /// The process that made it.
    epoch: u64,
}

/// Whether everything that must end a wait is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It is.
    Told,
    /// Something is not: look again and again.
    Blind,
}

impl Sight {
    pub(super) fn of(barrier: Barrier) -> Self {
        match barrier {
            Barrier::Asymmetric => Self::Told,
            // Nobody can fence for this process, so an announcement may be overlooked.
            Barrier::Fence => Self::Blind,
        }
    }
}

/// Somebody whose death must end the wait.
#[derive(Debug)]
struct Watched {
    id: OwnerId,
    key: u64,
    /// `None` for one whose end no descriptor tells.
    ends: Option<OwnedFd>,
}

impl Doorbell {
    /// Makes the doorbell `name`; the caller holds the end that it is for.
    pub(super) fn new(domain: &'static Domain, name: String) -> Result<Self> {
        let poller = Poller::new().map_err(|error| failed(&name, error))?;
        let (fifo, number) = make(domain, &name)?;
        poller.add(&fifo, FIFO).map_err(|error| failed(&name, error))?;
        let epoch = process::fork_epoch();
        let (watched, next_key) = (Vec::new(), WATCHED);
        Ok(Self { domain, name, fifo, number, poller, watched, next_key, ticks: None, epoch })
    }

    /// Which one it is, for the announcement.
    pub(super) fn number(&self) -> asleep::Doorbell {
        self.number
    }

    /// Before an announcement: what was rung is heard, and from now on the deaths of `watch` are. False if one of them
    /// is dead.
    pub(super) fn prepare(&mut self, watch: &[OwnerId], sight: Sight) -> Result<bool> {
        os::empty(&self.fifo);
        self.keep_name()?;
        if !self.hear()? || !self.watch(watch)? {
            return Ok(false);
        }
        let is_blind = sight == Sight::Blind || self.watched.iter().any(|watched| watched.ends.is_none());
        self.tick(is_blind)?;
        Ok(true)
    }

    /// Whoever removed the name meanwhile has removed what others would ring.
    fn keep_name(&mut self) -> Result<()> {
        let links = directory::stat(self.fifo.as_fd()).map_err(|error| failed(&self.name, error))?.links;
        if links > 0 {
            return Ok(());
        }
        let (fifo, number) = make(self.domain, &self.name)?;
        self.poller.add(&fifo, FIFO).map_err(|error| failed(&self.name, error))?;
        // The old one leaves the poller with its last descriptor.
        self.fifo = fifo;
        self.number = number;
        Ok(())
    }

    /// Looks at what has become readable beside the FIFO; false if somebody watched is dead.
    fn hear(&mut self) -> Result<bool> {
        let mut keys = Vec::new();
        self.poller.wait(Deadline::NOW, &mut keys).map_err(|error| failed(&self.name, error))?;
        let mut is_sound = true;
        for key in keys {
            if key == TICKS {
                self.ticks.iter().for_each(os::empty);
            }
            let Some(at) = self.watched.iter().position(|watched| watched.key == key) else { continue };
            // The process has ended; a mark that the kernel did not make is made now.
            is_sound &= self.domain.confirm_alive(self.watched[at].id);
            self.watched[at].ends = None;
        }
        Ok(is_sound)
    }

    /// Watches these and nobody else; false if one of them is dead.
    fn watch(&mut self, watch: &[OwnerId]) -> Result<bool> {
        // Closed, a pidfd leaves the poller.
        self.watched.retain(|watched| watch.contains(&watched.id));
        for &id in watch {
            if !self.domain.is_alive(id) {
                return Ok(false);
            }
            if self.watched.iter().any(|watched| watched.id == id) {
                continue;
            }
            let key = self.next_key;
            let ends = match self.domain.process_end(id) {
                ProcessEnd::Past => return Ok(false),
                ProcessEnd::Unseen => None,
                ProcessEnd::Polls(fd) => {
                    self.poller.add(&fd, key).map_err(|error| failed(&self.name, error))?;
                    Some(fd)
                }
            };
            self.next_key += 1;
            self.watched.push(Watched { id, key, ends });
        }
        Ok(true)
    }

    fn tick(&mut self, is_blind: bool) -> Result<()> {
        if is_blind == self.ticks.is_some() {
            return Ok(());
        }
        self.ticks = None;
        if is_blind {
            let period_ns = u32::try_from(futex::SLICE_NS).unwrap_or(u32::MAX);
            let ticks = ticks::every(period_ns).map_err(|error| failed(&self.name, error))?;
            self.poller.add(&ticks, TICKS).map_err(|error| failed(&self.name, error))?;
            self.ticks = Some(ticks);
        }
        Ok(())
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        // A fork child's copy is its parent's.
        if process::is_fork_epoch(self.epoch) {
            forget(self.domain, &self.name);
        }
    }
}

/// Removes the doorbell `name`, whose end nobody holds but the caller.
pub(super) fn forget(domain: &'static Domain, name: &str) {
    // Mostly there is none.
    let _ = directory::unlink_in(domain.directory().as_fd(), name);
}

fn make(domain: &'static Domain, name: &str) -> Result<(OwnedFd, asleep::Doorbell)> {
    let directory = domain.directory();
    let fifo =
        os::make(directory.as_fd(), name, directory.file_mode()).map_err(|error| failed(name, error))?;
    let number = number_of(&fifo).map_err(|error| failed(name, error))?;
    Ok((fifo, number))
}

fn number_of(fifo: &OwnedFd) -> std::io::Result<asleep::Doorbell> {
    // As long as somebody has it open, no other file has its number.
    Ok(asleep::Doorbell::of(directory::stat(fifo.as_fd())?.inode))
}

fn failed(name: &str, error: std::io::Error) -> Error {
    Error::os("wait at", name, error)
}

/// Rings the doorbell `name`, if there is one.
pub(super) fn ring(domain: &'static Domain, name: &str) {
    if let Ok(Some(doorbell)) = os::open(domain.directory().as_fd(), name) {
        os::ring(doorbell);
    }
}

/// Rings the doorbell of another end, which it keeps open.
#[derive(Debug)]
pub(super) struct Ringer {
    domain: &'static Domain,
    name: String,
    open: Mutex<Option<(asleep::Doorbell, OwnedFd)>>,
}

impl Ringer {
    pub(super) fn new(domain: &'static Domain, name: String) -> Self {
        Self { domain, name, open: Mutex::new(None) }
    }

    /// Wakes who waits at the doorbell `number`.
    #[cold]
    pub(super) fn ring(&self, number: asleep::Doorbell) {
        let mut open = self.lock();
        let is_open = open.as_ref().is_some_and(|(known, _)| *known == number);
        if !is_open {
            *open = self.find();
        }
        if let Some((_, doorbell)) = open.as_ref() {
            os::ring(doorbell);
        }
    }

    /// Wakes whoever waits at the doorbell of that end, announced or not.
    #[cold]
    pub(super) fn ring_whichever(&self) {
        let mut open = self.lock();
        *open = self.find();
        if let Some((_, doorbell)) = open.as_ref() {
            os::ring(doorbell);
        }
    }

    /// The doorbell that has the name now.
    fn find(&self) -> Option<(asleep::Doorbell, OwnedFd)> {
        let doorbell = os::open(self.domain.directory().as_fd(), &self.name).ok()??;
        Some((number_of(&doorbell).ok()?, doorbell))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(asleep::Doorbell, OwnedFd)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
