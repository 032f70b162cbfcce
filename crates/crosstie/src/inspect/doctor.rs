//! What is wrong in a domain, in plain words, and what to do about it.

use std::fmt;
use std::time::Duration;

use super::Snapshot;
use crate::ledger::Domain;
use crate::os::session::AtLogout;
use crate::os::{clock, futex};

/// A wait that lasts longer is worth a word.
const LONG: Duration = Duration::from_secs(10);
/// So many times overtaken is starved.
const STARVED: u64 = 100;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Whether somebody is stuck or something is damaged, rather than worth knowing.
    pub is_wrong: bool,
    /// What it is.
    pub what: String,
    /// What to do about it; empty for nothing.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.advice.is_empty() {
            write!(f, "\n  hint: {}", self.advice)?;
        }
        Ok(())
    }
}

fn wrong(what: String, advice: &str) -> Finding {
    Finding { is_wrong: true, what, advice: advice.to_owned() }
}

fn note(what: String, advice: &str) -> Finding {
    Finding { is_wrong: false, what, advice: advice.to_owned() }
}

/// Looks at `domain` for whatever is wrong.
#[must_use]
pub fn diagnose(domain: &'static Domain) -> Vec<Finding> {
    let snapshot = Snapshot::of(domain);
    let mut findings = Vec::new();
    if !domain.has_name() {
        findings.push(wrong(
            format!("the domain {} was removed: whoever comes now is in another one", domain.name()),
            "restart the processes; keep it from happening at logout with `loginctl enable-linger`",
        ));
    }
    if matches!(domain.at_logout(), Ok(AtLogout::Deleted)) {
        findings.push(note(
            format!("the domain {} is deleted when its user logs out for the last time", domain.name()),
            "`loginctl enable-linger` keeps it",
        ));
    }
    if !futex::has_waitv() {
        findings.push(note(
            "this kernel, or a filter, has no futex_waitv: waits look at who died every 50 ms".to_owned(),
            "Linux 5.16 or later wakes at once",
        ));
    }
    objects(domain, &snapshot, &mut findings);
    waits(&snapshot, &mut findings);
    for report in domain.deadlock_reports() {
        let names: Vec<_> =
            report.members.iter().flatten().map(|(_, key)| domain.object_name(*key)).collect();
        findings.push(note(
            format!("a deadlock of {} was ended: {}", report.length, names.join(", ")),
            "take them in one order everywhere, or all at once: crosstie lock A B -- …",
        ));
    }
    let rescues = domain.net_rescues();
    if rescues > 0 {
        findings.push(wrong(
            format!("{rescues} sleeps were ended only by the periodic look: a wake-up was lost"),
            "that is a fault of Crosstie, or of who writes into the domain: please report it",
        ));
    }
    findings
}

fn objects(domain: &'static Domain, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for object in &snapshot.objects {
        if let Some(owner) = object.dead_owner {
            let who = domain.identity(owner).map_or("somebody".to_owned(), |who| who.to_string());
            findings.push(note(
                format!(
                    "{} is abandoned: {who} died while it had it; the next owner will be told",
                    object.name
                ),
                "",
            ));
        } else if object.is_abandoned {
            findings.push(note(
                format!("{} was abandoned, and nobody has mended its data since", object.name),
                "lock_or_repair mends them",
            ));
        }
        if object.overtaken_most > STARVED {
            findings.push(note(
                format!("{}: a wait was overtaken {} times", object.name, object.overtaken_most),
                "make it fair (Policy::Fair): first come, first served",
            ));
        }
    }
}

fn waits(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for wait in &snapshot.waits {
        let object = snapshot.object_name(wait.key);
        for hold in snapshot.holders(wait.key) {
            if crate::os::process::is_stopped(hold.owner.pid) {
                findings.push(wrong(
                    format!("{} waits for {object}, which {} holds: it is stopped", wait.owner, hold.owner),
                    "kill -CONT lets it go on",
                ));
            }
        }
        if wait.is_stopped {
            findings.push(note(
                format!(
                    "{} is stopped while it waits for {object}: its turn may come before it goes on",
                    wait.owner
                ),
                "kill -CONT lets it go on",
            ));
        }
        if wait.waited > LONG {
            let holders: Vec<_> = snapshot.holders(wait.key).map(|hold| hold.owner.to_string()).collect();
            let by =
                if holders.is_empty() { String::new() } else { format!(", held by {}", holders.join(", ")) };
            findings.push(note(
                format!("{} has waited {} for {object}{by}", wait.owner, clock::in_words(wait.waited)),
                "",
            ));
        }
    }
}
