//! The process that is killed: prepares, marks, does one operation, marks.
//!
//! | mark | says |
//! |---|---|
//! | first | prepared: the operation starts behind it |
//! | second | the operation is done as far as its user can tell: it has returned, a message is copied |
//! | third | nothing is left to do |

use std::path::Path;
use std::process::ExitCode;

use crosstie::ledger::{Domain, Net};
use crosstie::os::{parent, single_step};

use super::{call, meetings, queue, ring, starting, topic, turns};

/// What a victim may fail with.
pub type Failure = Box<dyn std::error::Error>;

/// The argument of a victim that only tries whether it may be traced.
pub const PROBE: &str = "probe";
/// The last argument of a predecessor.
pub const PREDECESSOR: &str = "predecessor";

/// What a victim is told.
#[derive(Clone, Copy)]
pub struct Role<'a> {
    pub domain: &'static Domain,
    pub object: &'a str,
    pub is_predecessor: bool,
}

/// `victim OPERATION DOMAIN OBJECT PARENT [predecessor]`.
pub fn run(arguments: &[&str]) -> ExitCode {
    match play(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("victim {arguments:?}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(arguments: &[&str]) -> Result<(), Failure> {
    if arguments == [PROBE] {
        return Ok(single_step::trace_me()?);
    }
    let &[operation, domain, object, parent, ref rest @ ..] = arguments else {
        return Err("victim OPERATION DOMAIN OBJECT PARENT [predecessor]".into());
    };
    parent::end_with_parent(parent.parse()?)?;
    single_step::trace_me()?;
    let domain = Domain::open(Path::new(domain))?;
    domain.set_net(Net::Absent);
    let role = Role { domain, object, is_predecessor: rest.contains(&PREDECESSOR) };
    if let Some(case) = ring::CASES.iter().find(|case| case.name == operation) {
        ring::play(case, role)?;
    } else if let Some(case) = queue::CASES.iter().find(|case| case.name == operation) {
        queue::play(case, role)?;
    } else if let Some(case) = topic::CASES.iter().find(|case| case.name == operation) {
        topic::play(case, role)?;
    } else if let Some(case) = call::CASES.iter().find(|case| case.name == operation) {
        call::play(case, role)?;
    } else if let Some(case) = meetings::CASES.iter().find(|case| case.name == operation) {
        meetings::play(case, role)?;
    } else if let Some(case) = starting::CASES.iter().find(|case| case.name == operation) {
        starting::play(case, role)?;
    } else {
        let case = turns::cases().iter().find(|case| case.name == operation);
        turns::play(case.ok_or("no such operation")?, role)?;
    }
    single_step::mark()?;
    Ok(())
}
