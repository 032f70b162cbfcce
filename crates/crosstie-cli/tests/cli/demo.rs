//! Each scene of `crosstie demo` goes as it says: its numbers, never its times.

use crate::machine::Machine;

/// Plays a scene to its end; answers what it told.
fn play(name: &str) -> String {
    let machine = Machine::new();
    let told = machine.crosstie(&["demo", name]).finish().code(0);
    assert!(!machine.path("domain").exists(), "a scene has a domain of its own");
    assert_eq!(told.stderr, "");
    let text = told.output();
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(104), "a line of {widest:?} columns: {text}");
    text
}

/// The first number behind `text`.
fn number(told: &str, text: &str) -> u64 {
    let (_, behind) = told.split_once(text).unwrap_or_else(|| panic!("{text:?} in {told}"));
    let digits: String = behind.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("a number behind {text:?} in {told}"))
}

#[test]
fn the_list_of_scenes_is_folded_between_words_where_a_person_reads_it() {
    let machine = Machine::new();
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    let whole = machine.crosstie(&["demo"]).env("COLUMNS", "").finish().code(0).output();
    let folded = machine.crosstie(&["demo"]).env("COLUMNS", "80").finish().code(0).output();
    assert!(whole.lines().all(|line| line.starts_with("crosstie demo ")), "a scene is a line: {whole}");
    assert!(folded.lines().all(|line| line.chars().count() <= 80), "{folded}");
    assert_eq!(words(&folded), words(&whole), "no word is cut");
}

#[test]
fn the_scenes_are_listed_with_a_sentence_each() {
    let machine = Machine::new();
    let list = machine.crosstie(&["demo"]).finish().code(0).output();
    let names = [
        "race",
        "kill",
        "kill-all",
        "deadlock",
        "jobs",
        "philosophers",
        "bounded-buffer",
        "readers-writers",
        "starvation",
        "banker",
    ];
    assert_eq!(list.lines().count(), names.len());
    for (line, name) in list.lines().zip(names) {
        assert!(line.starts_with(&format!("crosstie demo {name} ")) && line.len() > 50, "{line}");
    }
    machine.crosstie(&["demo", "dance"]).finish().code(2).said("possible values: race");
    machine.crosstie(&["demo", "race", "--all"]).finish().code(2);
    machine.crosstie(&["demo", "race", "kill"]).finish().code(2);
}

#[test]
fn race_loses_updates_without_the_mutex_alone() {
    let told = play("race");
    assert!(number(&told, "without a mutex") < 100_000, "{told}");
    assert_eq!(number(&told, "with a mutex"), 100_000);
    assert!(told.contains("100000   0 updates were lost"), "{told}");
}

#[test]
fn jobs_are_all_done_although_their_workers_are_killed() {
    let told = play("jobs");
    let kills = number(&told, "workers killed");
    assert!(kills > 0, "nobody was killed: {told}");
    assert_eq!(number(&told, "jobs done"), 1000);
    assert_eq!(number(&told, "delivered again"), kills);
    assert_eq!(number(&told, "done twice"), 0);
}

#[test]
fn kill_goes_on_and_says_who_died() {
    let told = play("kill");
    let python = told.lines().find(|line| line.contains("multiprocessing.Lock")).unwrap();
    if python.contains("SKIPPED") {
        println!("SKIPPED: the left side: {python}");
    } else {
        assert!(python.contains("hangs: not had within 2 s"), "{python}");
    }
    assert!(told.contains("told who died: ") && told.contains(" holder\n"), "{told}");
}

#[test]
fn kill_all_goes_on_in_each_way_and_theirs_hang_where_they_can_be_played() {
    let told = play("kill-all");
    assert_eq!(told.matches("    crosstie: went on after ").count(), 13, "{told}");
    // Mutexes and the read-write lock, and the barrier.
    assert_eq!(told.matches(", and was told who died: ").count(), 6, "{told}");
    for skipped in told.lines().filter(|line| line.contains("SKIPPED")) {
        println!("SKIPPED: {}", skipped.trim());
    }
    let hung = number(&told, "Theirs: ");
    let played = number(&told, &format!("Theirs: {hung} of "));
    assert!(hung <= played && told.contains("Ours: 13 of 13 go on."), "{told}");
}

#[test]
fn deadlock_ends_with_80_in_one_shell_and_0_in_the_other() {
    let told = play("deadlock");
    let codes =
        ["first", "second"].map(|which| number(&told, &format!("the {which} one ends with exit code")));
    assert_eq!(codes.iter().sum::<u64>(), 80, "{told}");
    for wanted in ["deadlock of 2:", "waits for lock:a", "waits for lock:b", "┌─▶ "] {
        assert!(told.contains(wanted), "{wanted} in {told}");
    }
}

#[test]
fn philosophers_all_eat_in_each_way() {
    let told = play("philosophers");
    assert!(number(&told, "A deadlock was found and broken: ") > 0, "{told}");
    assert_eq!(told.matches("waits for lock:fork-").count(), 5, "{told}");
    assert!(told.contains("15 meals eaten"), "{told}");
    assert_eq!(told.matches("500 meals in ").count(), 2, "{told}");
    assert_eq!(told.matches(", 0 deadlocks: ").count(), 2, "{told}");
}

#[test]
fn bounded_buffer_loses_and_doubles_nothing() {
    let told = play("bounded-buffer");
    assert_eq!(told.matches(": 0 lost, 0 doubled").count(), 2, "{told}");
    assert_eq!(told.matches("1000 + 1000 + 1000").count(), 2, "{told}");
}

#[test]
fn readers_read_together_and_nobody_beside_a_writer() {
    let told = play("readers-writers");
    assert_eq!((number(&told, "\n  reads "), number(&told, "\n  writes ")), (600, 100), "{told}");
    assert!(number(&told, "read at once, at most") > 1, "{told}");
    assert_eq!(number(&told, "beside a writer"), 0);
    assert_eq!(number(&told, "found the numbers unequal"), 0);
}

#[test]
fn starvation_is_bounded_where_turns_are_fair() {
    let told = play("starvation");
    let fair = told.lines().find(|line| line.contains("fair: first come")).unwrap();
    let columns: Vec<_> = fair.split_whitespace().rev().collect();
    assert!(columns[4].parse::<u64>().unwrap() <= 3, "{fair}");
    assert!(columns[..4].iter().all(|turns| turns.parse::<u64>().unwrap() > 0), "{fair}");
}

#[test]
fn the_banker_refuses_what_is_unsafe_and_the_semaphore_deadlocks() {
    let told = play("banker");
    assert!(number(&told, "gave back what it had, began anew: ") > 0, "{told}");
    assert!(told.contains("process 3 wants 3; they have 3 3 0, free 4: unsafe, it waits"), "{told}");
    assert_eq!(number(&told, "although there were units enough: "), 1, "{told}");
    assert_eq!(told.matches(": safe, it gets them").count(), 6, "{told}");
    assert_eq!(told.matches("waits for sem:units").count(), 3, "{told}");
}
