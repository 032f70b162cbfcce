//! What goes wrong around the ends: limits, strangers, floods, races for a name, addresses that lead nowhere.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crosstie::contract::{RecvError, SendError};
use crosstie::os::clock::deadline_in;
use crosstie::transport::{Options, tcp, udp};
use crosstie::{Deadline, ErrorKind};

use super::stage::{self, Actor, Named, Stage, options, payload, soon};

#[test]
fn the_receivers_limit_is_kept_and_other_senders_are_served_on() {
    for named in Named::ALL {
        let stage = Stage::new();
        let small = Options { message_bytes_max: 100, ..options() };
        let mut rx = stage::receiver(*named, &stage.target(*named), &small).expect("a receiver");
        let mut large = stage.sender(*named).expect("a sender");
        let mut other = stage.sender(*named).expect("a sender");
        large.send(&payload(100, 1), soon()).expect("the limit itself");
        large.send(&payload(9000, 2), soon()).expect("sent");
        assert!(rx.recv(soon()).expect("a message").payload == payload(100, 1), "{named:?}");
        let error = rx.recv(soon()).map(|m| m.payload.len()).expect_err("refused");
        assert!(matches!(error, RecvError::TooLarge { length: 9000, limit: 100 }), "{named:?}: {error:?}");
        other.send(b"served", soon()).expect("sent");
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"served", "{named:?}");
    }
}

#[test]
fn a_flood_of_one_sender_starves_no_other() {
    // A FIFO is one queue: what lies before it there comes first.
    for named in Named::ALL.iter().filter(|named| **named != Named::Fifo) {
        let stage = Stage::new();
        let mut rx = stage.receiver(*named).expect("a receiver");
        let mut flood = stage.sender(*named).expect("a sender");
        let mut other = stage.sender(*named).expect("a sender");
        let flooding = thread::spawn(move || {
            let end = loop {
                if let Err(end) = flood.send(&payload(1000, 0), soon()) {
                    break end;
                }
            };
            // How a receiver's end is told in the middle of a flood is not this test's matter.
            assert!(matches!(end, SendError::Closed | SendError::PeerDied), "{named:?}: {end:?}");
        });
        for _ in 0..1000 {
            assert_eq!(rx.recv(soon()).expect("a message").payload.len(), 1000);
        }
        other.send(b"x", soon()).expect("sent");
        // Once it is there, at most the rest of one turn and a whole one come first, of 64 KiB each;
        // that it is there may take TCP a while.
        let turns = if *named == Named::Tcp { 200 } else { 2 };
        let place = (0..turns * 66).find(|_| rx.recv(soon()).expect("a message").payload == b"x");
        assert!(place.is_some(), "{named:?}");
        drop(other);
        drop(rx);
        flooding.join().expect("the flood");
    }
}

#[test]
fn a_sender_that_ends_at_once_loses_nothing_to_a_slow_receiver() {
    for named in Named::ALL {
        let stage = Stage::new();
        let mut rx = stage.receiver(*named).expect("a receiver");
        let mut sender = Actor::start("send much and end", *named, &stage.target(*named));
        // It must wait for us somewhere: in a send or in its close.
        let stat = format!("/proc/{}/stat", sender.0.id());
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"here");
        let mut asleep = 0;
        while asleep < 100 {
            let state = std::fs::read_to_string(&stat).unwrap_or_default();
            asleep = if state.contains(") S") || state.contains(") Z") { asleep + 1 } else { 0 };
            thread::yield_now();
        }
        for seed in 0..20 {
            assert!(
                rx.recv(soon()).expect("a message").payload == payload(1 << 20, seed),
                "{named:?}: {seed}"
            );
        }
        assert!(matches!(rx.recv(soon()), Err(RecvError::Closed)), "{named:?}");
        assert!(sender.0.wait().expect("ended").success(), "{named:?}");
    }
}

#[test]
fn of_many_that_want_a_stale_name_one_gets_it() {
    for named in [Named::Unix, Named::UnixPacket] {
        let stage = Stage::new();
        drop(std::os::unix::net::UnixListener::bind(stage.path()).expect("a socket"));
        let all_here = Arc::new(Barrier::new(8));
        let racing: Vec<_> = (0..8)
            .map(|_| {
                let (target, all_here) = (stage.target(named), all_here.clone());
                thread::spawn(move || {
                    all_here.wait();
                    stage::receiver(named, &target, &options())
                })
            })
            .collect();
        let (got, refused): (Vec<_>, Vec<_>) =
            racing.into_iter().map(|racer| racer.join().expect("a racer")).partition(Result::is_ok);
        assert_eq!((got.len(), refused.len()), (1, 7), "{named:?}");
        for error in refused.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        }
        let mut rx = got.into_iter().find_map(Result::ok).expect("the winner");
        stage.sender(named).expect("a sender").send(b"x", soon()).expect("sent");
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"x");
        let left: Vec<_> =
            std::fs::read_dir(stage.path().parent().expect("a folder")).expect("read").collect();
        assert_eq!(left.len(), 1, "nothing else is left behind: {left:?}");
    }
}

