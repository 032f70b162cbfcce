//! Why somebody did not get their turn, and what they are told.

use std::fmt;
use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::wait::Refused;
use crosstie_core::word::head::Head;

use crate::error::{Error, ErrorKind};
use crate::ledger::identity::Described;
use crate::ledger::{Deadlock, Domain, Identity};
use crate::os::clock;

/// What locking answers.
pub type LockResult<G> = Result<G, LockError<G>>;

/// Why a lock was not had cleanly. Two of the cases carry the guard: the lock is held, and what it
/// protects has to be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError<G> {
    /// The last owner died inside: the data may be half changed. Mend them and say so
    /// (`mark_mended`), or drop the guard: then the next owner is told again.
    Abandoned(G),
    /// The last owner panicked inside, as in `std`.
    Poisoned(G),
    /// Somebody else has it, and the caller did not want to wait.
    Busy(Box<Occupied>),
    /// The deadline passed.
    TimedOut(Box<Occupied>),
    /// To wait would be a deadlock, which it names.
    Deadlock(Box<Deadlock>),
    /// It could not be asked for.
    Failed(Error),
}

/// Who had an object that somebody did not get, at that moment.
///
/// # Cost
/// To get one, no system call: what stands in the ledger is copied. The object's name is looked up when somebody asks
/// for it ([`Occupied::object`], `Display`).
#[derive(Clone, Debug)]
pub struct Occupied {
    domain: &'static Domain,
    key: u64,
    holders: Vec<Described>,
    /// Since the first of those who wait found it so.
    met_for: Option<Duration>,
    ahead: u64,
    waited: Duration,
    told_ns: u64,
}

impl fmt::Display for Occupied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object();
        f.write_str(&object)?;
        if let Some((first, others)) = self.holders().split_first() {
            write!(f, " is held by {first}")?;
            for other in others {
                write!(f, ", {other}")?;
            }
        } else {
            let kind = object.split(':').next();
            f.write_str(match kind {
                Some("count") => " is 0",
                Some("event") => " is not set",
                _ => " is not free",
            })?;
        }
        if let Some(held_for) = self.held_for() {
            write!(f, " for {}", clock::in_words(held_for))?;
        }
        if self.ahead > 0 {
            write!(f, ", {} ahead", self.ahead)?;
        }
        if self.waited >= Duration::from_millis(1) {
            write!(f, ", after a wait of {}", clock::in_words(self.waited))?;
        }
        Ok(())
    }
}

impl Occupied {
    /// What `domain` says now of the object of `head`, held by `holders`.
    #[cold]
    pub(super) fn now(domain: &'static Domain, head: &Head, holders: &[OwnerId], since_ns: u64) -> Self {
        let now = clock::now_ns();
        let key = head.key();
        Self {
            domain,
            key,
            holders: holders.iter().filter_map(|&id| domain.describe(id)).collect(),
            met_for: head.held_since_ns().map(|since| Duration::from_nanos(now.saturating_sub(since))),
            ahead: domain.waiters(key).count() as u64,
            waited: Duration::from_nanos(if since_ns == 0 { 0 } else { now.saturating_sub(since_ns) }),
            told_ns: now,
        }
    }

    /// The object: `lock:stock`; on the heap, or removed since, its number.
    ///
    /// # Cost
    /// As [`Domain::object_name`]: for people.
    #[must_use]
    pub fn object(&self) -> String {
        self.domain.object_name(self.key)
    }

    /// Who had it, as far as that could be told.
    #[must_use]
    pub fn holders(&self) -> Vec<Identity> {
        self.holders.iter().map(Described::identity).collect()
    }

    /// For how long at least they had had it: since its program was started where a command has it, else since the first
    /// of those who wait found it so.
    #[must_use]
    pub fn held_for(&self) -> Option<Duration> {
        let told = Duration::from_nanos(clock::now_ns().saturating_sub(self.told_ns));
        let commands = self.holders().iter().filter_map(Identity::running_for).max();
        commands.map(|running| running.saturating_sub(told)).max(self.met_for)
    }

