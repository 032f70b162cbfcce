//! Calls as futures: every mechanism, cancellation at every point, deaths, and that waiting costs nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crosstie::call::{AsyncClient, CallError, CallOptions};
use crosstie::os::clock::deadline_in;
use crosstie::{Client, Deadline, ErrorKind, Server};

use super::stage::{Stage, Way, soon, until};

type Calls = AsyncClient<[u8], [u8]>;

/// Runs `future` in a runtime that has descriptors and no timers.
pub fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(future)
}

/// Runs `future` in a runtime of two threads.
fn run_in_two<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_io().build().unwrap().block_on(future)
}

/// Polls once; the output if there was one.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Does `work`, which blocks, beside the runtime.
async fn beside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Serves in two workers until the answer is dropped: each reply is its request once more.
struct Serving {
    stop: crosstie::call::Stopper,
    thread: Option<thread::JoinHandle<()>>,
}

impl Serving {
    fn echo(stage: &Stage) -> Self {
        let server = stage.server();
        let stop = server.stopper();
        let thread = thread::spawn(move || server.serve(2, |request: Vec<u8>| Ok(request)).unwrap());
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.stop();
        let served = self.thread.take().unwrap().join();
        assert!(served.is_ok() || thread::panicking());
    }
}

fn client(stage: &Stage) -> Calls {
    AsyncClient::new(stage.client()).unwrap()
}

/// Waits for many calls of tasks of their own.
async fn many(client: &Arc<Calls>, requests: impl Iterator<Item = Vec<u8>>) {
    let calls: Vec<_> = requests
        .map(|request| {
            let reply = client.call_until(&request, soon());
            tokio::spawn(async move { (reply.await, request) })
        })
        .collect();
    for call in calls {
        let (reply, request) = call.await.unwrap();
        assert_eq!(reply.unwrap(), request);
    }
}

#[test]
fn each_of_many_tasks_gets_its_own_reply() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let _serving = Serving::echo(&stage);
        let calls = |client: Arc<Calls>| async move {
            for round in 0..20_u32 {
                many(&client, (0..32_u32).map(|n| (round * 32 + n).to_le_bytes().repeat(10))).await;
            }
        };
        run(async { calls(Arc::new(client(&stage))).await });
        run_in_two(async { calls(Arc::new(client(&stage))).await });
    }
}

#[test]
fn more_calls_than_may_be_in_flight_wait_for_each_other() {
    for way in [Way::Unix, Way::Queue, Way::Ring] {
        let stage = Stage::new(way);
        let _serving = Serving::echo(&stage);
        run(async { many(&Arc::new(client(&stage)), (0..1500_u32).map(|n| n.to_le_bytes().to_vec())).await });
    }
}

#[test]
fn an_answered_call_makes_room_for_the_next_before_its_task_has_looked() {
    const IN_FLIGHT: usize = 1024;
    let stage = Stage::new(Way::Unix);
    let server = stage.server();
    let taken_count = Arc::new(AtomicUsize::new(0));
    let taken = Arc::clone(&taken_count);
    let (begun, begins) = std::sync::mpsc::channel();
    let serving = thread::spawn(move || {
        let take = |_| {
            let call = server.receive_until(soon()).unwrap();
            taken.fetch_add(1, Relaxed);
            call
        };
        let calls: Vec<_> = (0..IN_FLIGHT).map(take).collect();
        begins.recv().unwrap();
        calls.into_iter().for_each(|call| call.reply(b"reply").unwrap());
        server.receive_until(soon()).unwrap().reply(b"one more").unwrap();
    });
    run(async {
        let client = client(&stage);
        let mut calls: Vec<_> =
            (0..IN_FLIGHT).map(|_| Box::pin(client.call_until(b"call", soon()))).collect();
        for (before, call) in calls.iter_mut().enumerate() {
            assert!(once(call.as_mut()).await.is_none());
            // The next has room, and is sent at once.
            let taken = Arc::clone(&taken_count);
            beside(move || until(|| taken.load(Relaxed) > before)).await;
        }
        // In a task of its own, which nothing else calls.
        let one_more = tokio::spawn(client.call_until(b"one more", soon()));
        tokio::task::yield_now().await;
        begun.send(()).unwrap();
        assert_eq!(one_more.await.unwrap().unwrap(), b"one more");
        for call in calls {
            assert_eq!(call.await.unwrap(), b"reply");
        }
    });
    serving.join().unwrap();
}

