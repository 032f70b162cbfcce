//! Two real processes on every lane: what arrives is checked, and nothing hangs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosstie_measure::compare::subject::{Mechanism, Subject};
use crosstie_measure::engine::pair::{Pair, PairSpec};
use crosstie_measure::engine::scratch::Scratch;
use crosstie_measure::engine::spec::{Burden, Lane, Link, Wait};
use crosstie_measure::floor::bare_ring::Cut;
use crosstie_measure::floor::lines::SharedLines;
use crosstie_measure::floor::{cache_line, futex_wake};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crosstie-measure"))
}

fn start(lane: Lane, payload_bytes: usize) -> crosstie::Result<Pair> {
    Pair::start(&PairSpec {
        program: program(),
        lane,
        payload_bytes,
        processors: None,
        patience: Duration::from_secs(30),
    })
}

/// A file of `lines` lines in the scratch folder.
fn shared(scratch: &Scratch, name: &str, lines: usize) -> (PathBuf, String) {
    let path = scratch.path().join(name);
    SharedLines::create(&path, lines).unwrap();
    let text = path.display().to_string();
    (path, text)
}

#[test]
fn the_floors_are_measured_between_two_processes() {
    let scratch = Scratch::create(program()).unwrap();
    let (_, path) = shared(&scratch, "line", cache_line::LINES);
    let line = start(Lane::CacheLine { path }, 8).unwrap().round_trips(50, None).unwrap();
    assert_eq!(line.client.messages, 50);
    assert!(line.client.round_trip_ns.p50 > 0);

    let (_, path) = shared(&scratch, "futex", futex_wake::LINES);
    let wake = start(Lane::FutexWake { path }, 8).unwrap().round_trips(200, None).unwrap();
    assert_eq!(wake.client.messages + wake.client.lost, 200);
}

#[test]
fn the_bare_ring_carries_every_payload_both_ways_and_one_way() {
    let scratch = Scratch::create(program()).unwrap();
    for payload_bytes in [8, 48, 64, 1024, 65_536] {
        let capacity_bytes = 4 * (payload_bytes + 64);
        let cut = Cut::of(capacity_bytes, payload_bytes);
        let (_, path) = shared(&scratch, &format!("ring-{payload_bytes}"), cut.lines());
        let mut pair = start(Lane::BareRing { path, capacity_bytes }, payload_bytes).unwrap();
        let answers = pair.round_trips(100, None).unwrap();
        assert_eq!((answers.client.messages, answers.client.lost), (100, 0));
        for burden in [Burden::None, Burden::Sender, Burden::Receiver] {
            let answers = pair.one_way(100, burden).unwrap();
            assert_eq!((answers.server.messages, answers.server.lost), (99, 0));
        }
    }
}

/// Our own ends and the bare loop on one mechanism: both carry every payload.
fn carries(mechanism: Mechanism, payloads: &[usize]) {
    let scratch = Scratch::create(program()).unwrap();
    for &payload_bytes in payloads {
        for subject in [Subject::Row(mechanism, Wait::Block), Subject::BareLoop(mechanism)] {
            let folder = scratch.path().join(format!("{payload_bytes}-{subject:?}"));
            std::fs::create_dir(&folder).unwrap();
            let mut pair = start(subject.lane(payload_bytes, &folder).unwrap(), payload_bytes).unwrap();
            let answers = pair.round_trips(20, None).unwrap();
            assert_eq!((answers.client.messages, answers.client.lost), (20, 0), "{subject:?}");
            let answers = pair.one_way(50, Burden::None).unwrap();
            let server = &answers.server;
            assert_eq!(server.messages + server.lost, 49, "{subject:?}");
            assert!(server.lost == 0 || mechanism == Mechanism::Udp, "{} lost: {subject:?}", server.lost);
            match pair.syscalls_per_message(20).unwrap() {
                Some(calls) => assert!(calls >= 1.0, "{calls} system calls a message: {subject:?}"),
                None => println!("SKIPPED: tracing is not allowed here"),
            }
            let paced = pair.round_trips(10, Some(2_000_000)).unwrap();
            assert!(paced.client.elapsed_ns >= 18_000_000, "{} ns", paced.client.elapsed_ns);
        }
    }
}

