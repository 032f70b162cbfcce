//! A type that panics over what it reads: its own call ends, and the others go on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crosstie::call::CallOptions;
use crosstie::{Client, ErrorKind, Server};
use serde::{Deserialize, Deserializer, Serialize};

use super::stage::{Stage, Way, soon};

/// A number; nobody can read a 7.
#[derive(Serialize)]
struct Touchy(u8);

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            7 => resume_unwind(Box::new("as told")),
            other => Ok(Self(other)),
        }
    }
}

fn options() -> CallOptions {
    CallOptions { deadline: soon(), ..CallOptions::default() }
}

#[test]
fn a_request_that_panics_as_it_is_read_is_refused_and_the_next_is_served() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = Server::<Touchy, u8>::open_with(&stage.address, &stage.options()).expect("a server");
        let stop = server.stopper();
        thread::scope(|scope| {
            scope.spawn(|| server.serve(1, |request| Ok(request.0)).expect("served"));
            let client = Client::<u8, u8>::open_with(&stage.address, &stage.options()).expect("a client");
            let told: Vec<_> =
                [7, 7, 8].into_iter().map(|number| client.call_with(&number, options())).collect();
            stop.stop();
            for refused in &told[..2] {
                let error = refused.as_ref().expect_err("refused");
                assert_eq!(error.kind(), ErrorKind::Poisoned, "{way:?}: {error}");
            }
            assert_eq!(told[2].as_ref().expect("a reply"), &8, "{way:?}");
        });
    }
}

#[test]
fn a_reply_that_panics_as_it_is_read_leaves_the_client_to_all_others() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = Server::<u8, u8>::open_with(&stage.address, &stage.options()).expect("a server");
        let stop = server.stopper();
        thread::scope(|scope| {
            scope.spawn(|| server.serve(1, Ok).expect("served"));
            let client = Client::<u8, Touchy>::open_with(&stage.address, &stage.options()).expect("a client");
            let panics = |play: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(play)).is_err(), "{way:?}");
            // More than a client has slots, if each kept its own.
            for _ in 0..1100 {
                panics(&|| drop(client.call_with(&7, options())));
            }
            // One that was there before it was asked for.
            let early = client.start(&7, options()).expect("started");
            let late = client.start(&8, options()).expect("started");
            assert_eq!(late.reply().expect("a reply").0, 8, "{way:?}");
            panics(&|| {
                let mut early = client.start(&7, options()).expect("started");
                until_answered(&client);
                drop(early.reply_until(soon()));
            });
            assert!(catch_unwind(AssertUnwindSafe(|| early.reply())).is_err(), "{way:?}");
            assert_eq!(client.call_with(&9, options()).expect("a reply").0, 9, "{way:?}");
            stop.stop();
        });
    }
}

/// Reads what has come, for whichever call.
fn until_answered(client: &Client<u8, Touchy>) {
    let next = client.start(&8, options()).expect("started");
    assert_eq!(next.reply().expect("a reply").0, 8);
}
