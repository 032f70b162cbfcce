//! A domain of the test's own, children that play a role in it, and futures that are polled by hand.

use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::task::{Context, Poll, Waker};

use crosstie::Deadline;
use crosstie::ledger::{Domain, Net};
use crosstie::sync::barrier::{Barrier, Join, OnDeath};
use crosstie::sync::condvar::WaitAround;
use crosstie::sync::lock::{Access, ByProcess, Lock, LockAsync as _, LockGuard};
use crosstie::sync::monitor::EnterAsync;
use crosstie::sync::mutex::LockAsync;
use crosstie::sync::rwlock::{RwLock, RwLockAsync};
use crosstie::sync::semaphore::{AcquireAsync, AcquireOwned, Semaphore};
use crosstie::sync::{Condvar, CountingSemaphore, Event, Monitor, Mutex, Policy, Reset, Shared};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";

/// A domain of the test's own, gone with it.
pub struct TestDomain {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

/// One of each, in one domain.
pub struct Objects {
    pub mutex: Shared<Mutex<u64>>,
    pub fast: Shared<Mutex<u64>>,
    pub lock: Shared<Lock>,
    pub rwlock: Shared<RwLock<u64>>,
    pub permits: Shared<Semaphore>,
    pub units: Shared<CountingSemaphore>,
    pub manual: Shared<Event>,
    pub automatic: Shared<Event>,
    /// For three parties.
    pub barrier: Shared<Barrier>,
    pub monitor: Shared<Monitor<u64>>,
    /// Under the lock.
    pub condition: Shared<Condvar>,
}

impl Objects {
    pub fn open(domain: &'static Domain) -> Self {
        let mutex = |name, policy| Mutex::open_or_create_with(domain, name, policy, || 0).unwrap();
        Self {
            mutex: mutex("m", Policy::Fair),
            fast: mutex("f", Policy::Fast),
            lock: Lock::open_or_create_in(domain, "l").unwrap(),
            rwlock: RwLock::open_or_create_in(domain, "rw", || 0).unwrap(),
            permits: Semaphore::open_or_create_in(domain, "s", 1).unwrap(),
            units: CountingSemaphore::open_or_create_in(domain, "c", 0).unwrap(),
            manual: Event::open_or_create_in(domain, "me", Reset::Manual).unwrap(),
            automatic: Event::open_or_create_in(domain, "ae", Reset::Automatic).unwrap(),
            monitor: Monitor::open_or_create_in(domain, "mo", || 0).unwrap(),
            barrier: Barrier::open_or_create_in(domain, "b", 3, OnDeath::Break).unwrap(),
            condition: Condvar::open_or_create_in(domain, "co").unwrap(),
        }
    }

    /// Takes the lock, and gives it up until it is notified.
    pub async fn notified(&self) -> LockGuard<Shared<Lock>, ByProcess> {
        let guard = self.lock.lock_async(Access::Exclusive).await.unwrap();
        let (give_up, take_again) = (|| drop(guard), || self.lock.lock_async(Access::Exclusive));
        let domain = self.lock.domain();
        self.condition.wait_around_async(domain, give_up, take_again, Result::is_ok).await.unwrap().unwrap()
    }
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

    pub fn objects(&self) -> Objects {
        Objects::open(self.open())
    }

    /// Until so many wait for anything.
    pub fn until_waiting(&self, count: usize) {
        while self.open().waiting_count() != count {
            std::thread::yield_now();
        }
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

    fn tasks(&self) -> Vec<PathBuf> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks.map(|task| task.unwrap().path()).collect()
    }

