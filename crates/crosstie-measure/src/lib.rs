//! Measures the mechanisms on this machine: the machine's own floor, every mechanism, one comparable record.
#![deny(unsafe_code)]
pub mod record;
pub mod report;
