//! Who takes part, and that they live: every hazard of life and death with real processes.

#[path = "ledger/attach.rs"]
mod attach;
#[path = "ledger/behind.rs"]
mod behind;
#[path = "ledger/command.rs"]
mod command;
#[path = "ledger/death.rs"]
mod death;
#[path = "ledger/fork.rs"]
mod fork;
#[path = "ledger/full.rs"]
mod full;
#[path = "ledger/roles.rs"]
mod roles;
#[path = "ledger/shared.rs"]
mod shared;
#[path = "ledger/stage.rs"]
mod stage;
#[path = "ledger/world.rs"]
mod world;
