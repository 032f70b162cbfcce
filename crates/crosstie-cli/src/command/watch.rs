//! `crosstie watch`: the objects, who holds them and who waits, again and again.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use crosstie::inspect::{Snapshot, SnapshotObject};
use crosstie::ledger::Domain;
use crosstie::os::{clock, terminal};

use super::{channels, see};
use crate::args::{Globals, values};
use crate::ends;
use crate::exit::Outcome;
use crate::output::data;

/// Show the objects, who holds them and who waits, again and again
///
/// On a terminal the picture is drawn anew in its place; elsewhere one follows the other, with an empty line between.
/// Ctrl-C ends it. It only looks: nobody is held up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie watch
  crosstie watch --blocked --interval 0.5
  crosstie watch --count 1")]
pub struct Arguments {
    /// How long between two looks
    #[arg(short = 'n', long, value_name = "TIME", value_parser = values::duration, default_value = "1s")]
    interval: Duration,
    /// How many looks [default: until it is ended]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Only what somebody waits for
    #[arg(short, long)]
    blocked: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let domain = ends::domain(globals)?;
    let on_terminal = std::io::stdout().is_terminal();
    let mut looks = 0;
    loop {
        let lines = lines(domain, arguments.blocked);
        if on_terminal {
            // In one piece, and without a state of the terminal that would have to be undone.
            data::text(&redrawn(&lines, terminal::size().unwrap_or((24, 80))))?;
        } else {
            let between = if looks == 0 { "" } else { "\n" };
            data::text(&format!("{between}{}\n", lines.join("\n")))?;
        }
        looks += 1;
        if arguments.count.is_some_and(|count| looks >= count) {
            return Ok(());
        }
        std::thread::sleep(arguments.interval);
    }
}

/// One look, line by line.
fn lines(domain: &'static Domain, only_blocked: bool) -> Vec<String> {
    let snapshot = Snapshot::of(domain);
    let mut processes: Vec<_> = snapshot.owners.iter().map(|owner| owner.pid).collect();
    processes.sort_unstable();
    processes.dedup();
    let mut lines = vec![format!(
        "{}: {} in it, {} waiting",
        domain.name(),
        counted(processes.len()),
        snapshot.waits.len()
    )];
    let is_wanted = |object: &&SnapshotObject| !only_blocked || snapshot.waiters(object.key).next().is_some();
    for object in snapshot.objects.iter().filter(is_wanted) {
        lines.push(see::line(&snapshot, object));
        lines.extend(channels::holders(&snapshot, object).into_iter().map(|line| format!("    {line}")));
        for wait in snapshot.waiters(object.key) {
            let mut line = format!("    {} waits for {}", wait.owner, clock::in_words(wait.waited));
            if wait.is_at_channel() {
                let (what, waited) = (wait.what(&object.name), clock::in_words(wait.waited));
                line = format!("    {} waits for {what} for {waited}", wait.owner);
            }
            if snapshot.is_stalled(wait) {
                line.push_str(", stalled");
            }
            if wait.is_stopped {
                line.push_str(", is stopped");
            }
            if wait.has_deadline {
                line.push_str(", not for ever");
            }
            lines.push(line);
        }
    }
    if !only_blocked {
        lines.extend(snapshot.servers.iter().map(|server| channels::server_line(&snapshot, server)));
    }
    lines
}

fn counted(processes: usize) -> String {
    format!("{processes} process{}", if processes == 1 { "" } else { "es" })
}

/// The lines in place of what stood there, cut off where the terminal ends.
fn redrawn(lines: &[String], (rows, columns): (u16, u16)) -> String {
    let (rows, columns) = (usize::from(rows), usize::from(columns));
    let mut text = "\x1b[H".to_owned();
    let shown = lines.len().min(rows.saturating_sub(1));
    for (at, line) in lines.iter().take(shown).enumerate() {
        let is_cut = at + 1 == shown && lines.len() > shown;
        let line = if is_cut { format!("… {} lines more", lines.len() - shown + 1) } else { line.clone() };
        let line: String = line.chars().take(columns).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}\x1b[K");
    }
    text.push_str("\x1b[J");
    text
}
