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
    /// The thread, while its wait stands in the ledger: from before its first sleep on until it waits no more, under one
    /// ticket. Who drew the highest gives up; with a new one for each sleep two could.
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
            // How many could do it, the queue itself tells when it matters.
            total: 0,
            queue: me.next_place(),
            since_ns: self.since_ns,
            deadline_ns: self.deadline.as_ns(),
            behind: self.domain.surely_behind(),
            site: 0,
            note,
        }
    }

    /// Says in the ledger for what the thread waits, unless it stands there.
    fn enter(&self) -> Option<Me> {
        if self.entered.get().is_none() {
            // Who takes no part in the domain waits all the same.
            let me = self.domain.me().ok()?;
            me.enter(&self.want(&me));
            self.entered.set(Some(me));
        }
        self.entered.get()
    }

    fn leave(&self) {
        if let Some(me) = self.entered.take() {
            me.leave();
        }
    }
}

impl Drop for CallWait {
    fn drop(&mut self) {
        self.leave();
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
        let Some(me) = self.enter() else { return Some(until) };
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
                self.leave();
                *self.found.borrow_mut() = Some(deadlock);
                None
            }
        }
    }
}
