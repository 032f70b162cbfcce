//! What a death leaves, brought back by any survivor; and what a lease that has run out leaves.
//!
//! No lock and no leader: every step is one CAS that expects the very word that the dead has left, so
//! any number of survivors may recover from one death at once, and each may die at it.
//!
//! # States
//! Those of [`super::end`]; the words that name a member whose owner is dead.
//!
//! # Invariants
//! - **I1** A word is taken from a member only while its entry still has the id of the dead, read *after* the
//!   word: so it is the dead one's word, and not that of who has the entry since.
//! - **I2** A job offered by the dead is put in order by a survivor only if it is not there: all that
//!   are there have been marked as queued before, or have been taken.
//!
//! # Transitions
//! | step | word: from → to | |
//! |---|---|---|
//! | 1 | held by the dead → offered by me, and in order; or dead | each job |
//! | 2 | offered by the dead, and in order → queued | each entry, where step 1 met one |
//! | 3 | offered by the dead, never delivered → free | each job |
//! | 3 | offered by the dead, delivered before → offered by me, and in order | each job |
//! | 4 | the entry's id → vacant | behind the sender's ordinal ([`super::member`]) |
//! | lease | held, delivered too long ago → offered by me, and in order; or dead | each job |
//!
//! # Orderings
//! The Acquire of a word meets the dead one's last change of it: payload and length are whole. The
//! Acquire of the entry's id, behind that of the word, is I1. An entry is marked as taken only
//! after its job's word has changed (`end` I3): whoever no longer finds the entry in step 2 finds
//! the changed word in step 3, hence I2.
//!
//! # Progress
//! Bounded: two reads of each job, one of each place of the orders; no waiting.
//!
//! # Death
//! Of who recovers: what it has taken is offered by *it*, and found by the next in the same way.
//!
//! # Source
//! Idempotent recovery by owner tags: iceoryx2's node monitoring; Golab and Ramaraju (PODC 2016).

use super::end::{End, Fate, GivenBack};
use super::job::{Job, State};
use super::member::{self, decode};
use super::memory::Memory;
use super::order::{Circle, Order};
use crate::OwnerId;
use crate::atomic::Ordering;
use crate::crash_point;
use crate::ring::spsc::Corrupt;

/// What a recovery has brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Ends that are vacant again.
    pub members: u32,
    /// Jobs that will be delivered again.
    pub in_order: u32,
    /// Places that are free again.
    pub freed: u32,
    /// Jobs that are dead letters now.
    pub dead_letters: u32,
}

