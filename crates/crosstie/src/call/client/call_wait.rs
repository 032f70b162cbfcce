//! [`CallWait`]: a caller's wait as others see it in the ledger, and the deadlock that it would close.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::wait::{Check, Wait as _};
use crosstie_core::word::waiting::{Mode, NOTE_WORDS, Want};

use crate::Deadline;
use crate::channel::queue::{Beside, Receivers};
use crate::ledger::deadlock::Deadlock;
use crate::ledger::local;
use crate::ledger::sign::{key_of_server, ticket_of};
use crate::ledger::{Domain, Me};
use crate::os::clock;

/// How soon is looked again where a proof could not be finished.
const LOOK_AGAIN_NS: u64 = 1_000_000;
/// The same of one that may never be told: 100 ms.
const LOOK_LATER_NS: u64 = 100_000_000;

/// Who could do a call.
enum Servers {
    /// The receivers of the queue of calls of a key.
    OfQueue(u64, Arc<Receivers>),
    /// The workers of the server of this token; 0 until it has said what it is known by.
    One(Arc<AtomicU64>),
}

/// A caller's wait for one call.
pub(super) struct CallWait {
    domain: &'static Domain,
    ticket: u64,
    deadline: Deadline,
    since_ns: u64,
    servers: Servers,
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
        let servers = Servers::OfQueue(key, servers);
        Self { domain, ticket, deadline, since_ns: clock::now_ns(), servers, entered, found }
    }

    /// The wait of the calling thread for a call of the conversation `token` with one server; `None` for one that holds nothing,
    /// and does no call itself: nobody waits for it, so it closes no circle.
    pub(super) fn for_one(server: &Arc<AtomicU64>, (token, id): (u64, u32)) -> Option<Self> {
        let domain = local::entangled()?.domain;
        let (entered, found) = (Cell::new(None), RefCell::new(None));
        let (deadline, since_ns, servers) =
            (Deadline::NEVER, clock::now_ns(), Servers::One(Arc::clone(server)));
        Some(Self { domain, ticket: ticket_of(token, id), deadline, since_ns, servers, entered, found })
    }

    /// The key of those who could do it, as soon as it is known.
    fn key(&self) -> Option<u64> {
        match &self.servers {
            Servers::OfQueue(key, _) => Some(*key),
            // Relaxed: the token is all that is read.
            Servers::One(token) => match token.load(Ordering::Relaxed) {
                0 => None,
                token => Some(key_of_server(token)),
            },
        }
    }

    /// The deadlock that the wait would have closed, once.
    pub(super) fn take_deadlock(&self) -> Option<Deadlock> {
        self.found.take()
    }

    fn want(&self, me: &Me, key: u64) -> Want {
        let mut note = [0; NOTE_WORDS];
        note[0] = self.ticket;
        Want {
            key,
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
            let (me, key) = (self.domain.me().ok()?, self.key()?);
            me.enter(&self.want(&me, key));
            self.entered.set(Some(me));
        }
        self.entered.get()
    }

    fn receivers(&self) -> Option<&Receivers> {
        match &self.servers {
            Servers::OfQueue(_, receivers) => Some(receivers),
            Servers::One(_) => None,
        }
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
        self.receivers()?.word()
    }

    fn has_come(&self) -> bool {
        self.found.borrow().is_some() || self.receivers().is_some_and(Beside::has_come)
    }

    fn lives(&self) -> Vec<OwnerId> {
        self.receivers().map_or_else(Vec::new, Beside::lives)
    }

    fn before_sleep(&self, until: Deadline) -> Option<Deadline> {
        let Some(me) = self.enter() else { return Some(until) };
        if !self.deadline.is_never() {
            return Some(until);
        }
        match me.deadlock() {
            Check::None => Some(until),
            Check::LookAgain => Some(until.min(Deadline::at_ns(clock::now_ns()).after_ns(LOOK_AGAIN_NS))),
            Check::LookLater => Some(until.min(Deadline::at_ns(clock::now_ns()).after_ns(LOOK_LATER_NS))),
            Check::Deadlock(deadlock) => {
                self.leave();
                *self.found.borrow_mut() = Some(deadlock);
                None
            }
        }
    }
}
