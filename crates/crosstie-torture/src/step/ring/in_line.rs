//! [`InLine`]: a sender of the judging process that stands in line behind the victim.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crosstie::channel::ring::RingSender;
use crosstie::ledger::Domain;
use crosstie::os::{clock, process, single_step};
use crosstie::{Deadline, Error};
use crosstie_core::atomic::AtomicU32;

use super::victim::options;
use crate::step::fault::{Fault, Finding};
use crate::step::survivor::take_over;
use crate::step::victim::Failure;

/// With the net off, nothing wakes it later than this.
const NEVER_COMES: Duration = Duration::from_secs(2);
/// How long the twin sleeps that watches nobody.
const DEAF: Duration = Duration::from_millis(200);

/// A thread that waits for its turn to send.
pub struct InLine {
    /// When its turn came, and its end.
    turn: Receiver<(u64, Result<RingSender, Error>)>,
}

impl InLine {
    /// Stands in line at `ring`; a deaf one first sleeps where nobody wakes it.
    ///
    /// # Errors
    /// If it does not fall asleep.
    pub fn stand(domain: &'static Domain, ring: &str, is_deaf: bool) -> Result<Self, Failure> {
        let (tell, turn) = channel();
        let (say, thread) = channel();
        let ring = ring.to_owned();
        std::thread::spawn(move || {
            // A judge that waits no more has judged; so below.
            let _ = say.send(process::tid());
            if is_deaf {
                domain.wait(&AtomicU32::new(1), 1, &[], clock::deadline_in(DEAF));
            }
            let opened = RingSender::open_in_turn(domain, &ring, &options(), Deadline::NEVER);
            let _ = tell.send((clock::now_ns(), opened));
        });
        let thread = thread.recv_timeout(NEVER_COMES)?;
        let give_up = clock::deadline_in(Duration::from_secs(10));
        while !single_step::is_in_futex(process::pid(), thread) {
            if give_up.is_over(clock::now_ns()) {
                return Err("who stands in line does not sleep".into());
            }
            std::thread::yield_now();
        }
        Ok(Self { turn })
    }

    /// When its turn came, and its end.
    ///
    /// # Errors
    /// A hang, or that it was refused.
    pub fn turn(self) -> Result<(u64, RingSender), Finding> {
        let Ok((at_ns, opened)) = self.turn.recv_timeout(NEVER_COMES) else {
            return Err(Finding::new(Fault::Hang, "who stands in line sleeps for ever"));
        };
        Ok((at_ns, take_over(opened)?))
    }
}
