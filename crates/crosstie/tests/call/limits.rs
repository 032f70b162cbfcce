//! What a server keeps of calls that wait for a worker, and what it does not.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crosstie::call::{CallError, CallOptions, Pending, Stopper};
use crosstie::endpoint::Options;
use crosstie::inspect::Snapshot;
use crosstie::ledger::Domain;
use crosstie::{Client, ErrorKind, Server};

use super::stage::{Stage, Way, soon, until};

const LIMIT: usize = 100_000;
const REQUEST: [u8; 5000] = [7; 5000];
/// As many find room in a client's quarter.
const OF_CLIENT: usize = 4;
/// As many find room in all, however little the books of a call take.
const OF_ALL: usize = 19;

/// Those at which calls wait in the server's own memory.
const WAYS: [Way; 6] = [Way::Unix, Way::UnixAbstract, Way::UnixPacket, Way::Tcp, Way::Fifo, Way::Ring];

/// Stops a server however a play ends.
struct Stops(Stopper);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What waits at the only server of the stage, as `inspect` shows it: calls, and the bytes that they take.
fn waiting(stage: &Stage) -> (u64, u64) {
    let domain = Domain::open(&stage.domain).expect("a domain");
    let servers = Snapshot::of(domain).servers;
    let [server] = &servers[..] else { panic!("one server, not {}", servers.len()) };
    (server.waiting, server.waiting_bytes)
}

fn start(client: &Client<[u8], [u8]>) -> Pending<[u8]> {
    let options = CallOptions { deadline: soon(), ..CallOptions::default() };
    client.start(&REQUEST, options).expect("started")
}

/// Starts calls until one is refused, and answers those that wait, and why that one does not.
fn fill(stage: &Stage, client: &Client<[u8], [u8]>) -> (Vec<Pending<[u8]>>, String) {
    let (before, _) = waiting(stage);
    let mut started = Vec::new();
    loop {
        assert!(started.len() <= OF_ALL, "nothing bounds what waits");
        let mut pending = start(client);
        let answer = loop {
            let answer = pending.reply_for(Duration::from_millis(1));
            if !matches!(answer, Err(CallError::Pending)) || waiting(stage).0 > before + started.len() as u64
            {
                break answer;
            }
        };
        match answer {
            Err(CallError::Pending) => started.push(pending),
            Err(CallError::Refused(refusal)) => {
                assert_eq!(refusal.kind(), ErrorKind::Busy);
                return (started, refusal.to_string());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A server of one worker that has a call in hand until what `play` gets is dropped; it gets the call's client, too.
fn held_up(stage: &Stage, play: impl FnOnce(&Client<[u8], [u8]>, Sender<()>)) {
    let options = Options { waiting_bytes_max: LIMIT, ..stage.options() };
    let server = Server::<[u8], [u8]>::open_with(&stage.address, &options).expect("a server");
    let (open, gate) = channel();
    let (is_held, held) = channel();
    let gate = Mutex::new((gate, is_held));
    let handle = |request: Vec<u8>| {
        if request == b"held" {
            let gate = gate.lock().expect("one worker");
            gate.1.send(()).expect("heard");
            // However the play ends, it is opened.
            let _ = gate.0.recv();
        }
        Ok(request)
    };
    let stops = server.stopper();
    thread::scope(|scope| {
        scope.spawn(|| server.serve(1, handle).expect("served"));
        let _stops = Stops(stops);
        let client = stage.client();
        let pending = client.start(b"held", CallOptions::default()).expect("started");
        held.recv_timeout(Duration::from_secs(30)).expect("in hand");
        play(&client, open);
        assert_eq!(pending.reply().expect("a reply"), b"held");
    });
}

#[test]
fn calls_of_one_client_that_wait_take_a_quarter_of_what_all_may() {
    for way in WAYS {
        let stage = Stage::new(way);
        held_up(&stage, |client, open| {
            let (started, why) = fill(&stage, client);
            assert_eq!(started.len(), OF_CLIENT, "{way:?}");
            assert!(why.contains("of this client"), "{way:?}: {why}");
            let (count, bytes) = waiting(&stage);
            assert_eq!(count, OF_CLIENT as u64, "{way:?}");
            assert!(bytes > 20_000 && bytes <= LIMIT as u64 / 4, "{way:?}: {bytes}");
            // Cancelled ones make room.
            drop(started);
            until(|| waiting(&stage) == (0, 0));
            let (started, _) = fill(&stage, client);
            assert_eq!(started.len(), OF_CLIENT, "{way:?}");
            // Those that a worker has taken make room, too.
            drop(open);
            for pending in started {
                assert_eq!(pending.reply().expect("a reply"), REQUEST, "{way:?}");
            }
            assert_eq!(waiting(&stage), (0, 0), "{way:?}");
        });
    }
}

#[test]
fn calls_of_all_clients_together_take_no_more_than_they_may() {
    for way in WAYS.into_iter().filter(|&way| way != Way::Ring) {
        let stage = Stage::new(way);
        held_up(&stage, |_, open| {
            let clients: Vec<_> = (0..6).map(|_| stage.client()).collect();
            let filled: Vec<_> = clients.iter().map(|client| fill(&stage, client)).collect();
            let count: usize = filled.iter().map(|(started, _)| started.len()).sum();
            assert_eq!(count, OF_ALL, "{way:?}");
            let last = &filled.last().expect("a client").1;
            assert!(last.contains("at the server"), "{way:?}: {last}");
            assert!(waiting(&stage).1 <= LIMIT as u64, "{way:?}");
            // Clients that go take along what they had waiting.
            let mut filled = filled;
            filled.truncate(2);
            let gone = clients.into_iter().skip(2);
            drop(gone.collect::<Vec<_>>());
            until(|| waiting(&stage).0 == 2 * OF_CLIENT as u64);
            assert!(waiting(&stage).1 <= 2 * LIMIT as u64 / 4, "{way:?}");
            drop(open);
            for pending in filled.into_iter().flat_map(|(started, _)| started) {
                assert_eq!(pending.reply().expect("a reply"), REQUEST, "{way:?}");
            }
            until(|| waiting(&stage) == (0, 0));
        });
    }
}

#[test]
fn a_call_that_waits_alone_is_never_too_much() {
    for way in WAYS {
        let stage = Stage::new(way);
        held_up(&stage, |client, open| {
            let large = vec![7; 2 * LIMIT];
            let options = CallOptions { deadline: soon(), ..CallOptions::default() };
            let pending = client.start(&large, options).expect("started");
            until(|| waiting(&stage).0 == 1);
            drop(open);
            assert_eq!(pending.reply().expect("a reply"), large, "{way:?}");
        });
    }
}

#[test]
fn what_calls_may_take_that_wait_is_a_length() {
    let stage = Stage::new(WAYS[0]);
    for bytes in [0, isize::MAX.cast_unsigned() + 1, usize::MAX] {
        let options = Options { waiting_bytes_max: bytes, ..stage.options() };
        let refused = Server::<[u8], [u8]>::open_with(&stage.address, &options).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
        assert!(refused.to_string().contains("calls that wait"), "{refused}");
    }
    for bytes in [1, isize::MAX.cast_unsigned()] {
        let options = Options { waiting_bytes_max: bytes, ..stage.options() };
        Server::<[u8], [u8]>::open_with(&stage.address, &options).expect("a server");
    }
}
