//! [`Barrier`]: whoever comes waits until all have come.

mod awaited;

pub use awaited::{Join, Party};

use std::fmt;
use std::time::Duration;

use crosstie_core::layout::header::layout_hash;
use crosstie_core::turns::barrier::{self as turns, Passed};
use crosstie_core::wait::Refused;
use crosstie_core::word::barrier::{Seat, mend, read};
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

pub use crosstie_core::turns::barrier::OnDeath;

use super::object::{self, Object, Wanted};
use super::refusal::{LockError, Occupied};
use super::shared::Shared;
use super::taker::Taker;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::deadlock::Deadlock;
use crate::ledger::{Domain, Identity};
use crate::os::clock;

/// The most parties of a barrier.
pub const PARTIES_MAX: usize = 64;

/// A barrier for a number of parties, again and again: each waits until all have come.
///
/// A thread is a party from its first wait on; a task is one by a [`Party`].
///
/// # Death
/// A party that dies before it has come breaks the barrier ([`OnDeath::Break`]): all who wait are told at once who
/// it was, and everyone who comes until somebody calls [`Barrier::reset`]. With [`OnDeath::Shrink`] it counts as come
/// for ever, until another takes its seat.
///
/// # Examples
/// ```
/// use crosstie::sync::barrier::{Barrier, OnDeath};
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let phase = Barrier::open_or_create_in(domain, "phase", 2, OnDeath::Break)?;
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| phase.wait().unwrap());
///     let leads = phase.wait().unwrap();
///     assert_ne!(leads, other.join().unwrap(), "one of them leads");
/// });
/// # Ok::<(), crosstie::Error>(())
/// ```
///
/// # Source
/// The protocol: `crosstie_core::word::barrier`.
#[repr(C)]
pub struct Barrier {
    head: Head,
    seats: [Seat; PARTIES_MAX],
}

#[expect(unsafe_code, reason = "promises what an object is")]
mod promises {
    use super::{Barrier, Head, Object, layout_hash};

    // SAFETY: repr(C), begins with its head, atomics only.
    unsafe impl Object for Barrier {
        const KIND: &'static str = "barrier";
        const SHAPE: u64 = 1;
        const LAYOUT: u64 = layout_hash("barrier 2: head (parties + shrink << 16 as patience), seats 64x32");

        fn describe() -> String {
            "Barrier".to_owned()
        }

        fn describe_parameter(parameter: u64) -> String {
            let death = if parameter >> 16 == 0 { "breaks" } else { "shrinks" };
            format!("for {} parties, and {death} when one dies", parameter & 0xFFFF)
        }

        fn head(&self) -> &Head {
            &self.head
        }
    }
}

/// Why a barrier let nobody through.
#[derive(Debug)]
#[non_exhaustive]
pub enum BarrierError {
    /// A party died before it came; who, if that is still known. Reset it.
    Broken(Option<Identity>),
    /// The deadline passed, or it was not to be waited for: not all have come.
    Late(Box<Occupied>),
    /// It could not be asked for: more parties than it has, no room in the domain.
    Failed(Error),
}

impl BarrierError {
    /// The kind, and so the id and the exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Broken(_) => ErrorKind::PeerDied,
            Self::Late(_) => ErrorKind::TimedOut,
            Self::Failed(error) => error.kind(),
        }
    }
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(Some(who)) => {
                write!(f, "the barrier is broken: {who} died before it came; reset it")
            }
            Self::Broken(None) => f.write_str("the barrier is broken: a party died before it came; reset it"),
            Self::Late(who) => {
                let (object, others) = (who.object(), who.ahead());
                write!(f, "timed out: not all came to {object}; behind this one {others} wait there")?;
                match who.waited() {
                    short if short < Duration::from_millis(1) => Ok(()),
                    waited => write!(f, ", after a wait of {}", clock::in_words(waited)),
                }
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BarrierError {}

impl From<BarrierError> for Error {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Failed(error) => error,
            other => Self::new("wait at barrier", "", other.kind()).because(other.to_string()),
        }
    }
}

impl Barrier {
    /// A barrier on the heap.
    ///
    /// # Panics
    /// If `parties` is 0 or above [`PARTIES_MAX`].
    #[must_use]
    pub const fn new(parties: u32, on_death: OnDeath) -> Self {
        assert!(parties > 0 && parties as usize <= PARTIES_MAX, "1 to 64 parties");
        let shrinks = matches!(on_death, OnDeath::Shrink) as u32;
        Self { head: Head::new(parties | (shrinks << 16)), seats: [const { Seat::empty() }; PARTIES_MAX] }
    }

    /// Opens the barrier `name` of the default domain, or makes it.
    ///
    /// # Errors
    /// `Usage` for a number that is none; `Mismatch` when it has other parties or dies otherwise.
    pub fn open_or_create(name: &str, parties: u32, on_death: OnDeath) -> Result<Shared<Self>> {
        Self::open_or_create_in(Domain::open_default()?, name, parties, on_death)
    }

