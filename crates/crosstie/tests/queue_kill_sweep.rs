//! An end of a queue killed (SIGKILL) at every crash point of every operation, one at a time: nobody
//! hangs, no message is lost, torn or done twice, what was in hand comes again flagged, and no place is lost. The
//! net is off: a lost wake-up would hang, and the watchdog deadline would tell.

#[path = "ends/sweep.rs"]
mod sweep;

use std::io::Write;
use std::time::Duration;

use crosstie::channel::WaitMode;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::contract::{RecvError, SendError};
use crosstie::ledger::Domain;
use crosstie::{Deadline, os};

use sweep::{Victim, completed, open, role, spawn, watchdog, world};

/// Payload lengths in line and in one or more chunks, which fill the queue and make both ends sleep.
const LENGTHS: [usize; 7] = [8, 128, 129, 1024, 3000, 0, 2500];
const PLACES: usize = 3;

fn options() -> QueueOptions {
    QueueOptions {
        places: Some(3),
        capacity_bytes: Some(4096),
        deliveries_max: Some(100),
        wait: WaitMode::Block,
        ..QueueOptions::default()
    }
}

fn message(n: usize) -> Vec<u8> {
    let number = [u8::try_from(n).unwrap()];
    let rest = (0..LENGTHS[n]).map(|at| u8::try_from((at * 7 + n) % 251).unwrap());
    number.into_iter().chain(rest).collect()
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
    if role == "send" {
        let mut sender = QueueSender::open(domain, "q", &options()).unwrap();
        writeln!(out, "opened").unwrap();
        for n in 0..LENGTHS.len() {
            sender.send(&message(n), watchdog()).unwrap();
            writeln!(out, "done {n}").unwrap();
        }
    } else {
        let receiver = QueueReceiver::open(domain, "q", &options()).unwrap();
        writeln!(out, "opened").unwrap();
        for turn in 0..LENGTHS.len() {
            let job = receiver.recv(watchdog()).unwrap();
            let n = number_of(&job.to_vec());
            match role.as_str() {
                "receive" => job.done().unwrap(),
                "fail" if turn % 2 == 0 => job.fail().unwrap(),
                "fail" => continue,
                "hold" => loop {
                    std::thread::park();
                },
                other => panic!("no role {other}"),
            }
            writeln!(out, "done {n}").unwrap();
        }
    }
    completed();
}

/// Every place is to be had, and every chunk.
fn all_places_are_free(domain: &'static Domain, receiver: &QueueReceiver, point: usize) {
    let mut sender = QueueSender::open(domain, "q", &options()).unwrap();
    for _ in 0..PLACES {
        sender.send(&message(0), Deadline::NOW).unwrap_or_else(|error| panic!("point {point}: {error:?}"));
    }
    for _ in 0..PLACES {
        receiver.recv(Deadline::NOW).unwrap().done().unwrap();
    }
    let whole = vec![0; 4096];
    sender
        .send(&whole, Deadline::NOW)
        .unwrap_or_else(|error| panic!("point {point}: a chunk is lost: {error:?}"));
    assert_eq!(receiver.recv(Deadline::NOW).unwrap().len(), 4096);
    assert_eq!(domain.net_rescues(), 0);
}

#[test]
fn a_sender_killed_at_any_crash_point_loses_no_sent_message_and_hangs_nobody() {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let receiver = QueueReceiver::open(domain, "q", &options()).unwrap();
        let victim = Victim::watch(spawn("send", &world.path, kill_at));
        let mut received = 0;
        loop {
            let opened = victim.has_opened();
            match receiver.recv(victim.patience()) {
                Ok(job) => {
                    assert_eq!(number_of(&job.to_vec()), received, "point {kill_at}: out of order");
                    assert!(!job.is_redelivered());
                    job.done().unwrap();
                    received += 1;
                }
                Err(RecvError::Closed | RecvError::PeerDied) => break,
                Err(RecvError::TimedOut) if victim.never_came() => break,
                Err(RecvError::TimedOut) if !opened => {}
                Err(other) => panic!("point {kill_at}: the survivor hangs or fails: {other:?}"),
            }
        }
        let (done, completed) = victim.outcome();
        let sent = done.len();
        assert!(received >= sent, "point {kill_at}: {sent} sends returned, {received} messages arrived");
        assert!(received <= sent + 1, "point {kill_at}: a message arrived twice");
        all_places_are_free(domain, &receiver, kill_at);
        points = kill_at;
        if completed {
            break;
        }
    }
    println!("a sender was killed at {points} points");
    assert!(points > 40, "only {points} crash points: the sweep sweeps nothing");
}

