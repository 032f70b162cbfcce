//! What the tests stand on: an address of each mechanism, servers in threads, and children that can be
//! killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::Duration;

use crosstie::Deadline;
use crosstie::endpoint::Options;
use crosstie::os::clock::deadline_in;
use crosstie::{Client, Server};

/// The mechanisms that carry calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Unix,
    UnixAbstract,
    UnixPacket,
    Tcp,
    Fifo,
    Queue,
    Ring,
}

impl Way {
    pub const ALL: [Self; 7] =
        [Self::Unix, Self::UnixAbstract, Self::UnixPacket, Self::Tcp, Self::Fifo, Self::Queue, Self::Ring];

    /// Those at which many clients call at a time.
    pub const SHARED: [Self; 6] =
        [Self::Unix, Self::UnixAbstract, Self::UnixPacket, Self::Tcp, Self::Fifo, Self::Queue];
}

/// Far beyond what any step needs; a test that meets it has failed.
pub fn soon() -> Deadline {
    deadline_in(Duration::from_secs(30))
}

/// An address in a folder of its own.
pub struct Stage {
    pub address: String,
    pub domain: std::path::PathBuf,
    folder: tempfile::TempDir,
    way: Way,
    /// Two places of its own in the network.
    places: [String; 2],
}

/// A place on this machine's own network that no other test has, whichever process runs it.
fn own_place() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [_, _, a, b] = std::process::id().to_be_bytes();
    let step = NEXT.fetch_add(1, Relaxed);
    format!("127.{a}.{b}.{}:{}", 1 + step % 250, 20_000 + step / 250)
}

impl Stage {
    pub fn new(way: Way) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
        let path = folder.path().display();
        let places = [own_place(), own_place()];
        let address = match way {
            Way::Unix => format!("unix:{path}/s"),
            Way::UnixAbstract => format!("unix:@crosstie-test{path}"),
            Way::UnixPacket => format!("unixpacket:{path}/s"),
            Way::Tcp => format!("tcp:{}", places[0]),
            Way::Fifo => format!("fifo:{path}/f"),
            Way::Queue => "queue:calls".to_owned(),
            Way::Ring => "ring:calls".to_owned(),
        };
        Self { address, domain: folder.path().join("domain"), folder, way, places }
    }

    /// An address of its own for `a`, and another for `b`.
    pub fn address_of(&self, name: &str) -> String {
        let path = self.folder.path().display();
        match self.way {
            Way::Unix => format!("unix:{path}/{name}"),
            Way::UnixAbstract => format!("unix:@crosstie-test{path}-{name}"),
            Way::UnixPacket => format!("unixpacket:{path}/{name}"),
            Way::Tcp => format!("tcp:{}", self.places[usize::from(name == "b")]),
            Way::Fifo => format!("fifo:{path}/{name}"),
            Way::Queue => format!("queue:{name}"),
            Way::Ring => format!("ring:{name}"),
        }
    }

    /// What a deadlock says of that address.
    pub fn object_of(&self, name: &str) -> String {
        let address = self.address_of(name);
        if self.way == Way::Queue { format!("{address}.calls") } else { address }
    }

    /// The names in its folder.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    pub fn options(&self) -> Options {
        options_in(self.domain.clone())
    }

    pub fn server(&self) -> Server<[u8], [u8]> {
        Server::open_with(&self.address, &self.options()).expect("a server")
    }

    pub fn client(&self) -> Client<[u8], [u8]> {
        Client::open_with(&self.address, &self.options()).expect("a client")
    }

    /// A child of this very program that plays `role`; killed at the end.
    pub fn actor(&self, role: &str) -> Actor {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "deaths::a_child_plays_its_role", "--nocapture", "--test-threads=1"])
            .env("CROSSTIE_TEST_ROLE", role)
            .env("CROSSTIE_TEST_ADDRESS", &self.address)
            .env("CROSSTIE_TEST_DOMAIN", &self.domain)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let mut actor = Actor { child, lines: None };
        actor.lines = actor.child.stdout.take().map(BufReader::new);
        actor
    }
}

pub fn options_in(domain: std::path::PathBuf) -> Options {
    Options { domain: Some(domain), open_deadline: soon(), ..Options::default() }
}

/// A child that plays a role.
pub struct Actor {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Actor {
    /// Waits until the child has said `word`.
    pub fn until_it_says(&mut self, word: &str) {
        let lines = self.lines.as_mut().expect("its output");
        let mut line = String::new();
        while lines.read_line(&mut line).expect("its output") > 0 {
            // The test harness prints on the same line.
            if line.trim_end().ends_with(word) {
                return;
            }
            line.clear();
        }
        panic!("the child ended without saying {word:?}");
    }

    /// Stops the child, and waits until it stands still.
    pub fn stop(&self) {
        self.signal(rustix::process::Signal::STOP);
        until(|| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its state");
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T"))
        });
    }

    /// Lets a stopped child go on.
    pub fn go_on(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a child"), signal).expect("it is there");
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

/// What shows that waiting costs nothing.
#[cfg(feature = "tokio")]
impl Actor {
    fn threads(&self) -> Vec<std::path::PathBuf> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        threads.map(|thread| thread.expect("a thread").path()).collect()
    }

    /// Waits until each of its threads sleeps in the kernel.
    pub fn until_all_sleep(&self) {
        // read, poll, futex, epoll_wait, ppoll, epoll_pwait, futex_waitv of x86-64 and of aarch64.
        let calls: &[&str] = if cfg!(target_arch = "x86_64") {
            &["0", "7", "202", "232", "271", "281", "449"]
        } else {
            &["63", "73", "98", "22", "449"]
        };
        until(|| {
            self.threads().iter().all(|thread| {
                let call = std::fs::read_to_string(thread.join("syscall")).unwrap_or_default();
                calls.contains(&call.split(' ').next().unwrap_or_default())
            })
        });
    }

    /// How often its threads have given up the processor, or have lost it.
    pub fn context_switches(&self) -> Vec<String> {
        let status = |thread: std::path::PathBuf| std::fs::read_to_string(thread.join("status"));
        let texts = self.threads().into_iter().map(|thread| status(thread).expect("its state"));
        let lines = |text: String| {
            let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        texts.flat_map(lines).collect()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a fact holds.
#[track_caller]
pub fn until(fact: impl Fn() -> bool) {
    let deadline = soon();
    while !fact() {
        assert!(!deadline.is_over(crosstie::os::clock::now_ns()), "the fact never came");
        // poll: the caller's fact
        std::thread::sleep(Duration::from_millis(1));
    }
}
