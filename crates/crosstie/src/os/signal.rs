//! SIGPIPE: a write to a pipe that nobody reads is an error of ours, never the process' death.
#![expect(unsafe_code, reason = "signal masks exist only in libc")]

use std::io;
use std::mem::MaybeUninit;

/// Whether SIGPIPE would end this process: its disposition is the default.
///
/// Rust's runtime ignores it, C and Python programs that load this library may not.
#[must_use]
pub fn broken_pipe_kills() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: a null new action only asks; `action` is valid for writes of one sigaction.
    let answer = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) };
    if answer != 0 {
        return true;
    }
    // SAFETY: sigaction answered 0, so it wrote the whole struct.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction == libc::SIG_DFL
}

/// Runs `write` so that a SIGPIPE which it raises in this thread is consumed, not delivered.
///
/// Three more system calls than `write` alone; only where [`broken_pipe_kills`].
///
/// # Errors
/// What `write` answers.
pub fn without_broken_pipe_signal<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let ours = broken_pipe_set();
    if is_pending(&ours) {
        // One is pending already, so it is blocked and a second would merge into it.
        return write();
    }
    let before = mask(libc::SIG_BLOCK, &ours);
    let answer = write();
    if matches!(&answer, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        consume(&ours);
    }
    if let Some(before) = before {
        mask(libc::SIG_SETMASK, &before);
    }
    answer
}

fn broken_pipe_set() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: valid for writes of one sigset_t.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: sigemptyset initialised it; SIGPIPE is a signal's number.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: sigemptyset initialised all of it.
    unsafe { set.assume_init() }
}

fn is_pending(set: &libc::sigset_t) -> bool {
    let mut pending = *set;
    // SAFETY: valid for writes of one sigset_t.
    let answer = unsafe { libc::sigpending(&raw mut pending) };
    // SAFETY: `pending` is an initialised set in either case.
    answer == 0 && unsafe { libc::sigismember(&raw const pending, libc::SIGPIPE) } == 1
}

/// Changes this thread's mask; answers the one before.
fn mask(how: libc::c_int, set: &libc::sigset_t) -> Option<libc::sigset_t> {
    let mut before = *set;
    // SAFETY: both sets are valid; `how` is one of the three operations.
    let answer = unsafe { libc::pthread_sigmask(how, set, &raw mut before) };
    (answer == 0).then_some(before)
}

/// Takes a pending SIGPIPE, without waiting for one.
fn consume(set: &libc::sigset_t) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        // SAFETY: both pointers are valid for the call; a null info is allowed.
        let answer = unsafe { libc::sigtimedwait(set, std::ptr::null_mut(), &raw const now) };
        if answer >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::os::fd::AsRawFd;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus, Stdio};

    use crosstie_core::Deadline;

    use super::*;
    use crate::os::byte_stream::ByteStream;
    use crate::os::pipe;
    use crate::os::poll::{self, Interest};

    /// Runs this test program again for `role`.
    fn child(role: &str) -> ExitStatus {
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "os::signal::tests::a_child_plays_its_role", "--test-threads=1"])
            .env("CROSSTIE_TEST_ROLE", role)
            .stdout(Stdio::null())
            .status()
            .expect("a child")
    }

    /// Not a test of its own: what a child of another test does, with SIGPIPE at its default.
    #[test]
    fn a_child_plays_its_role() {
        let Ok(role) = std::env::var("CROSSTIE_TEST_ROLE") else { return };
        // SAFETY: the default disposition runs no code of ours.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        assert!(broken_pipe_kills());
        let (reader, writer) = pipe::pair().expect("a pipe");
        drop(reader);
        if role == "bare" {
            // SAFETY: the bytes are valid for reads.
            unsafe { libc::write(writer.as_raw_fd(), b"x".as_ptr().cast(), 1) };
            return;
        }
        let stream = ByteStream::new(writer).expect("a stream");
        for deadline in [Deadline::NEVER, Deadline::NOW] {
            let error = stream.write(&[IoSlice::new(b"x")], deadline).expect_err("nobody reads");
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        }
        assert!(!is_pending(&broken_pipe_set()), "consumed");
        let now = mask(libc::SIG_BLOCK, &broken_pipe_set()).expect("a mask");
        // SAFETY: `now` is an initialised set, which `mask` read from the kernel.
        assert_eq!(unsafe { libc::sigismember(&raw const now, libc::SIGPIPE) }, 0, "the mask is as before");
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error_and_no_death() {
        assert!(child("ours").success());
        assert_eq!(child("bare").signal(), Some(libc::SIGPIPE), "the broken twin dies");
    }

    extern "C" fn do_nothing(_: libc::c_int) {}

    #[test]
    fn a_signal_interrupts_no_read_and_no_wait() {
        let action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all zeros is a valid sigaction: no flags, so that system calls are interrupted.
        let mut action = unsafe { action.assume_init() };
        action.sa_sigaction = do_nothing as *const () as usize;
        // SAFETY: the handler does nothing, which is async-signal-safe.
        unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
        for waits_first in [false, true] {
            let (reader, writer) = pipe::pair().expect("a pipe");
            let (tell, told) = std::sync::mpsc::channel();
            let reading = std::thread::spawn(move || {
                // SAFETY: takes no argument and answers this thread's id.
                let thread = unsafe { libc::pthread_self() };
                let tid = rustix::thread::gettid().as_raw_nonzero();
                let ids = (thread, tid);
                tell.send(ids).expect("told");
                let stream = ByteStream::new(reader).expect("a stream");
                if waits_first {
                    let fd = std::os::fd::AsFd::as_fd(&stream);
                    assert!(poll::wait(fd, Interest::Readable, Deadline::NEVER).expect("no interruption"));
                }
                stream.read(&mut [0; 8], Deadline::NEVER).expect("no interruption")
            });
            let (thread, tid) = told.recv().expect("ids");
            for _ in 0..3 {
                let sleeps = || {
                    let call =
                        std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap_or_default();
                    let waits = [libc::SYS_read, libc::SYS_poll, libc::SYS_ppoll];
                    waits.iter().any(|wait| call.starts_with(&format!("{wait} ")))
                };
                while !sleeps() {
                    std::thread::yield_now();
                }
                // SAFETY: the thread was not joined, so its id is valid.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
            }
            rustix::io::write(&writer, b"abc").expect("written");
            assert_eq!(reading.join().expect("the reader"), 3);
        }
    }
}
