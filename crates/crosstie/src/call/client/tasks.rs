//! [`Tasks`]: those of a client's users that are tasks of a runtime, and the one task that drives them.
//!
//! What a waker does is not known, so none is called under a lock: whoever finds that a task may go on puts its waker among the
//! *woken* and rouses the driver, whose own waker is the runtime's; the driver calls them.

use std::task::Waker;

use crate::Deadline;

/// Tasks that wait for something else than their reply, and what is known of the driver.
#[derive(Debug)]
#[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "without a runtime nobody drives"))]
pub(super) struct Tasks {
    /// The driver's, while it waits.
    driver: Option<Waker>,
    /// Something was asked of the driver since it looked last.
    is_asked: bool,
    /// Which driver it is; 0 for none.
    driver_number: u64,
    drivers_count: u64,
    /// Those that wait for a line, a slot, room, or for time to pass: by ticket.
    waiting: Vec<(u64, Waker, Deadline)>,
    next_ticket: u64,
    /// Those that the driver is to wake.
    woken: Vec<Waker>,
    /// Somebody waits for room.
    wants_room: bool,
    /// When it is too late for the first one.
    due: Deadline,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            driver: None,
            is_asked: false,
            driver_number: 0,
            drivers_count: 0,
            waiting: Vec::new(),
            next_ticket: 0,
            woken: Vec::new(),
            wants_room: false,
            due: Deadline::NEVER,
        }
    }
}

impl Tasks {
    /// Has `task` woken.
    pub(super) fn wake(&mut self, task: Waker) {
        self.woken.push(task);
        self.rouse();
    }

    /// What those wait for who do not wait for a reply may have come.
    pub(super) fn tell(&mut self) {
        if !self.waiting.is_empty() {
            self.woken.extend(self.waiting.drain(..).map(|(_, task, _)| task));
            self.rouse();
        }
    }

    /// The driver is to look.
    pub(super) fn ask(&mut self) {
        self.is_asked = true;
        self.rouse();
    }

    fn rouse(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }
}

/// What tasks and their driver do.
#[cfg(feature = "tokio")]
impl Tasks {
    /// There is a driver from now on; answers its number.
    pub(super) fn begin_drive(&mut self) -> u64 {
        self.drivers_count += 1;
        self.driver_number = self.drivers_count;
        self.driver_number
    }

    /// The driver `number` is no more; answers whether there is none instead of it.
    pub(super) fn end_drive(&mut self, number: u64) -> bool {
        let was_last = self.driver_number == number;
        if was_last {
            self.driver_number = 0;
        }
        was_last
    }

    pub(super) fn has_driver(&self) -> bool {
        self.driver_number != 0
    }

    /// The driver looks: what is asked from here on is new.
    pub(super) fn begin_round(&mut self) {
        self.is_asked = false;
        self.driver = None;
    }

    /// The driver has looked: whom it is to wake, and whether it waits now.
    pub(super) fn end_round(&mut self, driver: &Waker) -> (Vec<Waker>, bool) {
        let waits = !self.is_asked;
        self.driver = waits.then(|| driver.clone());
        (std::mem::take(&mut self.woken), waits)
    }

    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }

    /// A task waits for a change, or until `deadline`; it is known by `ticket` until it has been woken.
    pub(super) fn wait(&mut self, ticket: &mut Option<u64>, task: &Waker, deadline: Deadline) {
        self.leave(ticket);
        self.next_ticket += 1;
        *ticket = Some(self.next_ticket);
        self.waiting.push((self.next_ticket, task.clone(), deadline));
        self.note_deadline(deadline);
    }

    /// It waits no more.
    pub(super) fn leave(&mut self, ticket: &mut Option<u64>) {
        if let Some(ticket) = ticket.take() {
            self.waiting.retain(|(other, ..)| *other != ticket);
        }
    }

    /// The driver is to see when there is room.
    pub(super) fn want_room(&mut self) {
        self.wants_room = true;
        self.ask();
    }

    pub(super) fn wants_room(&self) -> bool {
        self.wants_room
    }

    /// There is room.
    pub(super) fn tell_room(&mut self) {
        self.wants_room = false;
        self.tell();
    }

    /// The driver sleeps no longer than that.
    pub(super) fn note_deadline(&mut self, deadline: Deadline) {
        if deadline < self.due {
            self.note_due(deadline);
            self.ask();
        }
    }

    /// As [`Tasks::note_deadline`], said by the driver itself.
    pub(super) fn note_due(&mut self, deadline: Deadline) {
        self.due = self.due.min(deadline);
    }

    /// When the driver is to look in any case.
    pub(super) fn due(&self) -> Deadline {
        self.due
    }

    pub(super) fn is_late(&self, now_ns: u64) -> bool {
        !self.due.is_never() && self.due.is_over(now_ns)
    }

    /// Has those woken for which it is too late; when it is for the next one, the slots say too.
    pub(super) fn wake_late(&mut self, now_ns: u64) {
        self.due = Deadline::NEVER;
        for (_, task, _) in self.waiting.extract_if(.., |(.., deadline)| deadline.is_over(now_ns)) {
            self.woken.push(task);
        }
        self.due = self.waiting.iter().map(|(.., deadline)| *deadline).min().unwrap_or(Deadline::NEVER);
    }
}
