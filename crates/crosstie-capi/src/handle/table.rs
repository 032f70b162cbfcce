//! The table of handles.
//!
//! A place's word says how often it had been used, what is open in it, and how far that is: free → making → live → closing → free;
//! live → broken where a call panicked inside. A handle names the place and the number, so it is live or not, whatever became of the
//! place since.
//!
//! Invariants: I1 the body of a place is there, and of the type that the word says, from live or broken until closing has found
//! that no caller is inside or has a turn by it. I2 only who changed the word to making or closing writes the place.
#![expect(unsafe_code, reason = "a handle leads to what is open")]

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use crosstie::ErrorKind;
use crosstie::os::process;
use crosstie::sync::Shortcut;
use crosstie_core::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::caller::{self, Caller, Inside};
use crate::status::Failure;

/// Places that are made together.
const BLOCK: usize = 1024;
const BLOCKS: usize = 1024;
const INDEX_BITS: u32 = 20;

/// What can be open behind a handle.
pub(crate) trait Body: Send + Sync + 'static {
    /// The type of its handles in C.
    type Handle;
    /// What messages call it.
    const NAME: &'static str;
    /// Its number among the types, from 1.
    const KIND: u8;

    /// Whether it may be closed; nobody is inside.
    ///
    /// # Errors
    /// What it still has.
    fn may_close(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Ends it; the handle is gone already.
    ///
    /// # Errors
    /// What could not be brought to its end.
    fn end(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

const FREE: u64 = 0;
const MAKING: u64 = 1;
const LIVE: u64 = 2;
const BROKEN: u64 = 3;
const CLOSING: u64 = 4;

pub(super) struct Place {
    /// How often it was used << 16 | the type << 8 | how far.
    pub(super) word: AtomicU64,
    /// In which process, by the number of its fork.
    epoch: AtomicU64,
    body: AtomicPtr<()>,
}

type Block = [Place; BLOCK];

static TABLE: [AtomicPtr<Block>; BLOCKS] = [const { AtomicPtr::new(ptr::null_mut()) }; BLOCKS];
/// Where to look next for a free place.
static HINT: AtomicU32 = AtomicU32::new(0);
/// The fork epoch in which a handle was made last; with `CLEARING`, one in which what was before is being cleared.
static EPOCH: AtomicU64 = AtomicU64::new(0);
const CLEARING: u64 = 1 << 63;

const fn word(uses: u64, kind: u8, stage: u64) -> u64 {
    uses << 16 | (kind as u64) << 8 | stage
}

/// The number of a handle: odd, so that no pointer of the program's is one.
const fn bits(index: u32, uses: u64) -> u64 {
    (uses << INDEX_BITS | index as u64) << 1 | 1
}

#[inline(always)]
fn parts(bits: u64) -> Option<(&'static Place, u64)> {
    if bits & 1 == 0 {
        return None;
    }
    let (index, uses) = ((bits >> 1) & ((1 << INDEX_BITS) - 1), bits >> (INDEX_BITS + 1));
    Some((place(usize::try_from(index).ok()?)?, uses))
}

#[inline(always)]
fn place(index: usize) -> Option<&'static Place> {
    // Acquire: the block is whole.
    let block = TABLE.get(index / BLOCK)?.load(Ordering::Acquire);
    // SAFETY: blocks are leaked when they are made, and never freed.
    let block: &'static Block = unsafe { block.as_ref()? };
    block.get(index % BLOCK)
}

/// The number of `handle`, for what a caller keeps by it.
#[inline]
pub(crate) fn number<B: Body>(handle: *const B::Handle) -> u64 {
    handle.addr() as u64
}

/// Makes a handle that leads to `body`.
///
/// # Errors
/// `NoSpace` when there are a million already.
pub(crate) fn open<B: Body>(body: B) -> Result<*mut B::Handle, Failure> {
    let epoch = process::fork_epoch();
    begin(epoch);
    let (index, place, uses) = claim()?;
    place.epoch.store(epoch, Ordering::Relaxed); // Relaxed: published by the word below.
    // Relaxed: as above.
    place.body.store(Box::into_raw(Box::new(body)).cast(), Ordering::Relaxed);
    // Release: who finds it live finds the body (I1).
    place.word.store(word(uses, B::KIND, LIVE), Ordering::Release);
    // A handle of 2^43 uses of one place would be none: at a million a second that is a hundred days of one place.
    Ok(ptr::without_provenance_mut(bits(index, uses) as usize))
}

/// Sees to it that nothing of before the last fork is left when the first handle of `epoch` is made.
fn begin(epoch: u64) {
    loop {
        // Acquire: what was cleared is cleared.
        let found = EPOCH.load(Ordering::Acquire);
        if found == epoch {
            return;
        }
        if found == epoch | CLEARING {
            // Another thread of this process is at it, for some stores.
            std::thread::yield_now();
            continue;
        }
        // In a process that has made none yet there is nothing to clear. A mark of another epoch is that of a parent.
        let next = if found == 0 { epoch } else { epoch | CLEARING };
        // Acquire: as above. Relaxed: another look follows.
        if EPOCH.compare_exchange(found, next, Ordering::Acquire, Ordering::Relaxed).is_ok() && next != epoch
        {
            caller::forget_all();
            EPOCH.store(epoch, Ordering::Release); // Release: what was cleared is cleared.
        }
    }
}

/// Takes a free place; answers which, and its number of uses.
fn claim() -> Result<(u32, &'static Place, u64), Failure> {
    let from = HINT.load(Ordering::Relaxed) as usize; // Relaxed: a hint.
    let made = (0..BLOCKS).take_while(|&block| place(block * BLOCK).is_some()).count() * BLOCK;
    let free = (0..made).map(|step| (from + step) % made).find_map(|index| {
        let place = place(index)?;
        let found = place.word.load(Ordering::Relaxed); // Relaxed: the exchange below decides.
        let uses = (found >> 16) + 1;
        let is_free = found & 0xFF == FREE;
        // Acquire: what was there before is gone.
        let claims = || {
            place
                .word
                .compare_exchange(found, word(uses, 0, MAKING), Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        (is_free && claims()).then_some((index, place, uses))
    });
    if let Some((index, place, uses)) = free {
        let index = u32::try_from(index).unwrap_or(0);
        HINT.store(index + 1, Ordering::Relaxed); // Relaxed: a hint.
        return Ok((index, place, uses));
    }
    grow(made / BLOCK)?;
    claim()
}

#[cold]
fn grow(block: usize) -> Result<(), Failure> {
    let Some(entry) = TABLE.get(block) else {
        return Err(Failure::new(ErrorKind::NoSpace, format!("{} handles are open", BLOCK * BLOCKS))
            .advise("close those that are not needed"));
    };
    let free =
        || Place { word: AtomicU64::new(0), epoch: AtomicU64::new(0), body: AtomicPtr::new(ptr::null_mut()) };
    let made: Box<Block> = Box::new(std::array::from_fn(|_| free()));
    let made = Box::into_raw(made);
    // Release: who finds it finds it whole.
    if entry.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Relaxed).is_err() {
        // SAFETY: another thread was first; `made` comes from into_raw above, and nobody else has seen it.
        drop(unsafe { Box::from_raw(made) });
    }
    // The places below are taken, or were free a moment ago and are found again.
    HINT.store(u32::try_from(block * BLOCK).unwrap_or(0), Ordering::Relaxed); // Relaxed: a hint.
    Ok(())
}

/// A call in which something panics leaves its handle broken: only unwinding drops this.
struct Breaks(&'static Place, u64);

impl Drop for Breaks {
    #[cold]
    fn drop(&mut self) {
        let broken = self.1 & !0xFF | BROKEN;
        // Relaxed: the body stays what it is; nobody uses it any more.
        let _ = self.0.word.compare_exchange(self.1, broken, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Lets `work` have what `handle` leads to, and the calling thread.
///
/// # Errors
/// `Usage` for what is no live handle of this type; as `work`.
#[inline]
pub(crate) fn with<B: Body, R>(
    handle: *const B::Handle,
    work: impl FnOnce(&B, &'static Caller) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let bits = handle.addr() as u64;
    let Some((place, uses)) = parts(bits) else { return Err(refused::<B>(bits)) };
    let inside = Caller::enter_with(bits)?;
    let live = word(uses, B::KIND, LIVE);
    // Acquire: the body is there (I1). Relaxed: the epoch is published by the word.
    if place.word.load(Ordering::Acquire) != live
        || !process::is_fork_epoch(place.epoch.load(Ordering::Relaxed))
    {
        return Err(refused::<B>(bits));
    }
    let breaks = Breaks(place, live);
    // SAFETY: it is live and of this type, and who closes it would find this caller inside (I1), whose word was
    // written before that was read.
    let body = unsafe { &*place.body.load(Ordering::Relaxed).cast::<B>() }; // Relaxed: published by the word.
    let answer = work(body, inside.caller());
    std::mem::forget(breaks);
    answer
}

/// The shortest way of the calling thread to a lock; until it is dropped, the thread is inside a call with the lock's handle.
///
/// Two pointers, so that one function gives it to the next in registers.
#[repr(C)]
pub(crate) struct OnWay {
    shortcut: NonNull<Shortcut<'static>>,
    inside: Inside,
}

impl OnWay {
    /// The shortest way of the calling thread to the lock of `handle`, which it took not long ago, before the wall: nothing is called that
    /// panics. `None` where there is anything to be said, and then nothing was done.
    #[inline(always)]
    pub(crate) fn enter(handle: u64) -> Option<Self> {
        let inside = Caller::known()?.enter_at_once(handle)?;
        let shortcut = NonNull::from(inside.caller().recent.to(handle)?);
        Some(Self { shortcut, inside })
    }

    #[inline(always)]
    pub(crate) fn shortcut(&self) -> &Shortcut<'static> {
        // SAFETY: `enter` found it there, and only this thread writes it, in no call on this way (`caller` I1).
        unsafe { self.shortcut.as_ref() }
    }

    /// The thread that is on it.
    #[inline(always)]
    pub(crate) fn caller(&self) -> &Caller {
        self.inside.caller()
    }
}

/// Remembers the calling thread's shortest way to the lock of `handle`, inside of a call with it. It is followed only while the handle
/// is open, in such a call.
pub(crate) fn remember<B: Body>(handle: u64, caller: &Caller, shortcut: MaybeUninit<Shortcut<'static>>) {
    if let Some((place, uses)) = parts(handle) {
        caller.recent.remember(handle, place, word(uses, B::KIND, LIVE), shortcut);
    }
}

/// What `handle` leads to, by which `caller` has a turn: so it stays open as long as that.
///
/// # Errors
/// `Usage` for what is no live handle of this type, and where `caller` has no turn by it.
pub(crate) fn by_turn<B: Body>(handle: *const B::Handle, caller: &Caller) -> Result<&B, Failure> {
    let bits = handle.addr() as u64;
    let Some((place, uses)) = parts(bits) else { return Err(refused::<B>(bits)) };
    // Acquire: the body is there (I1). Who finds the turn on closing puts the word back to live.
    let found = place.word.load(Ordering::Acquire);
    let is_of_this_type = [LIVE, CLOSING].iter().any(|&stage| found == word(uses, B::KIND, stage));
    // Relaxed: the epoch is published by the word.
    if !is_of_this_type || !process::is_fork_epoch(place.epoch.load(Ordering::Relaxed)) {
        return Err(refused::<B>(bits));
    }
    if !caller.has(bits) {
        let text = format!("this thread has no turn by this {}", B::NAME);
        return Err(Failure::new(ErrorKind::Usage, text).advise("take it first"));
    }
    // SAFETY: it is of this type, and no handle by which somebody has a turn is closed (I1).
    Ok(unsafe { &*place.body.load(Ordering::Relaxed).cast::<B>() }) // Relaxed: published by the word.
}

/// Lets `work` run inside a call that has no handle.
///
/// # Errors
/// As `work`.
pub(crate) fn without_handle<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    let _inside = Caller::met().enter_without_handle()?;
    work()
}

/// Closes `handle`.
///
/// # Errors
/// `Usage` for what is no open handle of this type; `Busy` while another thread is inside a call with it, or a thread has a turn by it.
pub(crate) fn close<B: Body>(handle: *const B::Handle) -> Result<(), Failure> {
    let _inside = Caller::met().enter_without_handle()?;
    close_inside::<B>(handle)
}

/// As [`close`], of who is inside a call already, with another handle or none.
///
/// # Errors
/// As [`close`].
pub(crate) fn close_inside<B: Body>(handle: *const B::Handle) -> Result<(), Failure> {
    let (body, is_ours) = vacate::<B>(handle, &[LIVE, BROKEN])?;
    // What was opened before a fork ends in the parent; here only its memory goes.
    if is_ours { body.end() } else { Ok(()) }
}

/// Closes `handle`, and lets `work` have what it led to.
///
/// # Errors
/// As [`close`], and `Usage` for what was opened before a fork: then it stays open; else as `work`.
pub(crate) fn take<B: Body, R>(
    handle: *const B::Handle,
    work: impl FnOnce(B) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let _inside = Caller::met().enter_without_handle()?;
    let bits = handle.addr() as u64;
    let is_ours = |(place, _): (&Place, u64)| process::is_fork_epoch(place.epoch.load(Ordering::Relaxed)); // Relaxed: as in `with`.
    if parts(bits).is_some_and(|found| !is_ours(found)) {
        return Err(refused::<B>(bits));
    }
    work(*vacate::<B>(handle, &[LIVE])?.0)
}

/// Takes what `handle` leads to out of its place, which is free then, if it is in one of `stages`; answers also whether it was opened by this
/// process.
///
/// # Errors
/// As [`close`]; then all is as it was.
fn vacate<B: Body>(handle: *const B::Handle, stages: &[u64]) -> Result<(Box<B>, bool), Failure> {
    let bits = handle.addr() as u64;
    let Some((place, uses)) = parts(bits) else { return Err(refused::<B>(bits)) };
    let found = place.word.load(Ordering::Relaxed); // Relaxed: the exchange below decides.
    let is_open = stages.iter().any(|&stage| found == word(uses, B::KIND, stage));
    let closing = word(uses, B::KIND, CLOSING);
    // AcqRel: the body is there (I1), and who calls from now on is refused.
    if !is_open || place.word.compare_exchange(found, closing, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        return Err(refused::<B>(bits));
    }
    let body = place.body.load(Ordering::Relaxed).cast::<B>(); // Relaxed: published by the word.
    // In a fork child nobody is inside, and what the parent's threads have is theirs.
    let is_ours = process::is_fork_epoch(place.epoch.load(Ordering::Relaxed)); // Relaxed: as above.
    if is_ours {
        let answer = if caller::is_used(bits) {
            Err(Failure::new(
                ErrorKind::Busy,
                format!("a thread has a turn by this {}, or is inside a call with it", B::NAME),
            )
            .advise("release it, and end the calls, before it is closed"))
        } else {
            // SAFETY: the body stays until it is taken below (I1).
            unsafe { &*body }.may_close()
        };
        if let Err(refusal) = answer {
            place.word.store(found, Ordering::Release); // Release: as it was.
            return Err(refusal);
        }
    }
    // SAFETY: it comes from Box::into_raw in `open`, nobody is inside or has a turn, nobody comes any more (I1, I2).
    let body = unsafe { Box::from_raw(body) };
    place.word.store(word(uses, 0, FREE), Ordering::Release); // Release: the next use comes after this one.
    Ok((body, is_ours))
}

/// Why the number `bits` leads to no `B`.
#[cold]
fn refused<B: Body>(bits: u64) -> Failure {
    let what = B::NAME;
    let usage = |text: String| Failure::new(ErrorKind::Usage, text);
    if bits == 0 {
        return usage(format!("NULL in the place of a {what}"));
    }
    let Some((place, uses)) = parts(bits) else {
        return usage(format!("{bits:#x} is not a {what} of this library"));
    };
    let found = place.word.load(Ordering::Relaxed); // Relaxed: for words only.
    if uses == 0 || uses > found >> 16 {
        return usage(format!("{bits:#x} is not a {what} of this library"));
    }
    if found >> 16 != uses || matches!(found & 0xFF, FREE | MAKING) {
        return usage(format!("this {what} is closed already"));
    }
    if (found >> 8) & 0xFF != u64::from(B::KIND) {
        return usage(format!("this handle is not a {what}"));
    }
    match found & 0xFF {
        CLOSING => usage(format!("this {what} is being closed by another thread")),
        BROKEN => Failure::new(
            ErrorKind::Failed,
            format!("an earlier call with this {what} hit a bug of the library"),
        )
        .advise("close it, and report what was said then"),
        _ => usage(format!("this {what} was opened before a fork, in the parent"))
            .advise("open it again in the child; the parent's can only be closed there"),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    struct Plain;

    impl Body for Plain {
        type Handle = u8;
        const NAME: &'static str = "crosstie_plain";
        const KIND: u8 = 0xFE;
    }

    #[test]
    fn a_call_that_panics_leaves_the_handle_broken_and_one_that_fails_does_not() {
        let handle = open(Plain).unwrap_or_else(|_| panic!("room"));
        let failure = || Failure::new(ErrorKind::Usage, "wrong".to_owned());
        assert!(with::<Plain, ()>(handle, |_, _| Err(failure())).is_err());
        assert!(with::<Plain, ()>(handle, |_, _| Ok(())).is_ok(), "an error is no bug");

        let panics = || with::<Plain, ()>(handle, |_, _| panic!("a bug"));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        let refused = format!("{:?}", with::<Plain, ()>(handle, |_, _| Ok(())).err());
        assert!(refused.contains("hit a bug"), "{refused}");
        assert!(close::<Plain>(handle).is_ok(), "nobody is inside, and it can be closed");
    }
}
