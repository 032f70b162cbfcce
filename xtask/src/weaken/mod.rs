//! `cargo xtask weaken`: each ordering weakened by one step must make some model fail.
//!
//! An ordering whose weakening no model notices is either stronger than needed or not modelled.
//!
//! | file | holds |
//! |---|---|
//! | [`mutant`] | the orderings of `word/`, `ring/` and `turns/`, and what is one step weaker |
//! | [`accepted`] | the survivors that are known, each with its reason: `xtask/weaken.accepted` |
//! | [`mod@run`] | the models over each mutant, in a copy of the project |

pub mod accepted;
pub mod mutant;
pub mod run;

pub use run::run;