/// Sends every message, however full the queue is, beside a receiver that may die.
fn send_all(sender: &mut QueueSender, victim: &Victim, survivor: &QueueReceiver, point: usize) -> Vec<usize> {
    let (mut sent, mut got) = (0, Vec::new());
    while sent < LENGTHS.len() {
        // While nobody may ever come, or the victim is dead, the survivor makes room.
        if victim.has_ended() {
            got.extend(drain(survivor));
        }
        match sender.send(&message(sent), os::clock::deadline_in(Duration::from_millis(20))) {
            Ok(()) => sent += 1,
            Err(SendError::TimedOut) => {}
            Err(other) => panic!("point {point}: the sender fails: {other:?}"),
        }
    }
    got
}

/// What is there, done now; with how often it was delivered.
fn drain(receiver: &QueueReceiver) -> Vec<usize> {
    let mut got = Vec::new();
    while let Ok(job) = receiver.recv(Deadline::NOW) {
        got.push(number_of(&job.to_vec()));
        job.done().unwrap();
    }
    got
}

/// Sweeps the role of a receiver; the judge is told what the victim was done with, and what the survivor got.
fn sweep_receiver(role: &str, judge: impl Fn(usize, &[usize], &[usize])) {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let mut sender = QueueSender::open(domain, "q", &options()).unwrap();
        let survivor = QueueReceiver::open(domain, "q", &options()).unwrap();
        let victim = Victim::watch(spawn(role, &world.path, kill_at));
        let mut got = send_all(&mut sender, &victim, &survivor, kill_at);
        drop(sender);
        // The end comes when nothing is left in anybody's hands: the victim's death must wake this sleep.
        let end = loop {
            match survivor.recv(watchdog()) {
                Ok(job) => {
                    got.push(number_of(&job.to_vec()));
                    job.done().unwrap();
                }
                Err(end) => break end,
            }
        };
        assert!(matches!(end, RecvError::Closed), "point {kill_at}: {end:?}");
        let (done, completed) = victim.outcome();
        judge(kill_at, &done, &got);
        all_places_are_free(domain, &survivor, kill_at);
        points = kill_at;
        // It may have taken all before the survivor, or none: what counts is that it came to its end.
        if completed || kill_at > 400 {
            break;
        }
    }
    println!("a receiver ({role}) was killed at {points} points");
    assert!(points > 20, "only {points} crash points: the sweep sweeps nothing");
}

#[test]
fn a_receiver_killed_at_any_crash_point_leaves_its_job_to_another() {
    sweep_receiver("receive", |point, done, got| {
        for n in 0..LENGTHS.len() {
            let times = |of: &[usize]| of.iter().filter(|&&other| other == n).count();
            assert!(times(done) + times(got) <= 1, "point {point}: message {n} was done twice");
        }
        // It may have been killed behind `done`, before it could say so.
        let all = done.len() + got.len();
        assert!(all + 1 >= LENGTHS.len(), "point {point}: of {} messages {all} were done", LENGTHS.len());
    });
}

#[test]
fn a_receiver_killed_at_any_crash_point_of_giving_a_job_back_loses_none() {
    sweep_receiver("fail", |point, _, got| {
        let mut got = got.to_vec();
        got.sort_unstable();
        assert_eq!(got, (0..LENGTHS.len()).collect::<Vec<_>>(), "point {point}");
    });
}

#[test]
fn a_survivor_killed_at_any_crash_point_of_its_recovery_leaves_the_job_to_the_next() {
    let mut points = 0;
    for kill_at in 0.. {
        let world = world();
        let domain = open(&world.path);
        let mut sender = QueueSender::open(domain, "q", &options()).unwrap();
        sender.send(&message(3), Deadline::NOW).unwrap();
        // One that dies with the message in hand, whom nobody has recovered from yet.
        let mut first = spawn("hold", &world.path, usize::MAX);
        let in_hand = || crosstie::channel::queue::QueueState::of(domain, "q").unwrap().in_hand.len();
        while in_hand() == 0 {
            std::thread::yield_now();
        }
        first.kill().unwrap();
        first.wait().unwrap();
        let recovered_at = |victim: Victim| victim.outcome();
        let (done, completed) = recovered_at(Victim::watch(spawn("receive", &world.path, kill_at)));
        drop(sender);
        let survivor = QueueReceiver::open(domain, "q", &options()).unwrap();
        let got = drain(&survivor);
        assert!(done.len() + got.len() <= 1, "point {kill_at}: the message was done twice");
        let is_lost = done.is_empty() && got.is_empty();
        // Behind `done`, before it was said, it is neither.
        let state = crosstie::channel::queue::QueueState::of(domain, "q").unwrap();
        assert!(state.in_hand.is_empty() && state.waiting == 0, "point {kill_at}: {state:?}");
        if is_lost {
            points += 1;
            assert!(points <= 3, "point {kill_at}: the message is lost");
        }
        all_places_are_free(domain, &survivor, kill_at);
        // It waits for a second message that never comes, and its senders are gone: then it has ended by itself.
        if completed || !done.is_empty() {
            println!("a survivor was killed at {kill_at} points");
            assert!(kill_at > 10, "only {kill_at} crash points: the sweep sweeps nothing");
            return;
        }
    }
}
