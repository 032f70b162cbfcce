//! `Caller`: a thread that calls, the handle that it is inside of now, and the turns that it has.
//!
//! Who closes a handle must know that nobody is inside a call with it and that nobody has a turn by it; who calls should not
//! pay for that. So a caller writes where it is into a word of its own, without a fence, and who closes lets the kernel
//! fence every running thread before it looks (`membarrier`). Where the kernel has no such call, callers fence themselves.
//!
//! The same word tells a signal handler that it interrupted a call: it is refused, because the call below it cannot go on.
//!
//! Invariants: I1 only its own thread reaches `turns` and `recent`, inside of a call with a live handle; but for who makes the first handle after
//! a fork, before which there is none. I2 a turn's word says
//! its handle from before its value is there until after it is gone. I3 callers are never freed, and given away to other
//! threads only when their own has ended.
#![expect(unsafe_code, reason = "keeps turns where only their own thread reaches them")]

use std::cell::{Cell, UnsafeCell};
use std::ptr;

use crosstie::ErrorKind;
use crosstie::os::thread_pointer::thread_pointer;
use crosstie::os::{membarrier, process};
use crosstie::sync::ShortTurn;
use crosstie_core::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence, fence};

use super::recent::Recent;
use crate::status::Failure;
use crate::turn::Held;

/// What `inside` says of a call that has no handle.
const NO_HANDLE: u64 = u64::MAX;

/// The most turns that a thread has at once.
pub(crate) const TURNS_MAX: usize = 64;

/// A thread that calls.
#[repr(align(64))]
pub(crate) struct Caller {
    /// The handle of the call in which it is; 0 = in none.
    inside: AtomicU64,
    /// The pointer of its thread, where that is known and the caller's until it ends; else 0.
    thread: AtomicU64,
    /// In which process that is so, by the number of its fork.
    epoch: AtomicU64,
    /// Whether callers must fence because who closes cannot.
    fences: bool,
    /// Turns stand below this place.
    top: AtomicU32,
    is_taken: AtomicU32,
    next: AtomicPtr<Caller>,
    /// The locks that it took lately.
    pub(super) recent: Recent,
    /// By which handle each turn is had; 0 = none.
    handles: [AtomicU64; TURNS_MAX],
    turns: [UnsafeCell<Option<Held>>; TURNS_MAX],
}

// SAFETY: `turns` and `recent` are reached by the caller's own thread alone, or by the one that is left after a fork (I1); all
// else is atomic.
unsafe impl Sync for Caller {}

/// Every caller that there ever was, the newest first.
static ALL: AtomicPtr<Caller> = AtomicPtr::new(ptr::null_mut());

/// Where callers are found by their threads' pointers; one that another has driven out is found by `ME`.
static KNOWN: [AtomicPtr<Caller>; KNOWN_PLACES] = [const { AtomicPtr::new(ptr::null_mut()) }; KNOWN_PLACES];
const KNOWN_PLACES: usize = 1024;

/// The pointers of threads lie a stack apart, so their middle bits tell them apart less than their product does.
#[inline(always)]
fn place_of(thread: u64) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    (thread.wrapping_mul(GOLDEN) >> (64 - KNOWN_PLACES.ilog2())) as usize
}

thread_local! {
    // Without a destructor, so that it can be asked to the very end of a thread.
    static ME: Cell<Option<&'static Caller>> = const { Cell::new(None) };
    static LEAVES: Leaves = const { Leaves };
}

/// Lets another thread be the caller that this one was.
struct Leaves;

impl Drop for Leaves {
    fn drop(&mut self) {
        if let Some(me) = ME.take() {
            me.forget_turns();
            me.thread.store(0, Ordering::Relaxed); // Relaxed: its own word.
            // Release: the next thread that is this caller finds it empty (I3).
            me.is_taken.store(0, Ordering::Release);
        }
    }
}

/// While it lives, its thread is inside a call.
#[repr(transparent)]
pub(crate) struct Inside(&'static Caller);

impl Inside {
    /// The thread that is inside.
    #[inline(always)]
    pub(super) fn caller(&self) -> &'static Caller {
        self.0
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        // Release: who closes and finds nobody inside sees all that this call did, its turns above all (I2).
        self.0.inside.store(0, Ordering::Release);
    }
}

impl Caller {
    /// The calling thread enters a call with `handle`, mostly found without a call; in a shared library a look at a thread's own word is one.
    #[inline(always)]
    pub(super) fn enter_with(handle: u64) -> Result<Inside, Failure> {
        // Relaxed: its own word; of another process's thread, whose pointer this one has in a fork child, a number that was.
        let is_surely = |me: &&Self| process::is_surely_fork_epoch(me.epoch.load(Ordering::Relaxed));
        match Self::known().filter(is_surely).and_then(|me| me.enter_at_once(handle)) {
            Some(inside) => Ok(inside),
            None => Self::met().enter(handle),
        }
    }

