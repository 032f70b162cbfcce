//! The end of a round: everything is free, and comes back as it was.

use std::time::Duration;

use crosstie::sync::{Access, LockError, LockResult};
use crosstie::{Deadline, ErrorKind};

use super::history::{Act, Entry, Pen};
use super::judge::{Fault, Finding};
use super::things::{COUNT, PERMITS, READERS, Thing, Things, Traffic};

/// How long the judge itself waits for an object.
const PATIENCE: Duration = Duration::from_secs(1);

/// The judging process, which takes its own turns and notes them.
pub struct Closing<'a> {
    pub things: &'a Things,
    pub pen: &'a mut Pen,
    pub findings: &'a mut Vec<Finding>,
}

impl Closing<'_> {
    /// Nobody waits in a buffer any more.
    pub fn close_buffers(&mut self) {
        self.set_closed(1);
    }

    fn set_closed(&mut self, is_closed: u64) {
        let close = |traffic: &mut Traffic, told: bool| {
            if told {
                traffic.mend();
            }
            traffic.is_closed = is_closed;
        };
        let things = self.things;
        let deadline = crosstie::os::clock::deadline_in(PATIENCE);
        self.note(Act::Want, Thing::Buffer, 1);
        if let Some((mut inside, told)) = self.had(Thing::Buffer, 1, things.buffer.enter_until(deadline)) {
            close(&mut inside, told);
            inside.mark_mended();
            self.note(Act::Leave, Thing::Buffer, 1);
            drop(inside);
            self.note(Act::Gone, Thing::Buffer, 1);
        }
        self.note(Act::Want, Thing::Bell, 1);
        if let Some((mut guard, told)) = self.had(Thing::Bell, 1, things.guarded.lock_until(deadline)) {
            close(&mut guard, told);
            guard.mark_mended();
            // It is this domain's: there is nothing that could go wrong.
            let _ = things.bell.notify_all(&guard);
            self.note(Act::Leave, Thing::Bell, 1);
            drop(guard);
            self.note(Act::Gone, Thing::Bell, 1);
        }
    }

    /// What is in the monitor's buffer or the condition's, if it can be had, and whether the last owner
    /// left it whole; changes nothing, and notes nothing.
    pub fn look_into(&self, thing: Thing) -> Option<(Traffic, bool)> {
        let deadline = crosstie::os::clock::deadline_in(PATIENCE);
        if thing == Thing::Buffer {
            let entered = self.things.buffer.enter_until(deadline);
            let is_whole = entered.is_ok();
            entered.or_else(LockError::into_guard).ok().map(|inside| (*inside, is_whole))
        } else {
            let locked = self.things.guarded.lock_until(deadline);
            let is_whole = locked.is_ok();
            locked.or_else(LockError::into_guard).ok().map(|guard| (*guard, is_whole))
        }
    }

    /// All processes have ended: takes everything once, at once. Answers what the counting semaphore was.
    pub fn take_all(&mut self) -> u32 {
        let things = self.things;
        for (thing, mutex) in [(Thing::Fair, &things.fair), (Thing::Fast, &things.fast)] {
            self.note(Act::Want, thing, 1);
            if let Some((mut guard, told)) = self.had_with(thing, 1, mutex.try_lock(), |guard| guard[0]) {
                self.check_pair(thing, &mut guard, told);
                guard.mark_mended();
                self.note_left(thing, 1, guard[0]);
            }
            self.note(Act::Gone, thing, 1);
        }
        self.note(Act::Want, Thing::Data, READERS);
        if let Some((mut guard, told)) =
            self.had_with(Thing::Data, READERS, things.data.try_write(), |it| it[0])
        {
            self.check_pair(Thing::Data, &mut guard, told);
            guard.mark_mended();
            self.note_left(Thing::Data, READERS, guard[0]);
        }
        self.note(Act::Gone, Thing::Data, READERS);
        self.note(Act::Want, Thing::Door, READERS);
        match things.door.try_lock(Access::Exclusive) {
            Ok(guard) => {
                self.have(Thing::Door, READERS, guard.is_abandoned(), 0);
                self.note_left(Thing::Door, READERS, 0);
            }
            Err(refusal) => self.kept(Thing::Door, refusal.kind()),
        }
        self.note(Act::Gone, Thing::Door, READERS);
        if let Err(refusal) = things.permits.acquire_many(PERMITS, Deadline::NOW) {
            let what = format!("Permits: not all came back: {refusal}");
            self.findings.push(Finding { fault: Fault::PermitLost, what });
        }
        self.set_closed(0);
        // Nobody is left who could come: dead parties' seats are empty again.
        let _ = things.meet.reset();
        self.restore_count()
    }

    fn check_pair(&mut self, thing: Thing, data: &mut [u64; 2], told: bool) {
        if data[0] != data[1] && !told {
            self.note(Act::Torn, thing, 0);
        }
        data[1] = data[0];
    }

    fn restore_count(&mut self) -> u32 {
        let found = self.things.count.value();
        for _ in found..COUNT {
            // Its value is below the largest.
            let _ = self.things.count.post();
        }
        for _ in COUNT..found {
            let _ = self.things.count.try_wait();
        }
        found
    }

    fn had<G>(&mut self, thing: Thing, units: u64, taken: LockResult<G>) -> Option<(G, bool)> {
        self.had_with(thing, units, taken, |_| 0)
    }

    /// The guard, noted with the value that it shows.
    fn had_with<G>(
        &mut self,
        thing: Thing,
        units: u64,
        taken: LockResult<G>,
        value: impl Fn(&G) -> u64,
    ) -> Option<(G, bool)> {
        let (guard, told) = match taken {
            Ok(guard) => (guard, false),
            Err(LockError::Abandoned(guard)) => (guard, true),
            Err(refusal) => {
                self.kept(thing, refusal.kind());
                return None;
            }
        };
        self.have(thing, units, told, value(&guard));
        Some((guard, told))
    }

    fn kept(&mut self, thing: Thing, kind: ErrorKind) {
        let what = format!("{thing:?} is not free although nobody is left: {}", kind.id());
        self.findings.push(Finding { fault: Fault::Hang, what });
    }

    fn have(&mut self, thing: Thing, units: u64, told: bool, value: u64) {
        self.pen.write(Entry { act: Act::Have, thing, units, told, at_ns: 0, token: 0, value });
    }

    fn note_left(&mut self, thing: Thing, units: u64, value: u64) {
        self.pen.write(Entry { act: Act::Leave, thing, units, told: false, at_ns: 0, token: 0, value });
    }

    fn note(&mut self, act: Act, thing: Thing, units: u64) {
        self.pen.write(Entry { act, thing, units, told: false, at_ns: 0, token: 0, value: 0 });
    }
}
