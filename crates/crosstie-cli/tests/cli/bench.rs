//! `crosstie bench`: the patterns of one address.

use crate::machine::Machine;

fn addresses(machine: &Machine) -> Vec<String> {
    vec![
        machine.at("unix", "s"),
        machine.at("unixpacket", "p"),
        machine.at("fifo", "f"),
        format!("tcp:127.0.0.1:{}", machine.port()),
        "queue:q".to_owned(),
        "ring:r".to_owned(),
    ]
}

#[test]
fn calls_are_measured_at_every_address_that_carries_them() {
    let machine = Machine::new();
    for address in addresses(&machine) {
        let call = ["bench", &address, "--pattern", "call", "--count", "20", "--no-pin"];
        let row = machine.crosstie(&[&call[..], &["--json", "--size", "5KiB"]].concat()).finish().code(0);
        let row: serde_json::Value = serde_json::from_str(&row.output()).unwrap();
        assert_eq!((&row["pattern"], &row["payload_bytes"]), (&"call".into(), &5120.into()), "{address}");
        assert!(row["verified"] == true && row["messages_per_s"].is_null(), "{address}: {row}");
        let trip = &row["round_trip_ns"];
        let [p50, p99] = ["p50", "p99"].map(|of| trip[of].as_u64().unwrap());
        assert!(0 < p50 && p50 <= p99, "{address}: {row}");
        let said = machine.crosstie(&call).finish().code(0).output();
        assert!(said.contains("\na call ") && !said.contains("one way"), "{said}");
    }
    // What its killed sides had made is gone: there is nothing beside this run's own domain, if that.
    let left = std::fs::read_dir(machine.path(".")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).filter(|name| name != "domain").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_carries_no_calls_is_refused_and_a_server_elsewhere_is_measured() {
    let machine = Machine::new();
    for none in ["topic:t", "pipe:", "udp:127.0.0.1:9", "tcp:127.0.0.1:0", "fd:3", "-"] {
        machine.crosstie(&["bench", none, "--pattern", "call"]).finish().code(2).said("hint: ");
    }
    let address = machine.at("unix", "s");
    machine.crosstie(&["bench", &address, "--listen", "--pattern", "one-way"]).finish().code(2);
    let listener = machine.crosstie(&["bench", &address, "--listen", "--pattern", "call"]).start();
    crate::machine::until(|| machine.path("s").exists());
    let call = ["bench", &address, "--connect", "--pattern", "call", "--count", "20"];
    let said = machine.crosstie(&call).finish().code(0).output();
    assert!(said.contains("a call "), "{said}");
    drop(listener);
}

#[test]
fn the_room_that_an_address_asks_for_is_measured_and_what_is_not_heeded_is_refused() {
    let machine = Machine::new();
    let bench = |address, code| {
        let run = ["bench", address, "--size", "16KiB", "--pattern", "one-way", "--count", "50", "--no-pin"];
        machine.crosstie(&run).finish().code(code)
    };
    bench("ring:r?capacity=8KiB", 87).said("the limit is 8184");
    for good in ["ring:r?capacity=64KiB", "queue:q?places=4", "topic:t?places=4"] {
        bench(good, 0);
    }
    for (address, key) in
        [("queue:q?lease=1s", "lease"), ("ring:r?wait=spin", "wait"), ("topic:t?mode=lossy", "mode")]
    {
        bench(address, 2).said(&format!("another {key} than its own"));
    }
}
