//! Either end of a ring killed (SIGKILL) at every crash point of every operation, one at a time: the
//! survivor must neither hang nor lose nor tear a message, and a successor must go on at the exact
//! position. The net is off: a lost wake-up would hang, and the watchdog deadline would tell.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender, WaitMode};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::{Domain, Net};
use crosstie::{Deadline, os};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";
const KILL_AT: &str = "CROSSTIE_TEST_KILL_AT";
/// Payload lengths that wrap, span cells, fill the ring and make both ends sleep.
const LENGTHS: [usize; 7] = [8, 56, 57, 1000, 4000, 0, 2500];

static REACHED: AtomicUsize = AtomicUsize::new(0);
static KILL_POINT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn kill_here(_name: &'static str) {
    if REACHED.fetch_add(1, Ordering::Relaxed) == KILL_POINT.load(Ordering::Relaxed) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        unreachable!("SIGKILL returned");
    }
}

fn options() -> RingOptions {
    RingOptions { capacity_bytes: Some(4096), wait: WaitMode::Block, ..RingOptions::default() }
}

fn message(n: usize) -> Vec<u8> {
    (0..LENGTHS[n]).map(|at| u8::try_from((at * 7 + n) % 251).unwrap()).collect()
}

fn watchdog() -> Deadline {
    os::clock::deadline_in(Duration::from_secs(10))
}

fn open(path: &Path) -> &'static Domain {
    let domain = Domain::open(path).unwrap();
    domain.set_net(Net::Absent);
    domain
}

/// Not a test of its own: plays the role that the parent asks for, and dies where it says.
#[test]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    KILL_POINT.store(std::env::var(KILL_AT).unwrap().parse().unwrap(), Ordering::Relaxed);
    crosstie_core::crash::install(kill_here);
    let domain = open(Path::new(&std::env::var(DOMAIN).unwrap()));
    let mut out = std::io::stdout();
    match role.as_str() {
        "send" => {
            let mut sender = RingSender::open(domain, "r", &options()).unwrap();
            writeln!(out, "opened").unwrap();
            for n in 0..LENGTHS.len() {
                sender.send(&message(n), watchdog()).unwrap();
                writeln!(out, "done {n}").unwrap();
            }
        }
        _ => {
            let mut receiver = RingReceiver::open(domain, "r", &options()).unwrap();
            writeln!(out, "opened").unwrap();
            for n in 0..LENGTHS.len() {
                let got = receiver.recv(watchdog()).unwrap();
                assert_eq!(got.to_vec(), message(n));
                drop(got);
                writeln!(out, "done {n}").unwrap();
            }
        }
    }
    writeln!(out, "completed after {} points", REACHED.load(Ordering::Relaxed)).unwrap();
}

