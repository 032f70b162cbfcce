//! Measures the mechanisms on this machine: the machine's own floor, every mechanism, one comparable record.
#![deny(unsafe_code)]
pub mod advise;
pub mod bench;
pub mod compare;
pub mod engine;
pub mod floor;
pub mod jobs;
pub mod machine;
pub mod mechanisms;
pub mod percentiles;
pub mod record;
pub mod report;
pub mod targets;
pub mod topics;
pub mod turns;
