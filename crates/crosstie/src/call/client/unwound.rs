//! [`Unwound`]: a wait whose caller's type panics over its reply: the call is over, and others can read and wait on.

use super::shared::Shared;
use crate::endpoint::Body;

/// What is to be done for a wait that unwinds out of what its caller makes of a reply.
pub(super) struct Unwound<'a> {
    shared: &'a Shared,
    pub(super) id: u32,
    /// It has the turn to read.
    pub(super) has_turn: bool,
    /// The reply is the call's last frame.
    pub(super) has_last: bool,
    /// Its caller is at the reply, and nobody has the client's lock for it.
    is_at_it: bool,
}

impl<'a> Unwound<'a> {
    #[inline(always)]
    pub(super) fn new(shared: &'a Shared, id: u32) -> Self {
        Self { shared, id, has_turn: false, has_last: false, is_at_it: false }
    }

    /// Lets the caller have a reply.
    #[inline(always)]
    pub(super) fn keep(&mut self, keep: &mut impl FnMut(Body<'_>), body: Body<'_>) {
        self.is_at_it = true;
        keep(body);
        self.is_at_it = false;
    }

    #[cold]
    fn give_back(&self) {
        let mut state = self.shared.lock();
        if self.has_last {
            state.close(self.id);
        }
        if self.has_turn {
            self.shared.pass_turn(&mut state);
        }
    }
}

impl Drop for Unwound<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.is_at_it {
            self.give_back();
        }
    }
}
