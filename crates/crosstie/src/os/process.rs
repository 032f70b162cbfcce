//! Who a process or thread is, as the kernel tells it: ids, start times, namespaces, names.
//!
//! A pid alone names nobody: pids are reused, and they collide between PID namespaces. A thread is
//! named by its namespaces, its tid and its start time together; `/proc` answers only about
//! threads of the namespace that it was mounted for ([`proc_shows_us`]).
#![expect(unsafe_code, reason = "signal masks, tgkill")]

use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::ptr;
use std::thread::JoinHandle;

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU64, Ordering};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

use super::memory::WipedOnFork;
use super::poll::{self, Interest};

/// As long as a line of `/proc/PID/stat` can be: 52 numbers of 20 digits, and a name.
const STAT_BYTES: usize = 1280;

/// This process, as its own PID namespace numbers it.
#[must_use]
pub fn pid() -> u32 {
    rustix::process::getpid().as_raw_nonzero().get().unsigned_abs()
}

/// This thread, as its own PID namespace numbers it; the number that a robust futex carries.
#[must_use]
pub fn tid() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

/// The user on whose behalf this process acts.
#[must_use]
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The group on whose behalf this process acts.
#[must_use]
pub fn effective_gid() -> u32 {
    rustix::process::getegid().as_raw()
}

/// Whether this process acts for the group `gid`, as its own or a further one.
///
/// # Errors
/// The kernel's.
pub fn is_in_group(gid: u32) -> io::Result<bool> {
    Ok(effective_gid() == gid || rustix::process::getgroups()?.iter().any(|group| group.as_raw() == gid))
}

/// What `/proc` says about a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name, cut off by the kernel after 15 bytes and filled with zeros.
    pub command: [u8; 16],
    /// Clock ticks between the boot and its start.
    pub start_ticks: u64,
    /// Whether it has ended and only its exit status is left.
    pub is_zombie: bool,
    /// Whether it is stopped: SIGSTOP, a terminal, a debugger.
    pub is_stopped: bool,
}

/// What `/proc` says about the thread `tid` of the process `pid`.
///
/// # Errors
/// `NotFound` when there is no such thread (any more); the kernel's others.
///
/// # Cost
/// Three system calls, about 15 µs.
///
/// # Examples
/// ```
/// use crosstie::os::process;
/// let task = process::task(process::pid(), process::tid())?;
/// assert!(!task.is_zombie);
/// assert_eq!(task, process::this_task()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn task(pid: u32, tid: u32) -> io::Result<Task> {
    read_task(&format!("/proc/{pid}/task/{tid}/stat"))
}

/// The threads of the process `pid`, of this PID namespace.
///
/// # Errors
/// `NotFound` when there is no such process; the kernel's others.
///
/// # Examples
/// ```
/// let own = crosstie::os::process::threads(std::process::id())?;
/// assert!(own.contains(&std::process::id()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn threads(pid: u32) -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// What `/proc` says about the calling thread.
///
/// # Errors
/// `NotFound` where `/proc` is absent; the kernel's others.
pub fn this_task() -> io::Result<Task> {
    read_task("/proc/thread-self/stat")
}

/// What `/proc` says about a whole process, on whichever thread it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its first thread; a zombie also when others of its threads run on.
    pub first: Task,
    /// The process that would learn of its end; 0 = one of another PID namespace, or none.
    pub parent: u32,
    /// Its threads that have not ended; the first one counts as long as the process is not reaped.
    pub threads: u32,
}

/// What `/proc` says about the process `pid`.
///
/// # Errors
/// As [`task`].
///
/// # Examples
/// ```
/// use crosstie::os::process;
/// let me = process::process(process::pid())?;
/// assert_eq!(me.parent, std::os::unix::process::parent_id());
/// assert!(process::is_running(process::pid(), me.first.start_ticks));
/// assert!(!process::is_running(process::pid(), me.first.start_ticks + 1), "another one");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn process(pid: u32) -> io::Result<Process> {
    read_stat(&format!("/proc/{pid}/stat"))
}

