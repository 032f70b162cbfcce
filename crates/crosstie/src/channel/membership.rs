//! A channel of many ends that one end of this process has entered: its seat, others' deaths, sleeping, leaving.

use std::cell::Cell;
use std::sync::Arc;

use crosstie_core::atomic::AtomicU32;
use crosstie_core::queue::member::{self, Ends, Leaving, Member, Part, Roster, Seat};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::ring::sleepers::{Awaits, Sleepers};
use crosstie_core::ring::spsc::{Barrier, Corrupt};
use crosstie_core::word::waiting::Mode;
use crosstie_core::{Deadline, OwnerId};

use super::doorbell::{self, Doorbell, Sight};
use super::patience::Stay;
use crate::contract::Readiness;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::noted::{Noted, key_of_channel};
use crate::ledger::{Domain, Wait};
use crate::os::{clock, futex, membarrier, process};
use crate::region::{Segment, SegmentSpec, removal};

/// How long a sleeper that cannot fence the others sleeps before it looks again.
const SLICE_NS: u64 = 50_000_000;
/// How often an opener starts anew because the channel was removed under it.
const TRIES_MAX: u32 = 64;

/// The words of such a channel.
pub(super) trait Words: Roster + Clone {
    /// Where its ends sleep.
    fn sleepers(&self) -> [&Sleepers; 2];

    /// Whether an end that does `part` leaves it to others to make the entry of somebody dead who did `dead` vacant.
    fn leaves_entry(&self, part: Part, dead: Part) -> bool {
        let _ = (part, dead);
        false
    }
}

/// A channel that this process has entered with one end.
pub(super) struct Membership<W> {
    domain: &'static Domain,
    segment: Arc<Segment>,
    words: W,
    /// As users write it: `queue:jobs`.
    object: String,
    /// Its key in the ledger.
    key: u64,
    barrier: Barrier,
    me: OwnerId,
    part: Part,
    seat: Seat,
    /// The process that opened the end.
    epoch: u64,
}

impl<W: Words> Membership<W> {
    /// Opens or makes the channel `object`, as `open` does, and takes a seat in it for this process.
    pub(super) fn enter(
        domain: &'static Domain,
        object: &str,
        part: Part,
        open: impl Fn() -> Result<(Arc<Segment>, W)>,
    ) -> Result<Self> {
        let me = domain.process_owner()?;
        let barrier =
            if membarrier::register_global_expedited() { Barrier::Asymmetric } else { Barrier::Fence };
        for _ in 0..TRIES_MAX {
            let (segment, words) = open()?;
            let seat = member::enter(&words, me, part, |id| domain.confirm_alive(id))
                .ok_or_else(|| all_seats_taken(object))?;
            let (object, key, epoch) = (object.to_owned(), key_of_channel(object), process::fork_epoch());
            let this = Self { domain, segment, words, object, key, barrier, me, part, seat, epoch };
            // A remover marks the segment, then looks for members; a member enters, then looks at the mark.
            if this.segment.is_live() {
                // One that was killed has left it.
                doorbell::forget(domain, &this.doorbell_name(seat.index));
                this.rouse_all();
                return Ok(this);
            }
            member::leave(&this.words, seat, Leaving::Clean);
        }
        Err(Error::new("open", object, ErrorKind::Busy)
            .because("it was removed and created again all the time")
            .advise("try again"))
    }

    pub(super) fn barrier(&self) -> Barrier {
        self.barrier
    }

    pub(super) fn seat(&self) -> Seat {
        self.seat
    }

    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(super) fn words(&self) -> &W {
        &self.words
    }

    pub(super) fn object(&self) -> &str {
        &self.object
    }

