//! A domain of the test's own, and children that play a role in it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use crosstie::ledger::{Domain, Net};

pub const ROLE: &str = "CROSSTIE_TEST_ROLE";
pub const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";

/// A domain without net, gone with the test.
pub struct TestDomain {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl TestDomain {
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("domain");
        Self { _folder: folder, path }
    }

    pub fn open(&self) -> &'static Domain {
        let domain = Domain::open(&self.path).unwrap();
        domain.set_net(Net::Absent);
        domain
    }

    /// A child that plays `role`, once it says that it is ready.
    pub fn child(&self, role: &str) -> Role {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "roles::child_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DOMAIN, &self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut role = Role { child, output };
        assert!(role.says("ready"), "the child ended without being ready");
        role
    }
}

/// A child that plays a role; killed with the test.
pub struct Role {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Role {
    /// Whether it says `word`; false if it ends without.
    pub fn says(&mut self, word: &str) -> bool {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if line.trim_end().ends_with(word) {
                return true;
            }
            line.clear();
        }
        false
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it go on to its end.
    pub fn finish(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a thread of this process sleeps in `futex_waitv` (system call 449) beside `others`
/// that did before.
pub fn wait_until_threads_sleep(count: usize) {
    let asleep = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks
            .filter(|task| {
                let call = std::fs::read_to_string(task.path().join("syscall")).unwrap_or_default();
                call.starts_with("449 ")
            })
            .count()
    };
    while asleep() < count {
        std::thread::yield_now();
    }
}
