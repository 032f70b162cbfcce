//! A domain of the test's own, children that play a role in it, and threads that act once another sleeps.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crosstie::Deadline;
use crosstie::endpoint::{Options, Receiver, Select, Sender};
use crosstie::ledger::{Domain, Net};
use crosstie::sync::{CountingSemaphore, Event, Reset};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";

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

    /// No wake-up that is lost is found again.
    pub fn open(&self) -> &'static Domain {
        let domain = Domain::open(&self.path).unwrap();
        domain.set_net(Net::Absent);
        domain
    }

    pub fn options(&self) -> Options {
        Options { domain: Some(self.path.clone()), capacity_bytes: Some(64 << 10), ..Options::default() }
    }

    pub fn receiver(&self, address: &str) -> Receiver {
        Receiver::open_with(address, &self.options()).unwrap()
    }

    pub fn sender(&self, address: &str) -> Sender {
        Sender::open_with(address, &self.options()).unwrap()
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
        let mut role = Role { child, says, hears };
        role.wait_for("ready");
        role
    }
}

/// A child that plays a role; killed with the test.
pub struct Role {
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Role {
    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.trim_end().ends_with(word) {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "the child ended before it said {word}");
        }
    }

    pub fn say(&mut self, word: &str) {
        writeln!(self.hears, "{word}").unwrap();
    }

    pub fn stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let tids = || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap())
        };
        while !tids().all(|tid| crosstie::os::process::task(self.child.id(), tid).unwrap().is_stopped) {
            std::thread::yield_now();
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn until_all_sleep(&self) {
        let threads = || std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        while !threads().all(|task| is_asleep(&task.unwrap().path())) {
            std::thread::yield_now();
        }
    }

    /// How often its threads have given up the processor, or have lost it.
    pub fn context_switches(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let texts = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap());
        let lines = |text: String| -> Vec<_> {
            text.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect()
        };
        texts.flat_map(lines).collect()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a task waits for a futex, for a descriptor, or for input.
fn is_asleep(task: &Path) -> bool {
    let call = std::fs::read_to_string(task.join("syscall")).unwrap_or_default();
    // read, poll, futex, epoll_wait, ppoll, epoll_pwait, futex_waitv of x86-64 and of aarch64.
    let number = call.split(' ').next().unwrap_or_default();
    let calls: &[&str] = if cfg!(target_arch = "x86_64") {
        &["0", "7", "202", "232", "271", "281", "449"]
    } else {
        &["63", "73", "98", "22", "449"]
    };
    calls.contains(&number)
}

/// Runs `act` in a thread of its own as soon as the calling thread sleeps in a `poll`; the calling thread runs `wait` meanwhile.
pub fn once_asleep<R>(act: impl FnOnce() + Send, wait: impl FnOnce() -> R) -> R {
    let task = format!("/proc/self/task/{}", crosstie::os::process::tid());
    let polls: &[&str] = if cfg!(target_arch = "x86_64") { &["7", "271"] } else { &["73"] };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let asleep = || {
                let call = std::fs::read_to_string(format!("{task}/syscall")).unwrap_or_default();
                polls.contains(&call.split(' ').next().unwrap_or_default())
            };
            while !asleep() {
                std::thread::yield_now();
            }
            act();
        });
        wait()
    })
}

fn hear() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}

/// Plays the role that the environment asks for; none in a test of its own.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let path = PathBuf::from(std::env::var(DOMAIN).unwrap());
    let domain = Domain::open(&path).unwrap();
    domain.set_net(Net::Absent);
    let options =
        Options { domain: Some(path.clone()), capacity_bytes: Some(64 << 10), ..Options::default() };
    match role.as_str() {
        "open-and-wait" => {
            let _ring = Sender::<[u8]>::open_with("ring:r", &options).unwrap();
            println!("ready");
            hear();
        }
        "send-when-told" => {
            println!("ready");
            for address in ["ring:r", "topic:t"] {
                hear();
                Sender::<[u8]>::open_with(address, &options).unwrap().send(b"late").unwrap();
            }
            hear();
        }
        "die-behind-the-post" => {
            let units = CountingSemaphore::open_or_create_in(domain, "units", 0).unwrap();
            println!("ready");
            hear();
            crosstie_core::crash::install(|name| {
                if name == "counting.posted" {
                    std::process::abort();
                }
            });
            let _ = units.post();
        }
        "wait-ahead" => {
            let event = Event::open_or_create_in(domain, "one", Reset::Automatic).unwrap();
            println!("ready");
            event.wait().unwrap();
        }
        "select-for-ever" => {
            let event = Event::open_or_create_in(domain, "never", Reset::Manual).unwrap();
            let mut ring = Receiver::<[u8]>::open_with("ring:never", &options).unwrap();
            let mut topic = Receiver::<[u8]>::open_with("topic:never", &options).unwrap();
            println!("ready");
            let mut select = Select::new();
            let mut arms = select.arms();
            arms.recv(&mut ring, drop).recv(&mut topic, drop).wait(&*event, || ());
            arms.select_until(Deadline::NEVER).unwrap();
        }
        other => panic!("no role {other}"),
    }
}
