//! A child that runs its program only after its parent has written down who it is.
//!
//! The child waits on a pipe. It shares its parent's memory until it executes (`shared_child`). The parent
//! looks up the child's start time, lets its caller record {pid, start time}, then writes one byte. If the parent dies first the child finds the end of the
//! pipe and ends without having run anything: nothing ever runs that is not on record
//! (HAZARDS H14). A failure to execute comes back through a second pipe, which closes by itself when
//! the program begins.
#![expect(unsafe_code, reason = "what happens between clone and exec")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};

use crosstie_core::crash_point;
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions};

use super::program::{Image, errno};
use super::shared_child::{self, Body, Stack};
use super::signal_state::{self, AllBlocked, SignalState};
use super::{pipe, process};

/// Exit code of a child that was not told to go on; nobody sees it but in a trace.
const NOT_TOLD: i32 = 125;

/// A program to run, its arguments, and what its environment has besides this process's own.
///
/// # Examples
/// ```
/// use crosstie::os::held_spawn::HeldCommand;
/// let mut child = HeldCommand::new("sh").arg("-c").arg("exit $N").env("N", "7").start(None, |child| {
///     // Write it down: it runs nothing before this returns.
///     assert!(child.pid > 0 && child.start_ticks > 0);
///     Ok(())
/// })?;
/// assert_eq!(child.wait()?.code(), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeldCommand {
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    signals: Option<SignalState>,
}

/// Who a child is, before it runs its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildRecord {
    /// Its process id.
    pub pid: u32,
    /// Its start, in clock ticks since the boot.
    pub start_ticks: u64,
}

/// A file whose byte the child keeps locked until it ends, unless it closes the descriptor.
///
/// The lock is a process's own (`fcntl(2)`, "process-associated"): it survives exec, and no child of
/// the child inherits it.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// The file, of which this process has no other descriptor; close-on-exec here.
    pub file: BorrowedFd<'a>,
    /// Which byte.
    pub offset: u64,
}

/// Why no program runs.
#[derive(Debug)]
pub enum NotStarted {
    /// The program cannot be executed: `NotFound`, `PermissionDenied`, and the kernel's others.
    Program(io::Error),
    /// Something before that: no process, no descriptor, no `/proc`; or what the caller's record
    /// answered.
    Preparation(io::Error),
}

impl NotStarted {
    /// The exit code with which a shell says it: 127 not found, 126 not executable, 125 else.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Program(error) if error.kind() == io::ErrorKind::NotFound => 127,
            Self::Program(_) => 126,
            Self::Preparation(_) => 125,
        }
    }
}

impl std::fmt::Display for NotStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Program(error) => write!(f, "cannot execute the program ({error})"),
            Self::Preparation(error) => write!(f, "cannot start a process ({error})"),
        }
    }
}

impl std::error::Error for NotStarted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let (Self::Program(error) | Self::Preparation(error)) = self;
        Some(error)
    }
}

impl HeldCommand {
    /// Runs `program`, found as a shell finds it, without arguments; no shell looks at any of it.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { argv: vec![program.as_ref().to_owned()], env: Vec::new(), signals: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.argv.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name.as_ref());
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The signals that the child blocks and ignores; without it, those of [`SignalState::as_found`]
    /// when it is started.
    #[must_use]
    pub fn signals(mut self, signals: SignalState) -> Self {
        self.signals = Some(signals);
        self
    }

