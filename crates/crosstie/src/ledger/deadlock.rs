//! Deadlocks: collected from the slots, proved by `core::graph`, ended by one of those in it.
//!
//! A participant publishes what it waits for, takes a domain-wide ticket, then looks (HAZARDS H10): of
//! those in a cycle, the one with the highest ticket sees every edge of it, and is awake. Only
//! participants that wait without a deadline take part in a proof, and only what they held when they
//! fell asleep; all of it is still, and is looked at a second time before it is believed (H9). What is
//! told of it is copied then and put into words when somebody asks: names of objects and places in
//! programs cost system calls, and who gives up should go on.

use std::fmt;
use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::graph::{self, Blocked, Claim, Held, Verdict};
use crosstie_core::layout::reports::{MEMBERS, Report};
use crosstie_core::wait::Check;
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::{Mode, Seen, WaitRecord, look_for_waiters};

use super::behind::{Above, Holder, may_be_behind};
use super::calls::{Others, key_of_call};
use super::identity::Described;
use super::site::Site;
use super::{Domain, Identity, Me};
use crate::os::{clock, process};

/// How often a look is repeated because somebody in the cycle moved on.
const LOOKS_MAX: u32 = 4;

/// How long a shell takes at most, as a rule, until it waits for the command that it has started: 1 s. For one that takes longer
/// its command looks only now and then.
const UNSURE_NS: u64 = 1_000_000_000;

/// Room for so many waits and holds is made at once; for more, when there are more.
const USUAL: usize = 32;

/// How many commands may run under one another and still count as one that waits.
pub(super) const NESTED_MAX: usize = 16;

/// A deadlock that the caller was in, and ended by giving up: who waited for whom at the moment of the proof.
///
/// # Cost
/// To get one, no system call but those of a lock that is not had at once: what stands in the ledger is copied, and
/// nothing is looked up. Words are made when somebody asks for them ([`Deadlock::cycle`], `Display`).
#[derive(Clone)]
pub struct Deadlock {
    domain: &'static Domain,
    links: Vec<Link>,
}

/// One participant of a deadlock, and what it waits for, as numbers.
#[derive(Clone)]
struct Link {
    id: OwnerId,
    who: Option<Described>,
    key: u64,
    mode: Mode,
    waited: Duration,
    /// Where it waits, an address in its process; 0 = unknown.
    waits_at: u64,
    /// Where the next one took what it holds, an address in that one's process; 0 = unknown.
    taken_at: u64,
}

/// One participant of a deadlock, and what it waits for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Blockage {
    /// Its id.
    pub id: OwnerId,
    /// Who it is, if it could still be told.
    pub who: Option<Identity>,
    /// The key of the object that it waits for.
    pub key: u64,
    /// That object as people know it: `lock:stock`, or what it is on the heap.
    pub object: String,
    /// In what way it wants it.
    pub mode: Mode,
    /// How long it had waited.
    pub waited: Duration,
    /// Where it waits, `worker.rs:77`; empty when that is not known.
    pub waits_at: String,
    /// Where the next one took what it holds; empty when that is not known.
    pub taken_at: String,
}

impl Deadlock {
    /// How many take part; at least 1, who waits for what it has itself.
    #[must_use]
    pub fn length(&self) -> usize {
        self.links.len()
    }

    /// Who waited for whom: each for the next, the last for the first, which gave up.
    ///
    /// All is as it was when the deadlock was proved, but for what has to be looked up elsewhere: an object that was
    /// removed since has no name, and where in its program somebody waits can be read only as long as it lives.
    ///
    /// # Cost
    /// System calls, some 20 µs a participant: for people.
    #[must_use]
    pub fn cycle(&self) -> Vec<Blockage> {
        // One look at the domain's files for all of the circle.
        let objects = self.domain.objects();
        let nexts = self.links.iter().cycle().skip(1);
        let in_words = |(link, next): (&Link, &Link)| Blockage {
            id: link.id,
            who: link.who.as_ref().map(Described::identity),
            key: link.key,
            object: self.domain.name_in(&objects, link.key),
            mode: link.mode,
            waited: link.waited,
            waits_at: self.site(link.who.as_ref(), link.waits_at),
            taken_at: self.site(next.who.as_ref(), link.taken_at),
        };
        self.links.iter().zip(nexts).map(in_words).collect()
    }

