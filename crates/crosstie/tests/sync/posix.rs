//! Semaphores that C programs open by name: examples/c/sem_open.c on the other side, which knows nothing of Crosstie.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crosstie::os::interruption::{Cause, interruptible};
use crosstie::os::process;
use crosstie::sync::{AnyCountingSemaphore, PosixSemaphore};
use crosstie::{Deadline, Error, ErrorKind};

use super::stage::{Watchdog, until_asleep};

/// A semaphore's name that goes with the test.
struct Named {
    name: String,
    folder: tempfile::TempDir,
    _watchdog: Watchdog,
}

impl Named {
    fn new(test: &str) -> Self {
        let name = format!("/crosstie-test-{test}-{}", std::process::id());
        let patience = std::time::Duration::from_secs(120);
        Self { name, folder: tempfile::tempdir().unwrap(), _watchdog: Watchdog::of(patience) }
    }

    /// The C program, which does `verbs`; `None`, said aloud, where there is no C compiler.
    fn in_c(&self, verbs: &[&str]) -> Option<InC> {
        let program = self.folder.path().join("sem_open");
        if !program.exists() {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c/sem_open.c");
            let mut cc = Command::new("cc");
            cc.args(["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-o"]);
            match cc.arg(&program).arg(source).arg("-pthread").output() {
                Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr)),
                Err(error) => {
                    println!("SKIPPED: no C compiler: cc: {error}");
                    return None;
                }
            }
        }
        let mut command = Command::new(program);
        command.arg(&self.name).arg("0").args(verbs).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Some(InC { child, says })
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // Where the test removed it, there is none.
        let _ = PosixSemaphore::unlink(&self.name);
    }
}

/// The C program; killed with the test.
struct InC {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl InC {
    fn says(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for InC {
    fn drop(&mut self) {
        // Ended already, perhaps.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The waiter waits in a thread; what is done once it sleeps.
fn with_a_sleeper(
    semaphore: &PosixSemaphore,
    deadline: Deadline,
    then: impl FnOnce(),
) -> crosstie::Result<()> {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            tell.send(process::tid()).unwrap();
            semaphore.wait_until(deadline)
        });
        until_asleep(process::pid(), told.recv().unwrap());
        then();
        waiter.join().unwrap()
    })
}

/// The C program pauses between its post and its wait: whoever is awake takes what is posted, also who posted it.
#[test]
fn what_a_c_program_posts_wakes_us_and_what_we_post_wakes_it() {
    let named = Named::new("both");
    let ours = PosixSemaphore::open_or_create(&named.name, 0).unwrap();
    let Some(mut c) = named.in_c(&["pause", "post", "pause", "wait", "value"]) else { return };
    let mut goes_on = c.child.stdin.take().unwrap();
    let woken = with_a_sleeper(&ours, Deadline::NEVER, || goes_on.write_all(b"\n").unwrap());
    assert!(woken.is_ok());
    assert_eq!((c.says(), c.says()), ("pause done".to_owned(), "post done".to_owned()));
    goes_on.write_all(b"\n").unwrap();
    until_asleep(c.child.id(), c.child.id());
    ours.post().unwrap();
    let said = [c.says(), c.says(), c.says()];
    assert_eq!(said, ["pause done", "wait done", "value 0"]);
}

/// What its page says is lost: a count of which nobody knows who had it.
#[test]
fn what_a_killed_c_program_took_does_not_come_back() {
    let named = Named::new("lost");
    let ours = PosixSemaphore::create(&named.name, 2).unwrap();
    let Some(mut c) = named.in_c(&["wait", "pause"]) else { return };
    assert_eq!(c.says(), "wait done");
    drop(c);
    assert_eq!(ours.value(), 1);
    ours.try_wait().unwrap();
    let refused = ours.try_wait().unwrap_err();
    assert!(
        refused.kind() == ErrorKind::Busy && refused.to_string().contains("does not say who"),
        "{refused}"
    );
}

/// A waiter that was woken and killed before it took leaves a value above 0 that nobody is woken for.
#[test]
fn a_wake_up_that_was_lost_is_found_by_who_looks_again() {
    let named = Named::new("look");
    let ours = PosixSemaphore::create(&named.name, 0).unwrap();
    let file = File::options().write(true).open(format!("/dev/shm/sem.{}", &named.name[1..])).unwrap();
    // glibc keeps the value in the lower half of the first word, where there are 64 bits, and those who wait in the upper.
    let taken =
        with_a_sleeper(&ours, Deadline::NEVER, || file.write_all_at(&1_u32.to_le_bytes(), 0).unwrap());
    assert!(taken.is_ok() && ours.value() == 0);
}

#[test]
fn a_wait_ends_at_its_deadline_and_when_it_is_interrupted() {
    let named = Named::new("ends");
    let ours = PosixSemaphore::create(&named.name, 0).unwrap();
    let late = ours.wait_for(std::time::Duration::from_millis(1)).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    let (ended, was_ended) = interruptible(|cause| cause == Cause::Tick, || ours.wait());
    assert_eq!((ended.unwrap_err().kind(), was_ended), (ErrorKind::TimedOut, true));
}

#[test]
fn a_posix_semaphore_is_had_by_its_address_without_a_domain() {
    let named = Named::new("address");
    let no_domain = || Err(Error::new("open", "a domain", ErrorKind::Failed));
    let address = format!("posix:{}", named.name);
    let any = AnyCountingSemaphore::open_or_create_in(no_domain, &address, 1).unwrap();
    any.wait_until(Deadline::NOW).unwrap();
    assert_eq!(any.wait_until(Deadline::NOW).unwrap_err().kind(), ErrorKind::Busy);
    any.post().unwrap();
    assert_eq!((any.value(), PosixSemaphore::open(&address).unwrap().value()), (1, 1));
    assert!(AnyCountingSemaphore::open_or_create_in(no_domain, "items", 1).is_err());
}

#[test]
fn wrong_names_and_what_is_no_semaphore_are_told_in_words() {
    let named = Named::new("wrong");
    for wrong in ["items", "", "/", "/..", "/a/b", "posix:items", &format!("/{}", "x".repeat(251)), "/a\0b"] {
        let refused = PosixSemaphore::open_or_create(wrong, 0).unwrap_err();
        assert!(
            refused.kind() == ErrorKind::Usage && refused.to_string().contains("posix:/items"),
            "{refused}"
        );
    }
    assert_eq!(PosixSemaphore::open(&named.name).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(PosixSemaphore::unlink(&named.name).unwrap_err().kind(), ErrorKind::NotFound);
    let above = PosixSemaphore::create(&named.name, 1 << 31).unwrap_err();
    assert!(above.kind() == ErrorKind::Usage && above.to_string().contains("2147483647"), "{above}");
    let full = PosixSemaphore::create(&named.name, i32::MAX as u32).unwrap();
    assert_eq!(PosixSemaphore::create(&named.name, 0).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(full.post().unwrap_err().kind(), ErrorKind::TooLarge);
    drop(full);
    PosixSemaphore::unlink(&named.name).unwrap();
    std::fs::write(format!("/dev/shm/sem.{}", &named.name[1..]), "short").unwrap();
    let refused = PosixSemaphore::open(&named.name).unwrap_err();
    assert!(
        refused.kind() == ErrorKind::Usage && refused.to_string().contains("is no semaphore"),
        "{refused}"
    );
}