    /// As [`Barrier::open_or_create`], in `domain`.
    ///
    /// # Errors
    /// As [`Barrier::open_or_create`].
    pub fn open_or_create_in(
        domain: &'static Domain,
        name: &str,
        parties: u32,
        on_death: OnDeath,
    ) -> Result<Shared<Self>> {
        if parties == 0 || parties as usize > PARTIES_MAX {
            return Err(Error::new("open", format!("barrier:{name}"), ErrorKind::Usage)
                .because(format!("a barrier has 1 to {PARTIES_MAX} parties, not {parties}"))
                .advise("say how many come, the same number everywhere"));
        }
        let parameter = u64::from(parties) | (u64::from(on_death == OnDeath::Shrink) << 16);
        object::open_or_create(domain, name, Wanted { parameter, exact: true }, || {
            Self::new(parties, on_death)
        })
    }

    /// Opens the barrier `name` of `domain`, which must exist, with as many parties as it has.
    ///
    /// # Errors
    /// `NotFound`; as [`Barrier::open_or_create`].
    pub fn open_in(domain: &'static Domain, name: &str) -> Result<Shared<Self>> {
        object::open(domain, name, Wanted { parameter: 0, exact: false })
    }

    /// How many parties it has.
    #[must_use]
    pub fn parties(&self) -> u32 {
        (self.head.patience_us() & 0xFFFF).min(PARTIES_MAX as u32)
    }

    /// Waits until all have come; true for one of them.
    ///
    /// # Errors
    /// [`BarrierError`].
    #[track_caller]
    pub fn wait(&self) -> Result<bool, BarrierError> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`Barrier::wait`], for at most `timeout`.
    ///
    /// # Errors
    /// [`BarrierError`]; late, it counts as not come.
    #[track_caller]
    pub fn wait_for(&self, timeout: Duration) -> Result<bool, BarrierError> {
        self.wait_until(clock::deadline_in(timeout))
    }

    /// As [`Barrier::wait`], until `deadline`.
    ///
    /// # Errors
    /// [`BarrierError`]; late, it counts as not come.
    #[track_caller]
    pub fn wait_until(&self, deadline: Deadline) -> Result<bool, BarrierError> {
        let taker = Taker::thread(self.head.tag(), deadline).map_err(BarrierError::Failed)?;
        taker.name(&self.head);
        let domain = taker.domain();
        let request = taker.request(Mode::Arrival, 1, self.parties());
        let since = clock::now_ns();
        let announce = || domain.announce_change(&self.head);
        let (seats, on_death) = (self.seats(), self.on_death());
        let arrived = turns::arrive(&self.head, seats, on_death, &taker.me, taker.owner, &request, announce);
        self.told(domain, arrived, since)
    }

    fn seats(&self) -> &[Seat] {
        &self.seats[..self.parties() as usize]
    }

    fn on_death(&self) -> OnDeath {
        if self.head.patience_us() >> 16 == 0 { OnDeath::Break } else { OnDeath::Shrink }
    }

    /// How a wait that began at `since_ns` ended, as its caller is told it.
    fn told(
        &self,
        domain: &'static Domain,
        arrived: std::result::Result<Passed, Refused<Deadlock>>,
        since_ns: u64,
    ) -> Result<bool, BarrierError> {
        match arrived {
            Ok(Passed::All { leads }) => Ok(leads),
            Ok(Passed::Broken(who)) => {
                Err(BarrierError::Broken(who.or(self.head.died_last()).and_then(|who| domain.identity(who))))
            }
            Ok(Passed::Full) => Err(BarrierError::Failed(
                Error::new("wait at", domain.object_name(self.head.key()), ErrorKind::Usage)
                    .because(format!("it has {} parties, and all its seats are taken", self.parties()))
                    .advise("let the same threads come each time, or make it for more"),
            )),
            Err(refused) => Err(
                match LockError::<()>::refused(refused, domain, || {
                    Occupied::now(domain, &self.head, &[], since_ns)
                }) {
                    LockError::Busy(who) | LockError::TimedOut(who) => BarrierError::Late(who),
                    LockError::Failed(error) => BarrierError::Failed(error),
                    other => BarrierError::Failed(Error::from(other)),
                },
            ),
        }
    }

    /// Gives the calling thread's seat up: another may be a party in its place.
    ///
    /// # Errors
    /// `Corrupt` when somebody wrote over it.
    pub fn leave(&self) -> Result<()> {
        self.give_seat_back(Taker::thread(self.head.tag(), Deadline::NOW)?.owner);
        Ok(())
    }

    fn give_seat_back(&self, party: OwnerId) {
        self.seats.iter().for_each(|seat| seat.party.give_back(party));
    }

    /// How many have come and wait for the others; 0 again as soon as all have.
    #[must_use]
    pub fn arrived(&self) -> u32 {
        let generation = read(&self.head.word).generation();
        let arrived = |seat: &&Seat| seat.look(generation).is_some_and(|(_, has_come)| has_come);
        self.seats().iter().filter(arrived).fold(0, |count, _| count + 1)
    }

    /// Whether it is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        read(&self.head.word).is_broken()
    }

    /// Makes a broken barrier whole: the seats of the dead are empty. Answers whether it was broken.
    ///
    /// # Errors
    /// `Corrupt` when somebody wrote over it.
    pub fn reset(&self) -> Result<bool> {
        let domain = Domain::for_tag(self.head.tag())?;
        for seat in &self.seats {
            if let Some(party) = seat.party.owner().filter(|&party| !domain.is_alive(party)) {
                seat.party.give_back(party);
            }
        }
        Ok(mend(&self.head.word))
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("parties", &self.parties()).finish_non_exhaustive()
    }
}
