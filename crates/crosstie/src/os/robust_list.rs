//! The kernel's robust list of a thread: words that the kernel marks when the thread ends.
//!
//! The C library registers one list head a thread. [`RobustList`] puts a word of ours on that same
//! list, beside the C library's own robust mutexes (research/sync.md §1.2), because a second head
//! would silently disable those. The order of steps that makes a kill at any instruction visible:
//!
//! | step | a kill after it leaves |
//! |---|---|
//! | [`RobustList::announce`]: `list_op_pending` = the word | a word without our TID: untouched |
//! | claim: the word goes to our TID by one CAS | a word that the pending entry marks |
//! | [`RobustList::link`] | a word that the list marks |
//! | the announcement is dropped | the same |
//!
//! The list runs through bytes that peers may write, so nothing here follows a pointer that it
//! found there, and a word is never unlinked (HAZARDS H4). A peer that overwrites a pointer makes
//! the kernel stop early: a missing mark, for which HAZARDS H1 has the second witness.
#![expect(unsafe_code, reason = "reads and writes the list head that the C library registered")]

use std::io;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{self, NonNull};

use crosstie_core::atomic::{AtomicU32, Ordering, compiler_fence};
use crosstie_core::word::slot::RobustWord;

/// `struct robust_list_head`, fixed by the kernel.
#[repr(C)]
struct Head {
    next: u64,
    futex_offset: i64,
    list_op_pending: u64,
}

/// The robust list of the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct RobustList {
    head: NonNull<Head>,
    /// Belongs to one thread.
    not_send: PhantomData<*mut ()>,
}

impl RobustList {
    /// The list that the C library registered for this thread, or a new one where there is none (a
    /// thread that was made by a bare `clone`).
    ///
    /// # Errors
    /// `Unsupported` when the C library keeps its words at another distance from the list (musl);
    /// the kernel's others.
    pub fn of_this_thread() -> io::Result<Self> {
        use_one_robust_mutex()?;
        let head = match registered_head()? {
            Some(head) => head,
            None => register_own_head()?,
        };
        let offset = head.as_ptr().wrapping_byte_add(offset_of!(Head, futex_offset)).cast::<i64>();
        // SAFETY: the kernel confirmed that this thread registered the head, and only this thread
        // and the kernel at its end use it.
        let offset = unsafe { offset.read_volatile() };
        if offset != RobustWord::FUTEX_OFFSET {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!(
                    "the C library's robust words lie at {offset}, glibc's at {}",
                    RobustWord::FUTEX_OFFSET
                ),
            ));
        }
        Ok(Self { head, not_send: PhantomData })
    }

    /// Tells the kernel that this thread is about to claim `word`: if it dies before the answer is
    /// dropped, the kernel marks the word, if that holds this thread's TID.
    ///
    /// The caller makes sure that meanwhile nobody of another PID namespace, whose TID may be equal,
    /// claims the word.
    #[must_use]
    pub fn announce(&self, word: &'static RobustWord) -> Announcement {
        self.announce_entry(word.node_address())
    }

    /// Tells the kernel that this thread may have been woken on behalf of others: if it dies before the
    /// answer is dropped, the kernel wakes one sleeper on `bell`, which never holds a TID.
    #[must_use]
    pub fn announce_bell(&self, bell: &'static AtomicU32) -> Announcement {
        let bell = (&raw const *bell).expose_provenance() as u64;
        self.announce_entry(bell.wrapping_add_signed(-RobustWord::FUTEX_OFFSET))
    }

    /// Ends an announcement that was [kept](Announcement::keep).
    pub fn retract(&self) {
        // SeqCst: what was announced is done before the entry is taken back, see `announce`.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `of_this_thread` established that the head is this thread's own.
        unsafe { self.pending().write_volatile(0) };
    }

    fn announce_entry(&self, entry: u64) -> Announcement {
        let pending = self.pending();
        // SAFETY: `of_this_thread` established that the head is this thread's own.
        let before = unsafe { pending.read_volatile() };
        // SAFETY: as above; the kernel adds the offset and finds a word that stays mapped ('static).
        unsafe { pending.write_volatile(entry) };
        // SeqCst: the kernel reads the entry in this very thread, so only the compiler must keep `pending`
        // before the writes to `word` that follow.
        compiler_fence(Ordering::SeqCst);
        Announcement { list: *self, before }
    }

    /// Puts `word` first on the list; the caller holds an announcement of it and has just claimed it.
    pub fn link(&self, word: &'static RobustWord) {
        let next = self.next();
        // SAFETY: the head is this thread's own (`of_this_thread`).
        let first = unsafe { next.read_volatile() };
        let head = self.head.as_ptr() as u64;
        word.set_neighbours(head, first);
        // Bit 0 marks a priority-inheriting mutex and is no part of the address.
        let first_node = first & !1;
        if first_node != head {
            // The C library keeps the way back 8 bytes before the way forth.
            let back = ptr::with_exposed_provenance_mut::<u64>(as_address(first_node)).wrapping_sub(1);
            // SAFETY: only the C library and this type put entries first, both of them words that
            // stay mapped while they are on the list.
            unsafe { back.write_volatile(word.node_address()) };
        }
        // SeqCst: the word's pointers are written before the head leads to them, see `announce`.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the head is this thread's own.
        unsafe { next.write_volatile(word.node_address()) };
        // SeqCst: the word is on the list before its announcement ends, see `announce`.
        compiler_fence(Ordering::SeqCst);
    }

    /// Whether `word` is the first entry that the kernel would find now.
    ///
    /// # Errors
    /// The kernel's.
    pub fn begins_with(&self, word: &'static RobustWord) -> io::Result<bool> {
        // SAFETY: the head is this thread's own.
        let first = unsafe { self.next().read_volatile() };
        Ok(registered_head()? == Some(self.head) && first == word.node_address())
    }

    fn next(&self) -> *mut u64 {
        self.head.as_ptr().wrapping_byte_add(offset_of!(Head, next)).cast()
    }

    fn pending(&self) -> *mut u64 {
        self.head.as_ptr().wrapping_byte_add(offset_of!(Head, list_op_pending)).cast()
    }
}

