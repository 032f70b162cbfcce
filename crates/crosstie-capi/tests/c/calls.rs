//! Calls between C, Rust and the shell.

use std::io::Write as _;
use std::process::Stdio;

use crosstie::endpoint::Options;
use crosstie::{Client, ErrorKind, Server};

use crate::actor::Actor;
use crate::stage::{Stage, crosstie};

fn options(stage: &Stage) -> Options {
    Options { domain: Some(stage.path("domain")), ..Options::default() }
}

#[test]
fn a_server_in_c_answers_and_refuses_rust_and_the_shell() {
    let stage = Stage::new();
    let unix = format!("unix:{}", stage.path("svc.sock").display());
    for address in [unix.as_str(), "queue:svc"] {
        let Some(mut c) = Actor::start(&stage) else { return };
        assert_eq!(c.does(&format!("server open {address}")), "ok");
        let rust = Client::<[u8], [u8]>::open_with(address, &options(&stage)).unwrap();
        c.begin(&format!("server answer {address} hello-back"));
        assert_eq!(rust.call(b"hello").unwrap(), b"hello-back", "{address}");
        assert_eq!(c.says(), "ok hello");
        c.begin(&format!("server refuse {address} not-today"));
        let refused = rust.call(b"again").unwrap_err();
        assert_eq!((refused.kind(), c.says().as_str()), (ErrorKind::Negative, "ok again"));
        assert!(refused.to_string().contains("not-today"));
        let mut shell = stage.command(&crosstie());
        shell.args(["call", address]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        c.begin(&format!("server answer {address} to-the-shell"));
        shell.stdin.take().unwrap().write_all(b"line\n").unwrap();
        let told = shell.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), "to-the-shell", "{address}");
        assert_eq!(c.says(), "ok line|", "all of its input, the end of the line too");
        assert_eq!(c.does(&format!("server close {address}")), "ok");
    }
}

#[test]
fn a_client_in_c_is_answered_refused_and_told_of_a_death() {
    let stage = Stage::new();
    let address = format!("unix:{}", stage.path("svc.sock").display());
    let server = Server::<[u8], [u8]>::open_with(&address, &options(&stage)).unwrap();
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does(&format!("client open {address}")), "ok");
    c.begin(&format!("client call {address} forever ping"));
    let call = server.receive().unwrap();
    assert_eq!((call.request().as_slice(), call.client_pid()), (&b"ping"[..], Some(c.pid())));
    call.reply(b"pong").unwrap();
    assert_eq!(c.says(), "ok pong");
    c.begin(&format!("client call {address} forever dropped"));
    drop(server.receive().unwrap());
    assert!(!c.says().starts_with("ok"), "who is not answered is told");
    assert!(c.does(&format!("client call {address} 1 late")).starts_with("timed-out"));
    assert_eq!(c.does(&format!("client close {address}")), "ok");
}

#[test]
fn a_killed_server_in_c_is_told_to_its_callers() {
    let stage = Stage::new();
    let address = format!("unix:{}", stage.path("svc.sock").display());
    let Some(mut c) = Actor::start(&stage) else { return };
    assert_eq!(c.does(&format!("server open {address}")), "ok");
    let rust = Client::<[u8], [u8]>::open_with(&address, &options(&stage)).unwrap();
    std::thread::scope(|threads| {
        let caller = threads.spawn(|| rust.call(b"hold").unwrap_err().kind());
        assert_eq!(c.does(&format!("server hold {address}")), "ok hold");
        c.kill();
        assert_eq!(caller.join().unwrap(), ErrorKind::PeerDied);
    });
}
