//! The queue between real processes: who gets what, who is told what, and what a death leaves.

#[path = "queue/death.rs"]
mod death;
#[path = "queue/delivery.rs"]
mod delivery;
#[path = "queue/ends.rs"]
mod ends;
#[path = "queue/limits.rs"]
mod limits;
#[path = "queue/roles.rs"]
mod roles;
#[path = "queue/stage.rs"]
mod stage;
#[path = "ends/world.rs"]
mod world;