#[test]
fn requests_that_find_no_room_wait_for_it() {
    const COUNT: u8 = 40;
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let serving = thread::spawn(move || {
            // On a queue a call has its room until it is answered; elsewhere room comes without an answer.
            let held_max = if way == Way::Queue { 1 } else { usize::from(COUNT) };
            let mut held = Vec::new();
            for _ in 0..COUNT {
                held.push(server.receive_until(soon()).unwrap());
                if held.len() == held_max {
                    for call in held.drain(..) {
                        let reply = call.request().clone();
                        call.reply(&reply).unwrap();
                    }
                }
            }
        });
        run(async { many(&Arc::new(client(&stage)), (0..COUNT).map(|n| vec![n; 100_000])).await });
        serving.join().unwrap();
    }
}

#[test]
fn a_call_that_is_dropped_is_cancelled_and_the_others_go_on() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = Arc::new(stage.server());
        run(async {
            let client = client(&stage);
            let unsent = client.call(b"never polled");
            let mut dropped = Box::pin(client.call(b"dropped"));
            assert!(once(dropped.as_mut()).await.is_none());
            drop(unsent);
            let mut kept = Box::pin(client.call(b"kept"));
            assert!(once(kept.as_mut()).await.is_none());
            let receive = |server: &Arc<Server<[u8], [u8]>>| {
                let server = Arc::clone(server);
                beside(move || server.receive_until(soon()).unwrap())
            };
            let first = receive(&server).await;
            assert_eq!(first.request(), b"dropped", "{way:?}");
            assert!(!first.is_cancelled(), "{way:?}");
            drop(dropped);
            let first = beside(move || {
                until(|| first.is_cancelled());
                first
            })
            .await;
            let second = receive(&server).await;
            assert_eq!(second.request(), b"kept", "{way:?}");
            first.reply(b"late").unwrap();
            second.reply(b"reply").unwrap();
            assert_eq!(kept.await.unwrap(), b"reply", "{way:?}");
            // Its late answer is nobody's.
            let mut next = Box::pin(client.call(b"next"));
            assert!(once(next.as_mut()).await.is_none());
            receive(&server).await.reply(b"other").unwrap();
            assert_eq!(next.await.unwrap(), b"other", "{way:?}");
        });
    }
}

#[test]
fn a_call_that_is_polled_no_more_holds_up_no_other() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let _serving = Serving::echo(&stage);
        run(async {
            let client = client(&stage);
            let mut first = pin!(client.call_until(b"first", soon()));
            assert!(once(first.as_mut()).await.is_none());
            assert_eq!(client.call_until(b"second", soon()).await.unwrap(), b"second", "{way:?}");
            assert_eq!(first.await.unwrap(), b"first", "{way:?}");
        });
    }
}

#[test]
fn the_deadline_travels_and_ends_the_wait_without_timers_of_the_runtime() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let serving = thread::spawn(move || {
            let call = server.receive_until(soon()).unwrap();
            assert!(!call.deadline().is_never(), "{way:?}");
            until(|| call.is_cancelled());
            call.reply(b"late").unwrap();
            let call = server.receive_until(soon()).unwrap();
            assert!(call.deadline().is_never(), "{way:?}");
            call.reply(b"in time").unwrap();
        });
        run(async {
            let client = client(&stage);
            let late = client.call_for(b"late", Duration::from_millis(30));
            assert!(matches!(late.await, Err(CallError::TimedOut)), "{way:?}");
            assert_eq!(client.call(b"never late").await.unwrap(), b"in time", "{way:?}");
            let over = client.call_until(b"over", Deadline::NOW).await;
            assert!(matches!(over, Err(CallError::TimedOut)), "{way:?}");
        });
        serving.join().unwrap();
    }
}