    pub(super) fn domain(&self) -> &'static Domain {
        self.domain
    }

    pub(super) fn is_alive(&self, id: OwnerId) -> bool {
        self.domain.is_alive(id)
    }

    /// Which senders there are, and which there were.
    pub(super) fn ends(&self) -> Ends {
        Ends::of(&self.words, |id| self.is_alive(id))
    }

    /// Whether a living end of this kind is there.
    pub(super) fn has(&self, part: Part) -> bool {
        (0..MEMBERS)
            .filter_map(|index| self.words.member(index).read())
            .any(|(id, its_part)| its_part == part && self.is_alive(id))
    }

    /// Whether this process opened the end, rather than inherit it by a fork (HAZARDS H6).
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        process::fork_epoch() == self.epoch
    }

    /// Why an end that was inherited by a fork does nothing.
    #[cold]
    pub(super) fn inherited(&self) -> Error {
        Error::new("use", self.object.as_str(), ErrorKind::Unsupported)
            .because("this end belongs to the process that this one was forked from")
            .advise("open an end in the process that uses it")
    }

    pub(super) fn fault(&self, fault: Corrupt) -> Error {
        corrupt(&self.object, fault)
    }

    /// Gives the seat up and tells the others; nothing is in this end's hands any more.
    pub(super) fn leave(&self, leaving: Leaving) {
        member::leave(&self.words, self.seat, leaving);
        self.rouse_all();
    }

    /// Makes everybody look again, whatever they sleep for.
    pub(super) fn rouse_all(&self) {
        for part in [Part::Receiver, Part::Sender] {
            self.sleepers(part).rouse();
            self.wake(part);
        }
    }

    /// Wakes everybody who sleeps in this part.
    #[cold]
    pub(super) fn wake(&self, part: Part) {
        let sleepers = self.sleepers(part);
        futex::wake(sleepers.word(), u32::MAX);
        if sleepers.have_doorbells() {
            let is_of =
                |seat: &u16| self.words.member(*seat).read().is_some_and(|(_, its_part)| its_part == part);
            for seat in (0..MEMBERS).filter(is_of) {
                doorbell::ring(self.domain, &self.doorbell_name(seat));
            }
        }
    }

    fn sleepers(&self, part: Part) -> &Sleepers {
        let [receivers, senders] = self.words.sleepers();
        if part == Part::Sender { senders } else { receivers }
    }

    /// Makes the doorbell of this end.
    pub(super) fn doorbell(&self) -> Result<Doorbell> {
        if !self.is_ours() {
            return Err(self.inherited());
        }
        let doorbell = Doorbell::new(self.domain, self.doorbell_name(self.seat.index))?;
        self.sleepers(self.part).use_doorbells();
        Ok(doorbell)
    }

    fn doorbell_name(&self, seat: u16) -> String {
        doorbell_name(&self.object, seat)
    }

    /// As [`Membership::sleep`], at `doorbell`: arms it, unless `look`, which looks once more, finds something. With `None` nothing is
    /// awaited but that somebody comes, goes or dies, which is told whether or not anybody has announced itself.
    pub(super) fn arm(
        &self,
        doorbell: &mut Doorbell,
        awaits: Option<Awaits>,
        sight: Sight,
        look: impl FnOnce() -> bool,
    ) -> Result<Readiness> {
        let Some(watch) = self.others() else { return Ok(Readiness::Ready) };
        if !doorbell.prepare(&watch, sight)? {
            return Ok(Readiness::Ready);
        }
        if let Some(awaits) = awaits {
            // The answer is for who sleeps on the word.
            let _ = self.sleepers(self.part).announce(awaits);
            membarrier::global_expedited();
        }
        // Who has come meanwhile may have roused before the announcement.
        let is_watched = self.others().is_some_and(|others| others == watch);
        Ok(if !is_watched || look() { Readiness::Ready } else { Readiness::Armed })
    }

    /// Sleeps among `sleepers` until somebody makes a change, somebody who takes part dies, or
    /// the deadline; not at all if `look`, which looks once more, finds something or fails.
    pub(super) fn sleep<E: From<Error>>(
        &self,
        sleepers: &Sleepers,
        awaits: Awaits,
        stay: Stay,
        look: impl FnOnce() -> std::result::Result<bool, E>,
    ) -> std::result::Result<(), E> {
        let Some(watched) = self.watch(sleepers, awaits) else { return Ok(()) };
        if look()? {
            return Ok(());
        }
        self.wait_on(sleepers, watched, &[], stay).map_err(E::from)
    }

    /// Announces a sleep among `sleepers`; the caller looks once more, and then [waits](Membership::wait_on). `None` if
    /// somebody is dead: look at that first.
    pub(super) fn watch(&self, sleepers: &Sleepers, awaits: Awaits) -> Option<Watched> {
        let seen = sleepers.announce(awaits);
        membarrier::global_expedited();
        // Whoever comes later rouses; whose death can leave something for us to do is watched (HAZARDS H2).
        self.others().map(|others| Watched { seen, others })
    }

    /// Sleeps as announced, and while each of `others` holds what is expected.
    pub(super) fn wait_on(
        &self,
        sleepers: &Sleepers,
        watched: Watched,
        others: &[(&AtomicU32, u32)],
        stay: Stay,
    ) -> Result<()> {
        let mode = if self.part == Part::Sender { Mode::Room } else { Mode::Message };
        let _noted = Noted::new(self.domain, (self.key, mode), watched.seen, (stay.since_ns, stay.deadline));
        let until = match self.barrier {
            Barrier::Asymmetric => stay.until,
            // Nobody can fence for this process, so an announcement may be overlooked: short sleeps.
            Barrier::Fence => stay.until.min(Deadline::at_ns(clock::now_ns()).after_ns(SLICE_NS)),
        };
        match self.domain.wait_while((sleepers.word(), watched.seen), others, &watched.others, until) {
            Wait::Woken | Wait::OwnerDied | Wait::TimedOut | Wait::Interrupted => Ok(()),
            Wait::DomainRemoved => Err(Error::new("wait on", self.object.as_str(), ErrorKind::NotFound)
                .because(format!("the domain {} was removed", self.domain.name()))
                .advise(
                    "open it anew; if this happens at logout, enable lingering (loginctl enable-linger)",
                )),
        }
    }

    /// Everybody else who takes part, once each; `None` if one of them is dead, and there is something to do about it.
    fn others(&self) -> Option<Vec<OwnerId>> {
        let mut others = Vec::new();
        for index in 0..MEMBERS {
            let member = self.words.member(index);
            let Some((id, part)) = member.read() else { continue };
            if !self.is_alive(id) {
                if self.words.leaves_entry(self.part, part) && member.is_told() {
                    continue;
                }
                return None;
            }
            if id != self.me && !others.contains(&id) {
                others.push(id);
            }
        }
        Some(others)
    }
}

