//! Taking turns: what each primitive promises, between threads and between processes, the net off.

#[path = "sync/boot.rs"]
mod boot;
#[path = "sync/force.rs"]
mod force;
#[path = "sync/interruption.rs"]
mod interruption;
#[path = "sync/meetings.rs"]
mod meetings;
#[path = "sync/monitor.rs"]
mod monitor;
#[path = "sync/mutex.rs"]
mod mutex;
#[path = "sync/order.rs"]
mod order;
#[path = "sync/posix.rs"]
mod posix;
#[path = "sync/roles.rs"]
mod roles;
#[path = "sync/rwlock.rs"]
mod rwlock;
#[path = "sync/semaphores.rs"]
mod semaphores;
#[path = "sync/several.rs"]
mod several;
#[allow(dead_code, reason = "shared with the ledger's tests, which use more of it")]
#[path = "ledger/stage.rs"]
mod stage;
#[path = "sync/wrong.rs"]
mod wrong;
