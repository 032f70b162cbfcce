//! A child that runs one instruction at a time (`ptrace`), and dies where its tracer says.
//!
//! The child calls [`trace_me`], then [`mark`]s the places that its parent must know. The thread
//! that started the child, and only it, drives it through [`Stepped`]. x86-64 only: elsewhere
//! [`Stepped::step`] says `Unsupported`.
#![expect(unsafe_code, reason = "ptrace, tgkill and get_robust_list are in libc only")]

use std::io;

use super::trace::{request, wait};
use super::{clock, process};

/// How long a child that was woken may take to run on before it counts as stuck: 10 s.
const WAKE_NS: u64 = 10_000_000_000;
/// How a stop at either side of a system call is told.
const SYSCALL_STOP: libc::c_int = libc::SIGTRAP | 0x80;
/// What the tracer is told of, and does, for every child. A thread that the child starts is not traced unless it is to be followed: nobody
/// would let it run, nor reap it.
const OPTIONS: libc::c_int = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
/// Fruitless looks after which the tracer asks whether the child sleeps.
const LOOKS: u32 = 64;

/// Has the parent trace the calling thread; it stops at every signal from now on.
///
/// # Errors
/// The kernel refuses tracing (a container's seccomp filter, yama).
pub fn trace_me() -> io::Result<()> {
    request(libc::PTRACE_TRACEME, 0, 0)
}

/// Stops the calling thread until its tracer goes on. Without a tracer it stops until SIGCONT.
///
/// # Errors
/// The kernel's answer.
pub fn mark() -> io::Result<()> {
    // SAFETY: a signal to the calling thread itself; no memory is passed.
    let answer = unsafe { libc::syscall(libc::SYS_tgkill, process::pid(), process::tid(), libc::SIGSTOP) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What one step brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One instruction ran, no system call.
    Ran,
    /// One system call ended.
    Called,
    /// The thread sleeps on a futex: somebody else must act, or kill it.
    Asleep,
    /// The thread came to a [`mark`].
    Marked,
    /// A new child that is followed has another program now, of which nothing has run.
    Executed,
}

/// A traced child; it dies with this value.
#[derive(Debug)]
pub struct Stepped {
    pid: libc::pid_t,
    /// The thread that is stepped.
    thread: libc::pid_t,
    is_asleep: bool,
    /// It has stopped at the beginning of a system call.
    is_inside: bool,
    is_dead: bool,
}

impl Stepped {
    /// Takes over the calling thread's child `pid`, once it has come to its first mark.
    ///
    /// # Errors
    /// It ended before, or the kernel refuses.
    pub fn at_mark(pid: u32) -> io::Result<Self> {
        let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
        let child = Self { pid, thread: pid, is_asleep: false, is_inside: false, is_dead: false };
        while wait(pid, 0)?.is_none_or(|status| libc::WSTOPSIG(status) != libc::SIGSTOP) {
            request(libc::PTRACE_CONT, pid, 0)?;
        }
        request(libc::PTRACE_SETOPTIONS, pid, OPTIONS)?;
        Ok(child)
    }

    /// Lets the child run until it starts a thread, and steps that thread from its first instruction
    /// on; the first thread runs on by itself, up to its next mark.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn follow_new_thread(&mut self) -> io::Result<()> {
        request(libc::PTRACE_SETOPTIONS, self.pid, OPTIONS | libc::PTRACE_O_TRACECLONE)?;
        self.thread = self.run_to_new(libc::PTRACE_EVENT_CLONE)?;
        for task in [self.pid, self.thread] {
            request(libc::PTRACE_SETOPTIONS, task, OPTIONS)?;
        }
        request(libc::PTRACE_CONT, self.pid, 0)
    }

    /// Lets the child run until it makes a child of its own, and steps that one from its first instruction up to its program;
    /// the maker runs on untraced, and is the caller's child as before.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn follow_new_child(&mut self) -> io::Result<()> {
        let told = OPTIONS | libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_TRACEEXEC;
        request(libc::PTRACE_SETOPTIONS, self.pid, told)?;
        let child = self.run_to_new(libc::PTRACE_EVENT_FORK)?;
        request(libc::PTRACE_DETACH, self.pid, 0)?;
        (self.pid, self.thread) = (child, child);
        Ok(())
    }

    /// Lets the first thread run until it makes another task, in the way of `event`; answers that task, which has stopped.
    fn run_to_new(&self, event: libc::c_int) -> io::Result<libc::pid_t> {
        let made = libc::SIGTRAP | (event << 8);
        request(libc::PTRACE_CONT, self.pid, 0)?;
        while wait(self.pid, 0)?.is_none_or(|status| status >> 8 != made) {
            request(libc::PTRACE_CONT, self.pid, 0)?;
        }
        let mut task: libc::c_ulong = 0;
        // SAFETY: the kernel writes one integer to `task`, which lives for the whole call.
        let answer = unsafe {
            libc::ptrace(libc::PTRACE_GETEVENTMSG, self.pid, 0 as libc::c_ulong, &mut task as *mut _)
        };
        if answer == -1 {
            return Err(io::Error::last_os_error());
        }
        let task = libc::pid_t::try_from(task).map_err(|_| io::ErrorKind::InvalidData)?;
        wait(task, 0)?;
        Ok(task)
    }

    /// Runs one instruction.
    ///
    /// After [`Step::Asleep`], waits until the thread has been woken and its system call has ended.
    ///
    /// # Errors
    /// The child ended; nobody woke it within ten seconds; the kernel's answer.
    pub fn step(&mut self) -> io::Result<Step> {
        let Some(status) = self.resume(libc::PTRACE_SINGLESTEP)? else { return Ok(Step::Asleep) };
        match libc::WSTOPSIG(status) {
            libc::SIGSTOP => Ok(Step::Marked),
            _ if has_executed(status) => Ok(Step::Executed),
            _ if has_just_called(self.thread)? => Ok(Step::Called),
            _ => Ok(Step::Ran),
        }
    }

    /// Runs at full speed up to the end of the next system call, or a mark.
    ///
    /// # Errors
    /// As [`Stepped::step`].
    pub fn run_call(&mut self) -> io::Result<Step> {
        loop {
            let Some(status) = self.resume(libc::PTRACE_SYSCALL)? else { return Ok(Step::Asleep) };
            match libc::WSTOPSIG(status) {
                libc::SIGSTOP => return Ok(Step::Marked),
                _ if has_executed(status) => return Ok(Step::Executed),
                signal if signal == SYSCALL_STOP => {
                    self.is_inside = !self.is_inside;
                    if !self.is_inside {
                        return Ok(Step::Called);
                    }
                }
                _ => {}
            }
        }
    }

    /// Lets the thread run to its next stop of the kind asked for; `None` once it sleeps.
    fn resume(&mut self, how: libc::c_uint) -> io::Result<Option<libc::c_int>> {
        if !self.is_asleep {
            request(how, self.thread, 0)?;
        }
        let status = self.await_stop()?;
        self.is_asleep = status.is_none();
        Ok(status)
    }

    /// The next stop; `None` once the thread sleeps, unless that is known already.
    fn await_stop(&self) -> io::Result<Option<libc::c_int>> {
        let mut looks = 0_u32;
        let give_up_ns = self.is_asleep.then(|| clock::now_ns().saturating_add(WAKE_NS));
        loop {
            if let Some(status) = wait(self.thread, libc::WNOHANG)? {
                return Ok(Some(status));
            }
            looks = looks.saturating_add(1);
            if let Some(give_up_ns) = give_up_ns {
                if clock::now_ns() > give_up_ns {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody woke the traced thread"));
                }
            } else if looks > LOOKS && is_in_futex(self.pid.unsigned_abs(), self.thread.unsigned_abs()) {
                // It may have stopped behind the call just before the look.
                return wait(self.thread, libc::WNOHANG);
            }
            std::thread::yield_now();
        }
    }

    /// The address, in the child, of the head of the robust list of the stepped thread; 0 before
    /// there is one.
    #[must_use]
    pub fn robust_list_head(&self) -> u64 {
        let (mut head, mut length) = (0_u64, 0_usize);
        // SAFETY: the kernel writes an address and a length to the two integers, which live on.
        let answer = unsafe { libc::syscall(libc::SYS_get_robust_list, self.thread, &mut head, &mut length) };
        if answer == 0 { head } else { 0 }
    }

    /// Kills the child and returns once the kernel has done all that follows a death.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn kill(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.is_dead = true;
        // SAFETY: a signal to a traced process that was not reaped, so the number is still its own.
        if unsafe { libc::kill(self.pid, libc::SIGKILL) } == -1 {
            return Err(io::Error::last_os_error());
        }
        if self.thread != self.pid {
            reap(self.thread)?;
        }
        reap(self.pid)
    }
}

