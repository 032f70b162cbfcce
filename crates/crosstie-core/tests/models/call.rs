//! What a caller says of its call: a server that has not seen it sleeps on another value.

use crosstie_core::word::call::CallWords;
use loom::sync::Arc;
use loom::thread;

#[test]
fn who_is_to_sleep_has_seen_what_was_taken_or_sleeps_on_a_value_that_is_gone() {
    loom::model(|| {
        let words = Arc::new(CallWords::new());
        words.open(7);
        let server = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                let (_, seen) = words.changes();
                (seen, words.taken() == 64)
            })
        };
        words.take(64);
        let (seen, found) = server.join().unwrap();
        assert!(found || words.changes().1 != seen);
    });
}

#[test]
fn who_is_to_sleep_has_seen_the_cancellation_or_sleeps_on_a_value_that_is_gone() {
    loom::model(|| {
        let words = Arc::new(CallWords::new());
        words.open(7);
        let server = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                let (_, seen) = words.changes();
                (seen, !words.is_wanted(7))
            })
        };
        words.cancel();
        let (seen, found) = server.join().unwrap();
        assert!(found || words.changes().1 != seen);
    });
}

#[test]
fn a_change_that_is_seen_shows_what_it_tells_of() {
    loom::model(|| {
        let words = Arc::new(CallWords::new());
        words.open(7);
        let server = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                let (_, seen) = words.changes();
                assert!(seen == 0 || words.taken() == 64);
            })
        };
        words.take(64);
        server.join().unwrap();
    });
}

#[test]
fn nothing_of_the_call_before_counts_for_the_next() {
    loom::model(|| {
        let words = Arc::new(CallWords::new());
        words.open(7);
        words.take(64);
        let server = {
            let words = Arc::clone(&words);
            thread::spawn(move || assert!(!words.is_wanted(8) || words.taken() == 0))
        };
        words.open(8);
        server.join().unwrap();
    });
}
