//! `crosstie ls`, `inspect`, `graph`: who holds what, and who waits for whom.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use crosstie::ErrorKind;
use crosstie::endpoint::{Address, Capabilities, Place};
use crosstie::inspect::{Snapshot, SnapshotObject, picture};
use crosstie::os::clock;
use serde_json::{Value, json};

use super::{channels, topics};
use crate::args::Globals;
use crate::ends;
use crate::exit::{Failure, Outcome};
use crate::output::{data, note};

/// The kinds of objects.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Locks, mutexes, readers-and-writer locks
    Lock,
    /// Semaphores whose permits have owners
    Sem,
    /// Counting semaphores: post and wait
    Count,
    /// Monitors
    Monitor,
    /// Condition variables
    Cond,
    /// Barriers
    Barrier,
    /// What is done once
    Once,
    /// Events
    Event,
    /// Rings
    Ring,
    /// Queues
    Queue,
    /// Topics
    Topic,
    /// What has no name, and goes with the last process that has it
    Unnamed,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Sem => "sem",
            Self::Count => "count",
            Self::Monitor => "monitor",
            Self::Cond => "cond",
            Self::Barrier => "barrier",
            Self::Once => "once",
            Self::Event => "event",
            Self::Ring => "ring",
            Self::Queue => "queue",
            Self::Topic => "topic",
            Self::Unnamed => "unnamed",
        }
    }
}

/// List the objects of the domain: who has them, who waits
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie ls
  crosstie ls lock --blocked
  crosstie ls --json")]
pub struct List {
    /// Only this kind
    #[arg(value_enum)]
    kind: Option<Kind>,
    /// Only what somebody waits for
    #[arg(short, long)]
    blocked: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn list(arguments: List, globals: &Globals) -> Outcome {
    let domain = ends::domain(globals)?;
    let snapshot = Snapshot::of(domain);
    let wanted: Vec<_> = snapshot
        .objects
        .iter()
        .filter(|object| arguments.kind.is_none_or(|kind| kind.name() == object.kind))
        .filter(|object| !arguments.blocked || snapshot.waiters(object.key).next().is_some())
        .collect();
    let servers = snapshot.servers.iter().filter(|_| arguments.kind.is_none() && !arguments.blocked);
    if arguments.json {
        let objects: Vec<_> = wanted.iter().map(|object| document(&snapshot, object)).collect();
        let servers: Vec<_> = servers.map(|server| channels::server_document(&snapshot, server)).collect();
        let document = json!({"schema": "crosstie.ls/1", "objects": objects, "servers": servers});
        return data::text(&format!("{document:#}\n"));
    }
    let mut text = String::new();
    for object in wanted {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line(&snapshot, object));
    }
    for server in servers {
        let _ = writeln!(text, "{}", channels::server_line(&snapshot, server));
    }
    if text.is_empty() {
        note::line(globals, &format!("{} has {}", domain.name(), nothing(&arguments)));
    }
    data::text(&text)
}

/// What an empty list says to a person.
fn nothing(arguments: &List) -> String {
    match (arguments.kind, arguments.blocked) {
        (Some(kind), true) => format!("no {} for which anybody waits", kind.name()),
        (Some(kind), false) => format!("no {}", kind.name()),
        (None, true) => "nothing for which anybody waits".to_owned(),
        (None, false) => "no objects".to_owned(),
    }
}

