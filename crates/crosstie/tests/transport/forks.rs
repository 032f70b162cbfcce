//! H6: a child of fork that drops what it inherited does nothing to its parent's ends.

use std::process::Command;
use std::time::Duration;

use crosstie::contract::{ReceiveMessages, RecvError, SendMessages};
use crosstie::os::clock::deadline_in;
use crosstie::os::unix::UnixName;
use crosstie::transport::{tcp, udp, unix, unixpacket};

use super::stage::{self, Named, Rx, Stage, Tx, options, soon};

/// Runs `test` of this file in a process of its own, whose children inherit no other test's ends;
/// answers whether this is that process.
fn is_alone(test: &str) -> bool {
    if std::env::var_os("CROSSTIE_TEST_FORKS").is_some() {
        return true;
    }
    let out = Command::new(std::env::current_exe().expect("this program"))
        .args([&format!("forks::{test}"), "--exact", "--nocapture"])
        .env("CROSSTIE_TEST_FORKS", "1")
        .output()
        .expect("a process");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    false
}

/// Lets a child of fork drop `inherited`; it stays the caller's.
fn dropped_in_a_child<T>(inherited: T) -> T {
    // SAFETY: the child only drops values and exits; its C library's allocator is sound after a fork.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: ends a child that hangs.
        unsafe { libc::alarm(20) };
        drop(inherited);
        // SAFETY: ends the child without the test harness's exit handlers.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the child dropped all and ended");
    inherited
}

/// The peer heard of no end, and the parent's ends go on.
fn go_on(name: &str, tx: &mut dyn SendMessages, rx: &mut dyn ReceiveMessages) {
    let told = rx.recv(deadline_in(Duration::from_millis(20))).map(|m| m.payload.len());
    assert!(matches!(told, Err(RecvError::TimedOut)), "{name}: {told:?}");
    tx.send(b"the parent's", soon()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let message = rx.recv(soon()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(message.payload, b"the parent's", "{name}");
}

#[test]
fn h6_what_a_fork_child_drops_ends_no_sender_and_no_receiver() {
    if !is_alone("h6_what_a_fork_child_drops_ends_no_sender_and_no_receiver") {
        return;
    }
    let mut pairs = stage::pairs(&options());
    let rx = udp::receiver("127.0.0.1:0", &options()).expect("a receiver");
    let target = rx.address().trim_start_matches("udp:").to_owned();
    let tx = udp::sender(&target, &options()).expect("a sender");
    pairs.push(("udp".into(), Stage::new(), Box::new(tx), Box::new(rx)));
    for (name, stage, mut tx, mut rx) in pairs {
        // The receiver holds what came with the message that it took.
        let sent = tx.send_batch(&[b"met", b"in hand"], soon()).expect("sent");
        assert_eq!(sent, 2, "{name}");
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"met", "{name}");
        let (mut tx, mut rx): (Tx, Rx) = dropped_in_a_child((tx, rx));
        assert_eq!(rx.recv(soon()).expect("a message").payload, b"in hand", "{name}");
        go_on(&name, &mut *tx, &mut *rx);
        if let Some(named) = Named::ALL.iter().find(|named| named.word() == name) {
            let mut later = stage.sender(*named).expect("the name still leads to the receiver");
            later.send(b"later", soon()).expect("sent");
            assert_eq!(rx.recv(soon()).expect("a message").payload, b"later", "{name}");
        }
        // A datagram sender waits for the receiver's word.
        let ending = std::thread::spawn(move || drop(tx));
        let end = rx.recv(soon()).map(|m| m.payload.len());
        assert!(matches!(end, Err(RecvError::Closed)), "{name}: the parent's own end is told: {end:?}");
        ending.join().expect("ended");
    }
}

#[test]
fn h6_what_a_fork_child_drops_ends_no_connection_and_no_listener() {
    if !is_alone("h6_what_a_fork_child_drops_ends_no_connection_and_no_listener") {
        return;
    }
    let stage = Stage::new();
    let at = UnixName::Path(stage.path());
    let listener = unix::Listener::bind(&at, &options()).expect("a listener");
    let client = unix::connect(&at, &options()).expect("connected");
    let server = listener.accept(soon()).expect("accepted");
    let (listener, mut client, mut server) = dropped_in_a_child((listener, client, server));
    go_on("unix", &mut client.0, &mut server.1);
    go_on("unix", &mut server.0, &mut client.1);
    let _later = unix::connect(&at, &options()).expect("the name still leads to the listener");
    listener.accept(soon()).expect("accepted");

    let stage = Stage::new();
    let at = UnixName::Path(stage.path());
    let listener = unixpacket::Listener::bind(&at, &options()).expect("a listener");
    let client = unixpacket::connect(&at, &options()).expect("connected");
    let server = listener.accept(soon()).expect("accepted");
    let (listener, mut client, mut server) = dropped_in_a_child((listener, client, server));
    go_on("unixpacket", &mut client.0, &mut server.1);
    go_on("unixpacket", &mut server.0, &mut client.1);
    let _later = unixpacket::connect(&at, &options()).expect("the name still leads to the listener");
    listener.accept(soon()).expect("accepted");

    let target = Stage::new().target(Named::Tcp);
    let listener = tcp::Listener::bind(&target, &options()).expect("a listener");
    let client = tcp::connect(&target, &options()).expect("connected");
    let server = listener.accept(soon()).expect("accepted");
    let (_listener, mut client, mut server) = dropped_in_a_child((listener, client, server));
    go_on("tcp", &mut client.0, &mut server.1);
    go_on("tcp", &mut server.0, &mut client.1);
}

#[test]
fn h6_what_a_fork_child_drops_ends_no_datagram_server_and_no_client() {
    if !is_alone("h6_what_a_fork_child_drops_ends_no_datagram_server_and_no_client") {
        return;
    }
    let mut server = udp::Listener::bind("127.0.0.1:0", &options()).expect("a server");
    let target = server.address().trim_start_matches("udp:").to_owned();
    let mut client = udp::connect(&target, &options()).expect("a client");
    client.0.send(b"ask", soon()).expect("sent");
    assert_eq!(server.recv(soon()).expect("a message").payload, b"ask");
    server.answer(b"answer", soon()).expect("answered");
    assert_eq!(client.1.recv(soon()).expect("an answer").payload, b"answer");
    let (mut server, mut client) = dropped_in_a_child((server, client));
    go_on("udp", &mut client.0, &mut server);
    let told = client.1.recv(deadline_in(Duration::from_millis(20))).map(|m| m.payload.len());
    assert!(matches!(told, Err(RecvError::TimedOut)), "{told:?}");
    server.answer(b"answer", soon()).expect("answered");
    assert_eq!(client.1.recv(soon()).expect("an answer").payload, b"answer");
}
