//! `Select`: what makes each arm ready, what a death leaves, whose turn it is, and that waiting costs nothing.
//!
//! A child is this same test binary, asked by the environment to play one role.

#[path = "select/stage.rs"]
mod stage;

use std::os::fd::AsFd as _;
use std::time::Duration;

use crosstie::contract::{RecvError, SendError};
use crosstie::endpoint::{JobTicket, Outcome, Receiver, Select, SelectError, Sender, pair};
use crosstie::os::pipe;
use crosstie::sync::{CountingSemaphore, Event, Reset, Shared};
use crosstie::{Deadline, ErrorKind};

use stage::{TestDomain, once_asleep};

/// What was selected.
#[derive(Debug)]
enum Turn {
    Message(Result<Vec<u8>, RecvError>),
    Other(Result<Vec<u8>, RecvError>),
    Sent(Result<(), SendError>),
    Event,
    Unit,
    Readable,
}

fn event(place: &TestDomain, name: &str, reset: Reset) -> Shared<Event> {
    Event::open_or_create_in(place.open(), name, reset).unwrap()
}

fn units(place: &TestDomain) -> Shared<CountingSemaphore> {
    CountingSemaphore::open_or_create_in(place.open(), "units", 0).unwrap()
}

fn fill(sender: &mut Sender) {
    while sender.try_send(&[1; 9000]).is_ok() {}
}

#[test]
fn child_process() {
    stage::play();
}

#[test]
fn each_arm_wakes_who_sleeps_and_is_done_alone() {
    let place = TestDomain::new();
    let (event, units) = (event(&place, "e", Reset::Automatic), units(&place));
    let (mut receiver, mut other) = (place.receiver("ring:r"), place.receiver("queue:q"));
    let (mut sender, mut other_sender) = (place.sender("ring:r"), place.sender("queue:q"));
    let (mut full, mut reader) = (place.sender("ring:full"), place.receiver("ring:full"));
    fill(&mut full);
    let (read_end, write_end) = pipe::pair().unwrap();
    let mut select = Select::new();
    for which in 0..6 {
        let (tx, other_tx, reader) = (&mut sender, &mut other_sender, &mut reader);
        let (event_, units_, write_end) = (&event, &units, &write_end);
        let act = move || match which {
            0 => tx.send(b"one").unwrap(),
            1 => other_tx.send(b"two").unwrap(),
            2 => drop(reader.recv().unwrap()),
            3 => event_.set().unwrap(),
            4 => units_.post().unwrap(),
            _ => drop(rustix::io::write(write_end, b"x").unwrap()),
        };
        let mut arms = select.arms();
        arms.recv(&mut receiver, Turn::Message).recv(&mut other, Turn::Other);
        arms.send(&mut full, &[2; 9000], Turn::Sent).wait(&*event, || Turn::Event);
        arms.wait(&*units, || Turn::Unit).readable(read_end.as_fd(), || Turn::Readable);
        let turn = once_asleep(act, || arms.select().unwrap());
        match (which, turn) {
            (0, Turn::Message(Ok(message))) => assert_eq!(message, b"one"),
            (1, Turn::Other(Ok(message))) => assert_eq!(message, b"two"),
            (2, Turn::Sent(Ok(()))) | (3, Turn::Event) | (4, Turn::Unit) | (5, Turn::Readable) => {}
            (which, other) => panic!("{which} gave {other:?}"),
        }
        assert!(!event.is_set() && units.value() == 0, "something else was taken along");
    }
}

#[test]
fn of_several_that_are_ready_each_has_its_turn() {
    let place = TestDomain::new();
    let (event, units) = (event(&place, "e", Reset::Manual), units(&place));
    event.set().unwrap();
    (0..100).for_each(|_| units.post().unwrap());
    let mut quiet = place.receiver("ring:quiet");
    let (mut tx, mut rx) = pair::<[u8]>().unwrap();
    (0..100).for_each(|_| tx.send(b"x").unwrap());
    let (mut select, mut turns) = (Select::new(), [0; 4]);
    for _ in 0..90 {
        let mut arms = select.arms();
        arms.wait(&*event, || 0).recv(&mut quiet, |_| 1).wait(&*units, || 2).recv(&mut rx, |message| {
            message.unwrap();
            3
        });
        turns[arms.select().unwrap()] += 1;
    }
    assert_eq!(turns, [30, 0, 30, 30]);
}

