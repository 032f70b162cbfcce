//! [`Slots`]: a client's calls in flight, each with what has arrived for it.

use std::collections::VecDeque;
use std::task::Waker;
use std::thread::Thread;

use super::super::error::Broken;
use super::super::frame::{self, CALLS_MAX, SLOT_BITS, WINDOW_COST};
use super::super::refusal::Refusal;
use super::tasks::Tasks;
use crate::Deadline;

/// So many calls are in flight or have a reply that nobody has asked for.
pub(super) const SLOTS_MAX: usize = 1 << SLOT_BITS;

/// How a call ended.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// With its only reply, or behind its last one.
    Done,
    /// The server refused.
    Refused(Refusal),
    /// The conversation is over.
    Broken(Broken),
}

/// One call in flight.
#[derive(Debug, Default)]
pub(super) struct Slot {
    id: u32,
    is_open: bool,
    /// Its last frame has not come yet.
    is_in_flight: bool,
    /// Nobody waits for it any more; its last frame frees it.
    is_abandoned: bool,
    /// Its caller takes many replies.
    is_stream: bool,
    /// Replies that nobody has taken yet.
    replies: VecDeque<Vec<u8>>,
    untaken_cost: u64,
    /// What was taken and not credited to the server yet.
    taken_cost: u64,
    ending: Option<Ending>,
    waiter: Option<Waiter>,
}

/// Who waits until something arrives for a call.
#[derive(Debug)]
enum Waiter {
    Thread(Thread),
    /// Until its deadline.
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "tasks come with a runtime"))]
    Task(Waker, Deadline),
}

/// What a slot has for its caller.
#[derive(Debug)]
pub(super) enum Next {
    /// One reply.
    Reply(Vec<u8>),
    /// Nothing more comes.
    Over(Ending),
    /// Nothing yet.
    Nothing,
}

impl Slot {
    /// Takes the next reply, or how it ended.
    pub(super) fn next(&mut self) -> Next {
        if let Some(reply) = self.replies.pop_front() {
            let cost = frame::cost(reply.len());
            self.untaken_cost = self.untaken_cost.saturating_sub(cost);
            self.taken_cost += cost;
            return Next::Reply(reply);
        }
        self.ending.clone().map_or(Next::Nothing, Next::Over)
    }

    /// A reply that goes to its caller without having waited here.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.taken_cost += frame::cost(bytes);
    }

    /// Whether there is something for its caller.
    pub(super) fn is_due(&self) -> bool {
        !self.replies.is_empty() || self.ending.is_some()
    }

    pub(super) fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// What is worth to be credited to the server now.
    pub(super) fn credit(&mut self) -> Option<u64> {
        let is_due = self.is_stream && self.ending.is_none() && self.taken_cost >= WINDOW_COST / 2;
        is_due.then(|| std::mem::take(&mut self.taken_cost))
    }
}

/// The calls in flight.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    slots_max: usize,
    free: Vec<u32>,
    in_flight_count: usize,
    sleepers_count: usize,
    /// Tasks that wait for something else, and who wakes all tasks.
    pub(super) tasks: Tasks,
}

impl Default for Slots {
    fn default() -> Self {
        let (slots, free) = (Vec::new(), Vec::new());
        let (in_flight_count, sleepers_count, tasks) = (0, 0, Tasks::default());
        Self { slots, slots_max: SLOTS_MAX, free, in_flight_count, sleepers_count, tasks }
    }
}

impl Slots {
    /// There are to be so many slots at most.
    pub(super) fn limit(&mut self, slots_max: usize) {
        self.slots_max = slots_max;
    }

