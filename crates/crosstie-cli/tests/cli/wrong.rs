//! Wrong inputs: each a clear error with its exit code.

use std::os::unix::fs::PermissionsExt as _;

use crate::machine::Machine;

#[test]
fn a_wrong_address_says_what_was_meant() {
    let machine = Machine::new();
    for (address, said) in [
        ("unxi:/run/x", "did you mean unix:/run/x?"),
        ("job s", "' ' is not allowed"),
        ("topics:jobs", "topic:jobs"),
        ("ring:a/b", "'/' is not allowed"),
        ("tcp:localhost:99999", "out of range"),
        ("pipe:", "crosstie::pair"),
        ("fd:99", "fd:99"),
    ] {
        for verb in ["send", "recv"] {
            let code = if address == "fd:99" { 84 } else { 2 };
            machine.crosstie(&[verb, address]).finish().code(code).wrote("").said(said);
        }
    }
    machine.crosstie(&["relay", "unix:@a", "unxi:@b"]).finish().code(2).said("did you mean");
    machine.crosstie::<&str>(&[]).finish().code(2);
    machine.crosstie(&["sned", "ring:a"]).finish().code(2).said("send");
    machine.crosstie(&["send", "ring:a", "--max", "12q"]).finish().code(2).said("64KiB");
    machine.crosstie(&["recv", "ring:a", "--timeout", "soon"]).finish().code(2).said("2s");
}

#[test]
fn a_flag_that_contradicts_the_address_is_refused_with_both_and_one_that_agrees_is_not() {
    let machine = Machine::new();
    let cases: [(&[&str], &str); 6] = [
        (&["recv", "topic:t?mode=lossy", "--mode", "latest"], "mode=lossy, and --mode says latest"),
        (&["send", "topic:t?mode=lossy", "--mode", "lossless", "x"], "--mode says lossless"),
        (&["recv", "topic:t?from=oldest", "--from", "last:2"], "from=oldest, and --from says last:2"),
        (&["recv", "ring:r?wait=spin", "--wait", "adaptive"], "wait=spin, and --wait says adaptive"),
        (&["recv", "queue:q?max=1KiB", "--max", "2KiB", "--each", "--", "cat"], "--max says 2KiB"),
        (&["reply", "queue:q?capacity=1MiB", "--capacity", "2MiB", "--", "cat"], "--capacity says 2MiB"),
    ];
    for (arguments, told) in cases {
        machine.crosstie(arguments).finish().code(2).said(told).said("say it once").wrote("");
    }
    let agree = ["send", "topic:t?mode=lossy&max=2KiB", "--mode", "lossy", "--max", "2048", "x"];
    machine.crosstie(&agree).finish().code(0);
}

#[test]
fn a_path_that_is_something_else_is_left_as_it_is() {
    let machine = Machine::new();
    let path = machine.file("file", b"precious");
    machine.crosstie(&["recv", &machine.at("unix", "file")]).finish().code(85);
    machine.crosstie(&["recv", &machine.at("unixpacket", "file")]).finish().code(85);
    machine.crosstie(&["recv", &machine.at("fifo", "file")]).finish().code(85);
    machine.crosstie(&["send", &machine.at("fifo", "file"), "x"]).finish().code(85);
    assert_eq!(std::fs::read(path).unwrap(), b"precious");
}

#[test]
fn a_second_receiver_is_told_that_somebody_listens() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let receiver = machine.crosstie(&["recv", &address]).start();
    receiver.until_asleep();
    machine.crosstie(&["recv", &address]).finish().code(75);
    machine.crosstie(&["send", &address, "x"]).finish().code(0);
    receiver.finish().code(0).wrote("x\n");
}

#[test]
fn a_message_above_the_limit_is_refused_on_both_sides() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let receiver = machine.crosstie(&["recv", &address]).start();
    machine
        .crosstie(&["send", &address, "--max", "4"])
        .input("1234\n12345\n")
        .finish()
        .code(87)
        .said("limit is 4");
    receiver.finish().code(83).wrote("1234\n");

    let receiver = machine.crosstie(&["recv", &address, "--max", "4"]).start();
    let sender = machine.crosstie(&["send", &address]).input("1234\n12345\n").start();
    receiver.finish().code(87).wrote("1234\n").said("limit is 4");
    sender.finish();
}