#[test]
fn the_death_of_a_peer_is_the_answer_of_its_arm_and_leaves_the_others() {
    let place = TestDomain::new();
    let event = event(&place, "e", Reset::Manual);
    let mut receiver = place.receiver("ring:r");
    let mut other = place.receiver("ring:other");
    let mut child = place.child("open-and-wait");
    let mut select = Select::new();
    let mut arms = select.arms();
    arms.recv(&mut other, Turn::Other).wait(&*event, || Turn::Event).recv(&mut receiver, Turn::Message);
    let turn = once_asleep(|| child.kill(), || arms.select().unwrap());
    assert!(matches!(turn, Turn::Message(Err(RecvError::PeerDied))), "{turn:?}");
    event.set().unwrap();
    let mut arms = select.arms();
    arms.recv(&mut other, Turn::Other).wait(&*event, || Turn::Event);
    assert!(matches!(arms.select().unwrap(), Turn::Event));
}

#[test]
fn a_poster_killed_between_its_post_and_its_wake_leaves_nobody_asleep() {
    let place = TestDomain::new();
    let units = units(&place);
    let mut ring = place.receiver("ring:r");
    let mut child = place.child("die-behind-the-post");
    let mut select = Select::new();
    let mut arms = select.arms();
    arms.recv(&mut ring, Turn::Message).wait(&*units, || Turn::Unit);
    assert!(matches!(once_asleep(|| child.say("go"), || arms.select().unwrap()), Turn::Unit));
    assert_eq!(units.value(), 0);
}

#[test]
fn one_killed_ahead_in_an_events_queue_makes_way() {
    let place = TestDomain::new();
    let event = event(&place, "one", Reset::Automatic);
    let mut ring = place.receiver("ring:r");
    let mut child = place.child("wait-ahead");
    child.until_all_sleep();
    // Stopped, it does not take what is its turn to take; from here on nothing changes but its life.
    child.stop();
    event.set().unwrap();
    let mut select = Select::new();
    let mut arms = select.arms();
    arms.recv(&mut ring, Turn::Message).wait(&*event, || Turn::Event);
    assert!(matches!(once_asleep(|| child.kill(), || arms.select().unwrap()), Turn::Event));
    assert!(!event.is_set());
}

#[test]
fn who_comes_late_wakes_who_waits_for_nobody_yet() {
    let place = TestDomain::new();
    let (mut ring, mut topic) = (place.receiver("ring:r"), place.receiver("topic:t"));
    let mut child = place.child("send-when-told");
    let mut select = Select::new();
    let mut arms = select.arms();
    arms.recv(&mut topic, Turn::Other).recv(&mut ring, Turn::Message);
    let turn = once_asleep(|| child.say("go"), || arms.select().unwrap());
    assert!(matches!(&turn, Turn::Message(Ok(message)) if message == b"late"), "{turn:?}");
    let mut arms = select.arms();
    arms.recv(&mut topic, Turn::Other);
    let turn = once_asleep(|| child.say("go"), || arms.select().unwrap());
    assert!(matches!(&turn, Turn::Other(Ok(message)) if message == b"late"), "{turn:?}");
}

#[test]
fn an_arm_that_is_left_out_is_not_waited_for_and_disturbs_nobody() {
    let place = TestDomain::new();
    let (mut left_out, mut stays) = (place.receiver("ring:r"), place.receiver("ring:s"));
    let (mut to_left_out, mut to_stays) = (place.sender("ring:r"), place.sender("ring:s"));
    let mut select = Select::new();
    let mut arms = select.arms();
    arms.recv(&mut left_out, Turn::Message).recv(&mut stays, Turn::Other);
    // Both are armed when one is done.
    assert!(matches!(
        once_asleep(|| to_stays.send(b"1").unwrap(), || arms.select().unwrap()),
        Turn::Other(Ok(_))
    ));
    to_left_out.send(b"nobody waits").unwrap();
    let mut arms = select.arms();
    arms.recv(&mut stays, Turn::Other);
    assert!(matches!(arms.select_for(Duration::from_millis(20)), Err(SelectError::TimedOut)));
    let mut arms = select.arms();
    arms.recv(&mut left_out, Turn::Message);
    assert!(matches!(arms.try_select().unwrap(), Turn::Message(Ok(_))));
    assert!(matches!(left_out.try_recv(), Err(RecvError::Empty)));
}

#[test]
fn what_came_with_one_system_call_is_not_waited_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", folder.path().join("s").display());
    let mut receiver = Receiver::<[u8]>::open(&address).unwrap();
    let mut sender = Sender::<[u8]>::open(&address).unwrap();
    sender.send_batch(&[b"1", b"2", b"3"], Deadline::NEVER).unwrap();
    let mut select = Select::new();
    for expected in [b"1", b"2", b"3"] {
        let mut arms = select.arms();
        arms.recv(&mut receiver, |message| message.unwrap());
        assert_eq!(arms.select().unwrap(), expected);
    }
}