    /// The calling thread, by its own word.
    #[cold]
    #[inline(never)]
    pub(super) fn met() -> &'static Self {
        let me = ME.get().unwrap_or_else(Self::attach);
        me.make_known();
        me
    }

    /// The calling thread, where it is found without a call: it has called before, needs no fence, and no other thread stands in its place since.
    #[inline(always)]
    pub(super) fn known() -> Option<&'static Self> {
        let thread = thread_pointer()?.get() as u64;
        // Acquire: it is whole.
        let caller = KNOWN[place_of(thread)].load(Ordering::Acquire);
        // SAFETY: whatever stands there was leaked by `made`, and is never freed (I3).
        let caller = unsafe { caller.as_ref() }?;
        // Relaxed: only its own thread writes its own pointer there.
        (caller.thread.load(Ordering::Relaxed) == thread).then_some(caller)
    }

    #[cold]
    fn attach() -> &'static Self {
        let me = Self::reused().unwrap_or_else(Self::made);
        ME.set(Some(me));
        me
    }

    /// Has the calling thread, which this is, found without a call from now on.
    fn make_known(&'static self) {
        // Where the thread is ending already, nobody is this caller after it; and nobody is to take a later thread for it. Who needs a fence goes
        // the long way.
        if LEAVES.try_with(|_| ()).is_ok()
            && !self.fences
            && let Some(thread) = thread_pointer()
        {
            let thread = thread.get() as u64;
            self.thread.store(thread, Ordering::Relaxed); // Relaxed: its own word.
            self.epoch.store(process::fork_epoch(), Ordering::Relaxed); // Relaxed: its own word.
            KNOWN[place_of(thread)].store(ptr::from_ref(self).cast_mut(), Ordering::Release); // Release: it is whole.
        }
    }

    fn reused() -> Option<&'static Self> {
        // Acquire: it is empty, as who left it says.
        let take = |caller: &&'static Self| {
            caller.is_taken.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        all().find(take)
    }

    fn made() -> &'static Self {
        let made = Box::leak(Box::new(Self {
            inside: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            fences: !membarrier::register_global_expedited(),
            top: AtomicU32::new(0),
            is_taken: AtomicU32::new(1),
            next: AtomicPtr::new(ptr::null_mut()),
            recent: Recent::none(),
            handles: [const { AtomicU64::new(0) }; TURNS_MAX],
            turns: [const { UnsafeCell::new(None) }; TURNS_MAX],
        }));
        let mut first = ALL.load(Ordering::Relaxed); // Relaxed: only compared, not followed.
        loop {
            made.next.store(first, Ordering::Relaxed); // Relaxed: published by the exchange below.
            // Release: who finds it finds it whole.
            match ALL.compare_exchange(first, made, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return made,
                Err(other) => first = other,
            }
        }
    }

    /// Enters a call with `handle`.
    #[cold]
    pub(super) fn enter(&'static self, handle: u64) -> Result<Inside, Failure> {
        // Relaxed: its own word.
        if self.inside.load(Ordering::Relaxed) != 0 {
            return Err(interrupted());
        }
        self.inside.store(handle, Ordering::Relaxed); // Relaxed: ordered by the fence below, or by who closes.
        if self.fences {
            // SeqCst: in one order with the fence of who closes; either it sees us inside, or we see it closed.
            fence(Ordering::SeqCst);
        } else {
            // SeqCst: as in `enter_at_once`.
            compiler_fence(Ordering::SeqCst);
        }
        Ok(Inside(self))
    }

    /// As [`Caller::enter`] of one who is known, and so needs no fence, and without a word of why it cannot.
    #[inline(always)]
    pub(super) fn enter_at_once(&'static self, handle: u64) -> Option<Inside> {
        // Relaxed: its own word.
        if self.inside.load(Ordering::Relaxed) != 0 {
            return None;
        }
        self.inside.store(handle, Ordering::Relaxed); // Relaxed: ordered by who closes.
        // SeqCst: the compiler keeps the order, the kernel makes the processor keep it when somebody closes.
        compiler_fence(Ordering::SeqCst);
        Some(Inside(self))
    }

    /// Enters a call that has no handle.
    pub(super) fn enter_without_handle(&'static self) -> Result<Inside, Failure> {
        self.enter(NO_HANDLE)
    }

    /// Whether there is a place for another turn.
    #[inline]
    pub(crate) fn has_room(&self) -> Result<(), Failure> {
        // Relaxed: its own word.
        if (self.top.load(Ordering::Relaxed) as usize) < TURNS_MAX {
            return Ok(());
        }
        Err(Failure::new(
            ErrorKind::NoSpace,
            format!("this thread has {TURNS_MAX} turns, the most that it can have"),
        )
        .advise("release some first"))
    }

    /// Keeps what `take` takes by `handle`, if there is a place; answers its token.
    #[inline(always)]
    pub(crate) fn keep_short(&self, handle: u64, take: impl FnOnce() -> Option<ShortTurn>) -> Option<u64> {
        let top = self.top.load(Ordering::Relaxed) as usize; // Relaxed: its own word.
        let (word, place) = (self.handles.get(top)?, self.turns.get(top)?);
        let turn = take()?;
        let token = turn.token();
        // Relaxed: published by the end of this call (I2).
        word.store(handle, Ordering::Relaxed);
        // SAFETY: as in `keep`: the place is this thread's, which is inside this call and no other (I1), and it is empty.
        unsafe { place.get().write(Some(Held::Short(turn))) };
        self.top.store(top as u32 + 1, Ordering::Relaxed); // Relaxed: its own word.
        Some(token)
    }

    /// Ends the turn that this thread took last, if that is a short one by `handle` and `give_back` can give it back.
    #[inline(always)]
    pub(crate) fn end_short(&self, handle: u64, give_back: impl FnOnce(&ShortTurn) -> bool) -> Option<()> {
        let top = self.top.load(Ordering::Relaxed) as usize; // Relaxed: its own word.
        let last = top.checked_sub(1)?;
        // Relaxed: its own word.
        if self.handles.get(last)?.load(Ordering::Relaxed) != handle {
            return None;
        }
        // SAFETY: the place is this thread's (I1), and `give_back` does not reach it another way.
        let held = unsafe { &*self.turns.get(last)?.get() };
        let Some(Held::Short(turn)) = held else { return None };
        if !give_back(turn) {
            return None;
        }
        // A short turn needs no end of its own: the next one is written over it.
        self.top.store(last as u32, Ordering::Relaxed); // Relaxed: its own word.
        Some(())
    }

    /// Keeps a turn that this thread has by `handle`; [`Caller::has_room`] said that there is a place.
    #[inline]
    pub(crate) fn keep(&self, handle: u64, held: Held) {
        let top = self.top.load(Ordering::Relaxed) as usize; // Relaxed: its own word.
        let (Some(word), Some(place)) = (self.handles.get(top), self.turns.get(top)) else {
            return drop(held);
        };
        // Relaxed: published by the end of this call (I2).
        word.store(handle, Ordering::Relaxed);
        // SAFETY: `place` is this thread's, which is inside this call and no other (I1); nothing of it is borrowed, and above
        // `top` it is empty, so that there is nothing to drop.
        unsafe { place.get().write(Some(held)) };
        self.top.store(top as u32 + 1, Ordering::Relaxed); // Relaxed: its own word.
    }

    /// Ends the turn that this thread took last by `handle`; answers what `look` says of it just before. It stays where it is until it is
    /// gone: to move it costs more than to end it.
    #[inline]
    pub(crate) fn end<R>(&self, handle: u64, look: impl FnOnce(&Held) -> R) -> Option<R> {
        let top = self.top.load(Ordering::Relaxed) as usize; // Relaxed: its own word.
        // Relaxed: its own words.
        let at = (0..top).rev().find(|&at| self.handles[at].load(Ordering::Relaxed) == handle)?;
        // SAFETY: the place is this thread's (I1); neither `look` nor the drop of a turn reaches it another way.
        let held = unsafe { &mut *self.turns[at].get() };
        let answer = held.as_ref().map(look);
        *held = None;
        // The word stays until the turn is gone, for who closes (I2).
        if at + 1 == top {
            self.top.store(at as u32, Ordering::Relaxed); // Relaxed: its own word.
        } else {
            self.move_down(at, top);
        }
        answer
    }

    /// Fills the place `at` below `top`, whose turn is gone.
    #[cold]
    fn move_down(&self, at: usize, top: usize) {
        for to in at..top - 1 {
            let handle = self.handles[to + 1].load(Ordering::Relaxed); // Relaxed: its own word.
            // SAFETY: both places are this thread's (I1), and nothing of them is borrowed.
            let moved = unsafe { (*self.turns[to + 1].get()).take() };
            self.handles[to].store(handle, Ordering::Relaxed); // Relaxed: as in `keep`.
            // SAFETY: it is this thread's (I1), and nothing of it is borrowed.
            unsafe { *self.turns[to].get() = moved };
        }
        self.top.store(top as u32 - 1, Ordering::Relaxed); // Relaxed: its own word.
    }

    /// What `look` answers about the turn that this thread took last by `handle`.
    pub(crate) fn look<R>(&self, handle: u64, look: impl FnOnce(&mut Held) -> R) -> Option<R> {
        let top = self.top.load(Ordering::Relaxed) as usize; // Relaxed: its own word.
        // Relaxed: its own words.
        let at = (0..top).rev().find(|&at| self.handles[at].load(Ordering::Relaxed) == handle)?;
        // SAFETY: the place is this thread's (I1); `look` cannot reach it but by what it is given.
        let held = unsafe { &mut *self.turns[at].get() };
        held.as_mut().map(look)
    }

    /// Makes what this thread took last by `handle` a guard, if it is short.
    pub(crate) fn lengthen(
        &self,
        handle: u64,
        guard: impl FnOnce(ShortTurn) -> Result<Held, Failure>,
    ) -> Result<(), Failure> {
        let short = self.look(handle, |held| match held {
            Held::Short(_) => Some(std::mem::replace(held, Held::Away)),
            _ => None,
        });
        let Some(Some(Held::Short(turn))) = short else { return Ok(()) };
        self.back(handle, guard(turn)?);
        Ok(())
    }

    /// Whether this thread has a turn by `handle`.
    pub(crate) fn has(&self, handle: u64) -> bool {
        self.look(handle, |_| ()).is_some()
    }

    /// Takes the turn that this thread took last by `handle` out of its place, which stays: nobody closes the handle before
    /// [`Caller::back`] or [`Caller::gone`].
    pub(crate) fn away(&self, handle: u64) -> Option<Held> {
        self.look(handle, |held| std::mem::replace(held, Held::Away))
    }

    /// Puts what was away by `handle` back into its place.
    pub(crate) fn back(&self, handle: u64, again: Held) {
        // What is away is the last by its handle: its thread has taken nothing by it meanwhile.
        self.look(handle, |held| *held = again);
    }

    /// What was away by `handle` does not come back.
    pub(crate) fn gone(&self, handle: u64) {
        self.end(handle, |_| ());
    }

    /// Forgets all turns, without giving any up: their thread is gone, or it is another process's.
    fn forget_turns(&self) {
        self.recent.forget();
        for (word, place) in self.handles.iter().zip(&self.turns) {
            // SAFETY: the place is this thread's, or there is no live handle yet by which anybody reaches it (I1).
            let held = unsafe { (*place.get()).take() };
            std::mem::forget(held);
            word.store(0, Ordering::Relaxed); // Relaxed: as in `keep`.
        }
        self.top.store(0, Ordering::Relaxed); // Relaxed: its own word.
    }

    /// Whether this caller is inside a call with the handle of the call in which `other` is.
    pub(super) fn is_inside_as(&self, other: &Self) -> bool {
        fence_all();
        // Relaxed: the word of the calling thread.
        let handle = other.inside.load(Ordering::Relaxed);
        // Acquire: whoever was inside and is not any more has done all that it did there.
        self.inside.load(Ordering::Acquire) == handle
    }

    fn uses(&self, handle: u64) -> bool {
        // Acquire: whoever was inside and is not any more has said which turns it has (I2).
        if self.inside.load(Ordering::Acquire) == handle {
            return true;
        }
        let top = self.top.load(Ordering::Relaxed) as usize; // Relaxed: ordered by the load above.
        // Relaxed: ordered by the load above.
        self.handles.iter().take(top).any(|word| word.load(Ordering::Relaxed) == handle)
    }
}