/// What `/proc` says about `pid`, a child of the calling thread, also where `/proc` was mounted for
/// another PID namespace.
///
/// # Errors
/// As [`task`].
pub fn child_process(pid: u32) -> io::Result<Process> {
    if proc_shows_us() {
        return process(pid);
    }
    let children = std::fs::read_to_string("/proc/thread-self/children")?;
    let named_so = |other: &&str| {
        let status = std::fs::read_to_string(format!("/proc/{other}/status")).unwrap_or_default();
        // proc(5): its number in every namespace, from that of /proc to its own.
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        numbers.and_then(|line| line.split_ascii_whitespace().next_back()?.parse().ok()) == Some(pid)
    };
    let found = children.split_ascii_whitespace().find(named_so).ok_or(io::ErrorKind::NotFound)?;
    read_stat(&format!("/proc/{found}/stat"))
}

/// Whether the process `pid` that started at `start_ticks` has not ended: it is there, is that one,
/// and is more than an exit status that nobody has fetched.
///
/// For processes of the own PID namespace. What cannot be judged counts as running: where `/proc`
/// hides other users' processes, or shows another namespace's, that is whatever has this pid.
///
/// # Cost
/// Five system calls, about 20 µs.
#[must_use]
pub fn is_running(pid: u32, start_ticks: u64) -> bool {
    if !thread_exists(pid, pid) {
        return false;
    }
    if !proc_shows_us() {
        // Not whether it is that one, but whether it has ended.
        let ended = pidfd_open(pid)
            .and_then(|process| poll::wait(process.as_fd(), Interest::Readable, Deadline::NOW));
        return !ended.unwrap_or(false);
    }
    match process(pid) {
        Ok(found) => {
            // The first thread may end before the others: then it is a zombie among the living.
            let has_ended = found.first.is_zombie && found.threads <= 1;
            found.first.start_ticks == start_ticks && !has_ended
        }
        // It is hidden, or was reaped since the first look.
        Err(_) => thread_exists(pid, pid),
    }
}

fn read_task(path: &str) -> io::Result<Task> {
    Ok(read_stat(path)?.first)
}

