//! [`AnyMonitor`]: a monitor by its name and how many bytes its data have, for programs in other languages.

mod awaited;

pub use awaited::OwnedAnyMonitorGuard;

use std::fmt;

use crosstie_core::Deadline;

use super::monitor::{Monitor, MonitorGuard};
use super::predicate::Predicate;
use super::refusal::LockResult;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Domain, Identity};

/// The most bytes that the data of an [`AnyMonitor`] have.
pub const BYTES_MAX: usize = 32768;

/// A monitor for who says of its data no more than how many bytes they have, from 1 to [`BYTES_MAX`]: what C and Python open.
///
/// The data lie in a `Monitor<[u64; N]>` with the smallest N of 8, 64, 512 and 4096 that has room for them, all zeros at first; a program in
/// Rust opens it by that type.
///
/// # Death
/// As a [`Monitor`]'s.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::sync::predicate::at_least;
/// use crosstie::sync::{AnyMonitor, Monitor};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let any = AnyMonitor::open_or_create_in(domain, "stock", 24)?;
/// let mut inside = any.enter_until(Deadline::NEVER)?;
/// inside.data()[0] = 7;
/// let (inside, is_late) = inside.wait_when_until(|data| at_least(&data[0], 7), Deadline::NEVER)?;
/// assert!(!is_late && inside.is_held());
/// drop(inside);
/// let typed = Monitor::<[u64; 8]>::open_or_create_in(domain, "stock", || [0; 8])?;
/// assert_eq!(typed.enter()?[0], 7);
/// # Ok::<(), crosstie::Error>(())
/// ```
pub struct AnyMonitor {
    sized: Sized,
    bytes: usize,
}

enum Sized {
    W8(Shared<Monitor<[u64; 8]>>),
    W64(Shared<Monitor<[u64; 64]>>),
    W512(Shared<Monitor<[u64; 512]>>),
    W4096(Shared<Monitor<[u64; 4096]>>),
}

macro_rules! whichever {
    ($sized:expr, $monitor:ident => $work:expr) => {
        match $sized {
            Sized::W8($monitor) => $work,
            Sized::W64($monitor) => $work,
            Sized::W512($monitor) => $work,
            Sized::W4096($monitor) => $work,
        }
    };
}

impl AnyMonitor {
    /// Opens the monitor `name` of `domain`, or makes it, for data of `bytes` bytes.
    ///
    /// # Errors
    /// `Usage` for a number of bytes or a name that is none; `Mismatch` when it has another number of bytes, or a Rust program's type.
    pub fn open_or_create_in(domain: &'static Domain, name: &str, bytes: usize) -> Result<Self> {
        fn of<const N: usize>(
            domain: &'static Domain,
            name: &str,
            bytes: usize,
        ) -> Result<Shared<Monitor<[u64; N]>>> {
            Monitor::open_or_create_sized_in(domain, name, bytes as u64, || [0; N])
        }
        let sized = match bytes {
            1..=64 => Sized::W8(of(domain, name, bytes)?),
            65..=512 => Sized::W64(of(domain, name, bytes)?),
            513..=4096 => Sized::W512(of(domain, name, bytes)?),
            4097..=BYTES_MAX => Sized::W4096(of(domain, name, bytes)?),
            _ => {
                let why = format!("a monitor's data have 1 to {BYTES_MAX} bytes, not {bytes}");
                return Err(Error::new("open", format!("monitor:{name}"), ErrorKind::Usage)
                    .because(why)
                    .advise("keep the numbers that are waited for in it, and the rest in a region"));
            }
        };
        Ok(Self { sized, bytes })
    }

    /// Enters, and waits for that until `deadline`.
    ///
    /// # Errors
    /// As [`Monitor::enter_until`].
    #[track_caller]
    pub fn enter_until(&self, deadline: Deadline) -> LockResult<AnyMonitorGuard<'_>> {
        whichever!(&self.sized, monitor => guarded(monitor.enter_until(deadline)))
    }

    /// How many bytes its data have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its kind and name: "monitor:stock".
    #[must_use]
    pub fn name(&self) -> &str {
        whichever!(&self.sized, monitor => monitor.name())
    }

    /// The domain in which it has its name.
    #[must_use]
    pub fn domain(&self) -> &'static Domain {
        whichever!(&self.sized, monitor => monitor.domain())
    }
}

impl fmt::Debug for AnyMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyMonitor").field("name", &self.name()).field("bytes", &self.bytes).finish()
    }
}

/// A stay in an [`AnyMonitor`]; it leaves when it is dropped, and wakes who can go on.
pub struct AnyMonitorGuard<'a>(Box<dyn Stay<'a> + 'a>);

