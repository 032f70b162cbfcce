//! A domain that goes with the test, the shell's command in it, and waiting for facts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crosstie::ledger::Domain;
use tempfile::TempDir;

pub struct Stage {
    pub domain: &'static Domain,
    folder: TempDir,
    _watchdog: mpsc::Sender<()>,
}

impl Stage {
    pub fn new() -> Self {
        let watchdog = watchdog(Duration::from_secs(120));
        let folder = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
        let domain = Domain::open(folder.path().join("domain")).unwrap();
        Self { domain, folder, _watchdog: watchdog }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that uses this domain.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("CROSSTIE_DOMAIN", self.path("domain"));
        // Whatever the tests themselves run under is none of theirs.
        command.env_remove("CROSSTIE_HOLDER").stdin(Stdio::null());
        command
    }

    /// The shell's `crosstie` with these arguments, run to its end.
    pub fn crosstie(&self, arguments: &[&str]) -> Output {
        self.command(&crosstie()).args(arguments).output().unwrap()
    }

    /// Runs a program of its own to its end; answers what it wrote.
    pub fn run(&self, program: &Path) -> String {
        let output = self.command(program).output().unwrap();
        let written = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}\n{written}{complaint}", program.display(), output.status);
        written
    }
}

/// The command, which cargo builds together with the tests.
pub fn crosstie() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("crosstie");
    assert!(path.is_file(), "{} is not built: cargo build -p crosstie-cli", path.display());
    path
}

fn watchdog(patience: Duration) -> mpsc::Sender<()> {
    let (owner, dog) = mpsc::channel::<()>();
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    std::thread::spawn(move || {
        if dog.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("watchdog: {name} hangs");
            std::process::abort();
        }
    });
    owner
}

/// Waits for a fact; the test's watchdog bounds it.
pub fn until(mut is_true: impl FnMut() -> bool) {
    while !is_true() {
        std::thread::yield_now();
    }
}

/// Waits until the first thread of a process sleeps in a futex call.
pub fn until_asleep(pid: u32) {
    until(|| {
        let call = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/syscall")).unwrap_or_default();
        // futex on x86-64, on aarch64; futex_waitv on both.
        matches!(call.split(' ').next(), Some("202" | "98" | "449"))
    });
}
