//! `cargo xtask test` and `cargo xtask ci`: runs other programs and counts what they say.
//!
//! | file | holds |
//! |---|---|
//! | [`command`] | one program run to its end, its output kept, killed at its limit |
//! | [`count`] | what libtest printed: passed, failed, skipped with reasons |
//! | [`mod@test`] | the suites of `cargo xtask test` |
//! | [`ci`] | the gates of `cargo xtask ci` |
//! | [`python`] | the Python module's wheel, installed and tested |
//! | [`oldest`] | the gate for the oldest compiler that is promised |

pub mod ci;
pub mod command;
pub mod count;
pub mod oldest;
pub mod python;
pub mod test;
