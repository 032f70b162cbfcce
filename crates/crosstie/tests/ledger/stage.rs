//! Domains of their own, child processes that play a role, and waiting for facts.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crosstie::OwnerId;
use crosstie::ledger::{Domain, Net};
use tempfile::TempDir;

/// A domain that goes with the test, its net off: a lost wake-up hangs until the watchdog barks.
pub struct Stage {
    pub domain: &'static Domain,
    directory: TempDir,
    _watchdog: Watchdog,
}

impl Stage {
    pub fn new() -> Self {
        let watchdog = Watchdog::of(Duration::from_secs(60));
        let directory = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
        let domain = Domain::open(directory.path().join("domain")).unwrap();
        domain.set_net(Net::Absent);
        Self { domain, directory, _watchdog: watchdog }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("domain")
    }

    /// Starts a child of this role in this domain.
    pub fn role(&self, role: &str, more: &[(&str, &str)]) -> Actor {
        Actor::start(&[], role, &self.path(), more)
    }

    /// The same behind a command such as `unshare`; `None`, and SKIPPED, where that is not allowed.
    pub fn role_behind(&self, wrapper: &[&str], role: &str, more: &[(&str, &str)]) -> Option<Actor> {
        is_allowed(wrapper).then(|| Actor::start(wrapper, role, &self.path(), more))
    }

    /// The same behind a longer command, where `allowed`, a part of it, is allowed.
    pub fn role_behind_if(
        &self,
        allowed: &[&str],
        wrapper: &[&str],
        role: &str,
        more: &[(&str, &str)],
    ) -> Option<Actor> {
        is_allowed(allowed).then(|| Actor::start(wrapper, role, &self.path(), more))
    }

    /// No wake-up was lost.
    pub fn nothing_was_rescued(&self) {
        assert_eq!(self.domain.net_rescues(), 0, "the net found what a wake-up should have told");
    }
}

/// Whether `wrapper` may be used here; says SKIPPED if not.
pub fn is_allowed(wrapper: &[&str]) -> bool {
    let tried = Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").stderr(Stdio::null()).status();
    let is_allowed = tried.is_ok_and(|status| status.success());
    if !is_allowed {
        println!("SKIPPED: `{}` is not permitted on this machine", wrapper.join(" "));
    }
    is_allowed
}

/// Ends the test run with a word if a test hangs.
pub struct Watchdog(#[expect(dead_code, reason = "its drop calls the dog off")] mpsc::Sender<()>);

impl Watchdog {
    pub fn of(patience: Duration) -> Self {
        let (owner, dog) = mpsc::channel::<()>();
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        std::thread::spawn(move || {
            if dog.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("watchdog: {name} hangs");
                std::process::abort();
            }
        });
        Self(owner)
    }
}

/// A child process that plays a role; killed with the test.
pub struct Actor {
    child: Child,
    says: BufReader<ChildStdout>,
    heard: Vec<(String, String)>,
    stdin: Option<ChildStdin>,
}

impl Actor {
    pub fn start(wrapper: &[&str], role: &str, domain: &Path, more: &[(&str, &str)]) -> Self {
        let own = std::env::current_exe().unwrap();
        let mut command = match wrapper.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.args(["roles::play", "--exact", "--nocapture", "--test-threads=1"]);
        if wrapper.is_empty() {
            command.env("CROSSTIE_TEST_PARENT", std::process::id().to_string());
        }
        // Whatever the tests themselves run under is none of theirs.
        command.env_remove("CROSSTIE_HOLDER");
        command.env("CROSSTIE_TEST_ROLE", role).env("CROSSTIE_DOMAIN", domain).envs(more.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take();
        Self { child, says, heard: Vec::new(), stdin }
    }

    /// What it says next after `@key `; what it says of others before is kept for later.
    pub fn says(&mut self, key: &str) -> String {
        if let Some(at) = self.heard.iter().position(|(said, _)| said == key) {
            return self.heard.remove(at).1;
        }
        loop {
            let (said, words) = self.hears();
            if said == key {
                return words;
            }
            self.heard.push((said, words));
        }
    }

    /// The key and the words of what it says next.
    pub fn says_any(&mut self) -> (String, String) {
        if self.heard.is_empty() { self.hears() } else { self.heard.remove(0) }
    }

    fn hears(&mut self) -> (String, String) {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "the child ended");
            let said = line.split_once('@').map(|(_, said)| said.trim_end());
            if let Some((key, words)) = said.map(|said| said.split_once(' ').unwrap_or((said, ""))) {
                return (key.to_owned(), words.trim().to_owned());
            }
        }
    }

    pub fn says_owner(&mut self) -> OwnerId {
        OwnerId::from_bits(self.says("owner").parse().unwrap()).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    pub fn until_ended(&mut self) {
        self.child.wait().unwrap();
    }

    /// Lets it go on from where it waits for its input to end.
    pub fn go_on(&mut self) {
        self.stdin = None;
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Ended already, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a fact; the test's watchdog bounds it.
pub fn until(mut is_true: impl FnMut() -> bool) {
    while !is_true() {
        std::thread::yield_now();
    }
}

/// Waits until the thread sleeps in a futex call.
pub fn until_asleep(pid: u32, tid: u32) {
    until(|| {
        let call = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap_or_default();
        // futex on x86-64, on aarch64; futex_waitv on both.
        matches!(call.split(' ').next(), Some("202" | "98" | "449"))
    });
}

/// The median of some durations in microseconds.
pub fn median_us(mut ns: Vec<u64>) -> f64 {
    ns.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let median = ns[ns.len() / 2] as f64;
    median / 1000.0
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
}
