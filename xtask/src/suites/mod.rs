//! `cargo xtask test` and `cargo xtask ci`: runs other programs and counts what they say.
//!
//! | file | holds |
//! |---|---|
//! | [`command`] | one program run to its end, its output kept, killed at its limit |
//! | [`count`] | what libtest printed: passed, failed, skipped with reasons |
//! | [`mod@test`] | the suites of `cargo xtask test` |
//! | [`ci`] | the gates of `cargo xtask ci` |
//! | [`oldest`] | the gate for the oldest compiler that is promised |

pub mod ci;
pub mod command;
pub mod count;
pub mod oldest;
pub mod test;
