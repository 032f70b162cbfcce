//! The topic between real processes: who gets what, who is told what, and what a death leaves.

#[path = "topic/death.rs"]
mod death;
#[path = "topic/delivery.rs"]
mod delivery;
#[path = "topic/limits.rs"]
mod limits;
#[path = "topic/roles.rs"]
mod roles;
#[path = "topic/stage.rs"]
mod stage;
#[path = "ends/world.rs"]
mod world;