#[test]
fn units_are_shared_among_selects_and_waits_and_each_is_taken_once() {
    let place = TestDomain::new();
    let units = units(&place);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (_tx, mut rx) = pair::<[u8]>().unwrap();
                let mut select = Select::new();
                for _ in 0..200 {
                    let mut arms = select.arms();
                    arms.recv(&mut rx, |_| panic!("nothing was sent")).wait(&*units, || ());
                    arms.select().unwrap();
                }
            });
            scope.spawn(|| (0..200).for_each(|_| units.wait().unwrap()));
        }
        (0..800).for_each(|_| units.post().unwrap());
    });
    assert_eq!(units.value(), 0);
}

#[test]
fn what_cannot_be_waited_for_is_told() {
    let place = TestDomain::new();
    let mut select = Select::new();
    let kind = |outcome: Result<(), SelectError>| outcome.unwrap_err().kind();
    assert_eq!(kind(select.arms().select()), ErrorKind::Usage);
    let many: Vec<_> = (0..8).map(|n| event(&place, &format!("e{n}"), Reset::Manual)).collect();
    let mut arms = select.arms();
    for event in &many {
        arms.wait(&**event, || ());
    }
    assert_eq!(kind(arms.select()), ErrorKind::Usage);
    let elsewhere = TestDomain::new();
    let other = event(&elsewhere, "e", Reset::Manual);
    let mut arms = select.arms();
    arms.wait(&*other, || ()).wait(&*many[0], || ());
    assert_eq!(kind(arms.select()), ErrorKind::Usage);
    let mut arms = select.arms();
    arms.wait(&*many[0], || ());
    assert_eq!(kind(arms.try_select()), ErrorKind::Busy);
    let mut arms = select.arms();
    arms.wait(&*many[0], || ());
    assert_eq!(kind(arms.select_for(Duration::from_millis(1))), ErrorKind::TimedOut);
}

#[test]
fn a_process_that_selects_does_not_run_while_nothing_happens() {
    let place = TestDomain::new();
    let child = place.child("select-for-ever");
    child.until_all_sleep();
    let before = child.context_switches();
    // As long as a blocking wait needs for one look of its net, and more.
    let mut nothing = place.receiver("ring:nothing");
    assert!(matches!(nothing.recv_for(Duration::from_millis(1200)), Err(RecvError::TimedOut)));
    assert_eq!(child.context_switches(), before, "it ran although nothing happened");
}

/// A job that a select took, or that it was told to stop.
enum Work {
    Job(Result<(Vec<u8>, JobTicket), RecvError>),
    Stop,
}

#[test]
fn a_job_that_was_selected_stays_in_hand_until_it_is_settled() {
    let place = TestDomain::new();
    let stop = event(&place, "stop", Reset::Automatic);
    let (mut jobs, mut sender) = (place.receiver("queue:jobs?credit=1"), place.sender("queue:jobs"));
    let mut other = place.receiver("queue:jobs");
    let mut select = Select::new();
    let mut taken = |jobs: &mut Receiver, once_it_sleeps: Option<&mut (dyn FnMut() + Send)>| {
        let mut arms = select.arms();
        arms.take_job(jobs, Work::Job).wait(&*stop, || Work::Stop);
        let selected = match once_it_sleeps {
            Some(act) => once_asleep(act, || arms.select()),
            None => arms.select(),
        };
        match selected.unwrap() {
            Work::Job(job) => Some(job.unwrap()),
            Work::Stop => None,
        }
    };
    let (message, ticket) = taken(&mut jobs, Some(&mut || sender.send(b"one").unwrap())).expect("a job");
    assert_eq!((&message[..], ticket.deliveries()), (&b"one"[..], 1));
    assert!(matches!(other.try_recv(), Err(RecvError::Empty)), "two have it");
    jobs.settle(ticket, Outcome::Failed).unwrap();
    let (message, ticket) = taken(&mut jobs, None).expect("the same job");
    assert_eq!((&message[..], ticket.deliveries()), (&b"one"[..], 2));
    // With as much in hand as it may have it takes none, and sleeps until something else comes.
    sender.send(b"two").unwrap();
    assert!(taken(&mut jobs, Some(&mut || stop.set().unwrap())).is_none());
    jobs.settle(ticket, Outcome::Done).unwrap();
    let (message, ticket) = taken(&mut jobs, None).expect("the next job");
    assert_eq!(message, b"two");
    // Dropped with the job in hand, it is another's.
    drop((ticket, jobs));
    let (message, ticket) = other.take_job(Deadline::NEVER).unwrap();
    assert_eq!((&message[..], ticket.deliveries()), (&b"two"[..], 2));
    other.settle(ticket, Outcome::Done).unwrap();
}
