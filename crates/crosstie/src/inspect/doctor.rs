//! What is wrong in a domain, in plain words, and what to do about it.

use std::fmt;
use std::time::Duration;

use super::{Snapshot, SnapshotWait, Stall, Value, inversions};
use crate::ledger::{Domain, Identity};
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
    for stall in &snapshot.stalls {
        findings.push(stalled(stall));
    }
    for report in domain.deadlock_reports() {
        let names: Vec<_> =
            report.members.iter().flatten().map(|(_, key)| snapshot.object_name(*key)).collect();
        findings.push(note(
            format!("a deadlock of {} was ended: {}", report.length, names.join(", ")),
            "take them in one order everywhere, or all at once: crosstie lock A B -- …",
        ));
    }
    orders(domain, &mut findings);
    let rescues = domain.net_rescues();
    if rescues > 0 {
        findings.push(wrong(
            format!("{rescues} sleeps were ended only by the periodic look: a wake-up was lost"),
            "that is a fault of Crosstie, or of who writes into the domain: please report it",
        ));
    }
    findings
}

fn orders(domain: &'static Domain, findings: &mut Vec<Finding>) {
    let (inversions, beyond) = inversions(domain);
    for inversion in inversions {
        findings.push(note(
            format!("a deadlock is possible: {inversion}"),
            "take them in one order everywhere, or all at once: lock_all, crosstie lock A B -- …",
        ));
    }
    if beyond > 0 {
        findings.push(note(
            format!("{beyond} orders in which locks were taken found no room: a deadlock may be possible of which nothing is said here"),
            "try fewer locks in a domain of their own ($CROSSTIE_DOMAIN)",
        ));
    }
}

fn objects(domain: &'static Domain, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for object in &snapshot.objects {
        if let Some(damage) = &object.damage {
            findings.push(wrong(
                format!("{} is damaged, and nobody can open it: {}", object.name, damage.cause()),
                &format!("crosstie rm {}", object.name),
            ));
        }
        if object.value == Some(Value::IsUsed(false)) {
            findings.push(note(
                format!("{} ({}) is left behind: all who had it have died", object.name, object.description),
                "crosstie doctor --fix removes it, as does the next program that makes one",
            ));
        }
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

/// Who waits for whom at channels, and no longer goes on; worth knowing where somebody could still come and end it.
fn stalled(stall: &Stall) -> Finding {
    let advice = "end one of them, or let one send (or receive) before it waits, or wait with a deadline";
    if stall.is_open { note(stall.to_string(), advice) } else { wrong(stall.to_string(), advice) }
}

fn waits(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    // Who waits at a channel is idle, and that is well; who is stalled there is told of below.
    let at_objects: Vec<_> = snapshot.waits.iter().filter(|wait| !wait.is_at_channel()).collect();
    // Of many who wait for one, the first: who is first and most overtaken says the most.
    for waits in at_objects.chunk_by(|one, other| one.key == other.key) {
        let Some(first) = waits.first() else { continue };
        let object = snapshot.object_name(first.key);
        let who_wait = match waits.len() - 1 {
            0 => format!("{} waits", first.owner),
            others => format!("{} and {others} more wait", first.owner),
        };
        let mut holders: Vec<_> = snapshot.holders(first.key).map(|hold| &hold.owner).collect();
        holders.dedup_by_key(|owner| owner.id);
        if let Some(owner) = holders.iter().find(|owner| owner.is_stopped()) {
            findings.push(wrong(
                format!("{who_wait} for {object}, which {owner} holds: it is stopped"),
                "kill -CONT lets it go on",
            ));
        }
        for wait in waits.iter().copied().filter(is_stopped).take(1) {
            findings.push(note(
                format!(
                    "{} is stopped while it waits for {object}: its turn may come before it goes on",
                    wait.owner
                ),
                "kill -CONT lets it go on",
            ));
        }
        if let Some(wait) = waits.iter().max_by_key(|wait| wait.waited).filter(|wait| wait.waited > LONG) {
            let by =
                if holders.is_empty() { String::new() } else { format!(", held by {}", listed(&holders)) };
            let waited = clock::in_words(wait.waited);
            findings.push(note(format!("{} has waited {waited} for {object}{by}", wait.owner), ""));
        }
    }
}

fn is_stopped(wait: &&SnapshotWait) -> bool {
    wait.is_stopped
}

/// The first of many, and how many more there are.
fn listed(owners: &[&Identity]) -> String {
    const LISTED_MAX: usize = 8;
    let names: Vec<_> = owners.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    match owners.len().saturating_sub(LISTED_MAX) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
