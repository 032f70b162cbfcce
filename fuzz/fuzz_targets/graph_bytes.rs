//! Who waits for whom, as somebody else wrote it: the proof of a deadlock over any lists, and over a ledger
//! of forged participants; its answers are within what was asked, and what people are shown is whole.
//!
//! Input: flags (1 lists for the proof alone, else a forged ledger), then members or slots.
#![no_main]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use crosstie::OwnerId;
use crosstie::sync::{Mutex, Shared};
use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, view};
use libfuzzer_sys::fuzz_target;

/// Where the slots begin, how far they lie apart; those from FORGED_FROM on are nobody's.
const SLOTS: u64 = 64 << 10;
const SLOT_BYTES: u64 = 1024;
const FORGED_FROM: u64 = 16;
const FORGED_MAX: u64 = 48;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    if input.u8() & 1 != 0 { proof(&mut input) } else { ledger(&mut input) }
});

/// Any lists; sometimes less room than they need.
fn proof(input: &mut Bytes<'_>) {
    let number = |input: &mut Bytes<'_>| match input.u8() {
        255 => u32::MAX,
        254 => u32::MAX - 1,
        small => u32::from(small % 8),
    };
    let (waits, holds) = (input.u8() % 40, input.u8() % 80);
    let blocked: Vec<_> = (0..waits)
        .map(|_| {
            let how = input.u8();
            let claim = match how % 3 {
                0 => Claim::Exclusive,
                1 => Claim::Shared,
                _ => Claim::Units { need: number(input), total: number(input) },
            };
            let id = OwnerId::new(u32::from(input.u8()), u64::from(how / 3));
            Blocked {
                id,
                ticket: u64::from(number(input)),
                key: u64::from(number(input)),
                claim,
                queue: u64::from(number(input)),
            }
        })
        .collect();
    let held: Vec<_> = (0..holds)
        .map(|_| {
            let how = input.u8();
            let member =
                if how & 2 == 0 { u32::from(how / 4) % u32::from(waits.max(1)) } else { number(input) };
            Held { member, key: u64::from(number(input)), exclusive: how & 1 != 0, units: number(input) }
        })
        .collect();
    let needed = workspace_len(blocked.len(), held.len());
    let short = usize::from(input.u8() / 8);
    let mut workspace = vec![7; needed.saturating_sub(short)];
    for me in 0..u32::from(waits) + 2 {
        let answer = judge(&blocked, &held, me, &mut workspace);
        match answer.verdict {
            Verdict::Free | Verdict::Behind => {
                assert!(answer.component.is_empty() && answer.cycle.is_empty())
            }
            Verdict::LookAgain | Verdict::Deadlock { .. } => {
                assert!(answer.component.contains(&me) && answer.cycle.first() == Some(&me));
                assert!(answer.cycle.iter().all(|member| answer.component.contains(member)));
            }
        }
        if let Verdict::Deadlock { victim } = answer.verdict {
            assert!(answer.component.contains(&victim));
        }
    }
}

/// Forged participants, while a real one waits for ever and looks for a deadlock.
fn ledger(input: &mut Bytes<'_>) {
    let domain = place::domain();
    let mutex = mutex();
    let guard = mutex.lock().expect("nobody else has it");
    let path = domain.directory().path().join("ledger");
    let file = OpenOptions::new().read(true).write(true).open(path).expect("the ledger");
    let (first, bytes) = (SLOTS + FORGED_FROM * SLOT_BYTES, (FORGED_MAX * SLOT_BYTES) as usize);
    let count = u64::from(input.u8()) % FORGED_MAX;
    file.write_all_at(&((FORGED_FROM + FORGED_MAX) as u32).to_le_bytes(), 128).expect("room");
    for number in 0..count {
        let slot = forged(input, number);
        file.write_all_at(&slot, first + number * SLOT_BYTES).expect("room");
    }
    let waiting = ((1_u64 << count) - 1) << FORGED_FROM;
    let mut word = [0; 8];
    file.read_exact_at(&mut word, 512).expect("the ledger");
    file.write_all_at(&(u64::from_le_bytes(word) | waiting).to_le_bytes(), 512).expect("room");
    let forged = domain.waiting_count();
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| {
            // It has no deadline: a forged ledger may tell it of a deadlock that is none.
            let _ = mutex.lock().map(drop);
        });
        // poll: the waiter has published its wait, or was told
        while domain.waiting_count() <= forged && !waiter.is_finished() {
            std::thread::yield_now();
        }
        view::look(domain);
        // What is real comes back, and with it whoever is to be woken.
        file.read_exact_at(&mut word, 512).expect("the ledger");
        file.write_all_at(&(u64::from_le_bytes(word) & !waiting).to_le_bytes(), 512).expect("room");
        file.write_all_at(&vec![0; bytes], first).expect("room");
        drop(guard);
        waiter.join().expect("no panic");
    });
}

fn mutex() -> &'static Shared<Mutex<u64>> {
    static MUTEX: OnceLock<Shared<Mutex<u64>>> = OnceLock::new();
    MUTEX.get_or_init(|| Mutex::open_or_create_in(place::domain(), "graph", || 0).expect("a mutex"))
}

/// A slot whose occupant lives, waits and holds; keys are few, so that they meet, and the mutex's is one.
fn forged(input: &mut Bytes<'_>, number: u64) -> [u8; SLOT_BYTES as usize] {
    let mut slot = [0; SLOT_BYTES as usize];
    let mut put = |at: usize, word: u64| slot[at..at + 8].copy_from_slice(&word.to_le_bytes());
    let key = |input: &mut Bytes<'_>| match input.u8() {
        255 => input.u64(),
        byte => u64::from(byte % 6) | u64::from(byte / 64) << 61,
    };
    let generation = 1 + number % 2;
    // TID 1 lives; nobody of ours has it.
    put(0, 1 | generation << 32);
    put(64, generation);
    put(72, 1 | 1 << 32);
    put(96, input.u64());
    put(104, u64::from(input.u8()) << 32);
    put(256, 1 | u64::from(input.u8()) << 8);
    put(264, u64::from(input.u8()));
    put(272, key(input));
    put(280, u64::from(input.u8() % 8));
    put(288, input.u64());
    put(296, u64::from(input.u8()));
    put(304, input.u64());
    put(312, if input.u8() % 4 == 0 { input.u64() } else { u64::MAX });
    if input.u8() % 4 == 0 {
        put(320, FORGED_FROM + 1 + u64::from(input.u8() % 48) | 1 << 16);
    }
    put(328, input.u64());
    let holds = input.u8() % 8;
    put(384, if holds == 7 { u64::MAX } else { (1 << holds) - 1 });
    for entry in 0..usize::from(holds) {
        put(448 + entry * 24, key(input));
        put(456 + entry * 24, u64::from(input.u8() % 7) | u64::from(input.u32()) << 8);
        put(464 + entry * 24, input.u64());
    }
    slot
}
