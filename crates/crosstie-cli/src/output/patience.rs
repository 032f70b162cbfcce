//! A wait that says after two seconds what it waits for, and ends when the user says so.

use std::time::Duration;

use crosstie::Deadline;
use crosstie::os::clock;

use super::note;
use crate::args::Globals;

/// A wait that lasts longer is told.
const SILENT: Duration = Duration::from_secs(2);

/// One kind of wait of one command: each wait may end by `--timeout`, the first long one is told.
pub struct Patience<'a> {
    globals: &'a Globals,
    timeout: Option<Duration>,
    told: bool,
    deadline: Deadline,
    silent_until: Deadline,
}

impl<'a> Patience<'a> {
    /// The first wait begins now.
    pub fn new(globals: &'a Globals, timeout: Option<Duration>) -> Self {
        let mut this = Self {
            globals,
            timeout,
            told: globals.quiet,
            deadline: Deadline::NEVER,
            silent_until: Deadline::NEVER,
        };
        this.begin();
        this
    }

    /// A new wait begins now.
    pub fn begin(&mut self) {
        if let Some(timeout) = self.timeout {
            self.deadline = clock::deadline_in(timeout);
        }
        if !self.told {
            self.silent_until = clock::deadline_in(SILENT);
        }
    }

    /// Nothing more is told.
    pub fn hush(&mut self) {
        self.told = true;
    }

    /// Until when to wait in one go.
    pub fn deadline(&self) -> Deadline {
        if self.told { self.deadline } else { self.deadline.min(self.silent_until) }
    }

    /// After a wait until [`Patience::deadline`] timed out: tells it if it is time to, and says
    /// whether to wait on.
    pub fn goes_on(&mut self, awaited: impl FnOnce() -> String) -> bool {
        let is_over = self.deadline.is_over(clock::now_ns());
        if !is_over && !self.told {
            self.told = true;
            note::line(self.globals, &awaited());
        }
        !is_over
    }
}