#[test]
fn a_peer_that_speaks_another_protocol_is_named() {
    use std::io::Write;
    let machine = Machine::new();
    let receiver = machine.crosstie(&["recv", &machine.at("unix", "s")]).start();
    receiver.until_asleep();
    let mut stranger = std::os::unix::net::UnixStream::connect(machine.path("s")).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    receiver.until_asleep();
    machine.crosstie(&["send", &machine.at("unix", "s"), "x"]).finish().code(0);
    receiver.finish().code(86).wrote("x\n").said("GET / HT");
}

#[test]
fn a_file_that_no_sender_wrote_is_told_by_its_address() {
    let machine = Machine::new();
    for address in ["-", "fd:0"] {
        let received = machine.crosstie(&["recv", address]).input("root:x:0:0\n").finish().code(86);
        received.said(&format!("receive from {address}:"));
    }
}

#[test]
fn a_full_disk_is_the_tools_failure() {
    let machine = Machine::new();
    let address = machine.at("unix", "s");
    let receiver = machine.crosstie(&["recv", &address]).output_file("/dev/full").start();
    let sender = machine.crosstie(&["send", &address, "x"]).start();
    receiver.finish().code(125).said("No space left");
    sender.finish();
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let machine = Machine::new();
    for mechanism in ["unix", "fifo"] {
        machine.crosstie(&["recv", &machine.at(mechanism, "missing/x")]).finish().code(84);
    }
}

#[test]
fn what_is_not_permitted_is_told() {
    if rustix::process::geteuid().is_root() {
        println!("SKIPPED: root may do everything");
        return;
    }
    let machine = Machine::new();
    let locked = machine.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).unwrap();
    for mechanism in ["unix", "unixpacket", "fifo"] {
        machine
            .crosstie(&["recv", &machine.at(mechanism, "locked/x")])
            .finish()
            .code(77)
            .said("not permitted");
    }
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).unwrap();
    machine.crosstie(&["send", "ring:x", "x", "--domain", &locked.display().to_string()]).finish().code(77);
}

#[test]
fn a_port_in_use_and_a_host_that_does_not_resolve_are_told() {
    let machine = Machine::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    machine.crosstie(&["recv", &address]).finish().code(75).said(&address);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    machine.crosstie(&["recv", &format!("udp:{}", socket.local_addr().unwrap())]).finish().code(75);
    for verb in ["recv", "send"] {
        machine
            .crosstie(&[verb, "tcp:no-such-host.invalid:1"])
            .finish()
            .code(84)
            .said("no-such-host.invalid");
    }
}

#[test]
fn a_port_that_the_kernel_chose_is_told() {
    let machine = Machine::new();
    for mechanism in ["tcp", "udp"] {
        let receiver = machine.crosstie(&["recv", &format!("{mechanism}:127.0.0.1:0"), "--timeout", "0.1"]);
        receiver.finish().code(124).said(&format!("listening on {mechanism}:127.0.0.1:"));
    }
}

/// What an address that many can send to gets from somebody who speaks no protocol of ours.
fn intrude(address: &str) {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    let (mechanism, target) = address.split_once(':').unwrap();
    let nonsense = b"GET / HTTP/1.1\r\n\r\n";
    match mechanism {
        "tcp" => std::net::TcpStream::connect(target).unwrap().write_all(nonsense).unwrap(),
        "unix" => UnixStream::connect(target).unwrap().write_all(nonsense).unwrap(),
        "fifo" => std::fs::write(target, nonsense).unwrap(),
        _ => {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.send_to(nonsense, target).unwrap();
        }
    }
}

/// Addresses that many can send to, free for this test.
fn open_to_many(machine: &Machine) -> [String; 4] {
    [
        format!("tcp:127.0.0.1:{}", machine.port()),
        format!("udp:127.0.0.1:{}", machine.port()),
        machine.at("unix", "s"),
        machine.at("fifo", "f"),
    ]
}

