//! `cargo xtask weaken`: each ordering weakened by one step must make some model fail.
//!
//! An ordering whose weakening no model notices is either stronger than needed or not modelled. The models are
//! built once: `crosstie_core::atomic` weakens the one that a run of them names.
//!
//! | file | holds |
//! |---|---|
//! | [`mutant`] | the orderings of the core's protocols, and what is one step weaker |
//! | [`models`] | the models as programs: which there are, which place each of them gets to, how one ends |
//! | [`verdict`] | what became of a mutant |
//! | [`memory`] | the verdicts so far, in `target/weaken`: an interrupted run goes on where it was |
//! | [`accepted`] | the survivors that are known, each with its reason: `xtask/weaken.accepted` |
//! | [`page`] | docs/weaken.md |
//! | [`mod@run`] | the models that get there over each mutant |

pub mod accepted;
pub mod memory;
pub mod models;
pub mod mutant;
pub mod page;
pub mod run;
pub mod verdict;

pub use run::run;
