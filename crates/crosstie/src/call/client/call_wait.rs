//! [`CallWait`]: a caller's wait as others see it in the ledger, and the deadlock that it would close.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crosstie_core::OwnerId;
use crosstie_core::atomic::AtomicU32;
use crosstie_core::wait::{Check, Wait as _};
use crosstie_core::word::waiting::{Mode, NOTE_WORDS, Want};

use crate::Deadline;
use crate::channel::queue::{Beside, Receivers};
use crate::ledger::deadlock::Deadlock;
use crate::ledger::{Domain, Me};
use crate::os::clock;

/// How soon is looked again where a proof could not be finished.
const LOOK_AGAIN_NS: u64 = 1_000_000;

/// A caller's wait for one call through a queue.
pub(super) struct CallWait {
    domain: &'static Domain,
    /// Of the queue of calls.
    key: u64,
    ticket: u64,
    deadline: Deadline,
    since_ns: u64,
    servers: Arc<Receivers>,
    /// The thread, while its wait stands in the ledger.
    entered: Cell<Option<Me>>,
    found: RefCell<Option<Deadlock>>,
}

impl CallWait {
    pub(super) fn new(
        domain: &'static Domain,
        (key, ticket): (u64, u64),
        servers: Arc<Receivers>,
        deadline: Deadline,
    ) -> Self {
        let (entered, found) = (Cell::new(None), RefCell::new(None));
        Self { domain, key, ticket, deadline, since_ns: clock::now_ns(), servers, entered, found }
    }

    /// The deadlock that the wait would have closed, once.
    pub(super) fn take_deadlock(&self) -> Option<Deadlock> {
        self.found.take()
    }

    fn want(&self, me: &Me) -> Want {
        let mut note = [0; NOTE_WORDS];
        note[0] = self.ticket;
        Want {
            key: self.key,
            mode: Mode::Call,
            need: 1,
            total: self.servers.count(),
            queue: me.next_place(),
            since_ns: self.since_ns,
            deadline_ns: self.deadline.as_ns(),
            behind: self.domain.surely_behind(),
            site: 0,
            note,
        }
    }
}

impl Beside for CallWait {
    fn word(&self) -> Option<(&AtomicU32, u32)> {
        self.servers.word()
    }

    fn has_come(&self) -> bool {
        self.found.borrow().is_some() || self.servers.has_come()
    }

    fn lives(&self) -> Vec<OwnerId> {
        self.servers.lives()
    }

    fn before_sleep(&self, until: Deadline) -> Option<Deadline> {
        // Who takes no part in the domain waits all the same.
        let Ok(me) = self.domain.me() else { return Some(until) };
        let want = self.want(&me);
        if want.total == 0 {
            // The first server that comes does it.
            return Some(until);
        }
        me.enter(&want);
        self.entered.set(Some(me));
        if !self.deadline.is_never() {
            return Some(until);
        }
        match me.deadlock() {
            Check::None => Some(until),
            Check::LookAgain => {
                let soon = Deadline::at_ns(clock::now_ns()).after_ns(LOOK_AGAIN_NS);
                Some(until.min(soon))
            }
            Check::Deadlock(deadlock) => {
                self.after_sleep();
                *self.found.borrow_mut() = Some(deadlock);
                None
            }
        }
    }

    fn after_sleep(&self) {
        if let Some(me) = self.entered.take() {
            me.leave();
        }
    }
}