impl<W> std::fmt::Debug for Membership<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership").field("object", &self.object).finish_non_exhaustive()
    }
}

/// A sleep that was announced.
pub(super) struct Watched {
    seen: u32,
    others: Vec<OwnerId>,
}

impl Watched {
    /// Watches these lives too.
    pub(super) fn extend(&mut self, lives: impl IntoIterator<Item = OwnerId>) {
        self.others.extend(lives);
    }
}

/// The doorbell of the end that has `seat` in the channel that users write, or whose file is called, `channel`.
fn doorbell_name(channel: &str, seat: u16) -> String {
    let (kind, name) = channel.split_once([':', '.']).unwrap_or(("", channel));
    format!("doorbell.{kind}-{seat}.{name}")
}

fn all_seats_taken(object: &str) -> Error {
    Error::new("open", object, ErrorKind::NoSpace)
        .because(format!("it has {MEMBERS} ends that living processes have open, and no room for more"))
        .advise("close some, or use several")
}

/// Whose ends keep a channel from being removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptBy {
    Anybody,
    /// This process is done with it: what ends it has still open go on without it.
    Others,
}

/// Removes the segment of a channel, unless a living process has an end of it that counts. Its entries begin at the offset that
/// `members` answers; `None` for sizes that no such channel has: nobody can have entered that.
pub(super) fn remove(
    domain: &'static Domain,
    file_name: &str,
    spec: &SegmentSpec,
    kept_by: KeptBy,
    members: impl Fn(&Segment) -> Option<usize>,
) -> Result<()> {
    let counts = |id: OwnerId| {
        let is_own = || domain.process_owner().is_ok_and(|own| own == id);
        domain.confirm_alive(id) && (kept_by == KeptBy::Anybody || !is_own())
    };
    let is_marked = Cell::new(false);
    removal::remove(domain.directory(), file_name, spec, |segment| {
        let members = members(segment)?;
        let user = (0..usize::from(MEMBERS)).find_map(|index| {
            let (id, part) = segment.shared::<Member>(members + index * size_of::<Member>()).ok()?.read()?;
            let role = if part == Part::Sender { "sender" } else { "receiver" };
            counts(id).then(|| {
                let who = domain.identity(id).map_or("a living process".to_owned(), |who| who.to_string());
                format!("{who} is a {role}")
            })
        });
        // At the second look, behind the mark, nobody comes any more who could have made one.
        if user.is_none() && is_marked.replace(true) {
            (0..MEMBERS).for_each(|seat| doorbell::forget(domain, &doorbell_name(file_name, seat)));
        }
        user
    })
}

/// The error for bytes in a channel that break its protocol.
pub(super) fn corrupt(object: &str, fault: Corrupt) -> Error {
    let Corrupt { field, found, limit } = fault;
    Error::new("use", object, ErrorKind::Corrupt)
        .because(format!("its {field} is {found}, at most {limit} is possible"))
        .advise(format!("somebody wrote into it who must not: remove it with `crosstie rm {object}`"))
}
