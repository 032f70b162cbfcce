//! One verb a file: its arguments and what it does.

pub mod advise;
pub mod bench;
pub mod call;
mod channels;
mod codes;
pub mod compare;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod domain;
mod each;
pub mod held;
mod input;
pub mod lock;
pub mod man;
pub mod meet;
pub mod recv;
pub mod region;
pub mod relay;
pub mod reply;
pub mod rm;
mod run;
pub mod see;
pub mod sem;
pub mod send;
pub mod signals;
mod topics;
pub mod unlock;
pub mod version;
pub mod watch;

pub use run::run;
