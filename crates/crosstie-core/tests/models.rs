//! loom models: every interleaving of a few threads over the very code that ships.
//!
//! Run by `cargo xtask test`, or
//! `RUSTFLAGS="--cfg crosstie_loom" cargo test -p crosstie-core --release --test models --target-dir target/loom`.
#![cfg(crosstie_loom)]

#[path = "models/any.rs"]
mod any;
#[path = "models/barrier.rs"]
mod barrier;
#[path = "models/bias.rs"]
mod bias;
#[path = "models/call.rs"]
mod call;
#[path = "models/chosen.rs"]
mod chosen;
#[path = "models/comings.rs"]
mod comings;
#[path = "models/condition.rs"]
mod condition;
#[path = "models/counting.rs"]
mod counting;
#[path = "models/doorbell.rs"]
mod doorbell;
#[path = "models/event.rs"]
mod event;
#[path = "models/giving.rs"]
mod giving;
#[path = "models/holds.rs"]
mod holds;
#[path = "models/late_edge.rs"]
mod late_edge;
#[path = "models/life_word.rs"]
mod life_word;
#[path = "models/members.rs"]
mod members;
#[path = "models/mutex.rs"]
mod mutex;
#[path = "models/once.rs"]
mod once;
#[path = "models/participants.rs"]
mod participants;
#[path = "models/queue.rs"]
mod queue;
#[path = "models/queue_memory.rs"]
mod queue_memory;
#[path = "models/role.rs"]
mod role;
#[path = "models/rwlock.rs"]
mod rwlock;
#[path = "models/scenes.rs"]
mod scenes;
#[path = "models/semaphore.rs"]
mod semaphore;
#[path = "models/slot.rs"]
mod slot;
#[path = "models/spsc.rs"]
mod spsc;
#[path = "models/task.rs"]
mod task;
#[path = "models/ticket.rs"]
mod ticket;
#[path = "models/topic.rs"]
mod topic;
#[path = "models/topic_memory.rs"]
mod topic_memory;
#[path = "models/turns.rs"]
mod turns;
#[path = "models/withdrawn.rs"]
mod withdrawn;