    /// The program, as it was given.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.argv[0]
    }

    /// Starts a child, has `record` write down who it is, then lets it run the program; answers when
    /// that has begun. Descriptors that are not close-on-exec are the child's too.
    ///
    /// # Errors
    /// [`NotStarted`]; then there is no child.
    ///
    /// # Death
    /// If the calling thread ends before `record` has returned, the child runs nothing and ends.
    ///
    /// # Cost
    /// A child that copies no memory, an exec, and about 90 system calls more, 60 of them for what becomes of signals.
    pub fn start(
        &self,
        witness: Option<Witness<'_>>,
        record: impl FnOnce(ChildRecord) -> io::Result<()>,
    ) -> Result<HeldChild, NotStarted> {
        let preparation = NotStarted::Preparation;
        let image = Image::of(&self.argv, &self.env).map_err(preparation)?;
        let signals = self.signals.unwrap_or_else(SignalState::as_found);
        // A child that was forked meanwhile has the writing end of this one's pipe until it executes,
        // and the other way round: both would wait for ever if this process died now.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (gate, go) = pipe::pair().map_err(preparation)?;
        let (refusal, refuse) = pipe::pair().map_err(preparation)?;
        let held = Held {
            image: &image,
            signals: &signals,
            witness,
            parent: process::pid(),
            gate: gate.as_raw_fd(),
            go: go.as_raw_fd(),
            refuse: refuse.as_raw_fd(),
        };
        let mut stack = Stack::new();
        let mut blocked = AllBlocked::new();
        // SAFETY: `run` makes system calls alone, without recursion (I2, I3); `line`, which goes before all that the
        // child uses, waits for the child's end of its pipe (I1).
        let pid = unsafe { shared_child::start(&mut stack, &held) }.map_err(preparation)?;
        let mut line = Line { go: Some(go), refusal };
        blocked.let_stops_through();
        drop((gate, refuse));
        crash_point!("command.forked");
        let mut child = HeldChild { pid, status: None };
        let recorded = process::child_process(pid)
            .and_then(|found| record(ChildRecord { pid, start_ticks: found.first.start_ticks }));
        crash_point!("command.recorded");
        if recorded.is_ok() {
            line.release();
        }
        crash_point!("command.released");
        let answer = line.answer();
        drop((line, alone, blocked));
        match (recorded, answer) {
            (Ok(()), Ok(None)) => Ok(child),
            (recorded, answer) => {
                // It has ended, or does so at once: it was not told to go on.
                let _ = child.wait();
                recorded.map_err(preparation)?;
                Err(match answer {
                    Ok(Some((Stage::Exec, error))) => NotStarted::Program(error),
                    Ok(Some((Stage::Before, error))) | Err(error) => preparation(error),
                    Ok(None) => preparation(io::ErrorKind::BrokenPipe.into()),
                })
            }
        }
    }
}

/// Where a child failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Exec,
}

/// What a child is told, and what it says, before it has left this process's memory. Dropped, it waits for that.
struct Line {
    go: Option<OwnedFd>,
    refusal: OwnedFd,
}

impl Line {
    /// Lets the child run its program.
    fn release(&mut self) {
        if let Some(go) = &self.go {
            // A child that was killed meanwhile does not read it: its end is seen by who waits for it.
            let _ = rustix::io::retry_on_intr(|| rustix::io::write(go, &[1]));
        }
    }

    /// What the child says before it ends; `None` when the program runs, or it was killed. Then it is out of our memory.
    fn answer(&mut self) -> io::Result<Option<(Stage, io::Error)>> {
        self.go = None;
        let mut said = None;
        loop {
            let mut bytes = [0; 5];
            // Five bytes are written at once, so they are read at once.
            if rustix::io::retry_on_intr(|| rustix::io::read(&self.refusal, &mut bytes))? == 0 {
                return Ok(said);
            }
            let [stage, code @ ..] = bytes;
            let stage = if stage == 0 { Stage::Before } else { Stage::Exec };
            said = Some((stage, io::Error::from_raw_os_error(i32::from_le_bytes(code))));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Behind an answer this is at its end already. A pipe of ours that cannot be read is a descriptor that
        // somebody closed: nothing tells when the child is out of our memory.
        if self.answer().is_err() {
            std::process::abort();
        }
    }
}

/// All that the child needs between clone and exec.
struct Held<'a> {
    image: &'a Image,
    signals: &'a SignalState,
    witness: Option<Witness<'a>>,
    parent: u32,
    gate: RawFd,
    go: RawFd,
    refuse: RawFd,
}

impl Body for Held<'_> {
    /// The child's part. Makes only system calls, on memory that was ready before it began: allocates nothing,
    /// locks nothing.
    fn run(&self) -> ! {
        let (stage, code) = match self.prepare() {
            Ok(()) => (Stage::Exec, self.execute()),
            Err(code) => (Stage::Before, code),
        };
        let mut bytes = [u8::from(stage == Stage::Exec), 0, 0, 0, 0];
        bytes[1..].copy_from_slice(&code.to_le_bytes());
        // SAFETY: the bytes are valid for reads; the number is the pipe's end, open in this child.
        unsafe { libc::write(self.refuse, bytes.as_ptr().cast(), bytes.len()) };
        // SAFETY: ends this process, running nothing of its parent's.
        unsafe { libc::_exit(NOT_TOLD) }
    }
}