/// A stay in a monitor of some size.
trait Stay<'a> {
    fn data(&mut self) -> &mut [u64];
    fn token(&self) -> u64;
    fn is_abandoned(&self) -> bool;
    fn dead_owner(&self) -> Option<Identity>;
    fn is_held(&self) -> bool;
    fn mark_mended(&mut self);
    fn change(self: Box<Self>, deadline: Deadline) -> LockResult<AnyMonitorGuard<'a>>;
    fn when(
        self: Box<Self>,
        needs: &Needs<'_>,
        deadline: Deadline,
    ) -> LockResult<(AnyMonitorGuard<'a>, bool)>;
}

type Needs<'n> = dyn for<'d> Fn(&'d [u64]) -> Predicate<'d> + 'n;

impl<'a, const N: usize> Stay<'a> for MonitorGuard<'a, [u64; N]> {
    fn data(&mut self) -> &mut [u64] {
        &mut **self
    }

    fn token(&self) -> u64 {
        Self::token(self)
    }

    fn is_abandoned(&self) -> bool {
        Self::is_abandoned(self)
    }

    fn dead_owner(&self) -> Option<Identity> {
        Self::dead_owner(self)
    }

    fn is_held(&self) -> bool {
        Self::is_held(self)
    }

    fn mark_mended(&mut self) {
        Self::mark_mended(self);
    }

    fn change(self: Box<Self>, deadline: Deadline) -> LockResult<AnyMonitorGuard<'a>> {
        let mut has_slept = false;
        let waited = (*self).wait_while_until(|_| !std::mem::replace(&mut has_slept, true), deadline);
        guarded(waited.map(|(guard, _)| guard).map_err(|refusal| refusal.map(|(guard, _)| guard)))
    }

    fn when(
        self: Box<Self>,
        needs: &Needs<'_>,
        deadline: Deadline,
    ) -> LockResult<(AnyMonitorGuard<'a>, bool)> {
        let guarded = |(guard, is_late): (Self, bool)| (AnyMonitorGuard(Box::new(guard)), is_late);
        let waited = (*self).wait_when_until(|data| needs(data), deadline);
        waited.map(guarded).map_err(|refusal| refusal.map(guarded))
    }
}

fn guarded<'a, const N: usize>(
    entered: LockResult<MonitorGuard<'a, [u64; N]>>,
) -> LockResult<AnyMonitorGuard<'a>> {
    let guarded = |guard: MonitorGuard<'a, [u64; N]>| AnyMonitorGuard(Box::new(guard));
    entered.map(guarded).map_err(|refusal| refusal.map(guarded))
}

impl AnyMonitorGuard<'_> {
    /// The data, as the numbers in which they lie: those who wait for a change are told of one.
    #[must_use]
    pub fn data(&mut self) -> &mut [u64] {
        self.0.data()
    }

    /// Waits, outside meanwhile, until somebody has been inside who may have changed the data, or until `deadline`: look at them then.
    ///
    /// # Errors
    /// As [`MonitorGuard::wait_while_until`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::Deadline;
    /// use crosstie::sync::AnyMonitor;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let stock = AnyMonitor::open_or_create_in(domain, "stock", 8)?;
    /// std::thread::scope(|threads| -> crosstie::Result<()> {
    ///     let mut inside = stock.enter_until(Deadline::NEVER)?;
    ///     threads.spawn(|| stock.enter_until(Deadline::NEVER).unwrap().data()[0] = 1);
    ///     while inside.data()[0] == 0 {
    ///         inside = inside.wait_change_until(Deadline::NEVER)?;
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_change_until(self, deadline: Deadline) -> LockResult<Self> {
        self.0.change(deadline)
    }

    /// As [`MonitorGuard::wait_when_until`], with the numbers in which the data lie.
    ///
    /// # Errors
    /// As [`MonitorGuard::wait_when_until`].
    #[track_caller]
    pub fn wait_when_until(
        self,
        needs: impl for<'d> Fn(&'d [u64]) -> Predicate<'d>,
        deadline: Deadline,
    ) -> LockResult<(Self, bool)> {
        self.0.when(&needs, deadline)
    }

    /// As [`MonitorGuard::token`].
    #[must_use]
    pub fn token(&self) -> u64 {
        self.0.token()
    }

    /// As [`MonitorGuard::is_abandoned`].
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }

    /// As [`MonitorGuard::dead_owner`].
    #[must_use]
    pub fn dead_owner(&self) -> Option<Identity> {
        self.0.dead_owner()
    }

    /// As [`MonitorGuard::is_held`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// As [`MonitorGuard::mark_mended`].
    pub fn mark_mended(&mut self) {
        self.0.mark_mended();
    }
}

impl fmt::Debug for AnyMonitorGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyMonitorGuard").field("token", &self.token()).finish_non_exhaustive()
    }
}
