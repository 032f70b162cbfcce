//! `crosstie ls`, `inspect`, `graph`, `doctor`: who holds what, who waits for whom, and what is wrong.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use crosstie::ErrorKind;
use crosstie::inspect::{Snapshot, SnapshotObject, diagnose, picture};
use crosstie::ledger::Domain;
use serde_json::{Value, json};

use super::held;
use crate::args::Globals;
use crate::exit::{Failure, Outcome};
use crate::output::data;

/// List the objects of the domain: who has them, who waits
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie ls
  crosstie ls lock --blocked
  crosstie ls --json")]
pub struct List {
    /// Only this kind: lock sem count monitor cond barrier once event ring
    kind: Option<String>,
    /// Only what somebody waits for
    #[arg(short, long)]
    blocked: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn list(arguments: List, globals: &Globals) -> Outcome {
    let snapshot = Snapshot::of(held::domain(globals)?);
    let wanted: Vec<_> = snapshot
        .objects
        .iter()
        .filter(|object| arguments.kind.as_ref().is_none_or(|kind| kind == &object.kind))
        .filter(|object| !arguments.blocked || snapshot.waiters(object.key).next().is_some())
        .collect();
    if arguments.json {
        let objects: Vec<_> = wanted.iter().map(|object| document(&snapshot, object)).collect();
        return data::text(&format!("{:#}\n", json!({"schema": "crosstie.ls/1", "objects": objects})));
    }
    let mut text = String::new();
    for object in wanted {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line(&snapshot, object));
    }
    data::text(&text)
}

fn line(snapshot: &Snapshot, object: &SnapshotObject) -> String {
    let holders: Vec<_> = snapshot.holders(object.key).map(|hold| hold.owner.to_string()).collect();
    let waiting = snapshot.waiters(object.key).count();
    let mut line = object.name.clone();
    match (holders.is_empty(), object.dead_owner.is_some() || object.is_abandoned) {
        (false, _) => {
            let _ = write!(line, "  held by {}", holders.join(", "));
        }
        (true, true) => line.push_str("  abandoned"),
        (true, false) => line.push_str("  free"),
    }
    if waiting > 0 {
        let _ = write!(line, ", {waiting} waiting");
    }
    line
}

fn document(snapshot: &Snapshot, object: &SnapshotObject) -> Value {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let held: Vec<_> = snapshot
        .holders(object.key)
        .map(|hold| json!({"pid": hold.owner.pid, "tid": hold.owner.tid, "command": hold.owner.command, "units": hold.units}))
        .collect();
    let waiting: Vec<_> = snapshot
        .waiters(object.key)
        .map(|wait| {
            json!({"pid": wait.owner.pid, "tid": wait.owner.tid, "command": wait.owner.command,
                "waited_ns": nanoseconds(wait.waited), "has_deadline": wait.has_deadline, "is_stopped": wait.is_stopped})
        })
        .collect();
    json!({"name": object.name, "kind": object.kind, "description": object.description, "held_by": held,
        "waiting": waiting, "acquisitions": object.acquisitions, "contended": object.contended,
        "longest_wait_ns": nanoseconds(object.longest_wait), "overtaken_most": object.overtaken_most,
        "owner_deaths": object.deaths, "is_abandoned": object.is_abandoned || object.dead_owner.is_some()})
}

/// Show one object, or what one process has and waits for
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie inspect lock:db
  crosstie inspect 4711")]
pub struct Inspect {
    /// KIND:NAME, NAME, or a process id
    what: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn inspect(arguments: Inspect, globals: &Globals) -> Outcome {
    let domain = held::domain(globals)?;
    let snapshot = Snapshot::of(domain);
    let what = &arguments.what;
    let is_it = |object: &&SnapshotObject| {
        &object.name == what || object.name.split_once(':').is_some_and(|(_, name)| name == what)
    };
    if let Some(object) = snapshot.objects.iter().find(is_it) {
        if arguments.json {
            return data::text(&format!("{:#}\n", document(&snapshot, object)));
        }
        return data::text(&describe(&snapshot, object));
    }
    let Ok(pid) = what.parse::<u32>() else {
        return Err(Failure::new(ErrorKind::NotFound, format!("inspect {what}: there is no such object"))
            .advise(format!("`crosstie ls` lists those of {}", domain.name())));
    };
    let mut text = String::new();
    for hold in snapshot.holds.iter().filter(|hold| hold.owner.pid == pid) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} holds {}", hold.owner, snapshot.object_name(hold.key));
    }
    for wait in snapshot.waits.iter().filter(|wait| wait.owner.pid == pid) {
        let name = snapshot.object_name(wait.key);
        let _ = writeln!(text, "{} has waited {:.1?} for {name}", wait.owner, wait.waited);
    }
    if text.is_empty() {
        return Err(Failure::new(
            ErrorKind::NotFound,
            format!("process {pid} holds nothing here and waits for nothing"),
        ));
    }
    data::text(&text)
}

fn describe(snapshot: &Snapshot, object: &SnapshotObject) -> String {
    let mut text = format!("{}\n", line(snapshot, object));
    if !object.description.is_empty() {
        let _ = writeln!(text, "  is {}", object.description);
    }
    for wait in snapshot.waiters(object.key) {
        let _ = writeln!(text, "  {} has waited {:.1?}", wait.owner, wait.waited);
    }
    let _ = writeln!(
        text,
        "  {} acquisitions, {} had to wait, longest wait {:.1?}, overtaken at most {} times, {} owners died",
        object.acquisitions, object.contended, object.longest_wait, object.overtaken_most, object.deaths
    );
    text
}

/// The forms of the picture.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For Graphviz
    Dot,
    /// For documents
    Mermaid,
    /// For a browser
    Svg,
}

/// Draw who waits for whom
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie graph --format svg > waits.svg
  crosstie graph | dot -Tpng > waits.png")]
pub struct Graph {
    /// In which form
    #[arg(long, value_enum, default_value = "dot")]
    format: Format,
}

pub fn graph(arguments: Graph, globals: &Globals) -> Outcome {
    let snapshot = Snapshot::of(held::domain(globals)?);
    data::text(&match arguments.format {
        Format::Dot => picture::dot(&snapshot),
        Format::Mermaid => picture::mermaid(&snapshot),
        Format::Svg => picture::svg(&snapshot),
    })
}

/// Say what is wrong in the domain; 1 if somebody is stuck or something is damaged
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie doctor")]
pub struct Doctor {}

pub fn doctor(_arguments: Doctor, globals: &Globals) -> Outcome {
    let domain: &'static Domain = held::domain(globals)?;
    let findings = diagnose(domain);
    if findings.is_empty() {
        return data::text(&format!("{}: nothing is wrong\n", domain.name()));
    }
    let mut text = String::new();
    for finding in &findings {
        let _ = writeln!(text, "{finding}");
    }
    data::text(&text)?;
    let is_wrong = findings.iter().any(|finding| finding.is_wrong);
    if is_wrong { Err(Failure::silent(ErrorKind::Negative.exit_code())) } else { Ok(()) }
}