/// A child that dies at its `kill_at`th crash point.
fn spawn(role: &str, domain: &Path, kill_at: usize) -> Child {
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

/// A child that is watched from a thread of its own.
struct Victim {
    opened: Arc<AtomicBool>,
    watcher: JoinHandle<(usize, bool)>,
}

impl Victim {
    fn watch(mut child: Child) -> Self {
        let opened = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&opened);
        let watcher = std::thread::spawn(move || {
            let (mut done, mut completed) = (0, false);
            for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
                done += usize::from(line.contains("done "));
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

    /// How long the survivor may wait: short while nobody may ever come, else the watchdog's time,
    /// in which the child's messages or its death must wake it.
    fn patience(&self) -> Deadline {
        if self.opened.load(Ordering::Relaxed) {
            watchdog()
        } else {
            os::clock::deadline_in(Duration::from_millis(20))
        }
    }

    /// Whether a time-out is the end of a child that never took its end of the ring.
    fn never_came(&self) -> bool {
        self.watcher.is_finished() && !self.opened.load(Ordering::Relaxed)
    }

    /// Operations that the child finished, and whether it reached its end.
    fn outcome(self) -> (usize, bool) {
        self.watcher.join().unwrap()
    }
}

struct World {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn world() -> World {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("domain");
    World { _folder: folder, path }
}

/// Receives until the sender's end is told; every message must be whole and in order from `next` on.
fn drain(receiver: &mut RingReceiver, mut next: usize) -> usize {
    loop {
        match receiver.recv(watchdog()) {
            Ok(got) => {
                assert_eq!(got.to_vec(), message(next), "message {next} torn or out of order");
                next += 1;
            }
            Err(RecvError::Closed | RecvError::PeerDied) => return next,
            Err(other) => panic!("the survivor hangs or fails: {other:?}"),
        }
    }
}

#[test]
fn a_sender_killed_at_any_crash_point_loses_no_sent_message_and_hangs_nobody() {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let mut receiver = RingReceiver::open(domain, "r", &options()).unwrap();
        let victim = Victim::watch(spawn("send", &world.path, kill_at));
        let mut received = 0;
        loop {
            let opened = victim.opened.load(Ordering::Relaxed);
            match receiver.recv(victim.patience()) {
                Ok(got) => {
                    assert_eq!(got.to_vec(), message(received), "message {received} torn or out of order");
                    received += 1;
                }
                Err(RecvError::Closed | RecvError::PeerDied) => break,
                Err(RecvError::TimedOut) if victim.never_came() => break,
                Err(RecvError::TimedOut) if !opened => {}
                Err(other) => panic!("point {kill_at}: the survivor hangs or fails: {other:?}"),
            }
        }
        let (done, completed) = victim.outcome();
        assert!(received >= done, "point {kill_at}: {done} sends returned, {received} messages arrived");
        assert!(received <= done + 1, "point {kill_at}: a message arrived twice");
        let mut successor = RingSender::open(domain, "r", &options()).unwrap();
        for n in received..LENGTHS.len() {
            successor.send(&message(n), watchdog()).unwrap();
            assert_eq!(receiver.recv(watchdog()).unwrap().to_vec(), message(n), "after point {kill_at}");
        }
        drop(successor);
        assert_eq!(drain(&mut receiver, LENGTHS.len()), LENGTHS.len());
        assert_eq!(domain.net_rescues(), 0);
        points = kill_at;
        if completed {
            break;
        }
    }
    println!("a sender was killed at {points} points");
    assert!(points > 20, "only {points} crash points: the sweep sweeps nothing");
}

#[test]
fn a_receiver_killed_at_any_crash_point_gets_its_message_again_and_hangs_nobody() {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let mut sender = RingSender::open(domain, "r", &options()).unwrap();
        let victim = Victim::watch(spawn("receive", &world.path, kill_at));
        let mut sent = 0;
        while sent < LENGTHS.len() {
            let opened = victim.opened.load(Ordering::Relaxed);
            match sender.send(&message(sent), victim.patience()) {
                Ok(()) => sent += 1,
                Err(SendError::PeerDied | SendError::Closed) => break,
                Err(SendError::TimedOut) if victim.never_came() => break,
                Err(SendError::TimedOut) if !opened => {}
                Err(other) => panic!("point {kill_at}: the survivor hangs or fails: {other:?}"),
            }
        }
        let (done, completed) = victim.outcome();
        if completed {
            println!("a receiver was killed at {points} points");
            assert!(points > 20, "only {points} crash points: the sweep sweeps nothing");
            return;
        }
        let mut successor = RingReceiver::open(domain, "r", &options()).unwrap();
        let backlog_starts = successor.recv(Deadline::NOW).map(|first| first.to_vec());
        if let Ok(first) = backlog_starts {
            let again = [done, done + 1].into_iter().find(|&n| n < LENGTHS.len() && message(n) == first);
            assert!(again.is_some(), "point {kill_at}: {done} done, then something else came");
            let mut next = again.unwrap() + 1;
            while let Ok(got) = successor.recv(Deadline::NOW) {
                assert_eq!(got.to_vec(), message(next), "point {kill_at}");
                next += 1;
            }
            assert_eq!(next, sent, "point {kill_at}: a sent message is lost");
        } else {
            assert!(sent <= done + 1, "point {kill_at}: {sent} sent, {done} done, nothing left");
        }
        assert_eq!(domain.net_rescues(), 0);
        points = kill_at;
    }
}
