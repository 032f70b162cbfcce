//! A child that dies at a chosen crash point, and what it said before: the frame of the sweeps that kill at every
//! crash point of an operation. The net is off: a lost wake-up would hang, and the watchdog deadline would tell.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crosstie::ledger::{Domain, Net};
use crosstie::{Deadline, os};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";
const KILL_AT: &str = "CROSSTIE_TEST_KILL_AT";
static REACHED: AtomicUsize = AtomicUsize::new(0);
static KILL_POINT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn kill_here(_name: &'static str) {
    if REACHED.fetch_add(1, Ordering::Relaxed) == KILL_POINT.load(Ordering::Relaxed) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        unreachable!("SIGKILL returned");
    }
}

pub fn watchdog() -> Deadline {
    os::clock::deadline_in(Duration::from_secs(20))
}

pub fn open(path: &Path) -> &'static Domain {
    let domain = Domain::open(path).unwrap();
    domain.set_net(Net::Absent);
    domain
}

/// A child that dies at its `kill_at`th crash point.
pub fn spawn(role: &str, domain: &Path, kill_at: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DOMAIN, domain)
        .env(KILL_AT, kill_at.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a child said before its end.
pub struct Victim {
    opened: Arc<AtomicBool>,
    watcher: JoinHandle<(Vec<usize>, bool)>,
}

impl Victim {
    pub fn watch(mut child: Child) -> Self {
        let opened = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&opened);
        let watcher = std::thread::spawn(move || {
            let (mut done, mut completed) = (Vec::new(), false);
            for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
                done.extend(line.split_once("done ").map(|(_, n)| n.parse::<usize>().unwrap()));
                completed |= line.contains("completed");
                if line.contains("opened") {
                    told.store(true, Ordering::Relaxed);
                }
            }
            child.wait().unwrap();
            (done, completed)
        });
        Self { opened, watcher }
    }

    /// How long a survivor may wait: short while nobody may ever come, else the watchdog's time.
    pub fn patience(&self) -> Deadline {
        if self.opened.load(Ordering::Relaxed) {
            watchdog()
        } else {
            os::clock::deadline_in(Duration::from_millis(20))
        }
    }

    pub fn never_came(&self) -> bool {
        self.watcher.is_finished() && !self.opened.load(Ordering::Relaxed)
    }

    /// Whether it says that it has opened its end, or did.
    pub fn has_opened(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }

    /// Whether it has ended, in whatever way.
    pub fn has_ended(&self) -> bool {
        self.watcher.is_finished()
    }

    /// The messages with which it was done, and whether it reached its end.
    pub fn outcome(self) -> (Vec<usize>, bool) {
        self.watcher.join().unwrap()
    }
}

pub struct World {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn world() -> World {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("domain");
    World { _folder: folder, path }
}

/// In the child: its role and its domain, armed to die where it was told; `None` in the parent.
pub fn role() -> Option<(String, &'static Domain)> {
    let role = std::env::var(ROLE).ok()?;
    KILL_POINT.store(std::env::var(KILL_AT).unwrap().parse().unwrap(), Ordering::Relaxed);
    crosstie_core::crash::install(kill_here);
    Some((role, open(Path::new(&std::env::var(DOMAIN).unwrap()))))
}

/// In the child: it came to its end.
pub fn completed() {
    println!("completed after {} points", REACHED.load(Ordering::Relaxed));
}
