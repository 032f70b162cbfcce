//! [`judge`]: is this participant deadlocked, with whom, and who gives up.

use super::wait_for::{Blocked, Held};

/// What is to be done about a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not deadlocked: somebody outside the set can set it free, or somebody in the set who can go on.
    Free,
    /// It cannot go on until others' deadlock is resolved, of which it is no part: wait.
    Behind,
    /// Deadlocked, but a member of its component has no ticket yet, so who gives up is not settled:
    /// look again soon.
    LookAgain,
    /// Deadlocked.
    Deadlock {
        /// Who gives up: the member whose ticket is the highest, as an index into the blocked.
        victim: u32,
    },
}

/// The answer about one blocked participant. All numbers are indices into the blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'w> {
    /// What is to be done.
    pub verdict: Verdict,
    /// Everybody who waits for it and for whom it waits, directly or through others, itself included, by
    /// index: whose waits must be found unchanged before the verdict is acted on. Empty unless the
    /// verdict is `Deadlock` or `LookAgain`.
    pub component: &'w [u32],
    /// A shortest cycle through it: it waits for the second, who waits for the third, and the last waits
    /// for it. Empty when `component` is.
    pub cycle: &'w [u32],
}

/// The `u32` words that [`judge`] needs.
#[must_use]
pub const fn workspace_len(blocked: usize, held: usize) -> usize {
    blocked.saturating_mul(32).saturating_add(held.saturating_mul(4)).saturating_add(32)
}

/// Judges the wait of member `me`.
#[must_use]
pub fn judge<'w>(blocked: &[Blocked], held: &[Held], me: u32, workspace: &'w mut [u32]) -> Answer<'w> {
    let _ = (blocked, held, me, workspace);
    Answer { verdict: Verdict::Free, component: &[], cycle: &[] }
}