    /// Whether no server has a call.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight_count == 0
    }

    /// The calls that a server may have.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots.iter().filter(|slot| slot.is_open && slot.is_in_flight).map(|slot| slot.id)
    }

    /// A slot for a new call; `None` when [`CALLS_MAX`] are in flight.
    pub(super) fn open(&mut self, is_stream: bool) -> Option<u32> {
        if self.in_flight_count >= CALLS_MAX {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < self.slots_max => {
                let index = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot { id: index, ..Slot::default() });
                index
            }
            None => return None,
        };
        let slot = self.slots.get_mut(index as usize)?;
        slot.id = slot.id.wrapping_add(1 << SLOT_BITS);
        slot.is_open = true;
        slot.is_in_flight = true;
        slot.is_stream = is_stream;
        self.in_flight_count += 1;
        Some(slot.id)
    }

    /// The call `id`, if it is in flight.
    #[inline]
    pub(super) fn get(&mut self, id: u32) -> Option<&mut Slot> {
        let slot = self.slots.get_mut((id & ((1 << SLOT_BITS) - 1)) as usize)?;
        (slot.is_open && slot.id == id).then_some(slot)
    }

    /// The call `id` is over, and its caller knows.
    pub(super) fn close(&mut self, id: u32) {
        self.withdraw(id);
        self.tasks.tell();
    }

    /// The call `id` was not sent after all.
    pub(super) fn withdraw(&mut self, id: u32) {
        let Some(slot) = self.get(id) else { return };
        // What it had allocated stays for the next call.
        slot.replies.clear();
        let was_in_flight = std::mem::take(&mut slot.is_in_flight);
        slot.is_open = false;
        slot.is_abandoned = false;
        (slot.untaken_cost, slot.taken_cost) = (0, 0);
        slot.ending = None;
        slot.waiter = None;
        self.in_flight_count -= usize::from(was_in_flight);
        self.free.push(id & ((1 << SLOT_BITS) - 1));
    }

    /// Gives a call its end.
    fn set_ending(&mut self, id: u32, ending: Ending) {
        let Some(slot) = self.get(id) else { return };
        slot.ending = Some(ending);
        let was_in_flight = std::mem::take(&mut slot.is_in_flight);
        self.in_flight_count -= usize::from(was_in_flight);
        self.wake(id);
        self.tasks.tell();
    }

    /// Something is there for the call `id`.
    fn wake(&mut self, id: u32) {
        let Some(slot) = self.get(id) else { return };
        match slot.waiter.take() {
            Some(Waiter::Task(task, _)) => self.tasks.wake(task),
            Some(Waiter::Thread(thread)) => {
                thread.unpark();
                slot.waiter = Some(Waiter::Thread(thread));
            }
            None => {}
        }
    }

    /// Nobody waits for the call `id` any more; answers whether the server is to be told.
    pub(super) fn abandon(&mut self, id: u32) -> bool {
        let Some(slot) = self.get(id) else { return false };
        if slot.ending.is_some() {
            self.close(id);
            return false;
        }
        slot.replies.clear();
        slot.waiter = None;
        slot.is_abandoned = true;
        true
    }

    /// A reply has arrived, the last one or not. Late ones are thrown away.
    ///
    /// # Errors
    /// What the server must not have sent.
    pub(super) fn deliver(
        &mut self,
        id: u32,
        reply: &[u8],
        is_last: bool,
        bytes_max: usize,
    ) -> Result<(), &'static str> {
        let Some(slot) = self.get(id) else { return Ok(()) };
        if slot.is_abandoned || slot.ending.is_some() {
            if is_last && slot.is_abandoned {
                self.close(id);
            }
            return Ok(());
        }
        if !is_last && !slot.is_stream {
            return Err("many replies to a call that takes one");
        }
        let cost = frame::cost(reply.len());
        if slot.untaken_cost + slot.taken_cost > WINDOW_COST + frame::cost(bytes_max) {
            return Err("more replies than were asked for");
        }
        slot.untaken_cost += cost;
        slot.replies.push_back(reply.to_vec());
        if is_last {
            self.set_ending(id, Ending::Done);
        } else {
            self.wake(id);
        }
        Ok(())
    }

    /// The call `id` ended without a further reply.
    ///
    /// # Errors
    /// What the server must not have sent.
    pub(super) fn end(&mut self, id: u32, ending: Ending) -> Result<(), &'static str> {
        let Some(slot) = self.get(id) else { return Ok(()) };
        if slot.is_abandoned {
            self.close(id);
        } else if slot.ending.is_none() {
            if matches!(ending, Ending::Done) && !slot.is_stream {
                return Err("the end of a stream for a call that takes one reply");
            }
            self.set_ending(id, ending);
        }
        Ok(())
    }

    /// The conversation is over for all of them.
    pub(super) fn break_all(&mut self, cause: &Broken) {
        let ids: Vec<u32> = self.slots.iter().filter(|slot| slot.is_open).map(|slot| slot.id).collect();
        for id in ids {
            // A broken end is none that the server must not have sent.
            let _ = self.end(id, Ending::Broken(cause.clone()));
        }
    }

    /// The thread of the call `id` sleeps from now on.
    pub(super) fn begin_sleep(&mut self, id: u32, thread: Thread) {
        if let Some(slot) = self.get(id) {
            slot.waiter = Some(Waiter::Thread(thread));
            self.sleepers_count += 1;
        }
    }

    /// All threads that sleep look again.
    pub(super) fn wake_all(&self) {
        for slot in &self.slots {
            if let Some(Waiter::Thread(thread)) = &slot.waiter {
                thread.unpark();
            }
        }
    }

    /// It is awake again; the call was not closed meanwhile, since only its caller does that.
    pub(super) fn end_sleep(&mut self, id: u32) {
        if self.get(id).is_some_and(|slot| slot.waiter.take().is_some()) {
            self.sleepers_count -= 1;
        }
    }

    /// A thread that sleeps and for which nothing is there yet, if there is one.
    #[inline]
    pub(super) fn sleeper(&self) -> Option<&Thread> {
        if self.sleepers_count == 0 {
            return None;
        }
        self.slots.iter().filter(|slot| !slot.is_due()).find_map(|slot| match &slot.waiter {
            Some(Waiter::Thread(thread)) => Some(thread),
            _ => None,
        })
    }
}