    /// Stopped, it takes nothing that comes to it.
    pub fn stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let state = |task: &Path| std::fs::read_to_string(task.join("stat")).unwrap();
        while !self.tasks().iter().all(|task| state(task).contains(") T ")) {
            std::thread::yield_now();
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn until_all_sleep(&self) {
        // read, poll, futex, epoll_wait, ppoll, epoll_pwait, futex_waitv of x86-64 and of aarch64.
        let calls: &[&str] = if cfg!(target_arch = "x86_64") {
            &["0", "7", "202", "232", "271", "281", "449"]
        } else {
            &["63", "73", "98", "22", "449"]
        };
        let is_asleep = |task: &PathBuf| {
            let call = std::fs::read_to_string(task.join("syscall")).unwrap_or_default();
            calls.contains(&call.split(' ').next().unwrap_or_default())
        };
        while !self.tasks().iter().all(is_asleep) {
            std::thread::yield_now();
        }
    }

    /// How often its threads have given up the processor, or have lost it.
    pub fn context_switches(&self) -> Vec<String> {
        let status = |task: PathBuf| std::fs::read_to_string(task.join("status")).unwrap();
        let lines = |text: String| -> Vec<_> {
            text.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect()
        };
        self.tasks().into_iter().map(status).flat_map(lines).collect()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `future` in a runtime that has neither descriptors nor timers.
pub fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A future that was polled once, and waits.
pub fn begun<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "there was nothing to wait for");
    future
}

/// Polls once, and drops.
pub async fn cancelled<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

fn hear() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}

/// Plays the role that the environment asks for; none in a test of its own.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let domain = Domain::open(PathBuf::from(std::env::var(DOMAIN).unwrap())).unwrap();
    domain.set_net(Net::Absent);
    let it = Objects::open(domain);
    match role.as_str() {
        "hold-all" => {
            let _mutex = it.mutex.lock().unwrap();
            let _lock = it.lock.lock().unwrap();
            let _rwlock = it.rwlock.write().unwrap();
            let _permit = it.permits.acquire_owned_until(Deadline::NEVER).unwrap();
            println!("ready");
            hear();
        }
        "hold-all-in-tasks" => run(async {
            let _mutex = it.mutex.lock_async().await.unwrap();
            let _lock = it.lock.lock_async(Access::Exclusive).await;
            let _rwlock = it.rwlock.write_async().await.unwrap();
            let _permit = it.permits.acquire_async().await.unwrap();
            println!("ready");
            hear();
        }),
        "await-the-mutex" => run(async {
            let waiting = begun(it.mutex.lock_async());
            println!("ready");
            *waiting.await.unwrap() += 100;
            println!("served");
            hear();
        }),
        "await-all-for-ever" => run(async {
            let (units, automatic) = (begun(it.units.wait_async()), begun(it.automatic.wait_async()));
            let (mutex, permit) = (begun(it.mutex.lock_async()), begun(it.permits.acquire_async()));
            let (fast, second) = (begun(it.fast.lock_async()), begun(it.fast.lock_async()));
            let (reads, writes) = (begun(it.rwlock.read_async()), begun(it.rwlock.write_async()));
            let mut party = it.barrier.join().unwrap();
            let meets = begun(party.wait_async());
            let changes = begun(it.monitor.wait_while_async(|_| true));
            println!("ready");
            let _ =
                tokio::join!(units, automatic, mutex, permit, fast, second, reads, writes, meets, changes);
        }),
        "die-behind-the-post" => {
            println!("ready");
            hear();
            crosstie_core::crash::install(|name| {
                if name == "counting.posted" {
                    std::process::abort();
                }
            });
            let _ = it.units.post();
        }
        other => run(play_together(other, &it)),
    }
}

/// Plays a role in which it meets others, or waits for what they change.
async fn play_together(role: &str, it: &Objects) {
    match role {
        "meet-once-and-sit" => {
            let mut party = it.barrier.join().unwrap();
            println!("ready");
            party.wait_async().await.unwrap();
            println!("met");
            hear();
        }
        "come-and-wait" => {
            let mut party = it.barrier.join().unwrap();
            let meets = begun(party.wait_async());
            println!("ready");
            let _ = meets.await;
        }
        "change-the-monitor-and-hold-it" => {
            println!("ready");
            hear();
            let mut inside = it.monitor.enter_async().await.unwrap();
            *inside += 1;
            println!("changed");
            hear();
        }
        "wait-in-the-monitor" => {
            let waits = begun(it.monitor.wait_while_async(|value| *value == 0));
            println!("ready");
            *waits.await.unwrap() += 100;
            println!("served");
            hear();
        }
        "wait-at-the-condition" => {
            let waits = begun(it.notified());
            println!("ready");
            drop(waits.await);
            println!("served");
            hear();
        }
        other => panic!("no role {other}"),
    }
}
