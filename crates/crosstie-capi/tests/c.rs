//! The C side, as C programs see it: compiled, linked and run.

#[path = "c/actor.rs"]
mod actor;
#[path = "c/calls.rs"]
mod calls;
#[path = "c/compiler.rs"]
mod compiler;
#[path = "c/examples.rs"]
mod examples;
#[path = "c/headers.rs"]
mod headers;
#[path = "c/install.rs"]
mod install;
#[path = "c/lock.rs"]
mod lock;
#[path = "c/programs.rs"]
mod programs;
#[path = "c/stage.rs"]
mod stage;
#[path = "c/talk.rs"]
mod talk;
#[path = "c/turns.rs"]
mod turns;