/// `lock:db  held by 4711 sleep for 3m12s, 2 waiting`
pub fn line(snapshot: &Snapshot, object: &SnapshotObject) -> String {
    if let Some(damage) = &object.damage {
        return format!("{}  damaged ({})", object.name, damage.cause());
    }
    let stalled = if snapshot.stall_at(object.key).is_some() { ", stalled" } else { "" };
    if let Some(line) = channels::line(object) {
        return format!("{}  {line}{stalled}", object.name);
    }
    let holders: Vec<_> = snapshot.holders(object.key).map(|hold| hold.owner.to_string()).collect();
    let waiting = snapshot.waiters(object.key).count();
    let mut clauses = Vec::new();
    if object.kind == "unnamed" {
        clauses.push(object.description.clone());
    }
    match (holders.is_empty(), object.dead_owner.is_some() || object.is_abandoned) {
        (false, _) => {
            let held_for = snapshot.held_for(object).map(|time| format!(" for {}", clock::in_words(time)));
            clauses.push(format!("held by {}{}", holders.join(", "), held_for.unwrap_or_default()));
        }
        (true, true) => clauses.push("abandoned".to_owned()),
        (true, false) if object.value.is_some() => {}
        (true, false) if matches!(object.kind.as_str(), "lock" | "monitor") => {
            clauses.push("free".to_owned())
        }
        // What nobody owns is not free either: anyone brings it about.
        (true, false) if waiting == 0 => clauses.push("nobody waits".to_owned()),
        (true, false) => {}
    }
    clauses.extend(object.value.map(|value| value.to_string()));
    if waiting > 0 {
        clauses.push(format!("{waiting} waiting"));
    }
    format!("{}  {}", object.name, clauses.join(", "))
}

/// What every language lists of an object, and what only the shell does.
fn document(snapshot: &Snapshot, object: &SnapshotObject) -> Value {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let counted = |number: u64| object.counts_acquisitions().then_some(number);
    let more = json!({"acquisitions": counted(object.acquisitions), "contended": counted(object.contended),
        "longest_wait_ns": counted(nanoseconds(object.longest_wait)),
        "overtaken_most": counted(object.overtaken_most), "owner_deaths": counted(object.deaths),
        "caps": caps(object).as_ref().map(caps_document),
        "ring": object.ring.as_ref().map(|ring| channels::ring_document(snapshot, ring)),
        "queue": object.queue.as_ref().map(|queue| channels::queue_document(snapshot, queue)),
        "topic": object.topic.as_ref().map(|topic| topics::document(snapshot, topic))});
    // invariant: the library writes an object of JSON, which its tests read.
    let listed = serde_json::from_str(&object.json(snapshot)).unwrap_or_default();
    match (listed, more) {
        (Value::Object(mut listed), Value::Object(more)) => {
            listed.extend(more);
            Value::Object(listed)
        }
        (listed, _) => listed,
    }
}

/// Show one object, or what one process has and waits for
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosstie inspect lock:db
  crosstie inspect queue:svc                (also calls through that queue)
  crosstie inspect unix:/run/svc.sock       (what a mechanism can)
  crosstie inspect 4711")]
pub struct Inspect {
    /// KIND:NAME, NAME, or a process id
    what: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn inspect(arguments: Inspect, globals: &Globals) -> Outcome {
    let domain = ends::domain(globals)?;
    let snapshot = Snapshot::of(domain);
    let what = &arguments.what;
    if let Some(object) = meant(&snapshot, what) {
        if let Some(damage) = &object.damage {
            return Err(Failure::from(damage.as_ref()));
        }
        if arguments.json {
            return data::text(&format!("{:#}\n", document(&snapshot, object)));
        }
        return data::text(&describe(&snapshot, object));
    }
    let Ok(pid) = what.parse::<u32>() else {
        let server = snapshot.servers.iter().find(|server| &server.address == what);
        let caps = kernels(what);
        if caps.is_some() || server.is_some() {
            return data::text(&if arguments.json {
                let served = server.map(|server| channels::server_document(&snapshot, server));
                format!(
                    "{:#}\n",
                    json!({"name": what, "caps": caps.as_ref().map(caps_document), "server": served})
                )
            } else {
                let line = server.map_or_else(|| what.clone(), |it| channels::server_line(&snapshot, it));
                format!("{line}\n{}", caps.map_or(String::new(), |caps| format!("  {caps}\n")))
            });
        }
        return Err(Failure::new(ErrorKind::NotFound, format!("inspect {what}: there is no such object"))
            .advise(format!("`crosstie ls` lists those of {}", domain.name())));
    };
    let mut text = String::new();
    for hold in snapshot.holds.iter().filter(|hold| hold.owner.pid == pid) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} holds {}", hold.owner, snapshot.object_name(hold.key));
    }
    for line in channels::in_hand_of(&snapshot, pid) {
        let _ = writeln!(text, "{line}");
    }
    for wait in snapshot.waits.iter().filter(|wait| wait.owner.pid == pid) {
        let name = snapshot.object_name(wait.key);
        let (waited, what) = (clock::in_words(wait.waited), wait.what(&name));
        let stalled = if snapshot.is_stalled(wait) { ", stalled" } else { "" };
        let _ = writeln!(text, "{} has waited {waited} for {what}{stalled}", wait.owner);
    }
    if text.is_empty() {
        return Err(Failure::new(
            ErrorKind::NotFound,
            format!("process {pid} holds nothing here and waits for nothing"),
        )
        .advise(format!("is it in another domain than {}? --domain names it", domain.name())));
    }
    data::text(&text)
}

