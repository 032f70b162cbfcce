//! loom models: every interleaving of a few threads over the very code that ships.
//!
//! Run by `cargo xtask test`, or
//! `RUSTFLAGS="--cfg crosstie_loom" cargo test -p crosstie-core --release --test models --target-dir target/loom`.
#![cfg(crosstie_loom)]

#[path = "models/chosen.rs"]
mod chosen;
#[path = "models/condition.rs"]
mod condition;
#[path = "models/life_word.rs"]
mod life_word;
#[path = "models/mutex.rs"]
mod mutex;
#[path = "models/participants.rs"]
mod participants;
#[path = "models/slot.rs"]
mod slot;
#[path = "models/spsc.rs"]
mod spsc;