fn read_stat(path: &str) -> io::Result<Process> {
    let mut line = [0; STAT_BYTES];
    // The kernel hands the line out whole.
    let read = File::open(path).and_then(|mut file| file.read(&mut line));
    let length = read.map_err(|error| match error.raw_os_error() {
        // The thread ended between the open and the read.
        Some(code) if code == Errno::SRCH.raw_os_error() => io::ErrorKind::NotFound.into(),
        _ => error,
    })?;
    parse_stat(&line[..length]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads `pid (name) state …`; the name may hold spaces and parentheses, so its end is the last one.
fn parse_stat(text: &[u8]) -> Option<Process> {
    let open = text.iter().position(|&byte| byte == b'(')?;
    let close = text.iter().rposition(|&byte| byte == b')')?;
    let mut command = [0; 16];
    for (to, from) in command[..15].iter_mut().zip(text.get(open + 1..close)?) {
        *to = *from;
    }
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    // proc(5): the state is field 3, the parent 4, the number of threads 20, the start time 22.
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads = fields.nth(15)?.parse().ok()?;
    let start_ticks = fields.nth(1)?.parse().ok()?;
    let is_zombie = matches!(state, "Z" | "X" | "x");
    let first = Task { command, start_ticks, is_zombie, is_stopped: matches!(state, "T" | "t") };
    Some(Process { first, parent, threads })
}

/// The PID and time namespaces of this process as one number: two processes with the same number
/// (at the same time) see the same pids and the same start times.
///
/// # Errors
/// `NotFound` where `/proc` is absent; the kernel's others.
pub fn namespaces() -> io::Result<u64> {
    let pids = std::fs::metadata("/proc/self/ns/pid")?.ino();
    // Absent before Linux 5.6, where there is only one.
    let time = std::fs::metadata("/proc/self/ns/time").map_or(0, |namespace| namespace.ino());
    // Namespaces' inode numbers have 32 bits.
    Ok((time << 32) | (pids & 0xFFFF_FFFF))
}

/// Whether this PID namespace has a thread `tid` in the process `pid`, maybe a zombie.
#[must_use]
pub fn thread_exists(pid: u32, tid: u32) -> bool {
    let (Ok(pid), Ok(tid)) = (i32::try_from(pid), i32::try_from(tid)) else { return false };
    if pid <= 0 || tid <= 0 {
        return false;
    }
    // SAFETY: signal 0 is never delivered; the kernel only looks for the thread.
    let answer = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// A number that differs between this process and the one that it was forked from, however it was
/// forked; 0 never.
///
/// # Cost
/// One load. The kernel wipes the page behind it in every fork child.
#[inline]
pub fn fork_epoch() -> u64 {
    // Relaxed: a number that guards no other memory.
    match EPOCH.number.load(Ordering::Relaxed) {
        0 => new_epoch(),
        known => known,
    }
}

/// Whether `epoch` is what [`fork_epoch`] answers now.
///
/// # Cost
/// One load and one comparison.
#[inline(always)]
#[must_use]
pub fn is_fork_epoch(epoch: u64) -> bool {
    // Relaxed: a number that guards no other memory. What is 0 was wiped, or cannot be.
    let now = EPOCH.number.load(Ordering::Relaxed);
    now == epoch || (now == 0 && new_epoch() == epoch)
}

/// As [`is_fork_epoch`], for a short way: false also where that is to be found out first.
///
/// # Cost
/// One load and one comparison.
#[inline(always)]
#[must_use]
pub fn is_surely_fork_epoch(epoch: u64) -> bool {
    // Relaxed: as `is_fork_epoch`.
    EPOCH.number.load(Ordering::Relaxed) == epoch
}

static EPOCH: WipedOnFork = WipedOnFork::new();

#[cold]
fn new_epoch() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Asked before the number is there: no child inherits a number that is not wiped.
    if EPOCH.begin().is_err() {
        return u64::from(pid());
    }
    // Relaxed: a number that guards no other memory. A fork child inherits LAST, so its number is larger than
    // its parent's.
    let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    // Relaxed: as above.
    match EPOCH.number.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(first) => first,
    }
}

/// Whether `/proc` was mounted for this process's own PID namespace, so that it answers about the
/// numbers that this process uses.
#[must_use]
pub fn proc_shows_us() -> bool {
    std::fs::read_link("/proc/self").is_ok_and(|own| own.to_str() == Some(pid().to_string().as_str()))
}

/// Whether the process `pid` has a file of the inode number `inode` mapped, on whatever device:
/// file systems in layers show another device number in `maps` than in `stat`.
///
/// # Errors
/// `PermissionDenied` about processes that may not be looked into; `NotFound` when it is gone.
pub fn has_mapped(pid: u32, inode: u64) -> io::Result<bool> {
    let maps = read_maps(pid)?;
    // proc(5): address, permissions, offset, device, inode, path.
    Ok(maps
        .lines()
        .any(|line| line.split_ascii_whitespace().nth(4).and_then(|field| field.parse().ok()) == Some(inode)))
}

/// The processes that `/proc` shows with the removed file `path` still mapped, as far as this
/// process may look into them.
///
/// # Errors
/// `NotFound` where `/proc` is absent.
pub fn pids_with_removed_file_mapped(path: &str) -> io::Result<Vec<u32>> {
    let wanted = format!(" {path} (deleted)");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Other users' processes refuse, and a process may end meanwhile: neither maps our file.
        if read_maps(pid).is_ok_and(|maps| maps.lines().any(|line| line.ends_with(&wanted))) {
            found.push(pid);
        }
    }
    Ok(found)
}

fn read_maps(pid: u32) -> io::Result<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/maps"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A descriptor for the process `pid` that polls readable when it has ended.
///
/// # Errors
/// `NotFound` when there is no such process; the kernel's others.
pub fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| match errno {
        Errno::SRCH => io::ErrorKind::NotFound.into(),
        other => other.into(),
    })
}

/// Starts a thread that no signal is ever delivered to, with a small stack.
///
/// # Errors
/// The kernel's: no memory, no thread left.
pub fn spawn_without_signals<F>(name: &str, run: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    const STACK_BYTES: usize = 64 << 10;
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is to writable memory for one signal set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` was filled above, `before` is writable; the mask of this thread comes back below.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) };
    // A new thread inherits the mask of the thread that starts it.
    let started = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(run);
    // SAFETY: `before` was written by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let text = b"77 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        let found = parse_stat(text).expect("a well-formed line");
        assert_eq!(&found.first.command[..7], b"a) b (c");
        assert_eq!((found.first.start_ticks, found.parent, found.threads), (4242, 1, 17));
        assert!(!found.first.is_zombie);
    }

    #[test]
    fn a_cut_off_line_is_refused() {
        for text in [&b""[..], b"77", b"77 (a", b"77 (a) S 1 2", b")("] {
            assert_eq!(parse_stat(text), None, "{text:?}");
        }
    }
}
