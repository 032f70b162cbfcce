//! A participant that is a task: it waits by futures, the book of its process's keeper lists it while it sleeps, and it may be dropped.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::{Me, Twin, id_of};
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::wait::{Check, Neighbours, NotedVisitor, Seen, Slept, Wait, Wake};
use crosstie_core::word::waiting::Want;
use crosstie_core::{Deadline, OwnerId};

/// A task; killed where its participant is.
pub struct Task<'a> {
    me: &'a Me,
    /// Whether what it begins is given up when it is dropped.
    leaves: Cell<bool>,
}

/// An entry in the keeper's book, struck out when it is dropped.
struct Entry<'a>(&'a Me);

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.people.sleepers.lock().unwrap().retain(|(index, _)| *index != self.0.index);
        }
    }
}

impl<'a> Task<'a> {
    pub fn new(me: &'a Me) -> Self {
        Self { me, leaves: Cell::new(me.people.twin != Twin::StaysWhenDropped) }
    }

    /// Polls `future` whenever it is called, until it is ready.
    pub fn run<R>(&self, future: impl Future<Output = R>) -> R {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(answer) = poll(future.as_mut()) {
                return answer;
            }
            let mut sleepers = self.me.people.sleepers.lock().unwrap();
            while sleepers.iter().any(|(index, _)| *index == self.me.index) {
                sleepers = self.me.people.woken.wait(sleepers).unwrap();
            }
        }
    }

    /// Polls `future` once, and drops it.
    pub fn run_once<R>(&self, future: impl Future<Output = R>) -> Option<R> {
        match poll(pin!(future)) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    fn is_called(&self, seen: &Seen<'_>, watch: &[OwnerId]) -> bool {
        let is_other = |(count, held): (&AtomicU32, u32)| count.load(Ordering::SeqCst) != held;
        let watches = self.me.people.twin != Twin::WatchesNobody;
        let is_called = seen.changes().any(is_other) || is_other((&self.me.own().wake, seen.wake));
        is_called || watches && !watch.iter().all(|&id| self.me.is_alive(id))
    }

    fn enter_book(&self, watch: &[OwnerId]) -> Entry<'a> {
        let watch = if self.me.people.twin == Twin::WatchesNobody { &[] } else { watch };
        self.me.people.sleepers.lock().unwrap().push((self.me.index, watch.to_vec()));
        Entry(self.me)
    }
}

fn poll<R>(future: Pin<&mut impl Future<Output = R>>) -> Poll<R> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

impl Wake for Task<'_> {
    fn now_ns(&self) -> u64 {
        self.me.now_ns()
    }

    fn is_alive(&self, id: OwnerId) -> bool {
        self.me.is_alive(id)
    }

    fn first(&self, key: u64) -> Option<OwnerId> {
        self.me.first(key)
    }

    fn first_of_phase(&self, key: u64, phase: u64) -> Option<OwnerId> {
        self.me.first_of_phase(key, phase)
    }

    fn each(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        self.me.each(key, visit);
    }

    fn each_noted(&self, key: u64, visit: &mut NotedVisitor<'_>) {
        self.me.each_noted(key, visit);
    }

    fn waits_for(&self, id: OwnerId, key: u64) -> bool {
        self.me.waits_for(id, key)
    }

    fn nudge(&self, id: OwnerId) {
        self.me.nudge(id);
    }
}

impl Wait for Task<'_> {
    type Cycle = ();

    fn me(&self) -> OwnerId {
        id_of(self.me.index)
    }

    fn spins(&self) -> u32 {
        0
    }

    fn fence_all(&self) -> bool {
        self.me.fence_all()
    }

    fn next_place(&self) -> u64 {
        self.me.next_place()
    }

    fn enter(&self, want: &Want) {
        self.me.enter(want);
    }

    fn leave(&self) {
        self.me.leave();
    }

    fn carry(&self, key: u64, place: u64) {
        self.me.carry(key, place);
    }

    fn put_down(&self) {
        self.me.put_down();
    }

    fn neighbours(&self, key: u64, queue: u64) -> Neighbours {
        self.me.neighbours(key, queue)
    }

    fn wake_word(&self) -> u32 {
        self.me.wake_word()
    }

    fn changers(&self, key: u64, visit: &mut dyn FnMut(OwnerId)) {
        self.me.changers(key, visit);
    }

    fn sleep(&self, seen: &Seen<'_>, watch: &[OwnerId], _deadline: Deadline) -> impl Future<Output = Slept> {
        let mut entry = None;
        poll_fn(move |_| {
            if entry.is_some() {
                let sleepers = self.me.people.sleepers.lock().unwrap();
                let is_listed = sleepers.iter().any(|(index, _)| *index == self.me.index);
                return if is_listed { Poll::Pending } else { Poll::Ready(Slept::Awake) };
            }
            self.me.step();
            let listed = self.enter_book(watch);
            if self.is_called(seen, watch) {
                return Poll::Ready(Slept::Awake);
            }
            entry = Some(listed);
            Poll::Pending
        })
    }

    fn is_present(&self) -> bool {
        self.leaves.get() && self.me.is_present()
    }

    fn guards(&self) -> bool {
        false
    }

    fn deadlock(&self) -> Check<()> {
        Check::None
    }
}
