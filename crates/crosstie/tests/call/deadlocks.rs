//! Calls in a circle, through queues: one caller is told, the others go on.

use std::sync::Mutex;
use std::thread;

use crosstie::call::{CallError, Refusal, Stopper};
use crosstie::endpoint::Options;
use crosstie::ledger::Domain;
use crosstie::sync;
use crosstie::{Client, ErrorKind, Server};

use super::stage::{Stage, Way, soon, until};

type Bytes = Vec<u8>;

/// Stops servers, however a play ends.
struct Stops(Vec<Stopper>);

impl Drop for Stops {
    fn drop(&mut self) {
        for stop in &self.0 {
            stop.stop();
        }
    }
}

fn server(name: &str, options: &Options) -> Server<[u8], [u8]> {
    Server::open_with(&format!("queue:{name}"), options).expect("a server")
}

fn client(name: &str, options: &Options) -> Client<[u8], [u8]> {
    Client::open_with(&format!("queue:{name}"), options).expect("a client")
}

/// A handler that calls `next`, and passes on what it is told; errors are kept in `told`.
fn pass_on<'a>(
    next: &'a Client<[u8], [u8]>,
    told: &'a Mutex<Vec<CallError>>,
) -> impl Fn(Bytes) -> Result<Bytes, Refusal> + 'a {
    move |request: Bytes| {
        let Some((&hops, rest)) = request.split_first().filter(|(hops, _)| **hops > 0) else {
            return Ok(b"done".to_vec());
        };
        next.call(&[&[hops - 1], rest].concat()).map_err(|error| {
            let refusal = Refusal::of_kind(error.kind(), error.to_string());
            told.lock().expect("no panic").push(error);
            refusal
        })
    }
}

/// `a` calls `b` and `b` calls `a`: so often as the request says; `a` has so many workers at its servers.
fn to_and_fro(stage: &Stage, workers: &[usize], hops: u8) -> (Result<Bytes, CallError>, Vec<CallError>) {
    let options = stage.options();
    let a: Vec<_> = workers.iter().map(|_| server("a", &options)).collect();
    let b = server("b", &options);
    let (to_a, to_b) = (client("a", &options), client("b", &options));
    let told = Mutex::new(Vec::new());
    let reply = thread::scope(|scope| {
        let _stops = Stops(a.iter().chain([&b]).map(Server::stopper).collect());
        for (server, &workers) in a.iter().zip(workers) {
            let (to_b, told) = (&to_b, &told);
            scope.spawn(move || server.serve(workers, pass_on(to_b, told)).expect("served"));
        }
        scope.spawn(|| b.serve(1, pass_on(&to_a, &told)).expect("served"));
        let reply = client("a", &options).call_until(&[hops], soon());
        // A call under way of somebody who was not told goes on; it needs the others for that.
        let domain = Domain::open(&stage.domain).expect("the domain");
        until(|| domain.waiting_count() == 0);
        reply
    });
    (reply, told.into_inner().expect("no panic"))
}

#[test]
fn a_server_that_is_called_by_whom_it_calls_is_told_the_circle_and_the_other_goes_on() {
    let stage = Stage::new(Way::Queue);
    let (reply, told) = to_and_fro(&stage, &[1], 2);
    assert_eq!(reply.expect_err("refused").kind(), ErrorKind::Deadlock);
    // Who came last is told; the other one what that one answers, if it had called it.
    let (deadlock, passed_on) = match &told[..] {
        [CallError::Deadlock(deadlock)] => (deadlock, None),
        [CallError::Deadlock(deadlock), CallError::Refused(passed_on)] => (deadlock, Some(passed_on)),
        _ => panic!("one is told the circle: {told:?}"),
    };
    assert!(passed_on.is_none_or(|refusal| refusal.kind() == ErrorKind::Deadlock));
    let mut objects: Vec<_> = deadlock.cycle().into_iter().map(|blockage| blockage.object).collect();
    objects.sort_unstable();
    assert_eq!(objects, ["queue:a.calls", "queue:b.calls"]);
}

#[test]
fn no_circle_is_told_while_another_worker_or_another_server_can_answer() {
    for workers in [&[2][..], &[1, 1]] {
        let (reply, told) = to_and_fro(&Stage::new(Way::Queue), workers, 2);
        assert_eq!(reply.expect("a reply"), b"done", "{workers:?}");
        assert!(told.is_empty(), "{workers:?}: {told:?}");
    }
}

#[test]
fn a_circle_of_more_calls_than_there_are_workers_is_told() {
    let (reply, told) = to_and_fro(&Stage::new(Way::Queue), &[1, 1], 4);
    assert_eq!(reply.expect_err("refused").kind(), ErrorKind::Deadlock);
    let is_circle = |error: &&CallError| matches!(error, CallError::Deadlock(_));
    assert_eq!(told.iter().filter(is_circle).count(), 1, "{told:?}");
}

#[test]
fn a_call_under_a_lock_that_its_server_needs_is_a_circle() {
    let stage = Stage::new(Way::Queue);
    let options = stage.options();
    let domain = Domain::open(&stage.domain).expect("the domain");
    let open = || sync::Mutex::<u64>::open_or_create_in(domain, "data", || 0).expect("a mutex");
    let data = open();
    let server = server("needs", &options);
    thread::scope(|scope| {
        let _stops = Stops(vec![server.stopper()]);
        scope.spawn(|| {
            let data = open();
            let handle = |_: Bytes| match data.lock() {
                Ok(_) => Ok(b"had it".to_vec()),
                Err(error) => Err(Refusal::of_kind(error.kind(), "the lock")),
            };
            server.serve(1, handle).expect("served");
        });
        let client = client("needs", &options);
        let held = data.lock().expect("free");
        let error = client.call(b"").expect_err("a circle");
        assert_eq!(error.kind(), ErrorKind::Deadlock, "{error}");
        drop(held);
        assert_eq!(client.call_until(b"", soon()).expect("a reply"), b"had it");
    });
}