#[test]
fn an_address_that_leads_nowhere_says_why() {
    let soon = Options { deadline: deadline_in(Duration::from_millis(100)), ..Options::default() };
    let cases = [
        (tcp::receiver("127.0.0.1", &soon).map(drop), ErrorKind::Usage, "host:port"),
        (tcp::sender("no-such-host.invalid:9000", &soon).map(drop), ErrorKind::NotFound, "does not resolve"),
        (udp::sender("no-such-host.invalid:9000", &soon).map(drop), ErrorKind::NotFound, "does not resolve"),
        (tcp::receiver("192.0.2.1:9000", &soon).map(drop), ErrorKind::NotFound, "not one of this machine's"),
        (udp::receiver("192.0.2.1:9000", &soon).map(drop), ErrorKind::NotFound, "not one of this machine's"),
        (tcp::sender("127.0.0.1:1", &soon).map(drop), ErrorKind::TimedOut, "nobody listens there"),
    ];
    for (answer, kind, text) in cases {
        let error = answer.expect_err("refused");
        assert!(error.kind() == kind && error.to_string().contains(text), "{error}");
    }
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let target = taken.local_addr().expect("an address").to_string();
    let error = udp::receiver(&target, &soon).map(drop).expect_err("taken");
    assert!(error.kind() == ErrorKind::Busy && error.to_string().contains("has the port"), "{error}");
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    let Ok(mut rx) = tcp::receiver("[::1]:0", &options()) else {
        println!("SKIPPED: no IPv6 on this machine");
        return;
    };
    let target = rx.address().trim_start_matches("tcp:").to_owned();
    let mut tx = tcp::sender(&target, &options()).expect("a sender");
    use crosstie::contract::{ReceiveMessages, SendMessages};
    tx.send(b"six", soon()).expect("sent");
    assert_eq!(rx.recv(soon()).expect("a message").payload, b"six");
}

#[test]
fn a_directory_that_forbids_it_is_not_permitted() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new();
    let folder = stage.path().parent().expect("a folder").to_owned();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).expect("set");
    if std::fs::write(folder.join("probe"), "").is_ok() {
        println!("SKIPPED: this user may write everywhere");
        return;
    }
    for named in Named::ALL.iter().filter(|named| named.is_file()) {
        let error = stage.receiver(*named).map(drop).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::NotPermitted, "{named:?}: {error}");
    }
}

#[test]
fn a_closed_sender_sends_no_more_and_closing_again_is_no_error() {
    for named in Named::ALL {
        let stage = Stage::new();
        let _rx = stage.receiver(*named).expect("a receiver");
        let mut tx = stage.sender(*named).expect("a sender");
        tx.close().expect("closed");
        tx.close().expect("closed already");
        let error = tx.send(b"x", Deadline::NEVER).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Closed, "{named:?}: {error}");
    }
}

#[test]
fn who_keeps_the_folder_locked_hangs_nobody() {
    let stage = Stage::new();
    let folder = std::fs::File::open(stage.path().parent().expect("a folder")).expect("opened");
    crosstie::os::file_lock::lock_whole(std::os::fd::AsFd::as_fd(&folder)).expect("locked");
    let error = stage.receiver(Named::Unix).map(drop).expect_err("refused");
    assert!(error.kind() == ErrorKind::TimedOut && error.to_string().contains("keeps"), "{error}");
}

#[test]
fn two_kinds_of_unix_sockets_do_not_meet() {
    for (listens, connects) in [(Named::Unix, Named::UnixPacket), (Named::UnixPacket, Named::Unix)] {
        let stage = Stage::new();
        let _rx = stage.receiver(listens).expect("a receiver");
        let error = stage.sender(connects).map(drop).expect_err("refused");
        assert!(error.kind() == ErrorKind::Mismatch && error.to_string().contains("another kind"), "{error}");
        let error = stage.receiver(connects).map(drop).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    }
}