/// The object that `what` names: KIND:NAME, NAME alone, or the address of calls through a queue, which wait in a queue of their own.
fn meant<'a>(snapshot: &'a Snapshot, what: &str) -> Option<&'a SnapshotObject> {
    let of_name = |wanted: &str| {
        let is_it = |object: &&SnapshotObject| {
            object.name == wanted || object.name.split_once(':').is_some_and(|(_, name)| name == wanted)
        };
        snapshot.objects.iter().find(is_it)
    };
    let calls = || {
        let queue =
            format!("{}.calls", if what.contains(':') { what.to_owned() } else { format!("queue:{what}") });
        queue.starts_with("queue:").then(|| of_name(&queue)).flatten()
    };
    of_name(what).or_else(calls)
}

/// What the mechanism of an address can that is the kernel's, where there is no object to look at.
fn kernels(what: &str) -> Option<Capabilities> {
    let address = what.parse::<Address>().ok()?;
    let is_shared = matches!(address.place(), Place::Ring(_) | Place::Queue(_) | Place::Topic(_));
    Capabilities::of(address.mechanism()).filter(|_| !is_shared)
}

/// What the mechanism of an object can, if it carries messages.
fn caps(object: &SnapshotObject) -> Option<Capabilities> {
    let caps = Capabilities::of(&object.kind)?;
    Some(object.topic.as_ref().map_or(caps, |topic| caps.of_mode(topic.mode)))
}

fn caps_document(caps: &Capabilities) -> Value {
    json!({"mechanism": caps.mechanism, "delivery": format!("{:?}", caps.delivery), "is_ordered": caps.is_ordered,
        "untaken": format!("{:?}", caps.untaken), "tells_death": caps.tells_death, "is_zero_copy": caps.is_zero_copy,
        "has_many_senders": caps.has_many_senders, "has_many_receivers": caps.has_many_receivers,
        "crosses_machines": caps.crosses_machines, "carries_calls": caps.carries_calls})
}

fn describe(snapshot: &Snapshot, object: &SnapshotObject) -> String {
    let mut text = format!("{}\n", line(snapshot, object));
    if let Some(caps) = caps(object) {
        let _ = writeln!(text, "  {caps}");
    }
    if let Some(ends) = channels::ends(snapshot, object) {
        return text + &ends;
    }
    if !object.description.is_empty() {
        let _ = writeln!(text, "  is {}", object.description);
    }
    for wait in snapshot.waiters(object.key) {
        let _ = writeln!(text, "  {} has waited {}", wait.owner, clock::in_words(wait.waited));
    }
    if !object.counts_acquisitions() {
        return text;
    }
    let _ = writeln!(
        text,
        "  {} acquisitions, {} had to wait, longest wait {}, overtaken at most {} times, {} owners died",
        object.acquisitions,
        object.contended,
        clock::in_words(object.longest_wait),
        object.overtaken_most,
        object.deaths
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
///
/// An arrow leads from who waits to who holds what is waited for.
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
    let snapshot = Snapshot::of(ends::domain(globals)?);
    data::text(&match arguments.format {
        Format::Dot => picture::dot(&snapshot),
        Format::Mermaid => picture::mermaid(&snapshot),
        Format::Svg => picture::svg(&snapshot),
    })
}