#[test]
fn a_server_killed_with_calls_of_tasks_in_hand_is_told_at_once_to_all_of_them() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut server = stage.actor("takes and holds");
        server.until_it_says("listens");
        run(async {
            let client = client(&stage);
            let calls: Vec<_> = (0..3).map(|_| tokio::spawn(client.call(b"never answered"))).collect();
            beside(move || {
                (0..3).for_each(|_| server.until_it_says("holds"));
                server.kill();
            })
            .await;
            for call in calls {
                let error = call.await.unwrap().expect_err("no reply");
                assert!(matches!(error, CallError::PeerDied), "{way:?}: {error}");
            }
        });
    }
}

/// Where nothing of the client's own shows that: its replies have no writer yet, or nobody else has an end of their queue.
#[test]
fn a_server_killed_before_it_had_found_its_client_is_told_to_the_task() {
    for (way, role) in [(Way::Fifo, "only listens"), (Way::Queue, "takes a message of the queue")] {
        let stage = Stage::new(way);
        let mut server = stage.actor(role);
        server.until_it_says("listens");
        run(async {
            let client = client(&stage);
            let mut call = Box::pin(client.call(b"never answered"));
            assert!(once(call.as_mut()).await.is_none());
            let killed = beside(move || {
                if way == Way::Queue {
                    server.until_it_says("holds");
                }
                server.kill();
            });
            let (reply, ()) = tokio::join!(call, killed);
            assert!(matches!(reply, Err(CallError::PeerDied)), "{way:?}: {reply:?}");
        });
    }
}

#[test]
fn an_idempotent_call_of_a_task_goes_to_the_next_server() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut first = stage.actor("takes and holds");
        first.until_it_says("listens");
        run(async {
            let client = client(&stage);
            let options = CallOptions { idempotent: true, deadline: soon() };
            let call = tokio::spawn(client.call_with(b"twice", options));
            let first = beside(move || {
                first.until_it_says("holds");
                first.kill();
            });
            first.await;
            let mut second = stage.actor("serves");
            second.until_it_says("listens");
            let reply = call.await.unwrap().expect("a reply of the second server");
            assert_eq!(reply, b"twice\x01", "{way:?}");
        });
    }
}

#[test]
fn tasks_call_the_next_server_after_a_death() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let mut first = stage.actor("serves");
        first.until_it_says("listens");
        run(async {
            let client = client(&stage);
            assert_eq!(client.call_until(b"a", soon()).await.expect("a reply"), b"a\0", "{way:?}");
            first.kill();
            // Called while nobody is there: who listens next answers.
            let early: Vec<_> = (0..4).map(|_| tokio::spawn(client.call_until(b"b", soon()))).collect();
            tokio::task::yield_now().await;
            let mut second = stage.actor("serves");
            second.until_it_says("listens");
            for call in early {
                match call.await.unwrap() {
                    Ok(reply) => assert_eq!(reply, b"b\0", "{way:?}"),
                    // Sent to the dead one; which, a send hears before a receive can say how it ended.
                    Err(CallError::PeerDied | CallError::Closed) => {}
                    Err(error) => panic!("{way:?}: {error}"),
                }
            }
            assert_eq!(client.call_until(b"c", soon()).await.expect("a reply"), b"c\0", "{way:?}");
        });
    }
}

#[test]
fn a_call_to_nobody_ends_at_its_deadline_and_leaves_no_thread_behind() {
    for way in [Way::Unix, Way::Tcp, Way::Fifo] {
        let stage = Stage::new(way);
        let server = stage.server();
        run(async {
            let client = client(&stage);
            beside(move || drop(server)).await;
            // The first may be the one that hears of the end.
            let _ = client.call_for(b"anybody?", Duration::from_millis(30)).await;
            let error = client.call_for(b"anybody?", Duration::from_millis(30)).await.expect_err("nobody");
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{way:?}: {error}");
            let mut dropped = Box::pin(client.call(b"anybody?"));
            assert!(once(dropped.as_mut()).await.is_none());
        });
        // The runtime has waited for its threads.
    }
}

