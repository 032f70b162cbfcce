//! What the tests stand on: ends of each mechanism, payloads, and child processes that can be killed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::Duration;

use crosstie::Deadline;
use crosstie::contract::{ReceiveMessages, SendMessages};
use crosstie::os::clock::deadline_in;
use crosstie::os::unix::UnixName;
use crosstie::transport::{self, Options};

/// An end of any mechanism.
pub type Tx = Box<dyn SendMessages>;
/// An end of any mechanism.
pub type Rx = Box<dyn ReceiveMessages>;

/// Far beyond what any step needs; a test that meets it has failed.
pub fn soon() -> Deadline {
    deadline_in(Duration::from_secs(20))
}

/// Options with a limit on the message and on the wait.
pub fn options() -> Options {
    Options { deadline: soon(), ..Options::default() }
}

/// The mechanisms to which senders connect by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Unix,
    UnixAbstract,
    UnixPacket,
    Tcp,
    Fifo,
}

impl Named {
    pub const ALL: &[Self] = &[Self::Unix, Self::UnixAbstract, Self::UnixPacket, Self::Tcp, Self::Fifo];

    /// Whether its name is a path.
    pub fn is_file(self) -> bool {
        matches!(self, Self::Unix | Self::UnixPacket | Self::Fifo)
    }

    pub fn word(self) -> String {
        format!("{self:?}")
    }

    pub fn of_word(word: &str) -> Self {
        *Self::ALL.iter().find(|named| named.word() == word).expect("a mechanism")
    }
}

/// A folder and a port of its own, and names in it.
pub struct Stage {
    folder: tempfile::TempDir,
    port: u16,
}

/// A port that nobody has, below those that the kernel chooses for connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = NEXT.fetch_add(1, Relaxed);
        let port = 20_000 + (std::process::id() as u16 % 400 * 29 + step) % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Stage {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), port: free_port() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("end")
    }

    /// The name under which both ends of `named` meet here.
    pub fn target(&self, named: Named) -> String {
        match named {
            Named::UnixAbstract => format!("crosstie-test-{}", self.folder.path().display()),
            Named::Tcp => format!("127.0.0.1:{}", self.port),
            _ => self.path().display().to_string(),
        }
    }

    pub fn receiver(&self, named: Named) -> crosstie::Result<Rx> {
        receiver(named, &self.target(named), &options())
    }

    pub fn sender(&self, named: Named) -> crosstie::Result<Tx> {
        sender(named, &self.target(named), &options())
    }
}

fn unix_name(named: Named, target: &str) -> UnixName {
    match named {
        Named::UnixAbstract => UnixName::Abstract(target.as_bytes().to_vec()),
        _ => UnixName::Path(target.into()),
    }
}

pub fn receiver(named: Named, target: &str, options: &Options) -> crosstie::Result<Rx> {
    Ok(match named {
        Named::Unix | Named::UnixAbstract => {
            Box::new(transport::unix::receiver(&unix_name(named, target), options)?)
        }
        Named::UnixPacket => Box::new(transport::unixpacket::receiver(&unix_name(named, target), options)?),
        Named::Tcp => Box::new(transport::tcp::receiver(target, options)?),
        Named::Fifo => Box::new(transport::fifo::receiver(target, options)?),
    })
}

pub fn sender(named: Named, target: &str, options: &Options) -> crosstie::Result<Tx> {
    Ok(match named {
        Named::Unix | Named::UnixAbstract => {
            Box::new(transport::unix::sender(&unix_name(named, target), options)?)
        }
        Named::UnixPacket => Box::new(transport::unixpacket::sender(&unix_name(named, target), options)?),
        Named::Tcp => Box::new(transport::tcp::sender(target, options)?),
        Named::Fifo => Box::new(transport::fifo::sender(target, options)?),
    })
}

/// A payload whose every byte depends on its place and on `seed`.
pub fn payload(length: usize, seed: u32) -> Vec<u8> {
    let mut word = u64::from(seed) << 32 | 0x9E37_79B9;
    (0..length)
        .map(|_| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (word >> 56) as u8
        })
        .collect()
}

/// Every pair of connected ends, by name.
pub fn pairs(options: &Options) -> Vec<(String, Stage, Tx, Rx)> {
    let mut pairs: Vec<(String, Stage, Tx, Rx)> = Vec::new();
    let (tx, rx) = transport::pipe::pair(options).expect("a pipe");
    pairs.push(("pipe".into(), Stage::new(), Box::new(tx), Box::new(rx)));
    let (a, b) = crosstie::os::unix::pair(crosstie::os::unix::UnixKind::Stream).expect("a pair");
    let tx = transport::descriptor::sender(a, options).expect("a sender");
    let rx = transport::descriptor::receiver(b, options).expect("a receiver");
    pairs.push(("fd".into(), Stage::new(), Box::new(tx), Box::new(rx)));
    for named in Named::ALL {
        let stage = Stage::new();
        let target = stage.target(*named);
        let rx = receiver(*named, &target, options).expect("a receiver");
        let tx = sender(*named, &target, options).expect("a sender");
        pairs.push((named.word(), stage, tx, rx));
    }
    pairs
}

/// A child process that plays `role` (a function of `roles`); killed at the end.
pub struct Actor(pub Child);

impl Actor {
    /// Starts this test program again, for one role: see `roles`.
    pub fn start(role: &str, named: Named, target: &str) -> Self {
        Self(Self::command(role, named, target).spawn().expect("a child"))
    }

    pub fn command(role: &str, named: Named, target: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "ends::a_child_plays_its_role", "--nocapture", "--test-threads=1"])
            .env("CROSSTIE_TEST_ROLE", role)
            .env("CROSSTIE_TEST_MECHANISM", named.word())
            .env("CROSSTIE_TEST_TARGET", target)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    pub fn kill(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("reaped");
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
