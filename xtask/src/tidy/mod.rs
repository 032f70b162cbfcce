//! `cargo xtask tidy`: the house style as checks, one rule a file.
//!
//! Every rule prints how many items it looked at and fails on zero, so that none passes because it
//! looked in the wrong place; every rule has a test with a broken twin that it must catch.
//!
//! | file | rule |
//! |---|---|
//! | [`lengths`] | files ≤ 500 lines, functions ≤ 70 |
//! | [`safety`] | every unsafe site says why it is sound |
//! | [`orderings`] | every atomic ordering is argued at its site |
//! | [`doors`] | atomics, system calls and clocks each come through one door |
//! | [`floors`] | imports go down only |
//! | [`headers`] | the protocol files state their protocol, section by section |
//! | [`names`] | no file or module named after nothing |
//! | [`banned`] | no leftovers, panics or prints in the library, no sleeps in tests |
//! | [`legends`] | a `mod.rs` is a legend and re-exports |
//! | [`manifests`] | every dependency has its reason, every crate the house's lints |
//! | [`rule`] | what a rule is; [`mod@run`] runs them all |

pub mod banned;
pub mod doors;
pub mod floors;
pub mod headers;
pub mod legends;
pub mod lengths;
pub mod manifests;
pub mod names;
pub mod orderings;
pub mod rule;
pub mod run;
pub mod safety;

pub use run::run;