    /// The same without the places in the programs: where these are nobody's concern.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        for link in &mut self.links {
            (link.waits_at, link.taken_at) = (0, 0);
        }
        self
    }

    fn site(&self, who: Option<&Described>, address: u64) -> String {
        let found = who.filter(|_| address != 0).and_then(|who| self.domain.site_of(who, address));
        found.map_or_else(String::new, |site| site.to_string())
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlock").field("cycle", &self.cycle()).finish()
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cycle = self.cycle();
        write!(f, "deadlock of {}:", cycle.len())?;
        let name = |link: &Blockage| link.who.as_ref().map_or("somebody".to_owned(), Identity::to_string);
        for (link, next) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
            let how = if link.mode == Mode::Shared { " (to read)" } else { "" };
            write!(f, "\n  {} waits for {}{how}", name(link), link.object)?;
            if !link.waits_at.is_empty() {
                write!(f, " at {}", link.waits_at)?;
            }
            write!(f, ", held by {}", name(next))?;
            if !link.taken_at.is_empty() {
                write!(f, " since {}", link.taken_at)?;
            }
        }
        Ok(())
    }
}

/// A blocked participant with what was read of it.
struct Member {
    id: OwnerId,
    slot: &'static Slot,
    seen: Seen,
}

impl Member {
    /// The key of the call for whose answer it waits.
    fn call(&self) -> Option<u64> {
        let want = &self.seen.want;
        (want.mode == Mode::Call).then(|| key_of_call(want.key, want.note[0]))
    }
}

/// When to look again, for whom a shell may still come to wait: soon, where the wait has begun lately.
fn look_again(own: Option<Seen>) -> Check<Deadlock> {
    let waited_ns = own.map_or(0, |own| clock::now_ns().saturating_sub(own.want.since_ns));
    if waited_ns <= UNSURE_NS { Check::LookAgain } else { Check::LookLater }
}

impl Domain {
    /// Whether `me`, whose wait is published, is in a deadlock that it has to end.
    pub(super) fn check_deadlock(&'static self, me: Me) -> Check<Deadlock> {
        let (own, is_unsettled) = self.look_behind(me);
        // No deadlock; but look again, if it was not sure yet before the ticket was drawn under which command the caller waits.
        let none_yet = || if is_unsettled { look_again(own) } else { Check::None };
        if own.is_some_and(|own| own.ticket == 0) {
            me.slot.waiting.set_ticket(self.words().next_ticket());
        }
        let mut members = Vec::with_capacity(USUAL);
        let mut blocked = Vec::with_capacity(USUAL);
        let mut held = Vec::with_capacity(USUAL);
        for _ in 0..LOOKS_MAX {
            self.collect(&mut members, &mut blocked, &mut held);
            let Some(index) = members.iter().position(|member| member.id == me.id) else {
                return none_yet();
            };
            let mut workspace = vec![0; graph::workspace_len(blocked.len(), held.len())];
            let answer = graph::judge(&blocked, &held, index_of(index), &mut workspace);
            let victim = match answer.verdict {
                Verdict::Free | Verdict::Behind => return none_yet(),
                Verdict::LookAgain => return Check::LookAgain,
                Verdict::Deadlock { victim } => victim,
            };
            if victim != index_of(index) {
                return none_yet();
            }
            let still = |&index: &u32| {
                let member = members.get(index as usize);
                member.is_some_and(|it| it.slot.waiting.is_unchanged(&it.seen) && self.is_alive(it.id))
            };
            if answer.component.iter().all(still) {
                let component = || answer.component.iter().filter_map(|&at| members.get(at as usize));
                match self.other_servers(component) {
                    Others::Nobody => {}
                    // Whoever it is: if it comes to wait for one of these, it asks, and when it goes, they do again.
                    Others::Somebody => return Check::None,
                    Others::Unsettled => return Check::LookAgain,
                }
                let others = || answer.component.iter().filter(|&&at| at != index_of(index)).all(still);
                if !Self::claim_defeat(me, members[index].seen.ticket, others) {
                    continue;
                }
                let named = |&at: &u32| members.get(at as usize);
                let mut cycle: Vec<_> = answer.cycle.iter().filter_map(named).collect();
                if let [alone] = cycle[..] {
                    cycle.extend(sharers(alone, answer.component.iter().filter_map(named)));
                }
                return Check::Deadlock(self.tell(&cycle));
            }
        }
        Check::LookAgain
    }

    /// Whether the caller, which found itself the one that has to give up, may: it takes its ticket back, by which others see that it
    /// does, and looks once more whether those in the circle are still as they were. Of two that each found themselves the
    /// one, by different tickets of one of them, one at least sees that the other's is gone: that one has its `ticket` again, and looks again.
    /// With a new one, the highest, it would be the one once more, and so would the other.
    fn claim_defeat(me: Me, ticket: u64, are_others_still: impl FnOnce() -> bool) -> bool {
        me.slot.waiting.take_ticket_back();
        // The caller's ticket is written before the others' are read; another that claims does the same.
        look_for_waiters();
        let is_had = are_others_still();
        if !is_had {
            me.slot.waiting.set_ticket(ticket);
        }
        is_had
    }