/// While it lives, the kernel looks at one more word when this thread ends.
#[derive(Debug)]
pub struct Announcement {
    list: RobustList,
    before: u64,
}

impl Announcement {
    /// Lets it stand until [`RobustList::retract`].
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // SeqCst: what was announced is done before the entry is taken back, see `announce`.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the head is this thread's own, and this type is not Send.
        unsafe { self.list.pending().write_volatile(self.before) };
    }
}

fn as_address(bits: u64) -> usize {
    usize::try_from(bits).unwrap_or(0)
}

/// The head that this thread registered with the kernel.
fn registered_head() -> io::Result<Option<NonNull<Head>>> {
    let mut head = ptr::null_mut::<Head>();
    let mut len = 0_usize;
    // SAFETY: the call writes one pointer and one size, for which both arguments have room; 0 is
    // the calling thread.
    let answer = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut len) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(NonNull::new(head))
}

fn register_own_head() -> io::Result<NonNull<Head>> {
    let head: *mut Head = Box::into_raw(Box::<Head>::new_uninit()).cast();
    // An empty list ends in its own head.
    let empty = Head {
        next: head.expose_provenance() as u64,
        futex_offset: RobustWord::FUTEX_OFFSET,
        list_op_pending: 0,
    };
    // SAFETY: the memory was just allocated for a head and nobody else has its address.
    unsafe { head.write(empty) };
    // SAFETY: the kernel reads the head when this thread ends; it is never freed.
    let answer = unsafe { libc::syscall(libc::SYS_set_robust_list, head, size_of::<Head>()) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(head).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

const PTHREAD_MUTEX_ROBUST: libc::c_int = 1;

unsafe extern "C" {
    fn pthread_mutexattr_setrobust(
        attributes: *mut libc::pthread_mutexattr_t,
        robustness: libc::c_int,
    ) -> libc::c_int;
}

/// Locks and unlocks one private robust mutex: C libraries that register their list with the first
/// one (musl, newer glibc) do it now and not after us (HAZARDS H4).
fn use_one_robust_mutex() -> io::Result<()> {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    let mut mutex = MaybeUninit::<libc::pthread_mutex_t>::uninit();
    let mutex = mutex.as_mut_ptr();
    // SAFETY: `attributes` is writable memory of their size.
    checked(unsafe { libc::pthread_mutexattr_init(attributes) })?;
    // SAFETY: initialised by the call above.
    checked(unsafe { pthread_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST) })?;
    // SAFETY: writable memory for a mutex, and initialised attributes.
    checked(unsafe { libc::pthread_mutex_init(mutex, attributes) })?;
    // SAFETY: initialised above; nobody else knows it.
    checked(unsafe { libc::pthread_mutex_lock(mutex) })?;
    // SAFETY: locked by this thread above.
    checked(unsafe { libc::pthread_mutex_unlock(mutex) })?;
    // SAFETY: unlocked, and nobody else knows it.
    checked(unsafe { libc::pthread_mutex_destroy(mutex) })?;
    // SAFETY: pthread_mutexattr_init initialised them, and nothing uses them afterwards.
    checked(unsafe { libc::pthread_mutexattr_destroy(attributes) })
}

fn checked(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}