#[test]
fn a_stream_of_replies_is_taken_by_a_task_and_dropped_cancels_it() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let stop = server.stopper();
        let serving = thread::spawn(move || {
            let send_all = |call: crosstie::call::Call<[u8], [u8]>| {
                let Ok(mut stream) = call.stream() else { return };
                // More than a window.
                for n in 0..2000_u32 {
                    if stream.send(&n.to_le_bytes().repeat(100)).is_err() {
                        return;
                    }
                }
                let _ = stream.end();
            };
            server.serve_calls(1, send_all).unwrap();
        });
        run(async {
            let client = client(&stage);
            let mut replies = client.stream(b"all", soon()).await.unwrap();
            for n in 0..2000_u32 {
                let reply = replies.next().await.expect("one more").unwrap();
                assert_eq!(reply, n.to_le_bytes().repeat(100), "{way:?}");
            }
            assert!(replies.next().await.is_none(), "{way:?}");
            let mut dropped = client.stream(b"all", soon()).await.unwrap();
            assert!(dropped.next().await.expect("one").is_ok());
            drop(dropped);
            // The only worker is free again.
            let mut replies = client.stream(b"all", soon()).await.unwrap();
            assert!(replies.next().await.expect("one").is_ok(), "{way:?}");
        });
        stop.stop();
        serving.join().unwrap();
    }
}

#[test]
fn a_call_whose_clients_runtime_has_ended_is_told_so() {
    let stage = Stage::new(Way::Unix);
    let server = stage.server();
    let first = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let client = first.block_on(async { client(&stage) });
    let call = client.call(b"never answered");
    run(async {
        let call = tokio::spawn(call);
        let taken = beside(move || server.receive_until(soon()).unwrap()).await;
        // It waits in this runtime for its reply, and is called by nothing else.
        beside(move || drop(first)).await;
        let error = call.await.unwrap().expect_err("nobody reads");
        drop(taken);
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
        assert!(error.to_string().contains("shutting down"), "{error}");
    });
    // Its calls block again.
    let (client, _server) = (client.into_inner(), stage.server());
    assert!(matches!(client.call_for(b"held", Duration::from_millis(10)), Err(CallError::TimedOut)));
}

#[test]
fn a_client_ends_with_its_last_user_also_while_its_runtime_does_not_run() {
    for way in [Way::Ring, Way::Fifo] {
        let stage = Stage::new(way);
        let server = Arc::new(stage.server());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let taken = Arc::clone(&server);
        let call = runtime.block_on(async {
            let client = client(&stage);
            let mut call = Box::pin(client.call(b"held"));
            drop(client);
            assert!(once(call.as_mut()).await.is_none());
            let taken = beside(move || taken.receive_until(soon()).unwrap()).await;
            assert!(!taken.is_cancelled(), "{way:?}");
            // A reply that comes later has nobody left.
            drop(call);
            taken
        });
        until(|| call.is_cancelled());
        // The one client of a ring is gone, and the file of its replies.
        match way {
            Way::Ring => drop(Client::<[u8], [u8]>::open_with(&stage.address, &stage.options()).unwrap()),
            _ => until(|| !stage.files().iter().any(|file| file.starts_with("f."))),
        }
        drop(runtime);
    }
}

pub fn calls_for_ever(client: Client<[u8], [u8]>) {
    run(async {
        let client = AsyncClient::new(client).unwrap();
        let mut call = pin!(client.call(b"held"));
        assert!(once(call.as_mut()).await.is_none());
        let mut timed = pin!(client.call_for(b"held", Duration::from_secs(3600)));
        assert!(once(timed.as_mut()).await.is_none());
        println!("waits");
        let _ = tokio::join!(call, timed);
    });
}

#[test]
fn a_process_whose_tasks_wait_for_replies_does_not_run() {
    for way in Way::ALL {
        let stage = Stage::new(way);
        let server = stage.server();
        let mut child = stage.actor("calls for ever in tasks");
        let _held = [server.receive_until(soon()).unwrap(), server.receive_until(soon()).unwrap()];
        child.until_it_says("waits");
        child.until_all_sleep();
        let before = child.context_switches();
        // As long as a blocking wait needs for one look of its net, and more; at another address: who waits for calls makes
        // their queue change.
        let idle = Stage::new(Way::Unix).server().receive_until(deadline_in(Duration::from_millis(1200)));
        assert!(idle.is_err(), "a call from nowhere");
        assert_eq!(child.context_switches(), before, "{way:?}: it ran although nothing happened");
    }
}
