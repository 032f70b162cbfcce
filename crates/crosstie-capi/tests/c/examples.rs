//! The programs of examples/c, as a reader runs them.

use std::path::PathBuf;

use crate::compiler::{Link, crate_folder, program};
use crate::stage::Stage;

fn example(name: &str) -> Option<PathBuf> {
    program(&crate_folder().join("../../examples/c").join(name), Link::Shared)
}

#[test]
fn parent_and_child_talk_over_a_pipe_and_the_end_is_told_from_a_death() {
    let Some(pipe) = example("pipe.c") else { return };
    assert_eq!(Stage::new().run(&pipe), "child: 3 messages, then closed\n");
}

#[test]
fn a_semaphore_that_is_not_shared_wakes_nobody_in_another_process() {
    let Some(sem_init) = example("sem_init.c") else { return };
    let told = Stage::new().run(&sem_init);
    assert_eq!(told, "pshared 0: the child slept on after the post\npshared 1: the child was woken\n");
}

/// Of what is lost without a semaphore nothing can be promised; what is counted, somebody counted.
#[test]
fn a_counter_loses_nothing_with_a_semaphore_also_when_an_owner_is_killed() {
    let Some(counter) = example("counter.c") else { return };
    let told = Stage::new().run(&counter);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("without a semaphore: 400000 times raised, "), "{told}");
    assert_eq!(lines[1], "with a semaphore: 400000 times raised, 0 lost");
    assert_eq!(lines[2], "its owner was killed inside: the next one has it");
}

#[test]
fn a_mutex_tells_the_next_owner_to_mend_what_a_dead_one_left() {
    let Some(mutex) = example("mutex.c") else { return };
    assert_eq!(Stage::new().run(&mutex), "its owner died halfway: 70 + 0\nmended: 70 + 30\n");
}

#[test]
fn a_client_reaches_a_server_at_a_socket() {
    let Some(socket) = example("socket.c") else { return };
    let stage = Stage::new();
    let address = format!("unix:{}", stage.path("x.sock").display());
    let output = stage.command(&socket).arg(address).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "received hello\n");
}