    /// The caller's own record, and whether some command of its line may still come to wait for the one below. The command under
    /// which it runs is named, in it or in that of the command for which it waits, as soon as that is sure: a shell that has
    /// just started this process does not wait for it yet.
    ///
    /// An edge that is new needs a ticket that is: of those in a cycle, the one with the highest has to see all of them. So the
    /// caller's ticket is taken back before the edge is there; whoever sees the edge and had read the ticket before finds it
    /// changed. An edge further up comes by itself, at any time, also between two looks: so each look is under a ticket of its own.
    fn look_behind(&'static self, me: Me) -> (Option<Seen>, bool) {
        let own = me.slot.waiting.read();
        let Some(record) = own.filter(|_| may_be_behind()) else { return (own, false) };
        let unnamed = self.names_outer(me, &record);
        let named = unnamed.and_then(|record| Some((record, self.surely_behind()?)));
        me.slot.waiting.take_ticket_back();
        if let Some((record, behind)) = named {
            record.name_command(behind);
        }
        let own = me.slot.waiting.read();
        let is_unsettled =
            |own: Seen| self.names_outer(me, &own).is_some() || self.is_line_unsettled(own.want.behind);
        (own, own.is_some_and(is_unsettled))
    }

    /// Whether a command of the line from `command` upwards may come to wait for the one below it.
    fn is_line_unsettled(&'static self, command: Option<OwnerId>) -> bool {
        let mut next = command;
        for _ in 0..NESTED_MAX {
            match next.map_or(Above::Nobody, |command| self.above(command)) {
                Above::Surely(above) => next = Some(above),
                Above::Perhaps => return true,
                Above::Nobody => return false,
            }
        }
        false
    }

