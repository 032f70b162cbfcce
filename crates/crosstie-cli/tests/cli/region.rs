//! Raw POSIX shared memory from the shell.

use crate::machine::Machine;

/// A region's name that goes with the test.
struct Named(String);

impl Named {
    fn new(test: &str) -> Self {
        Self(format!("/crosstie-test-{test}-{}", std::process::id()))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm{}", self.0));
    }
}

#[test]
fn what_is_written_to_a_region_is_read_from_it() {
    let (machine, name) = (Machine::new(), Named::new("write"));
    machine.crosstie(&["region", "create", &name.0, "--size", "4KiB"]).finish().code(0).wrote("");
    machine.crosstie(&["region", "write", &name.0]).input("Shared data").finish().code(0);
    machine.crosstie(&["region", "write", &name.0, "--offset", "7"]).input("DATA").finish().code(0);
    machine.crosstie(&["region", "read", &name.0, "--text"]).finish().code(0).wrote("Shared DATA");
    machine
        .crosstie(&["region", "read", &name.0, "--offset", "7", "--length", "4"])
        .finish()
        .code(0)
        .wrote("DATA");
    let whole = machine.crosstie(&["region", "read", &name.0]).finish().code(0).stdout;
    assert_eq!((whole.len(), &whole[..12]), (4096, &b"Shared DATA\0"[..]));
    machine.crosstie(&["region", "ls"]).finish().code(0).wrote_line(&format!("4KiB  {}", name.0));
    let json = machine.crosstie(&["region", "ls", "--json"]).finish().code(0).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let row = json["regions"].as_array().unwrap().iter().find(|row| row["name"] == name.0.as_str()).unwrap();
    assert_eq!(row["bytes"], 4096);
    machine.crosstie(&["region", "rm", &name.0]).finish().code(0);
    machine.crosstie(&["region", "read", &name.0]).finish().code(84);
}

#[test]
fn what_does_not_fit_a_region_is_not_written() {
    let (machine, name) = (Machine::new(), Named::new("fit"));
    machine.crosstie(&["region", "create", &name.0, "--size", "4"]).finish().code(0);
    machine.crosstie(&["region", "create", &name.0, "--size", "4"]).finish().code(85);
    machine.crosstie(&["region", "write", &name.0]).input("12345").finish().code(87).said("4 bytes");
    machine.crosstie(&["region", "read", &name.0]).finish().code(0).wrote(b"\0\0\0\0");
    machine.crosstie(&["region", "read", &name.0, "--offset", "2", "--length", "4"]).finish().code(2);
    for none in ["/a/b", "a", "//a", "/", "", "/.."] {
        machine.crosstie(&["region", "create", none, "--size", "4"]).finish().code(2).said("/my_region");
        machine.crosstie(&["region", "read", none]).finish().code(2).said("/my_region");
    }
}
