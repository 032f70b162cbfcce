//! Ends as futures: every mechanism, cancellation, both kinds of ends mixed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use crosstie::channel::ring::{RingOptions, RingSender};
use crosstie::contract::RecvError;
use crosstie::endpoint::{AsyncReceiver, AsyncSender, Options, Receiver, Sender};
use crosstie::ledger::Domain;
use crosstie::{Deadline, ErrorKind};
use futures_core::Stream;
use futures_sink::Sink;

use super::stage::{TestDomain, options};

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(future)
}

fn within(place: &TestDomain) -> Options {
    Options { domain: Some(place.path.clone()), capacity_bytes: Some(64 << 10), ..Options::default() }
}

/// Polls once, and drops.
async fn cancelled<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

pub fn await_for_ever(domain: &'static Domain) {
    let options = Options { domain: Some(domain.directory().path().to_owned()), ..Options::default() };
    run(async {
        let mut receiver =
            AsyncReceiver::new(Receiver::<[u8]>::open_with("ring:r", &options).unwrap()).unwrap();
        assert!(cancelled(receiver.recv()).await.is_none());
        println!("ready");
        let _ = receiver.recv().await;
    });
}

/// Sends through `address` and receives from it, more than any channel holds, with the sender blocking or not.
async fn carries(address: &str, options: &Options, is_sender_async: bool) {
    const COUNT: u32 = 300;
    let mut receiver = Receiver::<[u8]>::open_with(address, options).unwrap();
    let address = receiver.address().unwrap_or(address).to_owned();
    let options = options.clone();
    let sender = tokio::task::spawn_blocking(move || Sender::<[u8]>::open_with(&address, &options).unwrap());
    // A receiver that accepts takes its senders in while it receives.
    receiver.arm().unwrap();
    let mut sender = sender.await.unwrap();
    let mut receiver = AsyncReceiver::new(receiver).unwrap();
    let sending = async move {
        if is_sender_async {
            let mut sender = AsyncSender::new(sender).unwrap();
            for n in 0..COUNT {
                sender.send(&n.to_le_bytes().repeat(700)).await.unwrap();
            }
            sender.close().await.unwrap();
        } else {
            let send = move || {
                (0..COUNT).for_each(|n| sender.send(&n.to_le_bytes().repeat(700)).unwrap());
                sender.close().unwrap();
            };
            tokio::task::spawn_blocking(send).await.unwrap();
        }
    };
    let receiving = async {
        for n in 0..COUNT {
            assert_eq!(receiver.recv().await.unwrap(), n.to_le_bytes().repeat(700));
        }
        assert!(matches!(receiver.recv().await, Err(RecvError::Closed)));
    };
    tokio::join!(sending, receiving);
}

#[test]
fn every_mechanism_that_keeps_messages_carries_them_between_async_and_blocking_ends() {
    let place = TestDomain::new();
    place.open();
    let file = |name: &str| place.path.join(name).display().to_string();
    let addresses = [
        "ring:r".to_owned(),
        "queue:q".to_owned(),
        "topic:t?max=4096".to_owned(),
        format!("unix:{}", file("u")),
        format!("unixpacket:{}", file("p")),
        format!("fifo:{}", file("f")),
        "tcp:127.0.0.1:0".to_owned(),
    ];
    for address in addresses {
        for is_sender_async in [true, false] {
            run(carries(&address, &within(&place), is_sender_async));
        }
    }
}

#[test]
fn a_recv_that_is_dropped_loses_no_message_and_no_wake() {
    let place = TestDomain::new();
    run(async {
        let receiver = Receiver::<u32>::open_with("ring:r", &within(&place)).unwrap();
        let mut receiver = AsyncReceiver::new(receiver).unwrap();
        let sender = Sender::<u32>::open_with("ring:r", &within(&place)).unwrap();
        let mut sender = AsyncSender::new(sender).unwrap();
        for n in 0..100 {
            assert!(cancelled(receiver.recv()).await.is_none());
            assert!(cancelled(receiver.ready()).await.is_none());
            sender.send(&n).await.unwrap();
            receiver.ready().await.unwrap();
            assert_eq!(receiver.recv().await.unwrap(), n);
        }
    });
}

