//! A domain of the test's own, and children that play a role in it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crosstie::Deadline;
use crosstie::channel::queue::{QueueOptions, QueueReceiver};
use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::contract::Readiness;
use crosstie::ledger::Domain;
use crosstie::os::poll::{self, Interest};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";

/// The roles that wait for what never comes.
#[cfg(not(feature = "tokio"))]
pub const IDLE_ROLES: &[&str] = &["poll-for-ever"];
/// The roles that wait for what never comes.
#[cfg(feature = "tokio")]
pub const IDLE_ROLES: &[&str] = &["poll-for-ever", "await-for-ever"];

/// A domain of the test's own, gone with it.
pub struct TestDomain {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl TestDomain {
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("domain");
        Self { _folder: folder, path }
    }

    pub fn open(&self) -> &'static Domain {
        Domain::open(&self.path).unwrap()
    }

    /// The doorbells that lie in the domain's directory.
    pub fn doorbells(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("doorbell.")).collect()
    }

    pub fn child(&self, role: &str) -> Role {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DOMAIN, &self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (says, hears) = (BufReader::new(child.stdout.take().unwrap()), child.stdin.take().unwrap());
        Role { child, says, hears }
    }
}

/// A child that plays a role; killed with the test.
pub struct Role {
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Role {
    pub fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.trim_end().ends_with(word) {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "the child ended before it said {word}");
        }
    }

    pub fn say(&mut self, word: &str) {
        writeln!(self.hears, "{word}").unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    pub fn wait(&mut self) {
        self.child.wait().unwrap();
    }

    /// Each thread's `name value` of its status.
    fn each_status(&self, name: &str) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let texts = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap());
        texts
            .map(|text| {
                let value = text.lines().find_map(|line| line.strip_prefix(name));
                value.expect("a line of that name").trim().to_owned()
            })
            .collect()
    }

    pub fn wait_until_all_sleep(&self) {
        let waits = [" 7 ", " 271 ", " 232 ", " 281 ", " 202 ", " 449 "]; // poll, ppoll, epoll_wait, epoll_pwait, futex, futex_waitv
        loop {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            let mut calls = tasks.map(|task| {
                std::fs::read_to_string(task.unwrap().path().join("syscall")).unwrap_or_default()
            });
            if calls.all(|call| waits.iter().any(|wait| format!(" {call}").starts_with(wait))) {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// How often its threads have given up the processor, or have lost it.
    pub fn context_switches(&self) -> Vec<String> {
        [self.each_status("voluntary_ctxt_switches:"), self.each_status("nonvoluntary_ctxt_switches:")]
            .concat()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn options() -> RingOptions {
    RingOptions { capacity_bytes: Some(64 << 10), ..RingOptions::default() }
}

fn hear() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}

/// Plays the role that the environment asks for; none in a test of its own.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let domain = Domain::open(Path::new(&std::env::var(DOMAIN).unwrap())).unwrap();
    match role.as_str() {
        "send-three" => {
            let mut sender = RingSender::open(domain, "r", &options()).unwrap();
            for n in 0..3u8 {
                sender.send(&[n; 100], Deadline::NEVER).unwrap();
            }
            println!("ready");
            hear();
        }
        "die-before-the-ring" => {
            let mut sender = RingSender::open(domain, "r", &options()).unwrap();
            println!("ready");
            hear();
            crosstie_core::crash::install(|name| {
                if name == "spsc.wake-taken" {
                    std::process::abort();
                }
            });
            sender.send(b"last", Deadline::NEVER).unwrap();
        }
        "hold-a-job" => {
            let receiver = QueueReceiver::open(domain, "q", &QueueOptions::default()).unwrap();
            let _job = receiver.recv(Deadline::NEVER).unwrap();
            println!("ready");
            hear();
        }
        "wait-armed" => {
            let mut receiver = RingReceiver::open(domain, "r", &options()).unwrap();
            assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
            println!("ready");
            hear();
        }
        "poll-for-ever" => {
            let mut receiver = RingReceiver::open(domain, "r", &options()).unwrap();
            assert_eq!(receiver.arm().unwrap(), Readiness::Armed);
            println!("ready");
            poll::wait(receiver.pollable().unwrap(), Interest::Readable, Deadline::NEVER).unwrap();
        }
        #[cfg(feature = "tokio")]
        "await-for-ever" => super::futures::await_for_ever(domain),
        other => panic!("no role {other}"),
    }
}
