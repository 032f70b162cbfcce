//! The hold table, read while it is written.

use crosstie_core::word::holds::{Hold, HoldTable};
use crosstie_core::word::waiting::Mode;
use loom::sync::Arc;
use loom::thread;

fn hold(key: u64) -> Hold {
    Hold { key, mode: Mode::Exclusive, units: 1, site: key * 2 }
}

#[test]
fn a_hold_that_is_seen_is_whole() {
    loom::model(|| {
        let table = Arc::new(HoldTable::empty());
        let reader = {
            let table = table.clone();
            thread::spawn(move || {
                loop {
                    match table.read().next() {
                        Some(seen) => break seen,
                        None => thread::yield_now(),
                    }
                }
            })
        };
        table.note(&hold(5));
        assert_eq!(reader.join().unwrap(), hold(5));
    });
}

#[test]
fn two_threads_of_a_process_note_theirs_beside_each_other() {
    loom::model(|| {
        let table = Arc::new(HoldTable::empty());
        let other = {
            let table = table.clone();
            thread::spawn(move || table.note_beside_others(&hold(5)))
        };
        let mine = table.note_beside_others(&hold(7));
        assert!(table.read().all(|seen| seen == hold(5) || seen == hold(7)));
        let theirs = other.join().unwrap();
        assert_ne!(mine, theirs);
        table.forget(mine);
        assert!(table.read().eq([hold(5)]));
    });
}