/// What tasks and their driver do.
#[cfg(feature = "tokio")]
impl Slots {
    /// The task of the call `id` waits from now on, until `deadline` at most.
    pub(super) fn wait(&mut self, id: u32, task: &Waker, deadline: Deadline) {
        if let Some(slot) = self.get(id) {
            slot.waiter = Some(Waiter::Task(task.clone(), deadline));
            self.tasks.note_deadline(deadline);
        }
    }

    /// Has the tasks woken for which it is too late, and notes when it is for the next one.
    pub(super) fn wake_late(&mut self, now_ns: u64) {
        if !self.tasks.is_late(now_ns) {
            return;
        }
        self.tasks.wake_late(now_ns);
        for slot in &mut self.slots {
            let task = slot.waiter.take_if(|waiter| waiter.is_late(now_ns));
            match (task, &slot.waiter) {
                (Some(Waiter::Task(task, _)), _) => self.tasks.wake(task),
                (_, Some(Waiter::Task(_, deadline))) => self.tasks.note_due(*deadline),
                _ => {}
            }
        }
    }

    /// Has every task woken: nobody drives them any more.
    pub(super) fn wake_tasks(&mut self) {
        self.tasks.tell();
        for slot in &mut self.slots {
            if let Some(Waiter::Task(task, _)) =
                slot.waiter.take_if(|waiter| matches!(waiter, Waiter::Task(..)))
            {
                self.tasks.wake(task);
            }
        }
    }
}

#[cfg(feature = "tokio")]
impl Waiter {
    fn is_late(&self, now_ns: u64) -> bool {
        matches!(self, Self::Task(_, deadline) if deadline.is_over(now_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_finds_no_call() {
        let mut slots = Slots::default();
        let first = slots.open(false).expect("room");
        slots.close(first);
        let second = slots.open(false).expect("room");
        assert_eq!(first % (1 << SLOT_BITS), second % (1 << SLOT_BITS));
        slots.deliver(first, b"late", true, 100).expect("thrown away");
        assert!(matches!(slots.get(second).expect("in flight").next(), Next::Nothing));
    }

    #[test]
    fn an_abandoned_call_counts_until_its_last_frame() {
        let mut slots = Slots::default();
        let ids: Vec<u32> = (0..CALLS_MAX).map(|_| slots.open(false).expect("room")).collect();
        assert!(slots.abandon(ids[7]));
        assert!(slots.open(false).is_none());
        slots.deliver(ids[7], b"late", true, 100).expect("thrown away");
        assert!(slots.open(false).is_some());
    }

    #[test]
    fn an_answered_call_makes_room_before_its_reply_is_taken() {
        let mut slots = Slots::default();
        let ids: Vec<u32> = (0..CALLS_MAX).map(|_| slots.open(false).expect("room")).collect();
        slots.deliver(ids[0], b"reply", true, 100).expect("in flight");
        assert!(slots.open(false).is_some() && slots.open(false).is_none());
        assert!(matches!(slots.get(ids[0]).expect("it is there").next(), Next::Reply(_)));
    }

    #[test]
    fn a_server_that_keeps_no_window_is_found_out() {
        let mut slots = Slots::default();
        let id = slots.open(true).expect("room");
        let sent = (0..100_000).find(|_| slots.deliver(id, &[0; 1000], false, 1000).is_err());
        let most = (WINDOW_COST + 2 * frame::cost(1000)) / frame::cost(1000);
        assert!(sent.is_some_and(|sent| sent <= most), "{sent:?}");
        assert!(slots.deliver(slots.slots[0].id, b"", false, 1000).is_err());
        let unary = slots.open(false).expect("room");
        assert!(slots.deliver(unary, b"", false, 1000).is_err());
        assert!(slots.end(unary, Ending::Done).is_err());
    }
}
