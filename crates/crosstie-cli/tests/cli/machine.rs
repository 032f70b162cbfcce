//! Runs the real binary in a folder and a domain of its own; nothing outlives the test.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// A command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The numbers of system calls, as /proc/PID/syscall has them.
const FLOCK: &str = if cfg!(target_arch = "x86_64") { "73" } else { "32" };
const FUTEX: &str = if cfg!(target_arch = "x86_64") { "202" } else { "98" };
/// Of a futex operation: nobody in another process is concerned.
const FUTEX_PRIVATE_FLAG: u32 = 128;

/// Waits for a fact.
pub fn until(mut is_true: impl FnMut() -> bool) {
    while !is_true() {
        std::thread::yield_now();
    }
}

/// A folder and a domain of one test.
pub struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for the test") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a path of this test: `at("fifo", "p")`.
    pub fn at(&self, mechanism: &str, name: &str) -> String {
        format!("{mechanism}:{}", self.path(name).display())
    }

    /// `crosstie` with these arguments.
    pub fn crosstie<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosstie"));
        command.args(arguments).env("CROSSTIE_DOMAIN", self.path("domain")).current_dir(self.folder.path());
        Run { command, input: Input::Nothing, writes_file: false }
    }

    /// A port of this machine that is free now.
    pub fn port(&self) -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file of the test");
        path
    }
}

enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
    Open,
}

/// A command that is not started yet.
pub struct Run {
    command: Command,
    input: Input,
    writes_file: bool,
}

impl Run {
    /// Standard input holds these bytes.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Its environment says this, too.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Standard input is this file.
    pub fn input_file(mut self, path: &Path) -> Self {
        self.input = Input::File(File::open(path).expect("the input"));
        self
    }

    /// Standard input is written by the test.
    pub fn input_open(mut self) -> Self {
        self.input = Input::Open;
        self
    }

    /// Standard output is this file instead of the test's.
    pub fn output_file(mut self, path: &str) -> Self {
        let file = File::options().write(true).open(path).expect("the output");
        self.command.stdout(file);
        self.writes_file = true;
        self
    }

    pub fn start(mut self) -> Running {
        let (stdin, bytes) = match self.input {
            Input::Nothing => (Stdio::null(), None),
            Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
            Input::File(file) => (file.into(), None),
            Input::Open => (Stdio::piped(), None),
        };
        self.command.stdin(stdin).stderr(Stdio::piped());
        if !self.writes_file {
            self.command.stdout(Stdio::piped());
        }
        let mut child = self.command.spawn().expect("crosstie starts");
        let mut stdin = child.stdin.take();
        if let Some(bytes) = bytes {
            let mut stdin = stdin.take().expect("a piped standard input");
            // A command that does not read its input to the end leaves a broken pipe; its code says why.
            thread::spawn(move || drop(stdin.write_all(&bytes)));
        }
        let stdout = child.stdout.take().map(gather);
        let stderr = child.stderr.take().map(gather);
        Running { child, stdin, stdout, stderr }
    }

    /// Starts it and waits for its end.
    pub fn finish(self) -> Finished {
        self.start().finish()
    }
}

