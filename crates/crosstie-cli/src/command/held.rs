//! Running a command that holds something: what `lock`, `sem` and `once` share.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use clap::Args;
use crosstie::ledger::Domain;
use crosstie::ledger::command::CommandOwner;
use crosstie::os::clock;
use crosstie::os::forward;
use crosstie::os::held_spawn::HeldCommand;
use crosstie::os::signal_state::SignalState;
use crosstie::sync::{LockError, LockResult};
use crosstie::{Deadline, Error, ErrorKind};

use crate::args::{Globals, values};
use crate::ends::Told;
use crate::exit::Failure;

/// The code of what ended in no way that there is.
const FAILED: u8 = 125;

/// How long to wait.
#[derive(Clone, Debug, Args)]
pub struct WaitFlags {
    /// Wait at most this long: 5s, 1m 30s; then 124
    #[arg(short, long, value_name = "TIME", value_parser = values::duration)]
    pub timeout: Option<Duration>,
    /// Do not wait: 75 if somebody has it
    #[arg(long = "try", conflicts_with = "timeout")]
    pub no_wait: bool,
}

impl WaitFlags {
    /// Until when, from now on.
    pub fn deadline(&self) -> Deadline {
        match (self.no_wait, self.timeout) {
            (true, _) => Deadline::NOW,
            (false, Some(timeout)) => clock::deadline_in(timeout),
            (false, None) => Deadline::NEVER,
        }
    }
}

/// Takes `object`: at once if it is to be had, else until `deadline`, and tells of a wait that lasts.
pub fn take<G>(
    globals: &Globals,
    domain: &'static Domain,
    object: &str,
    deadline: Deadline,
    take: impl Fn(Deadline) -> LockResult<G>,
) -> Result<G, Failure> {
    // Most never wait, and need no thread that tells of it. Who only tries says nothing of an order of locks.
    let at_once = (deadline.is_now() || !domain.notes_lock_order()).then(|| take(Deadline::NOW));
    let taken = match at_once {
        Some(at_once) if deadline.is_now() || !matches!(at_once, Err(LockError::Busy(_))) => at_once,
        _ => {
            let _told = Told::begin(globals, domain, object.to_owned());
            take(deadline)
        }
    };
    taken.map_err(|refusal| refused(object, refusal))
}

/// A lock or permit was refused.
pub fn refused<G>(object: &str, refusal: LockError<G>) -> Failure {
    match refusal {
        LockError::Failed(error) => error.into(),
        LockError::Busy(who) => Failure::new(ErrorKind::Busy, format!("{who}")),
        LockError::TimedOut(who) => Failure::new(ErrorKind::TimedOut, format!("wait for {object}: {who}")),
        LockError::Deadlock(cycle) => {
            // Where in our own program somebody waits is nobody's concern.
            let cycle = cycle.without_places();
            let advice = match cycle.length() {
                1 => "take it once: the command inside runs with it already",
                _ => "take both at once, in one order for all: crosstie lock A B -- …",
            };
            Failure::new(ErrorKind::Deadlock, format!("wait for {object}: {cycle}")).advise(advice)
        }
        other => Failure::from(Error::from(other)),
    }
}

/// Runs `argv` for `owner`, with more in its environment; answers how it ended.
pub fn run(
    owner: &CommandOwner,
    argv: &[OsString],
    environment: &[(String, String)],
) -> Result<ExitStatus, Failure> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Failure::usage("there is no command to run").advise("write it behind --"));
    };
    let found = SignalState::as_found();
    let mut command = HeldCommand::new(program).args(arguments).signals(found);
    for (name, value) in environment {
        command = command.env(name, value);
    }
    let failed = |text: String| Failure::new(ErrorKind::Failed, text);
    forward::begin(&found).map_err(|error| failed(format!("forward signals: {error}")))?;
    let mut child = owner.start(&command).map_err(|refusal| {
        let code = refusal.exit_code();
        let failure = Failure::with_code(code, format!("run {}: {refusal}", program.display()));
        match code {
            126 => failure.advise("it has to be a program: a file with the permission to execute it"),
            127 => failure.advise("is it spelled right, and in a folder of $PATH? No shell looks for it"),
            _ => failure,
        }
    })?;
    forward::to(child.pid());
    let status = child.wait().map_err(|error| failed(format!("wait for {}: {error}", program.display())))?;
    forward::to(0);
    Ok(status)
}

/// The exit code of a command, as a shell says it.
pub fn exit_code(status: ExitStatus) -> u8 {
    let by_signal = || status.signal().map_or(FAILED, code_of_signal);
    status.code().map_or_else(by_signal, |code| u8::try_from(code).unwrap_or(FAILED))
}

/// The exit code of what a signal ended, as a shell says it.
pub fn code_of_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(FAILED)
}
