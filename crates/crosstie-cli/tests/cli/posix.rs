//! Semaphores that C programs open by `sem_open`, from the shell.

use crosstie::sync::PosixSemaphore;

use crate::machine::{Machine, until};

/// A semaphore's name that goes with the test.
struct Named(String);

impl Named {
    fn new(test: &str) -> Self {
        Self(format!("posix:/crosstie-test-cli-{test}-{}", std::process::id()))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // Where the test removed it, there is none.
        let _ = PosixSemaphore::unlink(&self.0);
    }
}

#[test]
fn a_c_program_s_semaphore_is_posted_and_waited_for() {
    let (machine, named) = (Machine::new(), Named::new("post"));
    let name = named.0.as_str();
    machine.crosstie(&["post", name, "--value", "1"]).finish().code(0);
    machine.crosstie(&["post", name, "--value", "1"]).finish().code(85).said("crosstie rm posix:/");
    machine.crosstie(&["wait", name]).finish().code(0);
    machine.crosstie(&["wait", name, "--try"]).finish().code(75).said("does not say who");
    machine.crosstie(&["wait", name, "-t", "0.05"]).finish().code(124);
    let waiter = machine.crosstie(&["wait", name]).start();
    waiter.until_asleep();
    PosixSemaphore::open(name).unwrap().post().unwrap();
    waiter.finish().code(0);
    machine.crosstie(&["rm", name]).finish().code(0);
    machine.crosstie(&["rm", name]).finish().code(84);
    machine.crosstie(&["post", "posix:items"]).finish().code(2).said("posix:/items");
    machine.crosstie(&["send", "posix:/items", "x"]).finish().code(2).said("crosstie post posix:/items");
}

/// It has no owner, and says so: what `kill -9` of the wrapper leaves is one fewer.
#[test]
fn a_command_has_one_of_a_c_program_s_semaphore_and_gives_it_back() {
    let (machine, named) = (Machine::new(), Named::new("sem"));
    let name = named.0.as_str();
    machine.crosstie(&["sem", name, "--", "true"]).finish().code(84).said("-n N");
    machine.crosstie(&["sem", name, "-n", "1", "--", "sh", "-c", "exit 4"]).finish().code(4);
    machine.crosstie(&["sem", name, "--", "./nothing"]).finish().code(127);
    machine.crosstie(&["sem", name, "--take", "2", "--", "true"]).finish().code(2).said("one at a time");
    let count = PosixSemaphore::open(name).unwrap();
    assert_eq!(count.value(), 1);
    let mut holder = machine.crosstie(&["sem", name, "--", "sleep", "30"]).start();
    until(|| count.value() == 0);
    machine.crosstie(&["sem", name, "--try", "--", "true"]).finish().code(75);
    holder.kill();
    holder.until_ended();
    assert_eq!(count.value(), 0, "lost, as it is said");
}