#[test]
fn a_stranger_on_a_port_is_named_and_the_others_are_served() {
    let machine = Machine::new();
    for address in open_to_many(&machine) {
        let receiver = machine.crosstie(&["recv", &address]).start();
        receiver.until_asleep();
        let mut before = machine.crosstie(&["send", &address]).input_open().start();
        before.type_in(b"1\n");
        intrude(&address);
        receiver.until_asleep();
        machine.crosstie(&["send", &address, "2"]).finish().code(0);
        before.type_in(b"3\n");
        before.finish().code(0);
        receiver.finish().code(86).wrote("1\n2\n3\n").said("the others are served on");
    }
}

#[test]
fn following_goes_on_after_strangers_and_messages_above_the_limit() {
    let machine = Machine::new();
    for address in open_to_many(&machine) {
        let receiver = machine.crosstie(&["recv", &address, "--follow", "-n", "2", "--max", "4"]).start();
        receiver.until_asleep();
        machine.crosstie(&["send", &address, "1"]).finish().code(0);
        intrude(&address);
        receiver.until_asleep();
        machine.crosstie(&["send", &address, "12345"]).finish();
        receiver.until_asleep();
        // Over udp nobody is left to confirm its end.
        machine.crosstie(&["send", &address, "2"]).finish();
        receiver.finish().code(86).wrote("1\n2\n").said("the limit is 4").said("1 more");
    }
}

#[test]
fn a_relay_serves_the_others_after_a_stranger() {
    let machine = Machine::new();
    let (from, to) = (machine.at("unix", "from"), machine.at("unix", "to"));
    let receiver = machine.crosstie(&["recv", &to]).start();
    let relay = machine.crosstie(&["relay", &from, &to]).start();
    let mut sender = machine.crosstie(&["send", &from]).input_open().start();
    sender.type_in(b"1\n");
    intrude(&from);
    relay.until_asleep();
    sender.type_in(b"2\n");
    sender.finish().code(0);
    relay.finish().code(86).said("passed over");
    receiver.finish().code(83).wrote("1\n2\n");
}

#[test]
fn a_datagram_above_the_limit_is_refused() {
    let machine = Machine::new();
    let address = format!("udp:127.0.0.1:{}", machine.port());
    let receiver = machine.crosstie(&["recv", &address]).start();
    receiver.until_asleep();
    machine
        .crosstie(&["send", &address, "--whole"])
        .input(vec![0; 65_508])
        .finish()
        .code(87)
        .said("the limit is 65");
}

#[test]
fn a_sender_is_told_why_nobody_can_ever_listen_on_its_path() {
    let machine = Machine::new();
    machine.file("file", b"");
    for mechanism in ["unix", "unixpacket"] {
        let refused = machine.crosstie(&["send", &machine.at(mechanism, "file"), "x"]).finish();
        refused.code(85).said("a regular file");
        let refused = machine.crosstie(&["send", &machine.at(mechanism, "nodir/s"), "x"]).finish();
        refused.code(84).said("there is no folder");
    }
    for mechanism in ["tcp", "udp"] {
        let refused = machine.crosstie(&["send", &format!("{mechanism}:127.0.0.1:0"), "x"]).finish();
        refused.code(2).said("port 0");
    }
}

#[test]
fn a_domain_behind_a_symbolic_link_is_refused_with_the_reason() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("real")).unwrap();
    std::os::unix::fs::symlink(machine.path("real"), machine.path("link")).unwrap();
    let refused = machine.crosstie(&["send", "ring:x", "x", "--domain", "link"]).finish();
    refused.code(77).said("symbolic link").said("hint");
}

#[test]
fn a_full_ring_without_a_receiver_says_so() {
    let machine = Machine::new();
    let sender = machine.crosstie(&["send", "ring:x?capacity=4KiB", "--timeout", "2.1s"]);
    let sender = sender.input("0123456789\n".repeat(10_000)).finish();
    sender.code(124).said("waiting for a receiver").said("has no receiver");
}
