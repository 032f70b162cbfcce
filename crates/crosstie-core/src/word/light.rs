//! The quick side of a fence between two: [`light`], where the other side's is made by the kernel in the processors of both.
//!
//! Each of two writes a word and then reads the other's, and one of them must see the other. One of the two does so at each turn, the other
//! seldom: so the first has the compiler's fence alone, and the second lets the kernel fence every processor that may be at the first one's
//! (`membarrier`), beside a fence of its own.
//!
//! # States
//! None of its own: `mine` and `theirs` are words of whoever uses it.
//!
//! # Invariants
//! - **I1** Whoever calls [`light`] has had this process registered for the kernel's fences, and whoever fences reaches every process that may
//!   call it; else a full fence stands in its place.
//!
//! # Transitions
//! | who | writes | between | reads |
//! |---|---|---|---|
//! | the quick | `mine` | [`light`] | `theirs` |
//! | the other | `theirs` | a fence of its own, and the kernel's of every processor | `mine` |
//!
//! # Orderings
//! The kernel's fence falls into the quick one's steps somewhere. Before its write of `mine`: then it reads `theirs` behind the fence, and
//! sees it. Behind that write: then the other sees `mine`. Both need that the compiler keeps the two in their order, which is all that [`light`]
//! does.
//!
//! # Progress
//! Wait-free, and no instruction.
//!
//! # Death
//! None of its own: what either has written stands.
//!
//! # Source
//! Dice, Huang and Yang, "Asymmetric Dekker Synchronization", 2001; membarrier(2).

use crate::atomic::{Ordering, compiler_fence};

/// Keeps what the caller has written before what it reads next; see the module.
#[inline(always)]
pub(crate) fn light() {
    // SeqCst: `mine` is written before `theirs` is read; who writes `theirs` has the processor's fence made here by the kernel (I1).
    compiler_fence(Ordering::SeqCst);
}
