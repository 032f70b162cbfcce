//! Programs that check themselves, linked to the shared and to the static library, under valgrind and AddressSanitizer.

use std::process::Command;

use crate::compiler::{Link, can_watch, test_program};
use crate::stage::Stage;

/// What each program says when all that it checks holds.
const PROGRAMS: [(&str, &str); 12] = [
    ("misuse.c", "misuse: ok\n"),
    ("threads.c", "threads: ok\n"),
    ("forked.c", "forked: ok\n"),
    ("raii.cpp", "raii: ok\n"),
    ("calls.cpp", "calls: ok\n"),
    ("in_hand.cpp", "in_hand: ok\n"),
    ("waits.c", "waits: ok\n"),
    ("memory.c", "memory: ok\n"),
    ("short.c", "short: ok\n"),
    ("service.c", "service: ok\n"),
    ("streams.c", "streams: ok\n"),
    ("batches.c", "batches: ok\n"),
];

#[test]
fn whatever_c_hands_in_is_answered_by_a_status() {
    says("misuse.c");
}

#[test]
fn a_turn_is_the_threads_or_the_process_s_and_a_handler_is_refused() {
    says("threads.c");
}

#[test]
fn a_child_of_fork_has_nothing_of_its_parents() {
    says("forked.c");
}

#[test]
fn conditions_monitors_and_what_is_done_once_are_used_and_misused() {
    says("waits.c");
}

#[test]
fn regions_messages_in_place_connections_and_addresses_are_used_and_misused() {
    says("memory.c");
}

#[test]
fn the_short_way_to_a_lock_refuses_what_the_long_one_does() {
    says("short.c");
}

#[test]
fn guards_of_cpp_release_and_handles_close() {
    says("raii.cpp");
}

#[test]
fn clients_and_servers_of_cpp_answer_refuse_and_go() {
    says("calls.cpp");
}

#[test]
fn jobs_loans_and_the_list_of_cpp_are_right_beside_other_processes() {
    says("in_hand.cpp");
}

#[test]
fn a_call_in_hand_in_flight_refused_cancelled_or_idempotent_is_what_both_sides_say() {
    says("service.c");
}

#[test]
fn many_replies_to_one_call_come_whole_or_say_that_they_do_not() {
    says("streams.c");
}

#[test]
fn several_messages_are_sent_at_once_as_many_as_there_is_room_for() {
    says("batches.c");
}

fn says(file: &str) {
    let wanted = PROGRAMS.iter().find(|(name, _)| *name == file).unwrap().1;
    for link in [Link::Shared, Link::Static] {
        let Some(program) = test_program(file, link) else { return };
        assert_eq!(Stage::new().run(&program), wanted);
    }
}

#[test]
fn valgrind_finds_nothing() {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        return println!("SKIPPED: no valgrind: {error}");
    }
    for file in [
        "misuse.c",
        "forked.c",
        "waits.c",
        "memory.c",
        "service.c",
        "streams.c",
        "batches.c",
        "calls.cpp",
        "in_hand.cpp",
    ] {
        let Some(program) = test_program(file, Link::Shared) else { return };
        let stage = Stage::new();
        let mut command = stage.command("valgrind".as_ref());
        command.args(["--quiet", "--error-exitcode=9", "--trace-children=yes"]).arg(program);
        let output = command.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{file}: {}\n{complaint}", output.status);
    }
}

#[test]
fn address_sanitizer_finds_nothing() {
    if !can_watch() {
        return;
    }
    for file in [
        "misuse.c",
        "forked.c",
        "waits.c",
        "memory.c",
        "short.c",
        "service.c",
        "streams.c",
        "calls.cpp",
        "in_hand.cpp",
    ] {
        let Some(program) = test_program(file, Link::Watched) else { return };
        let wanted = PROGRAMS.iter().find(|(name, _)| *name == file).unwrap().1;
        assert_eq!(Stage::new().run(&program), wanted);
    }
}
