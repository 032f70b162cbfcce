//! The programs of examples/c, as a reader runs them.

use std::path::PathBuf;

use crosstie::region::Region;
use crosstie::sync::PosixSemaphore;

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
fn a_monitor_passes_everything_on_and_tells_who_was_killed_inside() {
    let Some(monitor) = example("monitor.c") else { return };
    assert_eq!(
        Stage::new().run(&monitor),
        "2000 items through a buffer of 4: their sum is 1001000\na producer was killed inside: the next one is told\n"
    );
}

#[test]
fn messages_over_a_fifo_stay_whole_and_end() {
    let Some(fifo) = example("fifo.c") else { return };
    assert_eq!(Stage::new().run(&fifo), "received to\nreceived be\nreceived continued\nthen closed\n");
}

/// What the textbook's program leaves in shared memory, and its semaphore, are reached from the other side.
#[test]
fn shared_memory_and_a_semaphore_of_a_textbook_program_are_ours_too() {
    let Some(shared_counter) = example("shared_counter.c") else { return };
    let stage = Stage::new();
    let name = format!("/crosstie-test-counter-{}", std::process::id());
    let output = stage.command(&shared_counter).args([&name, "keep"]).output().unwrap();
    let (region, semaphore) = (Region::open(&name), PosixSemaphore::open(&name));
    let unlinked = (Region::unlink(&name), PosixSemaphore::unlink(&name));
    assert!(output.status.success() && unlinked.0.is_ok() && unlinked.1.is_ok());
    let told = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = told.lines().collect();
    // Of what is lost without a semaphore nothing can be promised.
    assert!(lines[0].starts_with("without a semaphore: 400000 times raised, "), "{told}");
    assert_eq!(lines[1], "with a semaphore: 400000 times raised, 0 lost");
    let mut text = [0; 6];
    region.unwrap().read_at(8, &mut text).unwrap();
    assert_eq!((&text, semaphore.unwrap().value()), (b"400000", 1));
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

#[test]
fn a_server_in_cpp_answers_and_refuses() {
    let Some(calls) = example("calls.cpp") else { return };
    let stage = Stage::new();
    for address in [format!("unix:{}", stage.path("x.sock").display()), "queue:shouts".to_owned()] {
        let output = stage.command(&calls).arg(&address).output().unwrap();
        assert!(output.status.success(), "{address}: {}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stdout);
        let (reply, refusal) = told.split_once('\n').unwrap();
        assert_eq!(reply, "hello!", "{address}");
        assert!(
            refusal.starts_with("negative: ") && refusal.contains("say something"),
            "{address}: {refusal}"
        );
    }
}

#[test]
fn a_job_of_a_killed_worker_goes_to_the_next_in_cpp() {
    let Some(jobs) = example("jobs.cpp") else { return };
    assert_eq!(Stage::new().run(&jobs), "delivery 2: the door\nqueue:paint: 0 have it, 0 wait\n");
}
