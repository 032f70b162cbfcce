//! In which order a server gives calls out: a client's calls never overtake each other on the way to a worker.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crosstie::call::CallOptions;

use super::stage::{Stage, Way, soon};

fn options() -> CallOptions {
    CallOptions { deadline: soon(), ..CallOptions::default() }
}

#[test]
fn calls_of_one_client_are_begun_in_the_order_in_which_they_were_made() {
    const COUNT: u8 = 100;
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let stop = server.stopper();
        let (open, gate) = channel::<()>();
        let (begun, gate) = (Mutex::new(Vec::new()), Mutex::new(gate));
        let handle = |request: Vec<u8>| {
            begun.lock().expect("one worker").push(request[0]);
            if request == [0] {
                // The others wait in line by then, or come while this one is answered.
                let _ = gate.lock().expect("one worker").recv_timeout(Duration::from_secs(30));
            }
            Ok(request)
        };
        thread::scope(|scope| {
            scope.spawn(|| server.serve(1, handle).expect("served"));
            let client = stage.client();
            let start = |number: u8| client.start(&[number], options()).expect("started");
            let mut started: Vec<_> = (0..COUNT / 2).map(start).collect();
            drop(open);
            started.extend((COUNT / 2..COUNT).map(start));
            for (number, pending) in (0..).zip(started) {
                assert_eq!(pending.reply().expect("a reply"), [number], "{way:?}");
            }
            stop.stop();
        });
        assert_eq!(begun.into_inner().expect("nobody's"), (0..COUNT).collect::<Vec<_>>(), "{way:?}");
    }
}

/// At a ring a call goes from the door to a waiting worker directly, unless others are in line: here one is, and the worker must take that first.
#[cfg(feature = "tokio")]
#[test]
fn a_call_that_is_handed_over_directly_overtakes_none_that_waits() {
    use crosstie::call::AsyncServer;
    use crosstie::endpoint::Options;
    use crosstie::{Client, Server};

    use super::async_server::once;
    use super::futures::run;

    let stage = Stage::new(Way::Ring);
    run(async {
        let ends = Options { capacity_bytes: Some(4096), ..stage.options() };
        let server = Server::<[u8], [u8]>::open_with(&stage.address, &ends).expect("a server");
        let mut server = AsyncServer::new(server).expect("in a runtime");
        let client = Client::<[u8], [u8]>::open_with(&stage.address, &ends).expect("a client");
        let start = |number: u8| client.start(&[number], options()).expect("started");
        let (first, second) = (start(1), start(2));
        let calls = [server.receive().await.expect("a call"), server.receive().await.expect("a call")];
        for call in calls {
            // The second finds no room.
            let reply = call.request().repeat(3000);
            call.reply(&reply).expect("replied");
        }
        let older = start(3);
        assert!(once(server.receive()).await.is_none(), "given out although its client takes nothing");
        // Now there is room, and nothing hinders a worker but that the older one is in line.
        assert_eq!(first.reply().expect("a reply"), [1; 3000]);
        let newer = start(4);
        for number in [3, 4] {
            let call = server.receive().await.expect("a call");
            assert_eq!(call.request(), &[number], "overtaken");
            call.reply(&[number]).expect("replied");
        }
        assert_eq!(second.reply().expect("a reply"), [2; 3000]);
        assert_eq!((older.reply().expect("a reply"), newer.reply().expect("a reply")), (vec![3], vec![4]));
    });
}