#[test]
fn a_send_that_is_dropped_while_there_is_no_room_has_sent_nothing() {
    let place = TestDomain::new();
    run(async {
        let mut receiver = Receiver::<[u8]>::open_with("ring:r", &within(&place)).unwrap();
        let mut sender =
            AsyncSender::new(Sender::<[u8]>::open_with("ring:r", &within(&place)).unwrap()).unwrap();
        let mut sent = 0u8;
        while cancelled(sender.send(&[sent; 9000])).await.is_some() {
            sent += 1;
        }
        let (received, _) = tokio::join!(
            async {
                // A turn for the sender to wait in.
                tokio::task::yield_now().await;
                receiver.try_recv().unwrap()
            },
            async { sender.send(&[99; 9000]).await.unwrap() }
        );
        assert_eq!(received, [0; 9000]);
        let rest: Vec<_> =
            std::iter::from_fn(|| receiver.try_recv().ok()).map(|message| message[0]).collect();
        assert_eq!(rest, (1..sent).chain([99]).collect::<Vec<_>>());
    });
}

#[test]
fn the_death_of_a_sender_ends_an_await() {
    let place = TestDomain::new();
    let mut child = place.child("send-three");
    child.wait_for("ready");
    run(async {
        let receiver = Receiver::<[u8]>::open_with("ring:r", &within(&place)).unwrap();
        let mut receiver = AsyncReceiver::new(receiver).unwrap();
        for _ in 0..3 {
            receiver.recv().await.unwrap();
        }
        assert!(cancelled(receiver.recv()).await.is_none());
        child.kill();
        assert!(matches!(receiver.recv().await, Err(RecvError::PeerDied)));
    });
}

#[test]
fn a_sink_and_a_stream_pass_everything_on_and_end() {
    let place = TestDomain::new();
    run(async {
        let receiver = Receiver::<u32>::open_with("ring:r", &within(&place)).unwrap();
        let mut stream = AsyncReceiver::new(receiver).unwrap();
        let sender = Sender::<u32>::open_with("ring:r", &within(&place)).unwrap();
        let mut sink = AsyncSender::new(sender).unwrap();
        let sending = async {
            for n in 0..5000u32 {
                poll_fn(|context| Sink::<u32>::poll_ready(Pin::new(&mut sink), context)).await.unwrap();
                Sink::<u32>::start_send(Pin::new(&mut sink), n).unwrap();
            }
            poll_fn(|context| Sink::<u32>::poll_close(Pin::new(&mut sink), context)).await.unwrap();
        };
        let receiving = async {
            let mut received = Vec::new();
            while let Some(message) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
                received.push(message.unwrap());
            }
            received
        };
        let ((), received) = tokio::join!(sending, receiving);
        assert_eq!(received, (0..5000).collect::<Vec<_>>());
    });
}

#[test]
fn an_async_end_outside_of_a_runtime_is_refused_and_turns_back_into_a_blocking_one() {
    let (tx, rx) = crosstie::pair::<u32>().unwrap();
    assert_eq!(AsyncReceiver::new(rx).unwrap_err().kind(), ErrorKind::Failed);
    drop(tx);
    let place = TestDomain::new();
    let mut sender = RingSender::open(place.open(), "r", &RingOptions { ..options() }).unwrap();
    let mut receiver = run(async {
        let receiver = Receiver::<[u8]>::open_with("ring:r", &within(&place)).unwrap();
        let mut receiver = AsyncReceiver::new(receiver).unwrap();
        assert!(cancelled(receiver.recv()).await.is_none());
        receiver.into_inner()
    });
    sender.send(b"hello", Deadline::NOW).unwrap();
    assert_eq!(receiver.recv().unwrap(), b"hello");
}
