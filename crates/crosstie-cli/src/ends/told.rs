//! [`Told`]: a wait for an object that lasts is told, with who has it and who stands before us.

use std::fmt::Write as _;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crosstie::inspect::Snapshot;
use crosstie::ledger::Domain;
use crosstie::os::clock;

use super::place::under_sudo;
use crate::args::Globals;
use crate::output::note;

/// While it lives, a wait that lasts longer than two seconds is told once.
pub struct Told {
    _over: Sender<()>,
}

impl Told {
    /// The wait for `object` begins now.
    pub fn begin(globals: &Globals, domain: &'static Domain, object: String) -> Self {
        let (over, told) = channel::<()>();
        let globals = globals.clone();
        thread::spawn(move || {
            if told.recv_timeout(Duration::from_secs(2)) == Err(RecvTimeoutError::Timeout) {
                note::line(&globals, &waiting_for(&globals, domain, &object));
            }
        });
        Self { _over: over }
    }
}

/// The facts of a wait: who has it, since when, and how many stand before us.
fn waiting_for(globals: &Globals, domain: &'static Domain, object: &str) -> String {
    let mut text = format!("waiting for {object} (domain {}){}", domain.name(), under_sudo(globals));
    let snapshot = Snapshot::of(domain);
    let Some(known) = snapshot.objects.iter().find(|known| known.name == object) else { return text };
    let holders: Vec<_> = snapshot.holders(known.key).map(|hold| hold.owner.to_string()).collect();
    // Writing to a String cannot fail.
    if !holders.is_empty() {
        let _ = write!(text, ": held by {}", holders.join(", "));
    }
    if let Some(held_for) = snapshot.held_for(known) {
        let _ = write!(text, " for {}", clock::in_words(held_for));
    }
    let own = std::process::id();
    let ahead = snapshot.waiters(known.key).take_while(|wait| wait.owner.pid != own).count();
    if ahead > 0 {
        let _ = write!(text, ", {ahead} ahead of you");
    }
    // Where the processes between only waited for this one, it would have been told as a deadlock at once.
    let above = domain.behind_me().map(|behind| behind.owner);
    if snapshot.holders(known.key).any(|hold| Some(hold.owner.id) == above) {
        text.push_str("; you run under it: if it waits for you, by a pipe or $(...), neither ever goes on");
    }
    text
}
