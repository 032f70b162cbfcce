//! Every example, run as a user runs it: as a program of its own, to its end.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crosstie::region::Region;

/// What no example comes near; one that is still running then hangs.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_parent_sends_to_its_child_over_a_pipe() {
    assert_eq!(run(example("pipe")), "pipe: 100 numbers, none lost\n");
}

#[test]
fn unrelated_processes_meet_at_a_fifo() {
    assert_eq!(run(example("fifo")), "fifo: 100 numbers, none lost\n");
}

#[test]
fn processes_meet_in_shared_memory() {
    let domain = tempfile::tempdir().unwrap();
    let mut command = example("shm");
    command.env("CROSSTIE_DOMAIN", domain.path().join("d"));
    assert_eq!(run(command), "shm: 100 numbers, none lost\n");
}

#[test]
fn a_client_is_answered_over_every_socket() {
    for name in ["unix", "unixpacket", "tcp", "udp"] {
        assert_eq!(run(example(name)), format!("{name}: hello was answered\n"));
    }
}

#[test]
fn a_server_answers_the_calls_of_another_process() {
    assert_eq!(run(example("call")), "call: 3 calls, 16 letters\n");
}

#[test]
fn one_thread_waits_for_two_rings_in_an_epoll_of_its_own() {
    let printed = run(example("epoll"));
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["ring:left has sent", "ring:right has sent"]);
}

#[test]
fn a_mutex_whose_owner_is_killed_halfway_is_mended() {
    let domain = tempfile::tempdir().unwrap();
    let mut command = example("mutex");
    command.env("CROSSTIE_DOMAIN", domain.path().join("d"));
    assert_eq!(run(command), "its owner died halfway: 70 + 0\nmended: 70 + 30\n");
}

#[test]
fn a_bounded_buffer_hands_over_in_order() {
    let domain = tempfile::tempdir().unwrap();
    let mut command = example("monitor");
    command.env("CROSSTIE_DOMAIN", domain.path().join("d"));
    let consumed: String = (0..5).map(|item| format!("consumed {item}\n")).collect();
    assert_eq!(run(command), consumed);
}

#[cfg(feature = "tokio")]
#[test]
fn a_task_awaits_what_a_blocking_thread_sends() {
    assert_eq!(run(example("async_ring")), "0\n1\n2\n");
}

#[test]
fn orders_wait_in_shared_memory_until_they_are_taken() {
    let domain = tempfile::tempdir().unwrap();
    let orders = |verb| {
        let mut command = example("orders");
        command.arg(verb).env("CROSSTIE_DOMAIN", domain.path().join("d"));
        run(command)
    };
    assert_eq!(orders("send"), "");
    let received = orders("receive");
    assert_eq!(received.lines().count(), 3, "{received}");
    assert!(received.starts_with("Order { number: 1, item: \"tea\" }\n"), "{received}");
}

#[test]
fn who_comes_late_to_a_topic_catches_up() {
    let domain = tempfile::tempdir().unwrap();
    let topic = |verb| {
        let mut command = example("topic");
        command.arg(verb).env("CROSSTIE_DOMAIN", domain.path().join("d"));
        run(command)
    };
    assert_eq!(topic("tick"), "");
    assert_eq!(topic("catch-up"), "tick 2\ntick 3\n");
}

#[test]
fn jobs_are_done_and_one_that_fails_is_delivered_again() {
    let domain = tempfile::tempdir().unwrap();
    let jobs = |verb| {
        let mut command = example("jobs");
        command.arg(verb).env("CROSSTIE_DOMAIN", domain.path().join("d"));
        run(command)
    };
    assert_eq!(jobs("send"), "");
    let worked = "job 1, delivery 1\njob 2 fails once\njob 2, delivery 2\njob 3, delivery 1\n";
    assert_eq!(jobs("work"), worked);
}

#[test]
fn a_lock_a_permit_and_a_job_are_had_by_name() {
    let domain = tempfile::tempdir().unwrap();
    for turn in 1..=2 {
        let mut command = example("take_turns");
        command.env("CROSSTIE_DOMAIN", domain.path().join("d"));
        assert_eq!(run(command), format!("GPU 0\njob Some(7), {turn} in stock\njob Some(8)\n"));
    }
}