    /// How many stood before the caller in the queue.
    #[must_use]
    pub fn ahead(&self) -> u64 {
        self.ahead
    }

    /// How long the caller had waited.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl<G> LockError<G> {
    /// The kind, and so the id and the exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Abandoned(_) => ErrorKind::Abandoned,
            Self::Poisoned(_) => ErrorKind::Poisoned,
            Self::Busy(_) => ErrorKind::Busy,
            Self::TimedOut(_) => ErrorKind::TimedOut,
            Self::Deadlock(_) => ErrorKind::Deadlock,
            Self::Failed(error) => error.kind(),
        }
    }

    /// The guard, where the lock is held although not cleanly.
    ///
    /// # Errors
    /// The refusal itself, where it is not.
    pub fn into_guard(self) -> Result<G, Self> {
        match self {
            Self::Abandoned(guard) | Self::Poisoned(guard) => Ok(guard),
            other => Err(other),
        }
    }

    /// The same refusal with another guard, made from this one's.
    ///
    /// # Examples
    /// ```
    /// use crosstie::sync::LockError;
    /// assert!(matches!(LockError::Abandoned(7).map(|seven| seven + 1), LockError::Abandoned(8)));
    /// ```
    #[inline]
    #[must_use]
    pub fn map<H>(self, with: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            Self::Abandoned(guard) => LockError::Abandoned(with(guard)),
            Self::Poisoned(guard) => LockError::Poisoned(with(guard)),
            Self::Busy(who) => LockError::Busy(who),
            Self::TimedOut(who) => LockError::TimedOut(who),
            Self::Deadlock(cycle) => LockError::Deadlock(cycle),
            Self::Failed(error) => LockError::Failed(error),
        }
    }

    /// What a refused wait for the object of `head` is to its caller.
    #[cold]
    pub(super) fn refused(
        refused: Refused<Deadlock>,
        domain: &'static Domain,
        occupied: impl FnOnce() -> Occupied,
    ) -> Self {
        match refused {
            Refused::Busy => Self::Busy(Box::new(occupied())),
            Refused::TimedOut => Self::TimedOut(Box::new(occupied())),
            Refused::Deadlock(cycle) => Self::Deadlock(Box::new(cycle)),
            Refused::DomainRemoved => Self::Failed(domain_removed(domain)),
        }
    }
}

/// The domain's name leads elsewhere: who waits there waits for ever.
pub(super) fn domain_removed(domain: &'static Domain) -> Error {
    Error::new("wait in domain", domain.name(), ErrorKind::NotFound)
        .because("it was removed while this process used it: whoever comes now is in another one")
        .advise("restart the process; if this happens at logout, enable lingering (loginctl enable-linger)")
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abandoned(_) => f.write_str("abandoned: the last owner died while it had the lock"),
            Self::Poisoned(_) => f.write_str("poisoned: the last owner panicked while it had the lock"),
            Self::Busy(who) => write!(f, "busy: {who}"),
            Self::TimedOut(who) => write!(f, "timed out: {who}"),
            Self::Deadlock(cycle) => cycle.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<G: fmt::Debug> std::error::Error for LockError<G> {}

/// Loses the guard, so that `?` serves where the caller mends nothing: the lock is given up again.
impl<G> From<LockError<G>> for Error {
    fn from(refusal: LockError<G>) -> Self {
        match refusal {
            LockError::Failed(error) => error,
            other => {
                let text = other.to_string();
                let kind = other.kind();
                let is_alone = matches!(&other, LockError::Deadlock(deadlock) if deadlock.length() == 1);
                let cause = text.split_once(": ").map_or(text.as_str(), |(_, cause)| cause);
                let advice = match kind {
                    ErrorKind::Abandoned => "mend the data: lock_or_repair",
                    ErrorKind::Deadlock if is_alone => "take it once: who asks has it already",
                    ErrorKind::Deadlock => "take both at once with lock_all, or always in the same order",
                    _ => "",
                };
                Self::new("lock", "", kind).because(cause).advise(advice)
            }
        }
    }
}
