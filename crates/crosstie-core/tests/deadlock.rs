//! The proof of deadlocks against scenes whose answer is known, and against every order of events.
#![cfg(not(crosstie_loom))]

#[path = "deadlock/known.rs"]
mod known;
#[path = "deadlock/oracle.rs"]
mod oracle;
#[path = "deadlock/properties.rs"]
mod properties;
#[path = "deadlock/scene.rs"]
mod scene;
