//! `crosstie lock NAME… -- CMD`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::mem;
use std::os::unix::process::ExitStatusExt as _;

use clap::Args;
use crosstie::sync::{Access, AnyLock};
use crosstie::{Error, ErrorKind};

use super::codes::{CodeFlags, Ended};
use super::held::{self, WaitFlags};
use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};
use crate::output::note;

/// Run a command while it has a lock, alone or shared
///
/// The lock follows the command: it is held until the command ends, also if crosstie itself is killed,
/// and is free at once when the command is. First come, first served. Several locks are taken in one order for all, so
/// that two commands never wait for each other. A wait that would never end is refused (80) and the circle named.
/// The command finds CROSSTIE_TOKEN (a number that grows with each owner) and, when the last owner died,
/// CROSSTIE_ABANDONED=1 in its environment. The exit code is the command's.
///
/// A mutex or a readers-and-writer lock of a program is locked by its name too, its data untouched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie lock db -- ./migrate.sh
  crosstie lock --shared db -- ./report.sh
  crosstie lock a b c -- ./job
  crosstie lock --timeout 5s db -- ./migrate.sh || echo \"exit code $?\"")]
pub struct Arguments {
    /// The locks, made where they are missing
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Beside others who share it
    #[arg(short, long)]
    shared: bool,
    #[command(flatten)]
    wait: WaitFlags,
    /// Refuse (81) instead of warn when the last owner died while it had the lock
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    codes: CodeFlags,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    arguments.codes.run(|| take_and_run(&arguments, globals))
}

#[expect(clippy::result_large_err, reason = "the error has the guard of an abandoned lock in it")]
fn take_and_run(arguments: &Arguments, globals: &Globals) -> Result<Ended, Failure> {
    let domain = ends::domain(globals)?;
    let access = if arguments.shared { Access::Shared } else { Access::Exclusive };
    let owner = domain.command_owner(arguments.command.first().cloned().unwrap_or_default())?;
    // One order for all, programs that call `lock_all` too.
    let names: BTreeSet<&String> = arguments.names.iter().collect();
    let opened = names.iter().map(|name| Ok((*name, AnyLock::open_or_create_in(domain, name)?)));
    let mut locks = opened.collect::<Result<Vec<_>, Error>>()?;
    locks.sort_by_key(|(_, lock)| lock.rank());
    let deadline = arguments.wait.deadline();
    let mut guards = Vec::new();
    for (name, lock) in &locks {
        let object = format!("lock:{name}");
        let guard = held::take(globals, domain, &object, deadline, |deadline| {
            lock.lock_for_command(&owner, access, deadline)
        })?;
        if guard.is_abandoned() {
            let who = guard.dead_owner().map_or("its last owner".to_owned(), |who| who.to_string());
            let text = format!("{object} was abandoned: {who} died while it had it");
            if arguments.strict {
                return Err(Failure::new(ErrorKind::Abandoned, text)
                    .advise("look at what it protects, then run again without --strict"));
            }
            note::line(globals, &text);
        }
        guards.push((*name, guard));
    }
    let mut environment = Vec::new();
    // Of several it is that of the last name.
    if let Some((_, last)) = guards.iter().max_by_key(|(name, _)| *name) {
        environment.push(("CROSSTIE_TOKEN".to_owned(), last.token().to_string()));
    }
    if guards.iter().any(|(_, guard)| guard.is_abandoned()) {
        environment.push(("CROSSTIE_ABANDONED".to_owned(), "1".to_owned()));
    }
    let status = held::run(&owner, &arguments.command, &environment)?;
    let code = held::exit_code(status);
    let Some((name, guard)) = guards.iter().find(|(_, guard)| !guard.is_held()) else {
        if status.signal().is_some() {
            // The owner is the command, and it died: its locks are not given up here. The end of this process
            // is what makes them abandoned, as if both had been killed.
            guards.into_iter().for_each(|(_, guard)| mem::forget(guard));
            mem::forget(owner);
        }
        return Ok(Ended::Command(code));
    };
    let text =
        format!("lock:{name} was taken away by force while the command ran with token {}", guard.token());
    let lost = Failure::new(ErrorKind::Lost, text)
        .advise("look at what it protects: another may have had it at the same time");
    if code == 0 {
        return Err(lost);
    }
    note::line(globals, lost.text());
    Ok(Ended::Command(code))
}
