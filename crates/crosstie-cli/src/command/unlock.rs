//! `crosstie unlock --force NAME --yes`.

use clap::Args;
use crosstie::ErrorKind;
use crosstie::inspect::Snapshot;
use crosstie::ledger::Domain;
use crosstie::sync::force;

use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};
use crate::output::note;

/// Take a lock away from who has it: the last resort
///
/// Whoever waits goes on at once, and so may the old owner: two owners at once are possible. Its token is refused from
/// then on where tokens are checked, its guard says that it lost the lock, and `crosstie lock` ends with 82. Kill the
/// owner instead wherever you can: that frees the lock without this danger. 1 if nobody has it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie unlock --force db            say what would happen, and do nothing (2)
  crosstie unlock --force db --yes")]
pub struct Arguments {
    /// The lock: NAME or lock:NAME
    name: String,
    /// By force: a lock is given up by its owner alone
    #[arg(long)]
    force: bool,
    /// Do it
    #[arg(long, requires = "force")]
    yes: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let name = match arguments.name.split_once(':') {
        None => arguments.name.as_str(),
        Some(("lock", name)) => name,
        Some((kind, _)) => {
            return Err(Failure::usage(format!("unlock {}: a {kind} is no lock", arguments.name))
                .advise("only locks are taken away: permits come back when their owner is killed"));
        }
    };
    if !arguments.yes {
        return Err(refuse(name, arguments.force, globals)?);
    }
    let domain = ends::domain(globals)?;
    let taken = force::take_away(domain, name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(domain, name),
        _ => Failure::from(error),
    })?;
    let owners: Vec<_> = taken.owners.iter().map(ToString::to_string).collect();
    note::line(
        globals,
        &format!(
            "lock:{name} was taken away from {}: two owners are possible until that one has ended. What checks \
             tokens refuses {} and smaller ones",
            owners.join(", "),
            taken.token_lost
        ),
    );
    Ok(())
}

fn missing(domain: &'static Domain, name: &str) -> Failure {
    Failure::new(ErrorKind::NotFound, format!("unlock lock:{name}: there is no such lock"))
        .advise(format!("`crosstie ls lock` lists those of {}", domain.name()))
}

/// What would happen.
fn refuse(name: &str, by_force: bool, globals: &Globals) -> Result<Failure, Failure> {
    let domain = ends::domain(globals)?;
    let snapshot = Snapshot::of(domain);
    let whole = format!("lock:{name}");
    let Some(object) = snapshot.objects.iter().find(|object| object.name == whole) else {
        return Err(missing(domain, name));
    };
    let owners: Vec<_> = snapshot.holders(object.key).map(|hold| hold.owner.clone()).collect();
    let (Some(first), names) = (owners.first(), owners.iter().map(ToString::to_string).collect::<Vec<_>>())
    else {
        return Err(Failure::new(ErrorKind::Negative, format!("unlock {whole}: nobody has it")));
    };
    let text = if by_force {
        format!(
            "unlock {whole}: it would be taken away from {}, who is not asked and may go on: two owners at once \
             would be possible, and {} who wait go on at once",
            names.join(", "),
            snapshot.waiters(object.key).count()
        )
    } else {
        format!("unlock {whole}: only its owner gives it up: {}", names.join(", "))
    };
    Ok(Failure::usage(text).advise(format!(
        "end the owner instead: kill {}; if that cannot be: crosstie unlock --force {name} --yes",
        first.pid
    )))
}
