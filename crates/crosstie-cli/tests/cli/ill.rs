//! Taking turns where something is wrong: each an exit code and a sentence, never a hang.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::machine::{Finished, Machine};

/// Each verb that opens an object called `name`, and the object's kind.
fn verbs(name: &str) -> Vec<(&'static str, Vec<&str>)> {
    vec![
        ("lock", vec!["lock", name, "--", "true"]),
        ("lock", vec!["lock", "--shared", name, "--", "true"]),
        ("sem", vec!["sem", name, "-n", "2", "--", "true"]),
        ("once", vec!["once", name, "--", "true"]),
        ("barrier", vec!["barrier", name, "-n", "1"]),
        ("count", vec!["post", name]),
        ("count", vec!["wait", name, "--try"]),
        ("event", vec!["event", "set", name]),
        ("event", vec!["event", "wait", name, "--try"]),
    ]
}

#[test]
fn a_name_that_is_none_is_a_usage_error_for_every_verb() {
    let machine = Machine::new();
    let long = "n".repeat(201);
    for name in ["", "a/b", "..", "a b", "ü", long.as_str()] {
        for (kind, arguments) in verbs(name) {
            machine.crosstie(&arguments).finish().code(2).said(&format!("{kind}:{name}"));
        }
        for kind in ["lock", "sem", "count", "monitor", "cond", "barrier", "once", "event"] {
            machine.crosstie(&["rm", &format!("{kind}:{name}")]).finish().code(2);
        }
    }
    machine.crosstie(&["rm", "lock:none"]).finish().code(84);
}

#[test]
fn what_is_no_object_of_ours_is_86_for_every_verb_and_can_be_removed() {
    let machine = Machine::new();
    let domain = machine.path("domain");
    for (kind, arguments) in verbs("x") {
        // What somebody is to bring about is made, and has not happened.
        let code = if arguments.contains(&"--try") { 75 } else { 0 };
        machine.crosstie(&arguments).finish().code(code);
        let path = domain.join(format!("{kind}.x"));
        let sound = fs::read(&path).unwrap();
        let spoilt = |at: usize, byte: u8| {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            bytes
        };
        let cases = [
            (vec![0; sound.len()], "corrupt"),
            (sound[..100].to_vec(), "corrupt"),
            (sound[..4200].to_vec(), "corrupt"),
            (Vec::new(), "corrupt"),
            (b"somebody's notes".to_vec(), "corrupt"),
            (spoilt(8, 7), "format version 7, this build reads 1"),
            (spoilt(16, b'z'), "asked for was a"),
            (spoilt(24, sound[24] ^ 1), "layout"),
            (spoilt(56, sound[56] ^ 1), "asked for was"),
        ];
        for (bytes, said) in cases {
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
            machine.crosstie(&arguments).finish().code(86).said(said).said("hint");
            machine.crosstie(&["ls"]).finish().code(0);
        }
        machine.crosstie(&["rm", &format!("{kind}:x")]).finish().code(0);
        assert!(!path.exists());
    }
}

#[test]
fn an_object_of_another_type_is_86_and_both_are_named() {
    let machine = Machine::new();
    machine.crosstie(&["post", "x"]).finish().code(0);
    fs::rename(machine.path("domain/count.x"), machine.path("domain/lock.x")).unwrap();
    machine
        .crosstie(&["lock", "x", "--", "true"])
        .finish()
        .code(86)
        .said("it is a count, asked for was a lock");
    machine.crosstie(&["barrier", "b", "-n", "2", "-t", "1ms"]).finish().code(124).said("barrier:b");
    machine.crosstie(&["barrier", "b", "-n", "3"]).finish().code(86).said("2 parties").said("3 parties");
}

#[test]
fn a_ledger_that_is_none_or_of_another_version_is_86_with_what_to_do() {
    let machine = Machine::new();
    machine.crosstie(&["lock", "x", "--", "true"]).finish().code(0);
    let ledger = machine.path("domain/ledger");
    let sound = fs::read(&ledger).unwrap();
    let mut later = sound.clone();
    later[8] = 2;
    for bytes in [vec![0; sound.len()], sound[..4096].to_vec(), later] {
        fs::remove_file(&ledger).unwrap();
        fs::write(&ledger, bytes).unwrap();
        for verb in [vec!["lock", "x", "--", "true"], vec!["ls"], vec!["doctor"], vec!["graph"]] {
            machine.crosstie(&verb).finish().code(86).said("rm -r");
        }
    }
}

