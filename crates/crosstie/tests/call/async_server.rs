//! Servers whose wait is a future: every mechanism, blocking and async clients, cancellation, and that waiting costs nothing.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crosstie::call::{AsyncClient, AsyncServer, CallOptions};
use crosstie::contract::RecvError;
use crosstie::os::clock::deadline_in;
use crosstie::{Client, Server};

use super::futures::run;
use super::stage::{Stage, Way, soon};

type Serves = AsyncServer<[u8], [u8]>;

fn server(stage: &Stage) -> Serves {
    AsyncServer::new(stage.server()).unwrap()
}

/// Answers each call with its request, in a task of its own.
async fn echo(mut server: Serves) {
    loop {
        match server.receive().await {
            Ok(call) => drop(tokio::spawn(async move {
                tokio::task::yield_now().await;
                let reply = call.request().clone();
                call.reply(&reply).unwrap();
            })),
            Err(RecvError::Closed | RecvError::PeerDied) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Polls once; the output if there was one.
pub async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn blocking_and_async_clients_are_served_by_tasks() {
    const EACH: u32 = 100;
    for way in Way::ALL {
        let stage = Stage::new(way);
        run(async {
            let server = server(&stage);
            let stop = server.stopper();
            let serving = tokio::spawn(echo(server));
            if way != Way::Ring {
                let (address, options) = (stage.address.clone(), stage.options());
                let call = move || {
                    let client = Client::<[u8], [u8]>::open_with(&address, &options).unwrap();
                    thread::scope(|scope| {
                        for thread in 0..3_u32 {
                            let client = &client;
                            scope.spawn(move || {
                                for n in 0..EACH {
                                    let request = (thread * EACH + n).to_le_bytes();
                                    assert_eq!(client.call_until(&request, soon()).unwrap(), request);
                                }
                            });
                        }
                    });
                };
                tokio::task::spawn_blocking(call).await.unwrap();
            }
            let client = AsyncClient::new(stage.client()).unwrap();
            let calls: Vec<_> = (0..3 * EACH)
                .map(|n| {
                    let request = n.to_le_bytes();
                    let reply = client.call_until(&request, soon());
                    tokio::spawn(async move { assert_eq!(reply.await.unwrap(), request) })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
            stop.stop();
            serving.await.unwrap();
        });
    }
}

#[test]
fn a_receive_that_is_dropped_has_taken_no_call() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        run(async {
            let mut server = server(&stage);
            let client = AsyncClient::new(stage.client()).unwrap();
            for n in 0..50_u8 {
                assert!(once(server.receive()).await.is_none(), "{way:?}: a call from nobody");
                let call = tokio::spawn(client.call_until(&[n], soon()));
                let taken = server.receive().await.unwrap();
                assert_eq!(taken.request(), &[n], "{way:?}");
                taken.reply(&[n, n]).unwrap();
                assert!(once(server.receive()).await.is_none(), "{way:?}: a call from nobody");
                assert_eq!(call.await.unwrap().unwrap(), [n, n], "{way:?}");
            }
        });
    }
}

#[test]
fn a_task_that_waits_for_calls_is_told_to_stop_by_a_thread() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        run(async {
            let mut server = server(&stage);
            assert!(once(server.receive()).await.is_none());
            let stop = server.stopper();
            let stopping = tokio::task::spawn_blocking(move || stop.stop());
            assert!(matches!(server.receive().await, Err(RecvError::Closed)), "{way:?}");
            stopping.await.unwrap();
        });
    }
}

#[test]
fn the_death_of_a_client_reaches_the_task_that_waits_for_calls() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        run(async {
            let mut server = server(&stage);
            let mut child = stage.actor("calls and waits");
            let call = server.receive().await.unwrap();
            assert_eq!(call.request(), b"held", "{way:?}");
            assert!(!call.is_cancelled(), "{way:?}");
            child.kill();
            // It says nothing to who waits for calls, but is noted while that is polled.
            while !call.is_cancelled() {
                assert!(once(server.receive()).await.is_none(), "{way:?}: a call from the dead");
                tokio::task::yield_now().await;
            }
            call.reply(b"to nobody").unwrap();
            let client = AsyncClient::new(stage.client()).unwrap();
            let next = tokio::spawn(client.call_until(b"next", soon()));
            let call = server.receive().await.unwrap();
            assert_eq!(call.request(), b"next", "{way:?}");
            call.reply(b"served").unwrap();
            assert!(once(server.receive()).await.is_none());
            assert_eq!(next.await.unwrap().unwrap(), b"served", "{way:?}");
        });
    }
}

#[test]
fn replies_that_find_no_room_hold_up_no_task_and_go_out_when_there_is() {
    const COUNT: usize = 30;
    for way in Way::ALL {
        let stage = Stage::new(way);
        run(async {
            let mut server = server(&stage);
            let (address, options) = (stage.address.clone(), stage.options());
            let (told, hears) = std::sync::mpsc::channel::<()>();
            let caller = tokio::task::spawn_blocking(move || {
                let client = Client::<[u8], [u8]>::open_with(&address, &options).unwrap();
                let start = |n| client.start(&[n], CallOptions::default()).unwrap();
                let calls: Vec<_> = (0..30_u8).map(start).collect();
                // Nobody reads until all are answered.
                hears.recv().unwrap();
                for (n, call) in (0..30_u8).zip(calls) {
                    assert_eq!(call.reply().unwrap(), vec![n; 200_000]);
                }
            });
            // All are taken before one is answered: to a client that does not read, no further call is given out.
            let mut calls = Vec::new();
            while calls.len() < COUNT {
                calls.push(server.receive().await.unwrap());
            }
            for call in calls {
                let reply = call.request().repeat(200_000);
                call.reply(&reply).unwrap();
            }
            told.send(()).unwrap();
            // What waits goes out while the next call is waited for.
            let done = tokio::select! {
                done = caller => done,
                call = server.receive() => panic!("{way:?}: {call:?}"),
            };
            assert!(done.is_ok(), "{way:?}");
        });
    }
}

pub fn serve_for_ever(server: Server<[u8], [u8]>) {
    run(async {
        println!("listens");
        let mut server = AsyncServer::new(server).unwrap();
        let mut held = Vec::new();
        loop {
            held.push(server.receive().await.unwrap());
            println!("holds");
        }
    });
}

#[test]
fn a_process_whose_task_waits_for_calls_does_not_run() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut child = stage.actor("serves in tasks");
        child.until_it_says("listens");
        let client = stage.client();
        let _pending = client.start(b"held", CallOptions::default()).unwrap();
        child.until_it_says("holds");
        child.until_all_sleep();
        let before = child.context_switches();
        // As long as a blocking wait needs for one look of its net, and more.
        let idle = Stage::new(Way::Unix).server().receive_until(deadline_in(Duration::from_millis(1200)));
        assert!(idle.is_err(), "a call from nowhere");
        assert_eq!(child.context_switches(), before, "{way:?}: it ran although nothing happened");
        // And it is woken.
        let _second = client.start(b"held", CallOptions::default()).unwrap();
        child.until_it_says("holds");
    }
}
