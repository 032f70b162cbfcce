//! Children that play a role, and the verdict on one: sound, panicked, killed by a signal, or hung.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crosstie::Deadline;
use crosstie::ledger::Domain;
use crosstie::os::clock;
use tempfile::TempDir;

use crate::{objects, queues, runs, slices, topics, twins};

const ROLE: &str = "CROSSTIE_HOSTILE_ROLE";
const FOLDER: &str = "CROSSTIE_HOSTILE_FOLDER";
/// What a judged child says last, so that one that did nothing is not called sound.
const DONE: &str = "played to the end";
/// The test harness's exit code for a failed test.
const PANICKED: i32 = 101;

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It came to its end.
    Sound,
    /// It panicked.
    Panicked,
    /// The kernel killed it: it reached outside its memory, or aborted.
    Killed(i32),
    /// It did not end in time.
    Hung,
}

/// Plays `role` in a child; ends it and says so if it takes longer than `limit`.
pub fn judge(role: &str, limit: Duration) -> Verdict {
    let folder = Folder::new();
    let mut actor = Actor::start(role, &folder);
    let limit_ns = u64::try_from(limit.as_nanos()).unwrap();
    let deadline = Deadline::at_ns(clock::now_ns()).after_ns(limit_ns);
    let status = loop {
        match actor.child.try_wait().unwrap() {
            Some(status) => break status,
            None if deadline.is_over(clock::now_ns()) => return Verdict::Hung,
            // poll: the child has ended
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    match (status.code(), status.signal()) {
        (Some(0), _) if actor.rest().contains(DONE) => Verdict::Sound,
        (Some(PANICKED), _) => Verdict::Panicked,
        (_, Some(signal)) => Verdict::Killed(signal),
        other => panic!("{role} ended with {other:?}"),
    }
}

/// Not a test of its own: plays the role that the parent asks for.
#[test]
fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    match role.as_str() {
        "ring at rest" => runs::ring_at_rest(&folder),
        "ring live" => runs::ring_live(&folder),
        "roles live" => runs::roles_live(&folder),
        "ledger at rest" => runs::ledger_at_rest(&folder),
        "queue at rest" => queues::at_rest(&folder),
        "queue live" => queues::live(&folder),
        "topic at rest" => topics::at_rest(&folder),
        "topic live" => topics::live(&folder),
        "objects at rest" => objects::at_rest(&folder),
        "objects live" => objects::live(&folder),
        "a crowd" => objects::crowd(&folder),
        "unchecked reader" => twins::unchecked_reader(&folder),
        "trusting reader" => twins::trusting_reader(&folder),
        "stubborn reader" => twins::stubborn_reader(&folder),
        "receives in slices" => slices::receives(&folder),
        "sends in slices" => slices::sends(&folder),
        "sends one and holds" => slices::sends_one_and_holds(&folder),
        "receives some and holds" => slices::receives_some_and_holds(&folder),
        other => panic!("no role {other}"),
    }
    println!("{DONE}");
}

/// A folder in /dev/shm with a domain, gone with the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The domain of a folder, and where its ring `r` and its ledger have their files.
pub fn domain(folder: &Path) -> &'static Domain {
    Domain::open(folder.join("domain")).unwrap()
}

pub fn ring_file(folder: &Path) -> PathBuf {
    folder.join("domain/ring.r")
}

pub fn queue_file(folder: &Path) -> PathBuf {
    folder.join("domain/queue.q")
}

pub fn topic_file(folder: &Path) -> PathBuf {
    folder.join("domain/topic.t")
}

pub fn ledger_file(folder: &Path) -> PathBuf {
    folder.join("domain/ledger")
}

/// A child that plays a role; killed with the test.
pub struct Actor {
    pub child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Actor {
    pub fn start(role: &str, folder: &Folder) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "judge::play", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(FOLDER, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    /// Waits until it says `word`; answers what follows on the line.
    pub fn heard(&mut self, word: &str) -> String {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).unwrap() > 0 {
            if let Some((_, after)) = line.split_once(word) {
                return after.trim().to_owned();
            }
            line.clear();
        }
        panic!("the child ended without saying {word:?}");
    }

    pub fn tell(&mut self) {
        writeln!(self.stdin).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until its thread `tid` sleeps in a futex call other than `futex_waitv`.
    pub fn until_asleep(&self, tid: &str) {
        let path = format!("/proc/{}/task/{tid}/syscall", self.child.id());
        loop {
            let call = std::fs::read_to_string(&path).unwrap();
            // futex on x86-64 and on aarch64.
            if call.starts_with("202 ") || call.starts_with("98 ") {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn rest(&mut self) -> String {
        std::io::read_to_string(&mut self.stdout).unwrap()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Ended already, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends the test run with a word if a test hangs.
pub struct Watchdog(#[expect(dead_code, reason = "its drop calls the dog off")] std::sync::mpsc::Sender<()>);

impl Watchdog {
    pub fn new() -> Self {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let waited = receiver.recv_timeout(Duration::from_secs(60));
            if waited == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("the watchdog: a test hangs");
                std::process::abort();
            }
        });
        Self(sender)
    }
}

/// Numbers that look random, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// A value that somebody who means harm would write.
    pub fn word(&mut self) -> u64 {
        const FLAGS: u64 = 0b11 << 62;
        let roll = self.roll();
        match roll % 8 {
            0 => u64::MAX,
            1 => 1 << (roll >> 8 & 63),
            2 => (roll >> 8 & 0xFF) * 64,
            3 => ((roll >> 8 & 3) << 32) | (roll >> 16 & 0xFFFF_FFFF),
            4 => ((roll >> 8 & 3) << 16) | (roll >> 16 & 7) | (roll & FLAGS),
            5 => roll >> 8 & 3,
            6 => 0,
            _ => roll,
        }
    }
}