#[test]
fn numbers_that_none_has_are_told() {
    let machine = Machine::new();
    machine.crosstie(&["sem", "s", "-n", "0", "--", "true"]).finish().code(2).said("1 to 1024 permits");
    machine.crosstie(&["sem", "s", "-n", "1025", "--", "true"]).finish().code(2);
    machine.crosstie(&["sem", "s", "-n", "2", "--take", "0", "--", "true"]).finish().code(2);
    machine.crosstie(&["sem", "s", "-n", "2", "--take", "3", "--", "true"]).finish().code(2).said("it has 2");
    machine.crosstie(&["sem", "s", "-n", "9999", "--resize"]).finish().code(2);
    machine.crosstie(&["barrier", "b", "-n", "65"]).finish().code(2).said("1 to 64 parties");
    machine.crosstie(&["post", "c", "--value", "2147483648"]).finish().code(2).said("2147483647");
    machine.crosstie(&["post", "c", "--value", "2147483647"]).finish().code(0);
    machine.crosstie(&["post", "c"]).finish().code(87).said("count:c").said("2147483647");
    machine.crosstie(&["wait", "c"]).finish().code(0);
    machine.crosstie(&["post", "c"]).finish().code(0);
}

#[test]
fn a_stopped_holder_is_waited_for_and_named_by_the_doctor() {
    let machine = Machine::new();
    let holder = machine.crosstie(&["lock", "db", "--", "sh", "-c", "echo $$ > pid; exec sleep 30"]).start();
    let pid = read_pid(&machine.path("pid"));
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    machine.crosstie(&["lock", "--try", "db", "--", "true"]).finish().code(75);
    machine
        .crosstie(&["lock", "-t", "50ms", "db", "--", "true"])
        .finish()
        .code(124)
        .said("lock:db is held by");
    let wait_told = |told_of: &str| {
        let waiter = machine.crosstie(&["lock", "db", "--", "true"]).start();
        let mut told = String::new();
        while !(told.contains(told_of) && told.contains("it is stopped")) {
            // poll: the doctor sees who waits and who is stopped
            told = machine.crosstie(&["doctor"]).finish().output();
        }
        (waiter, told)
    };
    let (waiter, _) = wait_told("crosstie waits for lock:db, which");
    let (second, told) = wait_told("crosstie and 1 more wait for lock:db, which");
    assert!(told.contains("lock:db") && told.contains("kill -CONT"), "{told}");
    machine.crosstie(&["doctor"]).finish().code(1);
    rustix::process::kill_process(pid, Signal::CONT).unwrap();
    holder.signal(Signal::TERM);
    holder.finish().code(143);
    waiter.finish().code(0);
    second.finish().code(0);
}

