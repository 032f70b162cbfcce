//! Many senders, chains of relays, and what udp says about its losses.

use crate::machine::Machine;

#[test]
fn a_hundred_senders_lose_nothing() {
    let machine = Machine::new();
    let (path, port) = (machine.at("unix", "s"), machine.port());
    for address in
        [path, format!("tcp:127.0.0.1:{port}"), machine.at("unixpacket", "p"), machine.at("fifo", "f")]
    {
        let receiver = machine.crosstie(&["recv", &address, "-n", "10001"]).start();
        // The last message: on a FIFO, who leaves with the end marks of several unread seems to have left messages.
        let mut last = machine.crosstie(&["send", &address]).input_open().start();
        let senders: Vec<_> = (0..100)
            .map(|sender| {
                let lines: String = (0..100).map(|line| format!("{sender} {line}\n")).collect();
                machine.crosstie(&["send", &address]).input(lines).start()
            })
            .collect();
        for sender in senders {
            sender.finish().code(0);
        }
        last.write(b"last\n");
        last.finish().code(0);
        let received = String::from_utf8(receiver.finish().code(0).stdout).unwrap();
        for sender in 0..100 {
            let prefix = format!("{sender} ");
            let lines: Vec<usize> =
                received.lines().filter_map(|line| line.strip_prefix(&prefix)?.parse().ok()).collect();
            assert!(lines.iter().copied().eq(0..100), "{address}: sender {sender} arrived as {lines:?}");
        }
    }
}

#[test]
fn relays_pass_messages_and_the_clean_end_on() {
    let machine = Machine::new();
    let lines: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    let chain = [
        format!("tcp:127.0.0.1:{}", machine.port()),
        "ring:frames".to_owned(),
        machine.at("fifo", "f"),
        machine.at("unix", "s"),
    ];
    let receiver = machine.crosstie(&["recv", &chain[3]]).start();
    let relays: Vec<_> =
        chain.windows(2).map(|pair| machine.crosstie(&["relay", &pair[0], &pair[1]]).start()).collect();
    machine.crosstie(&["send", &chain[0]]).input(lines.clone()).finish().code(0);
    for relay in relays {
        relay.finish().code(0).wrote("");
    }
    receiver.finish().code(0).wrote(&lines);
}

#[test]
fn relays_pass_a_death_on() {
    let machine = Machine::new();
    let chain = [machine.at("unix", "a"), "ring:b".to_owned(), machine.at("unixpacket", "c")];
    let receiver = machine.crosstie(&["recv", &chain[2]]).start();
    let relays: Vec<_> =
        chain.windows(2).map(|pair| machine.crosstie(&["relay", &pair[0], &pair[1]]).start()).collect();
    let mut sender = machine.crosstie(&["send", &chain[0]]).input_open().start();
    sender.type_in(b"1\n2\n");
    sender.kill();
    for relay in relays {
        relay.finish().code(83);
    }
    receiver.finish().code(83).wrote("1\n2\n");
}

#[test]
fn udp_says_exactly_how_much_was_lost() {
    let machine = Machine::new();
    let address = format!("udp:127.0.0.1:{}", machine.port());
    let lines: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
    let receiver = machine.crosstie(&["recv", &address, "--timeout", "20s"]).start();
    receiver.until_asleep();
    machine.crosstie(&["send", &address]).input(lines).finish().code(0);
    let received = receiver.finish();
    let lost =
        received.stderr.split(" lost").next().and_then(|text| text.rsplit(' ').next()?.parse::<usize>().ok());
    let arrived = received.stdout.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lost.map(|lost| lost + arrived), Some(50_000), "standard error: {}", received.stderr);
    received.code(0);
}
