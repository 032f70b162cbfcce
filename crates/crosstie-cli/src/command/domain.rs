//! `crosstie domain` and `crosstie domain create PATH --group G`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use crosstie::ledger::Domain;
use crosstie::os::account;
use crosstie::os::session::AtLogout;
use serde_json::json;

use crate::args::{Globals, values};
use crate::ends;
use crate::exit::Outcome;
use crate::output::data;

/// Show the domain: where it is, whose, and who takes part; or make one for a group
///
/// Processes see each other's locks and rings if they are in one domain: a folder that belongs to one user, or to a
/// group. It is chosen by --domain, else by $CROSSTIE_DOMAIN, else it is /dev/shm/crosstie-UID.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  crosstie domain
  crosstie domain create /dev/shm/team --group staff
  crosstie --domain /dev/shm/team lock db -- ./migrate.sh"
)]
pub struct Arguments {
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a domain that the members of a group share; 85 if it exists
    Create {
        /// A folder that does not exist yet, best below /dev/shm
        #[arg(value_parser = values::folder())]
        path: PathBuf,
        /// The group, by its name or number; you have to be in it
        #[arg(long, value_name = "G")]
        group: String,
    },
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    match arguments.action {
        Some(Action::Create { path, group }) => {
            let domain = Domain::create_shared(path, &group)?;
            data::text(&format!("{}\n", domain.name()))
        }
        None => show(arguments.json, globals),
    }
}

fn show(as_json: bool, globals: &Globals) -> Outcome {
    let path = globals.domain_path()?;
    let chosen = globals.domain_chosen_by();
    // To look makes none.
    if !path.exists() {
        return if as_json {
            data::json(&json!({"schema": "crosstie.domain/1", "path": path.display().to_string(),
                "chosen_by": chosen, "exists": false}))
        } else {
            let path = path.display();
            data::text(&format!(
                "{path} (by {chosen})\n  does not exist yet: whoever uses it first makes it\n"
            ))
        };
    }
    let domain = ends::domain(globals)?;
    let stat = domain.directory().stat();
    let user = account::user_name(stat.uid).ok().flatten();
    let user = user.map_or_else(|| stat.uid.to_string(), |name| name.to_string_lossy().into_owned());
    let owners = domain.owners();
    let processes: BTreeSet<u32> = owners.iter().map(|owner| owner.pid).collect();
    let objects = domain.objects().len();
    let is_shared = domain.directory().is_shared();
    let at_logout = domain.at_logout();
    if as_json {
        let group = is_shared.then_some(stat.gid);
        return data::json(
            &json!({"schema": "crosstie.domain/1", "path": domain.name(), "chosen_by": chosen,
            "exists": true, "user": user, "uid": stat.uid, "shared_by_gid": group, "processes": processes,
            "objects": objects, "is_deleted_at_logout": matches!(at_logout, Ok(AtLogout::Deleted))}),
        );
    }
    let mut text = format!("{} (by {chosen})\n", domain.name());
    // Writing to a String cannot fail.
    let _ = match is_shared {
        true => writeln!(text, "  made by {user}, shared by group {}", stat.gid),
        false => writeln!(text, "  belongs to {user} alone"),
    };
    let _ = writeln!(
        text,
        "  {} in it, {}",
        counted(processes.len(), "process", "es"),
        counted(objects, "object", "s")
    );
    if matches!(at_logout, Ok(AtLogout::Deleted)) {
        let _ = writeln!(text, "  is deleted when {user} logs out; loginctl enable-linger {user} keeps it");
    }
    data::text(&text)
}

fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { more })
}
