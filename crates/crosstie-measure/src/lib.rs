//! Measures the mechanisms on this machine: the machine's own floor, every mechanism, one comparable record.
#![deny(unsafe_code)]
pub mod advise;
pub mod engine;
pub mod floor;
pub mod percentiles;
pub mod record;
pub mod report;
