//! What the targets share: a place of the process's own, and a reader of their input.
#![deny(unsafe_code)]

pub mod bytes;
pub mod object;
pub mod place;
pub mod queue;
pub mod ring;
pub mod topic;
pub mod view;