fn read_pid(path: &Path) -> rustix::process::Pid {
    loop {
        // poll: the command has said who it is
        if let Some(pid) = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()) {
            return rustix::process::Pid::from_raw(pid).unwrap();
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_lock_held_in_a_former_boot_is_abandoned() {
    let machine = Machine::new();
    if fs::metadata("/proc/sys/kernel/random/boot_id").is_err() {
        println!("SKIPPED: the kernel does not say which boot this is");
        return;
    }
    let holder = machine.crosstie(&["lock", "db", "--", "sh", "-c", "echo $$ > pid; exec sleep 30"]).start();
    read_pid(&machine.path("pid"));
    // As a disk keeps it; the holder's numbers are those of processes that live now.
    let copy = |name: &str| {
        let path = machine.path(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        for file in ["ledger", "lock.db"] {
            fs::copy(machine.path("domain").join(file), path.join(file)).unwrap();
        }
        path
    };
    let lock = |domain: &Path| -> Finished {
        let domain = domain.to_str().unwrap();
        machine.crosstie(&["lock", "--try", "db", "--domain", domain, "--", "true"]).finish()
    };
    lock(&copy("same")).code(75);
    let former = copy("former");
    // Where the ledger says in which boot it is used (docs/format.md).
    OpenOptions::new().write(true).open(former.join("ledger")).unwrap().write_all_at(&[7; 8], 472).unwrap();
    lock(&former).code(0).said("abandoned");
    lock(&former).code(0).silent_about("abandoned");
    holder.signal(Signal::TERM);
    holder.finish().code(143);
}

#[test]
fn a_domain_of_another_user_is_77() {
    let machine = Machine::new();
    let foreign = machine.path("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o700)).unwrap();
    if std::os::unix::fs::chown(&foreign, Some(12345), None).is_err() {
        println!("SKIPPED: only root may give a directory to another user");
        return;
    }
    let domain = foreign.to_str().unwrap();
    for verb in [vec!["lock", "x", "--domain", domain, "--", "true"], vec!["ls", "--domain", domain]] {
        machine.crosstie(&verb).finish().code(77).said("user 12345").said("hint");
    }
}

/// Runs `crosstie` where /dev/shm is what `mounts` make of it; `None`, and SKIPPED, where that is not allowed.
fn with_shm(mounts: &str, arguments: &str) -> Option<(i32, String)> {
    let wrapper = ["--user", "--map-root-user", "--mount"];
    if !Command::new("unshare").args(wrapper).arg("true").status().is_ok_and(|status| status.success()) {
        println!("SKIPPED: `unshare --mount` is not permitted on this machine");
        return None;
    }
    let script = format!("{mounts} && \"$0\" {arguments}");
    let out = Command::new("unshare")
        .args(wrapper)
        .args(["sh", "-c", &script, env!("CARGO_BIN_EXE_crosstie")])
        .env_remove("CROSSTIE_DOMAIN")
        .output()
        .unwrap();
    Some((out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned()))
}

#[test]
fn a_full_dev_shm_is_125_and_a_read_only_one_77_with_the_remedy() {
    let full = "mount -t tmpfs -o size=128k tmpfs /dev/shm";
    let fill = format!("{full} && {{ head -c 1M /dev/zero > /dev/shm/filler || :; }} 2>/dev/null");
    let later =
        format!("{full} && \"$0\" ls && {{ head -c 1M /dev/zero > /dev/shm/filler || :; }} 2>/dev/null");
    let read_only = "mount -t tmpfs -o ro tmpfs /dev/shm";
    let turned = format!(
        "{} && \"$0\" lock x -- true && mount -o remount,ro /dev/shm",
        "mount -t tmpfs tmpfs /dev/shm"
    );
    for verb in ["lock x -- true", "sem x -n 2 -- true", "post x", "event set x", "barrier x -n 1"] {
        for (mounts, code, said) in [
            (&*fill, 125, "size="),
            (&*later, 125, "size="),
            (read_only, 77, "rw"),
            (&*turned, 77, "ead-only"),
        ] {
            let Some((found, told)) = with_shm(mounts, verb) else { return };
            assert!(found == code && told.contains(said), "{verb} after {mounts}: {found} {told}");
        }
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_125_and_no_signal() {
    let machine = Machine::new();
    let limited = |limit: &str, arguments: &str| {
        let script = format!("ulimit -f {limit} && exec \"$0\" {arguments}");
        let out = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_crosstie")])
            .env("CROSSTIE_DOMAIN", machine.path("domain"))
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    // No room for a ledger; then one is there, and no room for a ring. The shell counts in 512 bytes.
    let (code, told) = limited("16", "lock x -- true");
    assert!(code == Some(125) && told.contains("ulimit -f"), "{code:?} {told}");
    machine.crosstie(&["ls"]).finish().code(0);
    let (code, told) = limited("16", "send 'ring:r?capacity=1MiB' one");
    assert!(code == Some(125) && told.contains("ulimit -f"), "{code:?} {told}");
    assert_eq!(limited("16", "lock x -- true"), (Some(0), String::new()), "a small object has room");
}
