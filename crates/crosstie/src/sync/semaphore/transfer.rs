//! Permits of the whole process, and permits that go from one owner to another process.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use crosstie_core::word::permits::Permit as Cell;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId, crash_point};

use super::{HeldPermits, OwnedPermit, Permit, Permits, Semaphore};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Domain, OwnerKind};
use crate::sync::held::{Noted, one};
use crate::sync::refusal::LockResult;
use crate::sync::taker::Taker;

/// Taking permits for the whole process.
pub trait AcquireOwned: Deref<Target = Semaphore> + Clone {
    /// Takes one permit for the calling process, and waits until `deadline`.
    ///
    /// # Errors
    /// As [`Semaphore::acquire_until`].
    ///
    /// # Death
    /// It is held until it is dropped or the *process* ends.
    #[track_caller]
    fn acquire_owned_until(&self, deadline: Deadline) -> LockResult<OwnedPermit<Self>> {
        let semaphore: &Semaphore = self;
        let mut places = [(0, 0)];
        let noted = semaphore.take(Taker::process(semaphore.head.tag(), deadline), &mut places)?;
        let [(index, token)] = places;
        Ok(OwnedPermit { held: HeldPermits { semaphore: self.clone(), noted, index, token } })
    }

    /// Takes one permit for the calling *thread*, with a handle of its own, and waits until `deadline`.
    ///
    /// # Errors
    /// As [`Semaphore::acquire_until`].
    ///
    /// # Death
    /// It is held until it is dropped, in this thread, or the thread ends.
    #[track_caller]
    fn acquire_here_until(&self, deadline: Deadline) -> LockResult<OwnedPermit<Self>> {
        let semaphore: &Semaphore = self;
        let mut places = [(0, 0)];
        let noted = semaphore.take(Taker::thread(semaphore.head.tag(), deadline), &mut places)?;
        let [(index, token)] = places;
        Ok(OwnedPermit { held: HeldPermits { semaphore: self.clone(), noted, index, token } })
    }

    /// A permit that somebody transferred to the calling process and that it has not accepted yet; `None` if there is none.
    ///
    /// # Errors
    /// As [`Domain::process_owner`].
    ///
    /// # Death
    /// A permit belongs to this process from the transfer on, told of it or not. Whatever a message would have said of it
    /// that its sender did not live to send: it is found here.
    ///
    /// # Cost
    /// A look at each permit that there is.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::Semaphore;
    /// use crosstie::sync::semaphore::AcquireOwned;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let gpus = Semaphore::open_or_create_in(domain, "gpu", 2)?;
    /// // The other process says by any channel who it is: `process_owner()?.to_bits()`.
    /// let other = domain.process_owner()?;
    /// let permit = gpus.acquire()?;
    /// let index = permit.index();
    /// permit.transfer_to(other)?;
    /// // There:
    /// let permit = gpus.accept()?.expect("it was transferred");
    /// assert_eq!(permit.index(), index);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    fn accept(&self) -> Result<Option<OwnedPermit<Self>>> {
        let semaphore: &Semaphore = self;
        let process = Domain::for_tag(semaphore.head.tag())?.process_known()?;
        let hold = one(semaphore.head.key(), Mode::Units, Location::caller());
        let mut cells = (0..).zip(&semaphore.permits);
        Ok(cells.find_map(|(index, cell)| {
            let token = cell.accept(process.id)?;
            crash_point!("semaphore.accepted");
            let noted = Noted::beside_others(process, &hold);
            Some(OwnedPermit { held: HeldPermits { semaphore: self.clone(), noted, index, token } })
        }))
    }
}

impl<H: Deref<Target = Semaphore> + Clone> AcquireOwned for H {}

/// A permit that was not transferred, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotTransferred<P> {
    /// It is held as before.
    pub permit: P,
    /// Why.
    pub error: Error,
}

impl<P> fmt::Display for NotTransferred<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<P: fmt::Debug> std::error::Error for NotTransferred<P> {}

impl<P> From<NotTransferred<P>> for Error {
    fn from(refused: NotTransferred<P>) -> Self {
        refused.error
    }
}

macro_rules! transfer {
    () => {
        /// Gives it to another process, or to this one: to whoever is [`Domain::process_owner`] there.
        ///
        /// It belongs to that process at once, which takes it in hand with [`AcquireOwned::accept`]; so tell it, by a message
        /// for example. Until then it cannot be taken back.
        ///
        /// # Errors
        /// [`NotTransferred`], with the permit: `Usage` for an owner that is no process; `PeerDied` for one that has ended;
        /// `Lost` for a permit that is not held any more.
        ///
        /// # Death
        /// In one step it goes from owner to owner. Whoever of the two is killed, at any instruction, it belongs to the
        /// other, or is free.
        pub fn transfer_to(mut self, process: OwnerId) -> Result<(), NotTransferred<Self>> {
            let semaphore: &Semaphore = &self.held.semaphore;
            let passed = semaphore.pass_on(&self.held.noted, &[self.held.index], process);
            match passed {
                Ok(()) => {
                    // Dropped, it takes out its note and tells those who wait whom to watch now, and gives nothing back.
                    self.held.index = u32::MAX;
                    Ok(())
                }
                Err(error) => Err(NotTransferred { permit: self, error }),
            }
        }
    };
}

impl Permit<'_> {
    transfer!();
}

impl<H: Deref<Target = Semaphore>> OwnedPermit<H> {
    transfer!();
}

impl Permits<'_> {
    /// Gives them to another process, as [`Permit::transfer_to`], one after the other.
    ///
    /// # Errors
    /// As [`Permit::transfer_to`]; then none went.
    ///
    /// # Death
    /// Of each as [`Permit::transfer_to`]: if the caller is killed meanwhile some have gone, the others are free.
    pub fn transfer_to(mut self, process: OwnerId) -> Result<(), NotTransferred<Self>> {
        let indices: Vec<_> = self.indices().collect();
        match self.semaphore.pass_on(&self.noted, &indices, process) {
            Ok(()) => {
                // As a single one.
                self.places.clear();
                Ok(())
            }
            Err(error) => Err(NotTransferred { permit: self, error }),
        }
    }
}

impl Semaphore {
    /// Makes `process` the owner of permits in place of who has them; of none, if the first is not held.
    fn pass_on(&self, noted: &Noted, indices: &[u32], process: OwnerId) -> Result<()> {
        let domain = Domain::for_tag(self.head.tag())?;
        let failed = |kind| Error::new("transfer", domain.object_name(self.head.key()), kind);
        let is_process = domain.identity(process).is_some_and(|who| who.kind == OwnerKind::Process);
        if !domain.is_alive(process) {
            return Err(failed(ErrorKind::PeerDied).because("the process that was to have it has ended"));
        }
        if !is_process {
            return Err(failed(ErrorKind::Usage)
                .because("a permit is transferred to a process, and that owner is none")
                .advise("ask the other process for its Domain::process_owner"));
        }
        let cells = indices.iter().filter_map(|&index| self.permits.get(index as usize));
        let is_held = |cell: &Cell| noted.is_ours() && cell.owner() == Some(noted.owner);
        if !cells.clone().all(is_held) {
            return Err(failed(ErrorKind::Lost).because("it is not held any more"));
        }
        for cell in cells {
            // One that was taken away by force since is its taker's.
            let _ = cell.pass_on(noted.owner, process);
            crash_point!("semaphore.passed-on");
        }
        Ok(())
    }
}
