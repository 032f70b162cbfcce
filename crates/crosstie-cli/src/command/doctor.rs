//! `crosstie doctor`: what is wrong, and what can be mended without asking anybody.

use std::fmt::Write as _;

use clap::Args;
use crosstie::ErrorKind;
use crosstie::channel::unnamed;
use crosstie::inspect::{Snapshot, SnapshotObject, diagnose};
use crosstie::sync::object;

use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};
use crate::output::data;

/// Say what is wrong in the domain; 1 if somebody is stuck or something is damaged
///
/// With --fix it first removes what has no name and whose participants have all died (Python's unnamed Queue, Executor and
/// SharedArray), and the locks, barriers and conditions that no living process has open and that hold nothing, and tells those who wait for a dead process that it is dead, where nobody has noticed. What holds data, a
/// count, a number of permits, what was done, or an abandoned owner that nobody was told of, and what is damaged, stays:
/// `crosstie rm` removes it by name.
///
/// Deadlocks that could be are told of processes that ran with CROSSTIE_LOCK_ORDER=1: locks that they took in orders
/// that close a circle, though never at the same time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie doctor
  CROSSTIE_LOCK_ORDER=1 crosstie lock a -- crosstie lock b -- ./job ; crosstie doctor
  crosstie doctor --fix")]
pub struct Arguments {
    /// Remove what nobody uses, and say what was removed
    #[arg(long)]
    fix: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let domain = ends::domain(globals)?;
    let mut text = String::new();
    if arguments.fix {
        for owner in domain.owners() {
            if !domain.confirm_alive(owner.id) {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "told those who waited for {owner} that it is dead");
            }
        }
        for name in unnamed::sweep(domain) {
            let _ = writeln!(text, "removed {name}: all who had it have died");
        }
        let sound = Snapshot::of(domain).objects.into_iter().filter(|object| object.damage.is_none());
        for SnapshotObject { kind, name: whole, .. } in sound {
            let name = whole.split_once(':').map_or("", |(_, name)| name);
            if object::remove_unused(domain, &kind, name)? {
                let _ = writeln!(text, "removed {whole}: nobody has it open, and it holds nothing");
            }
        }
    }
    let findings = diagnose(domain);
    for finding in &findings {
        let _ = writeln!(text, "{finding}");
    }
    if findings.is_empty() {
        let _ = writeln!(text, "{}: nothing is wrong", domain.name());
    }
    data::text(&text)?;
    let is_wrong = findings.iter().any(|finding| finding.is_wrong);
    if is_wrong { Err(Failure::silent(ErrorKind::Negative.exit_code())) } else { Ok(()) }
}