const ANY_SIZE: [usize; 4] = [8, 64, 65_536, 300_000];

#[test]
fn pipes_carry_every_payload() {
    carries(Mechanism::Pipe, &ANY_SIZE);
}

#[test]
fn fifos_carry_every_payload() {
    carries(Mechanism::Fifo, &ANY_SIZE);
}

#[test]
fn unix_streams_carry_every_payload() {
    carries(Mechanism::Unix, &ANY_SIZE);
}

#[test]
fn unix_packets_carry_every_payload() {
    carries(Mechanism::UnixPacket, &ANY_SIZE);
}

#[test]
fn tcp_carries_every_payload() {
    carries(Mechanism::Tcp, &ANY_SIZE);
}

#[test]
fn udp_carries_what_fits_a_datagram() {
    carries(Mechanism::Udp, &[8, 64, 1024, 60_000]);
}

#[test]
fn rings_carry_every_payload_spinning_and_sleeping() {
    let scratch = Scratch::create(program()).unwrap();
    for wait in [Wait::Block, Wait::Spin] {
        for payload_bytes in [8, 48, 64, 65_536, 300_000] {
            let folder = scratch.path().join(format!("{}-{payload_bytes}", wait.word()));
            std::fs::create_dir(&folder).unwrap();
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
            let lane = Subject::Row(Mechanism::Shm, wait).lane(payload_bytes, &folder).unwrap();
            let mut pair = start(lane, payload_bytes).unwrap();
            let answers = pair.round_trips(20, None).unwrap();
            assert_eq!((answers.client.messages, answers.client.lost), (20, 0));
            for burden in [Burden::None, Burden::Sender, Burden::Receiver] {
                let answers = pair.one_way(50, burden).unwrap();
                assert_eq!((answers.server.messages, answers.server.lost), (49, 0));
            }
        }
    }
}

#[test]
fn queues_and_topics_carry_every_payload_spinning_and_sleeping() {
    let scratch = Scratch::create(program()).unwrap();
    for mechanism in [Mechanism::Queue, Mechanism::Topic] {
        for (wait, payload_bytes) in
            [(Wait::Block, 8), (Wait::Spin, 64), (Wait::Block, 65_536), (Wait::Block, 4 << 20)]
        {
            let folder = scratch.path().join(format!("{}-{payload_bytes}", mechanism.name()));
            let lane = Subject::Row(mechanism, wait).lane(payload_bytes, &folder).unwrap();
            let mut pair = start(lane, payload_bytes).unwrap();
            let answers = pair.round_trips(5, None).unwrap();
            assert_eq!((answers.client.messages, answers.client.lost), (5, 0));
            let answers = pair.one_way(12, Burden::None).unwrap();
            assert_eq!((answers.server.messages, answers.server.lost), (11, 0));
        }
    }
}

#[test]
fn a_ring_read_in_place_and_a_queue_carry_every_payload() {
    let scratch = Scratch::create(program()).unwrap();
    let link = || Link::Addresses { there: "ring:there".into(), back: "ring:back".into() };
    for payload_bytes in [8, 48, 64, 65_536] {
        let domain = |name: &str| scratch.path().join(format!("{name}-{payload_bytes}"));
        let capacity_bytes = 1 << 18;
        for lane in [
            Lane::InPlace { link: link(), domain: domain("ring"), capacity_bytes },
            Lane::Queue { domain: domain("queue"), wait: None, places: 16 },
        ] {
            let mut pair = start(lane, payload_bytes).unwrap();
            let answers = pair.round_trips(20, None).unwrap();
            assert_eq!((answers.client.messages, answers.client.lost), (20, 0));
            let answers = pair.one_way(50, Burden::None).unwrap();
            assert_eq!((answers.server.messages, answers.server.lost), (49, 0));
        }
    }
}