impl Held<'_> {
    fn prepare(&self) -> Result<(), i32> {
        // Or it would never find the pipe's end.
        // SAFETY: the number is the pipe's writing end, of which this child has no other use.
        unsafe { libc::close(self.go) };
        // Where some other child has inherited the pipe's writing end, this ends us with the thread
        // that would have recorded us.
        // SAFETY: the operation takes one number and no memory.
        checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        // SAFETY: getppid takes nothing and cannot fail.
        if unsafe { libc::getppid() }.unsigned_abs() != self.parent {
            return Err(libc::ESRCH);
        }
        if let Some(witness) = self.witness {
            keep_byte(witness)?;
        }
        // While the parent looks up who this is.
        self.signals.assume_actions();
        let mut byte = 0_u8;
        loop {
            // SAFETY: one byte is writable; the number is the pipe's reading end, open in this child.
            match unsafe { libc::read(self.gate, (&raw mut byte).cast(), 1) } {
                1 => break,
                0 => return Err(libc::EPIPE),
                _ if errno() == libc::EINTR => {}
                _ => return Err(errno()),
            }
        }
        // SAFETY: the operation takes one number and no memory.
        checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) })
    }

    /// Runs the program; answers why it could not.
    fn execute(&self) -> i32 {
        self.signals.assume_mask();
        self.image.execute()
    }
}

/// Locks the witness's byte for this process, and keeps the descriptor open beyond exec.
fn keep_byte(witness: Witness<'_>) -> Result<(), i32> {
    let number = witness.file.as_raw_fd();
    let lock = libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).map_err(|_| libc::EINVAL)?,
        l_whence: 0,
        l_start: i64::try_from(witness.offset).map_err(|_| libc::EINVAL)?,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: the command takes a pointer to a flock, which `lock` is.
    checked(unsafe { libc::fcntl(number, libc::F_SETLK, &raw const lock) })?;
    // SAFETY: passes no memory; the number is open in this child, whose descriptor table is its own.
    checked(unsafe { libc::fcntl(number, libc::F_SETFD, 0) })
}

fn checked(answer: i32) -> Result<(), i32> {
    if answer == -1 { Err(errno()) } else { Ok(()) }
}

/// A child that runs its program. Dropped unfetched, its exit status stays with the kernel until this
/// process ends.
#[derive(Debug)]
pub struct HeldChild {
    pid: u32,
    status: Option<ExitStatus>,
}

impl HeldChild {
    /// Its process id; once its status was fetched, another process may have it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// The kernel's, when something else in this process has fetched its status.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.fetch(WaitOptions::empty())? {
                return Ok(status);
            }
        }
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// As [`HeldChild::wait`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.fetch(WaitOptions::NOHANG)
    }

    /// Waits until it ends or a signal handler ran in this thread; `None` then, for who forwards it.
    ///
    /// # Errors
    /// As [`HeldChild::wait`].
    pub fn wait_interruptibly(&mut self) -> io::Result<Option<ExitStatus>> {
        match self.fetch_once(WaitOptions::empty()) {
            Err(Errno::INTR) => Ok(None),
            other => Ok(other?),
        }
    }

    /// Sends it a signal; one whose status was fetched gets none.
    ///
    /// # Errors
    /// `NotFound` once its status was fetched; the kernel's others: it may act for another user.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        match self.status {
            Some(_) => Err(io::ErrorKind::NotFound.into()),
            None => signal_state::send(self.pid, signal),
        }
    }

    fn fetch(&mut self, options: WaitOptions) -> io::Result<Option<ExitStatus>> {
        Ok(rustix::io::retry_on_intr(|| self.fetch_once(options))?)
    }

    fn fetch_once(&mut self, options: WaitOptions) -> Result<Option<ExitStatus>, Errno> {
        if self.status.is_none() {
            let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
            let found = rustix::process::waitpid(pid, options)?;
            self.status = found.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
        }
        Ok(self.status)
    }
}
