//! Calls in a circle, on every mechanism: one caller is told, the others go on.

use std::sync::Mutex;
use std::thread;

use crosstie::call::{CallError, Refusal, Stopper};
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

fn server(stage: &Stage, name: &str) -> Server<[u8], [u8]> {
    Server::open_with(&stage.address_of(name), &stage.options()).expect("a server")
}

fn client(stage: &Stage, name: &str) -> Client<[u8], [u8]> {
    Client::open_with(&stage.address_of(name), &stage.options()).expect("a client")
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

/// What became of the first call; what the handlers were told; what stands in the circles, sorted.
struct Outcome {
    reply: Result<Bytes, CallError>,
    told: Vec<CallError>,
    objects: Vec<String>,
}

/// `a` calls `b` and `b` calls `a`: so often as the request says; `a` has so many workers at its servers.
fn to_and_fro(stage: &Stage, workers: &[usize], hops: u8) -> Outcome {
    let a: Vec<_> = workers.iter().map(|_| server(stage, "a")).collect();
    let b = server(stage, "b");
    let (to_a, to_b) = (client(stage, "a"), client(stage, "b"));
    let told = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let _stops = Stops(a.iter().chain([&b]).map(Server::stopper).collect());
        for (server, &workers) in a.iter().zip(workers) {
            let (to_b, told) = (&to_b, &told);
            scope.spawn(move || server.serve(workers, pass_on(to_b, told)).expect("served"));
        }
        scope.spawn(|| b.serve(1, pass_on(&to_a, &told)).expect("served"));
        // Rings have one client: the first call is made over the same one as the second.
        let reply = to_a.call_until(&[hops], soon());
        // A call under way of somebody who was not told goes on; it needs the others for that.
        let domain = Domain::open(&stage.domain).expect("the domain");
        until(|| domain.waiting_count() == 0);
        // While the servers are there, they have names.
        let told = std::mem::take(&mut *told.lock().expect("no panic"));
        let cycles = told.iter().filter_map(|error| match error {
            CallError::Deadlock(deadlock) => Some(deadlock.cycle()),
            _ => None,
        });
        let mut objects: Vec<_> = cycles.flatten().map(|blockage| blockage.object).collect();
        objects.sort_unstable();
        Outcome { reply, told, objects }
    })
}

#[test]
fn a_server_that_is_called_by_whom_it_calls_is_told_the_circle_and_the_other_goes_on() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let Outcome { reply, told, objects } = to_and_fro(&stage, &[1], 2);
        assert_eq!(reply.expect_err("refused").kind(), ErrorKind::Deadlock, "{way:?}");
        // Who came last is told; the other one what that one answers, if it had called it.
        let passed_on = match &told[..] {
            [CallError::Deadlock(_)] => None,
            [CallError::Deadlock(_), CallError::Refused(passed_on)] => Some(passed_on),
            _ => panic!("{way:?}: one is told the circle: {told:?}"),
        };
        assert!(passed_on.is_none_or(|refusal| refusal.kind() == ErrorKind::Deadlock), "{way:?}");
        let mut expected = ["a", "b"].map(|name| stage.object_of(name));
        expected.sort_unstable();
        assert_eq!(objects, expected, "{way:?}");
    }
}

#[test]
fn no_circle_is_told_while_another_worker_can_answer() {
    for way in Way::ALL {
        let Outcome { reply, told, .. } = to_and_fro(&Stage::new(way), &[2], 2);
        assert_eq!(reply.expect("a reply"), b"done", "{way:?}");
        assert!(told.is_empty(), "{way:?}: {told:?}");
    }
}

#[test]
fn no_circle_is_told_while_another_server_can_answer() {
    let Outcome { reply, told, .. } = to_and_fro(&Stage::new(Way::Queue), &[1, 1], 2);
    assert_eq!(reply.expect("a reply"), b"done");
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn no_circle_is_told_while_a_thread_of_the_users_takes_calls_too() {
    for way in Way::ALL.into_iter().filter(|&way| way != Way::Queue) {
        let stage = Stage::new(way);
        let (a, b) = (server(&stage, "a"), server(&stage, "b"));
        let (to_a, to_b) = (client(&stage, "a"), client(&stage, "b"));
        let told = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let _stops = Stops(vec![a.stopper(), b.stopper()]);
            // Looks once, so that it may come again; then leaves the calls to the worker for a while.
            assert!(a.try_receive().is_err(), "{way:?}");
            scope.spawn(|| a.serve(1, pass_on(&to_b, &told)).expect("served"));
            scope.spawn(|| b.serve(1, pass_on(&to_a, &told)).expect("served"));
            let first = to_a.start(&[2], crosstie::call::CallOptions::default()).expect("started");
            // The worker of `a` waits for `b`, whose worker waits for another one to take its call.
            let domain = Domain::open(&stage.domain).expect("the domain");
            until(|| domain.waiting_count() == 2);
            let call = a.receive_until(soon()).unwrap_or_else(|error| panic!("{way:?}: {error}"));
            call.reply(b"done").expect("replied");
            assert_eq!(first.reply().expect("a reply"), b"done", "{way:?}");
        });
        assert!(told.into_inner().expect("no panic").is_empty(), "{way:?}");
    }
}

#[test]
fn a_circle_of_more_calls_than_there_are_workers_is_told() {
    let Outcome { reply, told, .. } = to_and_fro(&Stage::new(Way::Queue), &[1, 1], 4);
    assert_eq!(reply.expect_err("refused").kind(), ErrorKind::Deadlock);
    let is_circle = |error: &&CallError| matches!(error, CallError::Deadlock(_));
    assert_eq!(told.iter().filter(is_circle).count(), 1, "{told:?}");
}

#[test]
fn a_call_under_a_lock_that_its_server_needs_is_a_circle() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let domain = Domain::open(&stage.domain).expect("the domain");
        let open = || sync::Mutex::<u64>::open_or_create_in(domain, "data", || 0).expect("a mutex");
        let data = open();
        let server = server(&stage, "a");
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
            let client = client(&stage, "a");
            let held = data.lock().expect("free");
            let error = client.call(b"").expect_err("a circle");
            assert_eq!(error.kind(), ErrorKind::Deadlock, "{way:?}: {error}");
            drop(held);
            assert_eq!(client.call_until(b"", soon()).expect("a reply"), b"had it", "{way:?}");
        });
    }
}
