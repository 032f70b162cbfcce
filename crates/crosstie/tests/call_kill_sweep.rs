//! A server or a client of calls through a queue killed (SIGKILL) at every crash point of what it does, one at a time:
//! nobody hangs, no call is done twice that may not be, every reply is its own call's, streams are whole up to where
//! they end, and nothing of the dead is left. The net is off: a lost wake-up would hang, and the watchdog would tell.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crosstie::call::{Call, CallError, CallOptions, Pending, Replies};
use crosstie::channel::queue::QueueState;
use crosstie::endpoint::{Options, WaitMode};
use crosstie::ledger::{Domain, Net};
use crosstie::{Client, Deadline, RecvError, Server, os};

const ROLE: &str = "CROSSTIE_TEST_ROLE";
const DOMAIN: &str = "CROSSTIE_TEST_DOMAIN";
const KILL_AT: &str = "CROSSTIE_TEST_KILL_AT";
const ADDRESS: &str = "queue:q";
const PLACES: u32 = 8;
/// The calls of a round: what each is.
const CALLS: [Kind; 6] =
    [Kind::Once, Kind::Idempotent, Kind::Stream, Kind::Once, Kind::Cancelled, Kind::Idempotent];
const ITEMS: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Once,
    Idempotent,
    Stream,
    Cancelled,
}

static REACHED: AtomicUsize = AtomicUsize::new(0);
static KILL_POINT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn kill_here(_name: &'static str) {
    if REACHED.fetch_add(1, Ordering::Relaxed) == KILL_POINT.load(Ordering::Relaxed) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        unreachable!("SIGKILL returned");
    }
}

fn watchdog() -> Deadline {
    os::clock::deadline_in(Duration::from_secs(20))
}

fn options(domain: &Path) -> Options {
    Domain::open(domain).unwrap().set_net(Net::Absent);
    let domain = Some(domain.to_owned());
    Options { domain, places: Some(PLACES), wait: WaitMode::Block, ..Options::default() }
}

fn server(domain: &Path) -> Server<[u8], [u8]> {
    Server::open_with(ADDRESS, &options(domain)).unwrap()
}

fn client(domain: &Path) -> Client<[u8], [u8]> {
    Client::open_with(ADDRESS, &options(domain)).unwrap()
}

/// Long enough for chunks of its own.
fn request(number: usize) -> Vec<u8> {
    vec![u8::try_from(number).unwrap(); 8 + 200 * number]
}

/// Answers one call, whose number is noted before.
fn answer(call: Call<[u8], [u8]>, note: impl FnOnce(usize)) {
    let request = call.request().clone();
    note(usize::from(request[0]));
    if !call.takes_stream() {
        return call.reply(&request).unwrap();
    }
    let mut stream = call.stream().unwrap();
    for item in 0..ITEMS {
        if stream.send(&[item; 300]).is_err() {
            return;
        }
    }
    stream.end().unwrap();
}

/// A call of a round that was begun.
enum Begun {
    One(Kind, Pending<[u8]>),
    Many(Replies<[u8]>),
}

fn begin(client: &Client<[u8], [u8]>) -> Vec<Begun> {
    let begin_one = |(number, &kind): (usize, &Kind)| {
        let options = CallOptions { idempotent: kind == Kind::Idempotent, deadline: watchdog() };
        match kind {
            Kind::Stream => Begun::Many(client.stream(&request(number), watchdog()).unwrap()),
            _ => Begun::One(kind, client.start(&request(number), options).unwrap()),
        }
    };
    CALLS.iter().enumerate().map(begin_one).collect()
}

/// Waits for the replies of a round; answers which calls had none, because their server died.
fn finish(begun: Vec<Begun>) -> Vec<usize> {
    let mut died = Vec::new();
    for (number, call) in begun.into_iter().enumerate() {
        match call {
            Begun::One(Kind::Cancelled, call) => drop(call),
            Begun::One(kind, call) => match call.reply() {
                Ok(reply) => assert_eq!(reply, request(number), "another call's reply"),
                Err(CallError::PeerDied) if kind == Kind::Once => died.push(number),
                Err(error) => panic!("call {number}, {kind:?}: {error}"),
            },
            Begun::Many(replies) => {
                let mut expected = 0;
                for reply in replies {
                    match reply {
                        Ok(item) => assert_eq!(item, [expected; 300]),
                        Err(CallError::PeerDied) => died.push(number),
                        Err(error) => panic!("call {number}: {error}"),
                    }
                    expected += 1;
                }
                assert!(expected == ITEMS || died.contains(&number), "half a stream passes for a whole one");
            }
        }
    }
    died
}

/// Not a test of its own: plays the role that the parent asks for, and dies where it says.
#[test]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    KILL_POINT.store(std::env::var(KILL_AT).unwrap().parse().unwrap(), Ordering::Relaxed);
    crosstie_core::crash::install(kill_here);
    let domain = std::env::var(DOMAIN).unwrap();
    let domain = Path::new(&domain);
    let mut out = std::io::stdout();
    if role == "server" {
        let server = server(domain);
        // The cancelled one may be given out or not.
        let mut left = CALLS.iter().filter(|kind| **kind != Kind::Cancelled).count();
        while left > 0 {
            let call = server.receive_until(watchdog()).unwrap();
            answer(call, |number| {
                writeln!(out, "did {number}").unwrap();
                left -= usize::from(CALLS[number] != Kind::Cancelled);
            });
        }
    } else {
        assert_eq!(finish(begin(&client(domain))), [0; 0]);
    }
    writeln!(out, "completed").unwrap();
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