impl<M: Memory> End<M> {
    /// Brings back what the dead have left; the caller wakes everybody if that was anything.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    pub fn recover(&mut self, alive: impl Fn(OwnerId) -> bool) -> Result<Recovered, Corrupt> {
        let mut all = Recovered::default();
        for member in 0..member::used(&self.memory) {
            let word = self.memory.member(member).word();
            if member != self.me && decode(word).is_some_and(|(id, _)| !alive(id)) {
                self.recover_member(member, Some(word), &mut all)?;
            }
        }
        Ok(all)
    }

    /// Brings back what the last end with this one's own entry has left: it is dead, or it kept jobs
    /// when it left.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    pub fn recover_own(&mut self) -> Result<Recovered, Corrupt> {
        let mut all = Recovered::default();
        self.recover_member(self.me, None, &mut all)?;
        Ok(all)
    }

    /// Recovers from the death of `member`, whose entry has the id `found`; `None` for one's own.
    fn recover_member(
        &mut self,
        member: u16,
        found: Option<u64>,
        all: &mut Recovered,
    ) -> Result<(), Corrupt> {
        let mut has_offered = false;
        for place in 0..self.geometry.jobs {
            let Some((word, job)) = self.job(place) else { continue };
            has_offered |= job.state == State::Offered(member);
            if job.state == State::Held(member) && self.is_still(member, found) {
                self.count(place, word, Fate::Again, all)?;
            }
        }
        if has_offered {
            self.tell_queued(member);
            self.recover_offered(member, found, all)?;
        }
        crash_point!("recovery.before-vacate");
        if let Some(found) = found
            && member::tell_death(&self.memory, member, found)
        {
            member::vacate(&self.memory, member, found);
            all.members += 1;
        }
        Ok(())
    }

    /// Whether the entry still has that id (I1).
    fn is_still(&self, member: u16, found: Option<u64>) -> bool {
        found.is_none_or(|found| self.memory.member(member).word() == found)
    }

    /// Step 2: jobs that are in order are nobody's.
    fn tell_queued(&self, member: u16) {
        for order in Order::ALL {
            for slot in 0..self.geometry.order_slots() {
                // Acquire: meets the CAS that put the entry; the job's word is there.
                let Some(entry) = Circle::live(self.memory.order(order, slot).load(Ordering::Acquire)) else {
                    continue;
                };
                if entry.job >= self.geometry.jobs {
                    continue;
                }
                if let Some((word, job)) = self.job(entry.job)
                    && job.state == State::Offered(member)
                    && job.key() == entry.key
                {
                    self.change(entry.job, word, job.in_state(State::Queued));
                }
            }
        }
    }

    /// Step 3: jobs that are not in order were never sent, or are put back.
    fn recover_offered(
        &mut self,
        member: u16,
        found: Option<u64>,
        all: &mut Recovered,
    ) -> Result<(), Corrupt> {
        for place in 0..self.geometry.jobs {
            let Some((word, job)) = self.job(place) else { continue };
            if job.state != State::Offered(member) || !self.is_still(member, found) {
                continue;
            }
            if job.deliveries == 0 {
                all.freed += u32::from(self.change(place, word, job.in_state(State::Free)));
            } else if found.is_none() {
                // It is this end's already.
                self.put(place, job)?;
                all.in_order += 1;
            } else {
                self.adopt(place, word, job, all)?;
            }
        }
        Ok(())
    }

    fn adopt(&mut self, place: u32, word: u64, job: Job, all: &mut Recovered) -> Result<(), Corrupt> {
        let mine = job.in_state(State::Offered(self.me));
        if self.change(place, word, mine) {
            crash_point!("recovery.adopted");
            self.put(place, mine)?;
            all.in_order += 1;
        }
        Ok(())
    }

    fn count(&mut self, place: u32, word: u64, fate: Fate, all: &mut Recovered) -> Result<(), Corrupt> {
        match self.give_back(place, word, fate)? {
            GivenBack::InOrder => all.in_order += 1,
            GivenBack::DeadLetter => all.dead_letters += 1,
            GivenBack::Lost => {}
        }
        Ok(())
    }

    /// Takes back every job that was delivered before `now_ns` less the lease; answers what that was, and
    /// when the next lease ends.
    ///
    /// # Errors
    /// If the order breaks its invariants.
    pub fn end_leases(&mut self, now_ns: u64) -> Result<(Recovered, Option<u64>), Corrupt> {
        let (mut all, mut next) = (Recovered::default(), None::<u64>);
        let lease_ns = self.geometry.lease_ns;
        if lease_ns == 0 {
            return Ok((all, None));
        }
        for place in 0..self.geometry.jobs {
            let Some((word, job)) = self.job(place) else { continue };
            if !matches!(job.state, State::Held(_)) {
                continue;
            }
            // Relaxed: read behind the Acquire of the word, and noted before it.
            let delivered = self.memory.delivered_at(place).load(Ordering::Relaxed);
            let ends_ns = delivered.saturating_add(lease_ns);
            if ends_ns <= now_ns {
                self.count(place, word, Fate::Again, &mut all)?;
            } else {
                next = Some(next.map_or(ends_ns, |next| next.min(ends_ns)));
            }
        }
        Ok((all, next))
    }
}