#[test]
fn a_payload_that_changes_on_its_way_is_caught() {
    let scratch = Scratch::create(program()).unwrap();
    let payload_bytes = 4096;
    let capacity_bytes = 4 * payload_bytes;
    let cut = Cut::of(capacity_bytes, payload_bytes);
    let (path, text) = shared(&scratch, "ring", cut.lines());
    let mut pair = start(Lane::BareRing { path: text, capacity_bytes }, payload_bytes).unwrap();
    let lines = SharedLines::open(&path).unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let vandal = threads.spawn(|| {
            let mut junk = 0;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                junk += 1;
                // In the middle of the first slot's payload, after the four lines of credit.
                lines.word(4 + 30).store(junk, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let error = pair.round_trips(200_000, None).unwrap_err();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        vandal.join().unwrap();
        assert_eq!(error.kind(), crosstie::ErrorKind::Corrupt, "{error}");
    });
}

#[test]
fn a_side_that_is_killed_ends_the_measurement() {
    let scratch = Scratch::create(program()).unwrap();
    let (_, path) = shared(&scratch, "line", cache_line::LINES);
    let mut pair = start(Lane::CacheLine { path }, 8).unwrap();
    let [_, server] = pair.processes();
    let killed = std::process::Command::new("kill").args(["-9", &server.to_string()]).status().unwrap();
    assert!(killed.success());
    let error = pair.round_trips(1_000, None).unwrap_err();
    assert!(error.to_string().contains("receiving side"), "{error}");
}

#[test]
fn a_side_that_hangs_ends_the_measurement() {
    let scratch = Scratch::create(program()).unwrap();
    let (_, path) = shared(&scratch, "line", cache_line::LINES);
    let spec = PairSpec {
        program: program(),
        lane: Lane::CacheLine { path },
        payload_bytes: 8,
        processors: None,
        patience: Duration::from_millis(300),
    };
    let mut pair = Pair::start(&spec).unwrap();
    let [_, server] = pair.processes();
    let stopped = std::process::Command::new("kill").args(["-STOP", &server.to_string()]).status().unwrap();
    assert!(stopped.success());
    let error = pair.round_trips(1_000, None).unwrap_err();
    assert_eq!(error.kind(), crosstie::ErrorKind::TimedOut, "{error}");
}

#[test]
fn a_lane_that_cannot_be_opened_says_why() {
    let error = start(Lane::CacheLine { path: "/nonexistent/line".into() }, 8).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/line"), "{error}");
    let error = start(Lane::Foreign { way: "pigeons".into(), folder: "/nonexistent".into() }, 8).unwrap_err();
    assert!(error.to_string().contains("pigeons"), "{error}");
}

#[test]
fn what_a_foreign_lane_left_under_the_name_of_the_run_goes_with_the_run() {
    let scratch = Scratch::create(program()).unwrap();
    if !scratch.path().starts_with("/dev/shm") {
        return println!("SKIPPED: this machine has no /dev/shm");
    }
    let own = scratch.path().file_name().unwrap().to_string_lossy().into_owned();
    let [left, others] =
        ["-64-3-there", "0-64-3-there"].map(|rest| Path::new("/dev/shm").join(own.clone() + rest));
    for path in [&left, &others] {
        std::fs::write(path, "x").unwrap();
    }
    drop(scratch);
    let (is_left, is_there) = (left.exists(), others.exists());
    std::fs::remove_file(&others).unwrap();
    assert!(!is_left && is_there, "{is_left} {is_there}");
}

#[test]
fn the_scratch_folder_goes_with_the_run() {
    let scratch = Scratch::create(program()).unwrap();
    let path = scratch.path().to_path_buf();
    std::fs::write(path.join("rest"), "x").unwrap();
    drop(scratch);
    assert!(!path.exists());
}
