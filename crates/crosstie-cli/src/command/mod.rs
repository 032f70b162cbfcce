//! One verb a file: its arguments and what it does.

pub mod advise;
pub mod bench;
pub mod compare;
pub mod completions;
pub mod man;
pub mod recv;
pub mod region;
pub mod relay;
pub mod rm;
mod run;
pub mod send;
pub mod version;

pub use run::run;
