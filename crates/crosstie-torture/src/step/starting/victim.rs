//! The starter, and the child that it makes.

use crosstie::Deadline;
use crosstie::ledger::command::CommandOwner;
use crosstie::os::held_spawn::{HeldChild, HeldCommand};
use crosstie::os::{futex, single_step};
use crosstie::sync::{Access, AnyLock};

use super::case::{Act, Case, Twin};
use super::program::{ENDS, NOT_THERE, RUNS, RUNS_SECONDS};
use crate::step::victim::{Failure, Role};

/// Does the operation of `case` between its marks.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let lock = AnyLock::open_or_create_in(role.domain, role.object)?;
    let owner = role.domain.command_owner("torture")?;
    let guard = lock
        .lock_for_command(&owner, Access::Exclusive, Deadline::NEVER)
        .map_err(|refusal| format!("{refusal}"))?;
    match case.act {
        Act::Start => {
            single_step::mark()?;
            let _child = start(case, &owner)?;
            single_step::mark()?;
            single_step::mark()?;
        }
        Act::StartNothing => {
            single_step::mark()?;
            if owner.start(&HeldCommand::new(NOT_THERE)).is_ok() {
                return Err("a program that is not there was started".into());
            }
            drop(guard);
            single_step::mark()?;
            drop(owner);
            single_step::mark()?;
        }
        Act::End => {
            let mut child = owner.start(&HeldCommand::new(ENDS))?;
            single_step::mark()?;
            child.wait()?;
            drop(guard);
            single_step::mark()?;
            drop(owner);
            single_step::mark()?;
        }
        Act::Child => {
            single_step::mark()?;
            // From here on it is the child that is stepped; this one runs free. What is killed before it is a program may be
            // told as not started, and then the lock goes back as it was.
            let mut child = owner.start(&HeldCommand::new(RUNS).arg(RUNS_SECONDS))?;
            child.wait()?;
            if case.is(Twin::KeepsTheLock) {
                futex::park_for_ever();
            }
            if case.is(Twin::TellsNobody) {
                drop((guard, owner));
            } else {
                // As the command `crosstie lock` does it: its end is what makes the lock an abandoned one.
                std::mem::forget((guard, owner));
            }
            std::process::exit(0);
        }
    }
    Ok(())
}

fn start(case: &Case, owner: &CommandOwner) -> Result<HeldChild, Failure> {
    let command = HeldCommand::new(RUNS).arg(RUNS_SECONDS);
    let started =
        if case.is(Twin::HandsNothingOver) { command.start(None, |_| Ok(())) } else { owner.start(&command) };
    Ok(started?)
}
