//! An end of a topic killed (SIGKILL) at every crash point of every operation, one at a time: nobody hangs, a subscriber
//! that lives gets everything once, whole and in order, and no slot is lost.

#[path = "ends/sweep.rs"]
mod sweep;

use std::io::Write;
use std::time::Duration;

use crosstie::channel::WaitMode;
use crosstie::channel::topic::{Mode, Start, TopicOptions, TopicReceiver, TopicSender};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Domain;
use crosstie::{Deadline, os};

use sweep::{Victim, completed, open, role, spawn, watchdog, world};

/// More messages than places, so that both kinds of ends sleep.
const MESSAGES: usize = 6;
const PLACES: u32 = 2;

fn options() -> TopicOptions {
    TopicOptions {
        mode: Some(Mode::Lossless),
        places: Some(PLACES),
        message_bytes_max: Some(100),
        start: Start::Oldest,
        wait: WaitMode::Block,
    }
}

fn message(n: usize) -> [u8; 100] {
    [u8::try_from(n).unwrap(); 100]
}

/// Which message it is; it must be whole.
fn number_of(payload: &[u8]) -> usize {
    let n = usize::from(payload[0]);
    assert_eq!(payload, message(n), "message {n} is torn");
    n
}

/// Not a test of its own: plays the role that the parent asks for, and dies where it says.
#[test]
fn child_process() {
    let Some((role, domain)) = role() else { return };
    let mut out = std::io::stdout();
    if role == "publish" {
        let mut sender = TopicSender::open(domain, "t", &options()).unwrap();
        writeln!(out, "opened").unwrap();
        for n in 0..MESSAGES {
            if n == 3 {
                drop(sender.reserve(100, watchdog()).unwrap());
            }
            sender.send(&message(n), watchdog()).unwrap();
            writeln!(out, "done {n}").unwrap();
        }
    } else {
        let mut receiver = TopicReceiver::open(domain, "t", &options()).unwrap();
        writeln!(out, "opened").unwrap();
        loop {
            match receiver.recv(watchdog()) {
                Ok(message) => {
                    let n = number_of(&message.to_vec());
                    drop(message);
                    writeln!(out, "done {n}").unwrap();
                    if n + 1 == MESSAGES {
                        break;
                    }
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    completed();
}

/// Every slot is of use, twice around, with nobody there.
fn all_slots_are_of_use(domain: &'static Domain, point: usize) {
    let mut sender = TopicSender::open(domain, "t", &options()).unwrap();
    for _ in 0..2 * PLACES + 1 {
        sender.send(&message(0), Deadline::NOW).unwrap_or_else(|error| panic!("point {point}: {error:?}"));
    }
    assert_eq!(domain.net_rescues(), 0);
}

#[test]
fn a_publisher_killed_at_any_crash_point_leaves_no_hole_and_hangs_nobody() {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let mut receiver = TopicReceiver::open(domain, "t", &options()).unwrap();
        let victim = Victim::watch(spawn("publish", &world.path, kill_at));
        let mut received = 0;
        loop {
            let opened = victim.has_opened();
            match receiver.recv(victim.patience()) {
                Ok(message) => {
                    assert_eq!(number_of(&message.to_vec()), received, "point {kill_at}: out of order");
                    received += 1;
                }
                Err(RecvError::Closed | RecvError::PeerDied) => break,
                Err(RecvError::TimedOut) if victim.never_came() => break,
                Err(RecvError::TimedOut) if !opened => {}
                Err(other) => panic!("point {kill_at}: the survivor hangs or fails: {other:?}"),
            }
        }
        let (done, is_complete) = victim.outcome();
        let sent = done.len();
        assert!(received >= sent, "point {kill_at}: {sent} sends returned, {received} messages arrived");
        assert!(received <= sent + 1, "point {kill_at}: a message arrived twice");
        drop(receiver);
        all_slots_are_of_use(domain, kill_at);
        points = kill_at;
        if is_complete {
            break;
        }
    }
    println!("a publisher was killed at {points} points");
    assert!(points > 30, "only {points} crash points: the sweep sweeps nothing");
}

#[test]
fn a_subscriber_killed_at_any_crash_point_releases_who_waits_for_it() {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let mut sender = TopicSender::open(domain, "t", &options()).unwrap();
        let mut survivor = TopicReceiver::open(domain, "t", &options()).unwrap();
        let victim = Victim::watch(spawn("subscribe", &world.path, kill_at));
        while !victim.has_opened() && !victim.has_ended() {
            std::thread::yield_now();
        }
        for n in 0..MESSAGES {
            // A dead victim holds nobody up; one that lives reads.
            match sender.send(&message(n), watchdog()) {
                Ok(()) => {}
                Err(SendError::HeldUp(other)) => panic!("point {kill_at}: {other}"),
                Err(other) => panic!("point {kill_at}: {other:?}"),
            }
            let got =
                survivor.recv(os::clock::deadline_in(Duration::ZERO)).map(|got| number_of(&got.to_vec()));
            assert_eq!(got.ok(), Some(n), "point {kill_at}");
        }
        let (done, is_complete) = victim.outcome();
        assert_eq!(done, (0..done.len()).collect::<Vec<_>>(), "point {kill_at}: once each and in order");
        drop((sender, survivor));
        all_slots_are_of_use(domain, kill_at);
        points = kill_at;
        if is_complete {
            break;
        }
    }
    println!("a subscriber was killed at {points} points");
    assert!(points > 20, "only {points} crash points: the sweep sweeps nothing");
}
