//! Two copies of the library in one process, as a program and its plugin bring them: one
//! participant, and one truth (HAZARDS H6). The second copy is tests/copies/library.rs.

use std::ffi::{CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use crosstie::ledger::{Domain, Wait};
use crosstie::os::process;
use crosstie::sync::{LockError, Mutex};
use crosstie::{Deadline, OwnerId};

use self::stage::{Stage, until, until_asleep};

#[allow(dead_code, reason = "shared with the ledger's tests, which use more of it")]
#[path = "ledger/stage.rs"]
mod stage;

/// What the second copy answers on locking.
const DONE: u64 = 0;
const ABANDONED: u64 = 1;
const BUSY: u64 = 2;
const DEADLOCK: u64 = 3;

/// The second copy, loaded once a process; it stays until the end.
struct Copy {
    handle: usize,
    path: CString,
}

impl Copy {
    fn in_domain(stage: &Stage) -> Self {
        static HANDLE: OnceLock<usize> = OnceLock::new();
        let handle = *HANDLE.get_or_init(|| {
            let test = std::env::current_exe().unwrap();
            let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
            let library = folder.join("libsecond_copy.so");
            assert!(library.is_file(), "{} is not built: cargo build --examples", library.display());
            let name = CString::new(library.as_os_str().as_bytes()).unwrap();
            // SAFETY: the library's initialisers only look at a signal.
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            assert!(!handle.is_null(), "it cannot be loaded");
            handle.expose_provenance()
        });
        Self { handle, path: CString::new(stage.path().as_os_str().as_bytes()).unwrap() }
    }

    fn symbol(&self, name: &str) -> *mut c_void {
        let name = CString::new(name).unwrap();
        // SAFETY: the library is never unloaded, and the name ends in zero.
        let found = unsafe { libc::dlsym(std::ptr::with_exposed_provenance_mut(self.handle), name.as_ptr()) };
        assert!(!found.is_null(), "no such function");
        found
    }

    fn ask(&self, name: &str) -> u64 {
        // SAFETY: every function of tests/copies/library.rs but `copy_confirm_alive` has this type.
        let function: unsafe extern "C" fn(*const c_char) -> u64 =
            unsafe { std::mem::transmute(self.symbol(name)) };
        // SAFETY: `in_domain` made the path a string that ends in zero.
        unsafe { function(self.path.as_ptr()) }
    }

    fn thread_owner(&self) -> OwnerId {
        OwnerId::from_bits(self.ask("copy_thread_owner")).unwrap()
    }

    fn process_owner(&self) -> OwnerId {
        OwnerId::from_bits(self.ask("copy_process_owner")).unwrap()
    }

    fn sees_alive(&self, id: OwnerId) -> bool {
        // SAFETY: `copy_confirm_alive` of tests/copies/library.rs has this very type.
        let function: unsafe extern "C" fn(*const c_char, u64) -> u64 =
            unsafe { std::mem::transmute(self.symbol("copy_confirm_alive")) };
        // SAFETY: `in_domain` made the path a string that ends in zero.
        unsafe { function(self.path.as_ptr(), id.to_bits()) == 1 }
    }
}

fn wait_for_death(domain: &'static Domain, id: OwnerId) {
    let waited = loop {
        match domain.wait(&AtomicU32::new(0), 0, &[id], Deadline::NEVER) {
            Wait::Woken => {}
            other => break other,
        }
    };
    assert_eq!(waited, Wait::OwnerDied);
}

#[test]
fn h6_two_copies_in_one_process_are_one_participant() {
    let stage = Stage::new();
    let domain = stage.domain;
    let copy = Copy::in_domain(&stage);
    let ours = std::ptr::from_ref(domain).addr() as u64;
    assert_ne!(copy.ask("copy_address"), ours, "it really is a second copy");
    let me = domain.thread_owner().unwrap();
    assert_eq!(copy.thread_owner(), me);
    let other = std::thread::scope(|scope| {
        let first_by_copy = || (copy.thread_owner(), domain.thread_owner().unwrap());
        let (first, second) = scope.spawn(first_by_copy).join().unwrap();
        assert_eq!(first, second, "whichever copy came first");
        first
    });
    assert_ne!(other, me);
    wait_for_death(domain, other);
    assert!(!copy.sees_alive(other) && copy.sees_alive(me));

    let process = copy.process_owner();
    assert_eq!(domain.process_owner().unwrap(), process, "one thread keeps it for both");
    assert!(domain.confirm_alive(process) && copy.sees_alive(process));
    assert_eq!(domain.owners().len(), 2);
    stage.nothing_was_rescued();
}

#[test]
fn h6_a_fork_child_is_one_new_participant_to_both_copies() {
    let stage = Stage::new();
    let copy = Copy::in_domain(&stage);
    let parents = [stage.domain.thread_owner().unwrap(), copy.process_owner()];
    assert_eq!([copy.thread_owner(), stage.domain.process_owner().unwrap()], parents);
    // SAFETY: the child only uses the library and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let own = [stage.domain.thread_owner().unwrap(), stage.domain.process_owner().unwrap()];
        let agree = [copy.thread_owner(), copy.process_owner()] == own;
        let new = own.iter().all(|id| !parents.contains(id));
        let parents_live = parents.iter().all(|&id| copy.sees_alive(id));
        // SAFETY: ends the child without the parent's clean-up.
        unsafe { libc::_exit(i32::from(!agree) | i32::from(!new) << 1 | i32::from(!parents_live) << 2) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0, "1 = they differ, 2 = the parent's, 4 = the parent looks dead");
    assert!(parents.iter().all(|&id| copy.sees_alive(id) && stage.domain.is_alive(id)));
}

#[test]
fn h6_a_lock_taken_through_one_copy_is_taken_for_the_other() {
    let stage = Stage::new();
    let copy = Copy::in_domain(&stage);
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let guard = mutex.lock().unwrap();
    assert_eq!(copy.ask("copy_try_add"), BUSY);
    assert_eq!(copy.ask("copy_add"), DEADLOCK, "it would wait for itself");
    drop(guard);
    assert_eq!(copy.ask("copy_add"), DONE);
    assert_eq!(*mutex.lock().unwrap(), 1);

    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let guard = mutex.lock().unwrap();
        let waiter = scope.spawn(|| {
            tell.send(process::tid()).unwrap();
            copy.ask("copy_add")
        });
        until_asleep(process::pid(), told.recv().unwrap());
        drop(guard);
        assert_eq!(waiter.join().unwrap(), DONE, "it is woken across copies");
    });
    assert_eq!(*mutex.lock().unwrap(), 2);
    stage.nothing_was_rescued();
}

#[test]
fn h6_a_thread_that_dies_with_a_lock_of_one_copy_is_told_by_the_other() {
    let stage = Stage::new();
    let copy = Copy::in_domain(&stage);
    let mutex = Mutex::<u64>::open_or_create_in(stage.domain, "m", || 0).unwrap();
    let owner = std::thread::scope(|scope| {
        let keeps = || {
            assert_eq!(copy.ask("copy_keep"), DONE);
            copy.thread_owner()
        };
        scope.spawn(keeps).join().unwrap()
    });
    until(|| !stage.domain.is_alive(owner));
    match mutex.lock() {
        Err(LockError::Abandoned(mut guard)) => guard.mark_mended(),
        other => panic!("{other:?}"),
    }
    std::thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(mutex.lock().unwrap())).join().unwrap();
    });
    assert_eq!(copy.ask("copy_add"), ABANDONED, "and the other way round");
    stage.nothing_was_rescued();
}