fn gather(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// A command that runs; dropped, it is killed.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<Receiver<Vec<u8>>>,
    stderr: Option<Receiver<Vec<u8>>>,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, and waits until it has ended: what it had open is closed, and a successor can listen there.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("an exit status");
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .expect("a signal");
    }

    /// The letter of /proc/PID/stat: S sleeps, R runs, T is stopped, Z has ended.
    fn state(&self) -> u8 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.bytes().next()).unwrap_or(b'Z')
    }

    /// Whether it sleeps for what others do, and not on its way there: a domain is opened under a file's lock, and by a thread
    /// whose first words are waited for.
    fn is_asleep(&self) -> bool {
        let call = std::fs::read_to_string(format!("/proc/{}/syscall", self.child.id())).unwrap_or_default();
        let mut words = call.split_whitespace();
        let (number, operation) = (words.next(), words.nth(1));
        let is_private = || {
            let operation =
                operation.and_then(|word| u32::from_str_radix(word.trim_start_matches("0x"), 16).ok());
            operation.is_some_and(|operation| operation & FUTEX_PRIVATE_FLAG != 0)
        };
        self.state() == b'S' && number != Some(FLOCK) && !(number == Some(FUTEX) && is_private())
    }

    /// Waits until it sleeps in the kernel, seen often in a row.
    pub fn until_asleep(&self) {
        let mut seen = 0;
        while seen < 50 {
            assert_ne!(self.state(), b'Z', "it ended instead of waiting");
            seen = if self.is_asleep() { seen + 1 } else { 0 };
            // poll: /proc says whether it sleeps
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Writes to its standard input.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().expect("an open standard input").write_all(bytes).expect("it reads");
    }

    /// Writes to its standard input, and waits until it has read that and waits again.
    pub fn type_in(&mut self, bytes: &[u8]) {
        self.write(bytes);
        let stdin = self.stdin.as_ref().expect("an open standard input");
        while rustix::io::ioctl_fionread(stdin).expect("a pipe") > 0 {
            // poll: the pipe says whether it was read
            thread::sleep(Duration::from_micros(200));
        }
        self.until_asleep();
    }

    /// Waits until it has ended.
    pub fn until_ended(&self) {
        while self.state() != b'Z' {
            // poll: /proc says whether it has ended
            thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn finish(mut self) -> Finished {
        drop(self.stdin.take());
        let gathered = |stream: &Option<Receiver<Vec<u8>>>| {
            stream.as_ref().map(|stream| stream.recv_timeout(PATIENCE)).unwrap_or(Ok(Vec::new()))
        };
        let (stdout, stderr) = (gathered(&self.stdout), gathered(&self.stderr));
        if stdout.is_err() || stderr.is_err() {
            self.kill();
            panic!(
                "crosstie hangs; standard error: {}",
                String::from_utf8_lossy(&stderr.unwrap_or_default())
            );
        }
        let status = self.child.wait().expect("an exit status");
        Finished {
            status,
            stdout: stdout.expect("checked above"),
            stderr: String::from_utf8_lossy(&stderr.expect("checked above")).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command left.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Finished {
    /// It ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "standard error: {}", self.stderr);
        self
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub fn wrote(self, bytes: impl AsRef<[u8]>) -> Self {
        let (wrote, expected) = (self.stdout.escape_ascii(), bytes.as_ref().escape_ascii());
        assert!(
            self.stdout == bytes.as_ref(),
            "wrote {wrote}, not {expected}; standard error: {}",
            self.stderr
        );
        self
    }

    /// Standard error contains this.
    #[track_caller]
    pub fn said(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "standard error lacks {text:?}: {}", self.stderr);
        self
    }
}

impl Finished {
    /// Standard output as text.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The code with which it ended.
    pub fn exit_code(&self) -> i32 {
        self.status.code().expect("it ended by itself")
    }

    /// Standard error does not contain this.
    #[track_caller]
    pub fn silent_about(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "standard error contains {text:?}: {}", self.stderr);
        self
    }
}

impl Finished {
    /// Standard output has exactly these lines: only messages of one sender are in order.
    #[track_caller]
    pub fn wrote_in_any_order(self, lines: &[&str]) -> Self {
        let text = String::from_utf8_lossy(&self.stdout).into_owned();
        let mut found: Vec<&str> = text.lines().collect();
        found.sort_unstable();
        assert_eq!(found, lines, "standard error: {}", self.stderr);
        self
    }

    /// A line of standard output is this, but for blanks around it.
    #[track_caller]
    pub fn wrote_line(self, line: &str) -> Self {
        let text = String::from_utf8_lossy(&self.stdout);
        assert!(text.lines().any(|found| found.trim() == line), "no line {line:?} in: {text}");
        self
    }
}