/// Waits for a child's end; answers which calls it did, and whether it came to its own end.
fn outcome(mut child: Child) -> (HashSet<usize>, bool) {
    let (mut did, mut completed) = (HashSet::new(), false);
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        did.extend(line.split_once("did ").map(|(_, number)| number.parse::<usize>().unwrap()));
        completed |= line.contains("completed");
    }
    child.wait().unwrap();
    (did, completed)
}

fn files_of_clients(domain: &Path) -> usize {
    let names = std::fs::read_dir(domain).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.starts_with("client.") || name.contains(".replies.")).count()
}

/// Every place of the queue of calls is to be had.
fn all_places_are_free(client: &Client<[u8], [u8]>, server: &Server<[u8], [u8]>, point: usize) {
    // What nobody waits for any more is thrown away by the next server that looks.
    assert!(matches!(server.try_receive(), Err(RecvError::Empty)), "point {point}: done by nobody else");
    let options = CallOptions { deadline: watchdog(), ..CallOptions::default() };
    let calls: Vec<_> = (0..PLACES).map(|_| client.start(b"0", options)).collect();
    for _ in 0..PLACES {
        let call = server.receive_until(watchdog());
        call.unwrap_or_else(|error| panic!("point {point}: {error}")).reply(b"1").unwrap();
    }
    for call in calls {
        assert_eq!(call.unwrap().reply().unwrap(), b"1", "point {point}");
    }
    assert!(matches!(server.try_receive(), Err(RecvError::Empty)), "point {point}: a call too many");
}

/// A server that answers every call until the caller has all its replies; answers which calls it did, and which had
/// no reply.
fn serve_the_rest(
    next: &Server<[u8], [u8]>,
    caller: thread::ScopedJoinHandle<'_, Vec<usize>>,
    point: usize,
) -> (HashSet<usize>, Vec<usize>) {
    let did = Mutex::new(HashSet::new());
    let died = thread::scope(|scope| {
        let serving = scope.spawn(|| {
            next.serve_calls(1, |call| {
                assert!(!call.is_repeated() || call.is_idempotent());
                answer(call, |number| {
                    did.lock().unwrap().insert(number);
                });
            })
        });
        let died = caller.join();
        next.stopper().stop();
        serving.join().unwrap().unwrap();
        died.unwrap_or_else(|_| panic!("point {point}"))
    });
    (did.into_inner().unwrap(), died)
}

#[test]
fn a_server_killed_at_any_crash_point_hangs_no_caller_and_no_call_is_done_twice() {
    let mut points = 0;
    for kill_at in 0.. {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let domain = &folder.path().join("domain");
        let client = client(domain);
        let child = spawn("server", domain, kill_at);
        let (did, completed, again) = thread::scope(|scope| {
            let caller = scope.spawn(|| finish(begin(&client)));
            let (did, completed) = outcome(child);
            // Nobody else is there: the caller itself brings back what its dead server had in hand.
            let deadline = watchdog();
            let is_in_hand = || {
                let state = QueueState::of(Domain::open(domain).unwrap(), "q.calls");
                state.is_ok_and(|state| !state.in_hand.is_empty())
            };
            while !caller.is_finished() && is_in_hand() {
                assert!(!deadline.is_over(os::clock::now_ns()), "point {kill_at}: the caller sleeps on");
                // poll: the words of the queue
                thread::sleep(Duration::from_millis(1));
            }
            // Those that nobody had taken, and idempotent ones, wait for the next server.
            let next = server(domain);
            let (again, died) = serve_the_rest(&next, caller, kill_at);
            assert!(!completed || died.is_empty(), "point {kill_at}: {died:?} of a server that did all");
            drop(next);
            (did, completed, again)
        });
        let twice: Vec<_> =
            did.intersection(&again).filter(|number| CALLS[**number] != Kind::Idempotent).collect();
        assert!(twice.is_empty(), "point {kill_at}: {twice:?} were done twice");
        all_places_are_free(&client, &server(domain), kill_at);
        if completed {
            break;
        }
        points += 1;
    }
    assert!(points > 30, "only {points} crash points");
}

#[test]
fn a_client_killed_at_any_crash_point_leaves_nothing_and_others_are_served() {
    let mut points = 0;
    for kill_at in 0.. {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let domain = &folder.path().join("domain");
        let server = server(domain);
        let stop = server.stopper();
        let completed = thread::scope(|scope| {
            let serving = scope.spawn(|| server.serve_calls(2, |call| answer(call, |_| {})));
            let (_, completed) = outcome(spawn("client", domain, kill_at));
            let client = client(domain);
            assert_eq!(finish(begin(&client)), [0; 0], "point {kill_at}");
            let deadline = watchdog();
            while files_of_clients(domain) > 2 {
                assert!(
                    !deadline.is_over(os::clock::now_ns()),
                    "point {kill_at}: the dead client's files stay"
                );
                // poll: the names in the domain
                thread::sleep(Duration::from_millis(1));
            }
            stop.stop();
            serving.join().unwrap().unwrap();
            completed
        });
        if completed {
            break;
        }
        points += 1;
    }
    assert!(points > 30, "only {points} crash points");
}