    /// The record that is to name the command under which the caller runs, and does not yet.
    fn names_outer(&'static self, me: Me, own: &Seen) -> Option<&'static WaitRecord> {
        let Some(command) = own.want.behind else { return Some(&me.slot.waiting) };
        // What the environment names is above the caller; another one is what the caller is about to start.
        let is_above =
            Holder::from_environment().is_ok_and(|above| above.is_some_and(|it| it.owner == command));
        let record = &self.slot(command.slot())?.waiting;
        (!is_above && record.read().is_some_and(|seen| seen.want.behind.is_none())).then_some(record)
    }

    /// Everyone who waits without a deadline for something that somebody holds, and what they hold.
    fn collect(&'static self, members: &mut Vec<Member>, blocked: &mut Vec<Blocked>, held: &mut Vec<Held>) {
        members.clear();
        blocked.clear();
        held.clear();
        for (id, slot, seen) in self.waits() {
            let want = &seen.want;
            let claim = match want.mode {
                Mode::Exclusive => Claim::Exclusive,
                Mode::Shared => Claim::Shared,
                Mode::Units => Claim::Units { need: want.need, total: want.total },
                // Settled below, when all holds are known.
                Mode::Call => Claim::Units { need: 1, total: 0 },
                // Anybody may bring it about: never a proof.
                Mode::Signal | Mode::Any | Mode::Arrival | Mode::Nested | Mode::Message | Mode::Room => {
                    continue;
                }
            };
            if want.deadline_ns != u64::MAX {
                continue;
            }
            let member = index_of(members.len());
            self.collect_holds(slot, want.behind, |hold| held.push(Held { member, ..hold }));
            blocked.push(Blocked { id, ticket: seen.ticket, key: want.key, claim, queue: want.queue });
            members.push(Member { id, slot, seen });
        }
        for (blocked, member) in blocked.iter_mut().zip(members) {
            let Some(call) = member.call() else { continue };
            // In the hands of somebody blocked, it waits for that one; what no blocked one has waits for any of those who
            // could do it: that these are all blocked is assumed here, and proved before it is believed.
            if held.iter().any(|hold| hold.key == call) {
                (blocked.key, blocked.claim) = (call, Claim::Exclusive);
            } else {
                let busy =
                    held.iter().filter(|hold| hold.key == blocked.key).map(|hold| hold.units).sum::<u32>();
                blocked.claim = Claim::Units { need: 1, total: busy.max(1) };
            }
        }
    }

    /// Who could do the calls for which those in a proof wait, and is not in it: who came meanwhile, for one.
    fn other_servers<'a, I: Iterator<Item = &'a Member>>(&'static self, component: impl Fn() -> I) -> Others {
        let of_caller = |caller: &Member| {
            let key = caller.seen.want.key;
            let busy = component().flat_map(|member| member.slot.holds.read()).filter(|hold| hold.key == key);
            let mut held = component().flat_map(|member| member.slot.holds.read());
            if held.any(|hold| Some(hold.key) == caller.call()) {
                return Others::Nobody;
            }
            let busy = busy.map(|hold| hold.units).sum::<u32>();
            let ticket = caller.seen.want.note[0];
            // Its answer may be on its way to it, and who gave it busy with another call already.
            if busy == 0 { Others::Somebody } else { self.others_for(key, ticket, busy) }
        };
        let callers = component().filter(|member| member.call().is_some());
        let mut found = callers.map(of_caller).filter(|&others| others != Others::Nobody);
        found.next().unwrap_or(Others::Nobody)
    }

    /// What the occupant of `slot` holds, and the commands under which it runs.
    fn collect_holds(&'static self, slot: &'static Slot, behind: Option<OwnerId>, mut add: impl FnMut(Held)) {
        let mut next = (Some(slot), behind);
        for _ in 0..NESTED_MAX {
            let (Some(slot), behind) = next else { return };
            for hold in slot.holds.read() {
                let exclusive = hold.mode == Mode::Exclusive;
                add(Held { member: 0, key: hold.key, exclusive, units: hold.units });
            }
            let Some(command) = behind.filter(|&id| self.is_alive(id)) else { return };
            let above = match self.above(command) {
                Above::Surely(above) => Some(above),
                Above::Nobody | Above::Perhaps => None,
            };
            next = (self.slot(command.slot()), above);
        }
    }

    /// What is known of a proved deadlock, copied before anybody in it goes on; kept too for who asks the domain later.
    #[cold]
    fn tell(&'static self, cycle: &[&Member]) -> Deadlock {
        let now = clock::now_ns();
        let mut report = Report { at_ns: now, length: cycle.len() as u64, members: [None; MEMBERS] };
        for (place, member) in report.members.iter_mut().zip(cycle) {
            *place = Some((member.id, member.seen.want.key));
        }
        let number = cycle.first().map_or(0, |first| first.seen.ticket);
        self.words().reports.write(number, &report);
        let nexts = cycle.iter().cycle().skip(1);
        let links = cycle.iter().zip(nexts).map(|(member, next)| {
            let want = &member.seen.want;
            let taken = next.slot.holds.read().find(|hold| hold.key == want.key);
            Link {
                id: member.id,
                who: self.describe(member.id),
                key: want.key,
                mode: want.mode,
                waited: Duration::from_nanos(now.saturating_sub(want.since_ns)),
                waits_at: want.site,
                taken_at: taken.map_or(0, |hold| hold.site),
            }
        });
        Deadlock { domain: self, links: links.collect() }
    }

    /// The place that `who`'s process noted as `address`; `None` when it cannot be told (any more).
    fn site_of(&'static self, who: &Described, address: u64) -> Option<Site> {
        let local = self.local().ok()?;
        if who.occupant.namespaces != local.namespaces || !process::proc_shows_us() {
            return None;
        }
        // What a command has was taken by the program that then started it.
        let site = Site::read(who.occupant.pid, address)?;
        // Who lives now lived when the memory was read: that was its own, not of who has its number or its place since.
        self.slot(who.id.slot())?.life().read().is_life_of(who.id).then_some(site)
    }

    /// The deadlocks that were ended last in this domain, the latest first; at most 64.
    #[must_use]
    pub fn deadlock_reports(&'static self) -> Vec<Report> {
        let mut reports: Vec<_> = self.words().reports.read().collect();
        reports.sort_unstable_by_key(|report| std::cmp::Reverse(report.at_ns));
        reports
    }
}

/// Who else of `component` waits for what `alone` waits for, and has some of it: a semaphore's permits are missing
/// because all of them have some, and a circle of one would say less than is known.
fn sharers<'a>(
    alone: &Member,
    component: impl Iterator<Item = &'a Member>,
) -> impl Iterator<Item = &'a Member> {
    let (key, id) = (alone.seen.want.key, alone.id);
    component.filter(move |member| {
        let has_some = || member.slot.holds.read().any(|hold| hold.key == key);
        member.id != id && member.seen.want.key == key && has_some()
    })
}

/// There are fewer slots than a u32 counts.
fn index_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