/// Of what is lost without a semaphore nothing can be promised; what is counted, somebody counted.
#[test]
fn two_processes_raise_a_counter_and_with_a_semaphore_lose_nothing() {
    let domain = tempfile::tempdir().unwrap();
    let mut command = example("counter");
    command.env("CROSSTIE_DOMAIN", domain.path().join("d"));
    let told = run(command);
    let lost: Vec<u64> = told
        .lines()
        .map(|line| {
            line.strip_suffix(" lost").and_then(|line| line.rsplit(' ').next()).unwrap().parse().unwrap()
        })
        .collect();
    let [without, with] = lost[..] else { panic!("{told}") };
    assert!(with == 0 && without < 2_000, "{told}");
    assert!(told.starts_with("without a semaphore: 2000 times raised, "), "{told}");
}

#[test]
fn what_c_writes_into_posix_shared_memory_is_read_by_us() {
    let Some(programs) = CPrograms::compile() else { return };
    let name = programs.region("c-writes");
    assert_eq!(run(programs.command("write_region", &name)), "");
    let mut text = [0; 12];
    Region::open(&name).unwrap().read_at(0, &mut text).unwrap();
    assert_eq!(&text, b"Shared data\0");
    let mut ours = example("region");
    ours.args(["read", &name]);
    assert_eq!(run(ours), "Shared data\n");
    assert_eq!(Region::open(&name).unwrap_err().kind(), crosstie::ErrorKind::NotFound);
}

#[test]
fn what_we_write_into_posix_shared_memory_is_read_by_c() {
    let Some(programs) = CPrograms::compile() else { return };
    let name = programs.region("we-write");
    let mut ours = example("region");
    ours.args(["write", &name]);
    assert_eq!(run(ours), "");
    assert_eq!(run(programs.command("read_region", &name)), "Shared data\n");
}

/// The example `name`, which cargo builds together with the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is not built: cargo build --examples", path.display());
    Command::new(path)
}

/// Runs a program to its end; answers what it wrote, and ends it where it hangs.
fn run(mut command: Command) -> String {
    use std::os::unix::process::CommandExt as _;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut group = Group(command.spawn().unwrap());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = group.0.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < LIMIT, "{command:?} hangs");
        // poll: whether the example has ended
        std::thread::sleep(Duration::from_millis(5));
    };
    let (mut written, mut complaint) = (String::new(), String::new());
    group.0.stdout.take().unwrap().read_to_string(&mut written).unwrap();
    group.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(status.success(), "{command:?}: {status}\n{written}{complaint}");
    written
}

/// An example and the process that it starts; whatever is left of them ends with the test.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        // When all have ended there is nobody to kill.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

/// The C programs of examples/c, compiled into a folder of the test's own, and the regions' names.
struct CPrograms {
    folder: tempfile::TempDir,
    regions: std::cell::RefCell<Vec<String>>,
}

impl CPrograms {
    /// `None`, said aloud, where there is no C compiler.
    fn compile() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["write_region", "read_region"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c").join(name);
            let mut cc = Command::new("cc");
            cc.args(["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-o"]);
            cc.arg(folder.path().join(name)).arg(source.with_extension("c")).arg("-lrt");
            match cc.output() {
                Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr)),
                Err(error) => {
                    println!("SKIPPED: no C compiler: cc: {error}");
                    return None;
                }
            }
        }
        Some(Self { folder, regions: Default::default() })
    }

    fn command(&self, name: &str, region: &str) -> Command {
        let program: PathBuf = self.folder.path().join(name);
        let mut command = Command::new(program);
        command.arg(region);
        command
    }

    /// A region's name that no other run uses; the region is removed with the programs.
    fn region(&self, purpose: &str) -> String {
        let name = format!("/crosstie-{purpose}-{}", std::process::id());
        self.regions.borrow_mut().push(name.clone());
        name
    }
}

impl Drop for CPrograms {
    fn drop(&mut self) {
        for name in self.regions.take() {
            // Where the test succeeded, its last program removed it.
            let _ = Region::unlink(&name);
        }
    }
}
