//! Counting the system calls of child processes, by the kernel's tracer (`ptrace`).
#![expect(unsafe_code, reason = "ptrace and waitpid with tracer flags are in libc only")]

use std::io;

/// What tracing saw of one process.
struct Tracee {
    pid: libc::pid_t,
    entries: u64,
    inside: bool,
}

/// Counts the system calls that each process's first thread enters until `done` says true.
///
/// The processes must be children of the caller, and the calling thread traces them; they run on
/// untraced afterwards. A traced process is slowed by microseconds per call: nothing that is
/// timed should run meanwhile. `done` is asked whenever no process has stopped.
///
/// # Errors
/// The kernel refuses tracing (a container's seccomp filter, yama), or a process ended meanwhile.
pub fn count_syscalls(pids: &[u32], mut done: impl FnMut() -> bool) -> io::Result<Vec<u64>> {
    let mut tracees = Vec::with_capacity(pids.len());
    for &pid in pids {
        match Tracee::seize(pid) {
            Ok(tracee) => tracees.push(tracee),
            Err(error) => {
                release(&mut tracees);
                return Err(error);
            }
        }
    }
    let outcome = observe(&mut tracees, &mut done);
    release(&mut tracees);
    outcome.map(|()| tracees.iter().map(|tracee| tracee.entries).collect())
}

fn observe(tracees: &mut [Tracee], done: &mut impl FnMut() -> bool) -> io::Result<()> {
    loop {
        let mut any_stopped = false;
        for tracee in &mut *tracees {
            any_stopped |= tracee.step()?;
        }
        if !any_stopped {
            if done() {
                return Ok(());
            }
            std::thread::yield_now();
        }
    }
}

/// Lets every process run on untraced; one that has ended needs nothing.
fn release(tracees: &mut [Tracee]) {
    for tracee in tracees {
        if request(libc::PTRACE_INTERRUPT, tracee.pid, 0).is_ok() && wait(tracee.pid, 0).is_ok() {
            // An error means that it has ended: there is nothing to release.
            let _ = request(libc::PTRACE_DETACH, tracee.pid, 0);
        }
    }
}

impl Tracee {
    fn seize(pid: u32) -> io::Result<Self> {
        let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
        request(libc::PTRACE_SEIZE, pid, libc::PTRACE_O_TRACESYSGOOD)?;
        let tracee = Self { pid, entries: 0, inside: false };
        request(libc::PTRACE_INTERRUPT, pid, 0)?;
        wait(pid, 0)?;
        request(libc::PTRACE_SYSCALL, pid, 0)?;
        Ok(tracee)
    }

    /// Takes one stop of the process, if it has stopped, and lets it run on.
    fn step(&mut self) -> io::Result<bool> {
        let Some(status) = wait(self.pid, libc::WNOHANG)? else {
            return Ok(false);
        };
        let signal = libc::WSTOPSIG(status);
        let is_event = status >> 16 != 0;
        let forwarded = if signal == libc::SIGTRAP | 0x80 {
            self.inside = !self.inside;
            self.entries += u64::from(self.inside);
            0
        } else if is_event {
            0
        } else {
            signal
        };
        request(libc::PTRACE_SYSCALL, self.pid, forwarded)?;
        Ok(true)
    }
}

/// One request about `pid`; all that are used take an integer in the last argument.
pub(super) fn request(what: libc::c_uint, pid: libc::pid_t, number: libc::c_int) -> io::Result<()> {
    let number = libc::c_long::from(number);
    // SAFETY: none of the requests that this is called with reads or writes this process's memory; the
    // address is unused (null) and the last argument is an integer.
    let answer = unsafe { libc::ptrace(what, pid, std::ptr::null_mut::<libc::c_void>(), number) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The status of a stop of `pid`; `None` if there is none and `flags` say not to wait.
pub(super) fn wait(pid: libc::pid_t, flags: libc::c_int) -> io::Result<Option<libc::c_int>> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a live, writable integer for the whole call.
        let answer = unsafe { libc::waitpid(pid, &mut status, flags | libc::__WALL) };
        match answer {
            0 => return Ok(None),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            _ if libc::WIFSTOPPED(status) => return Ok(Some(status)),
            _ => return Err(io::Error::other(format!("process {pid} ended while it was traced"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    #[test]
    fn a_sleeping_process_makes_at_most_the_call_it_sleeps_in() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        input.write_all(b"x").unwrap();
        output.read_exact(&mut [0]).unwrap();
        let mut asked = 0;
        let counted = count_syscalls(&[child.id()], || {
            asked += 1;
            asked == 1000
        });
        match counted {
            Ok(calls) => assert!(calls[0] <= 1, "counted {calls:?}"),
            Err(error) => println!("SKIPPED: tracing is not allowed here: {error}"),
        }
        drop(input);
        child.wait().unwrap();
    }

    #[test]
    fn every_call_is_counted() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut byte = [0];
        input.write_all(b"x").unwrap();
        output.read_exact(&mut byte).unwrap();
        // The first question comes when the process is traced: an echo before it would not be counted.
        let (is_traced, traced) = std::sync::mpsc::channel();
        let echoes = std::thread::spawn(move || {
            // An error: tracing is not allowed, and nobody counts.
            let _ = traced.recv();
            for _ in 0..50 {
                input.write_all(b"x").unwrap();
                output.read_exact(&mut byte).unwrap();
            }
            input
        });
        let counted = count_syscalls(&[child.id()], || {
            // An error: the echoes are over.
            let _ = is_traced.send(());
            echoes.is_finished()
        });
        drop(is_traced);
        match counted {
            Ok(calls) => {
                assert!((100..=102).contains(&calls[0]), "50 reads and 50 writes, counted {calls:?}")
            }
            Err(error) => println!("SKIPPED: tracing is not allowed here: {error}"),
        }
        drop(echoes.join().unwrap());
        child.wait().unwrap();
    }
}