impl Drop for Stepped {
    fn drop(&mut self) {
        if !self.is_dead {
            // Dropped on the way of another error, which tells more; EXITKILL ends what is left.
            let _ = self.end();
        }
    }
}

/// Whether the thread `tid` of the process `pid` sleeps on a futex, as /proc tells. One that wakes others may
/// sleep in that call too, for memory: it needs nobody.
#[must_use]
pub fn is_in_futex(pid: u32, tid: u32) -> bool {
    let Ok(call) = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")) else { return false };
    let mut words = call.split_ascii_whitespace();
    let number: Option<libc::c_long> = words.next().and_then(|number| number.parse().ok());
    // The second argument of `futex` says what is done.
    let operation =
        words.nth(1).and_then(|word| libc::c_int::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    match number {
        Some(libc::SYS_futex_waitv) => true,
        Some(libc::SYS_futex) => operation.is_some_and(|operation| {
            [libc::FUTEX_WAIT, libc::FUTEX_WAIT_BITSET].contains(&(operation & libc::FUTEX_CMD_MASK))
        }),
        _ => false,
    }
}

/// Whether a stop of a followed child says that it has another program.
fn has_executed(status: libc::c_int) -> bool {
    status >> 16 == libc::PTRACE_EVENT_EXEC
}

/// Waits until a task that was killed is gone.
fn reap(tid: libc::pid_t) -> io::Result<()> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a live, writable integer for the whole call.
        let answer = unsafe { libc::waitpid(tid, &mut status, libc::__WALL) };
        if answer == tid && (libc::WIFEXITED(status) || libc::WIFSIGNALED(status)) {
            return Ok(());
        }
        if answer == -1 {
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::ECHILD) => return Ok(()),
                Some(libc::EINTR) => {}
                _ => return Err(error),
            }
        }
    }
}

/// Whether the step that has just ended was a system call.
#[cfg(target_arch = "x86_64")]
fn has_just_called(tid: libc::pid_t) -> io::Result<bool> {
    let place = std::mem::offset_of!(libc::user_regs_struct, orig_rax);
    // SAFETY: reads one register of the stopped thread; glibc returns it and touches no memory here.
    let number = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, tid, place, 0) };
    // -1 is also the kernel's answer when there was no call; an error shows with the next request.
    Ok(number >= 0)
}

/// Whether the step that has just ended was a system call.
#[cfg(not(target_arch = "x86_64"))]
fn has_just_called(_tid: libc::pid_t) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
