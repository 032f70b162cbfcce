//! The one door to atomics: `core` in a build, `loom` in a model (`--cfg crosstie_loom`).
//!
//! Everything in this crate imports its atomics from here, so that a model runs the very code that
//! ships. Limits of the models: loom treats a `SeqCst` access as `AcqRel` (so two-variable sites
//! use `fence(SeqCst)`, HAZARDS H15) and does not explore load buffering.

#[cfg(crosstie_loom)]
mod modelled;

#[cfg(not(crosstie_loom))]
pub use core::{
    hint::spin_loop,
    sync::atomic::{
        AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
        Ordering, compiler_fence, fence,
    },
};
#[cfg(crosstie_loom)]
pub use loom::hint::spin_loop;
#[cfg(crosstie_loom)]
pub use modelled::{AtomicU32, AtomicU64, Ordering, compiler_fence, fence};