/// After this, whoever enters a call sees what was written before it, or is seen inside.
fn fence_all() {
    // SeqCst: in one order with the fences of callers, where those are needed.
    fence(Ordering::SeqCst);
    // Where the kernel refuses, callers fence themselves: `fences`.
    membarrier::global_expedited();
}

/// Whether some thread is inside a call with `handle`, or has a turn by it.
pub(super) fn is_used(handle: u64) -> bool {
    fence_all();
    all().any(|caller| caller.uses(handle))
}

/// After a fork, before there is any handle of this process: nobody is inside a call with one, or has a turn by one. Callers stay whose they
/// were: which of their threads came along is not known here.
pub(super) fn forget_all() {
    for caller in all() {
        caller.forget_turns();
        // Relaxed: published by the first handle. Who makes it is inside a call without handle, and leaves that by itself.
        let _ = caller
            .inside
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |inside| (inside != NO_HANDLE).then_some(0));
    }
}

fn all() -> impl Iterator<Item = &'static Caller> {
    // SAFETY: whatever stands in the list was leaked by `made`, and is never freed (I3).
    let follow = |link: &AtomicPtr<Caller>| unsafe { link.load(Ordering::Acquire).as_ref() }; // Acquire: it is whole.
    std::iter::successors(follow(&ALL), move |caller| follow(&caller.next))
}

#[cold]
fn interrupted() -> Failure {
    Failure::new(
        ErrorKind::Usage,
        "it was called by a signal handler that interrupted another call of this thread".to_owned(),
    )
    .advise("call it outside of signal handlers: write into a pipe there")
}
