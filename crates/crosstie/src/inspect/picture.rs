//! Who waits for whom, as a graph: `dot` for Graphviz, `mermaid` for documents, `svg` for a browser.
//!
//! | node | is |
//! |---|---|
//! | a process or thread | who waits, or has what is waited for |
//! | an object | what nobody has, and somebody waits for: an event, a barrier |
//!
//! | edge | is |
//! |---|---|
//! | full | waits for what the other has; named after it, with how long |
//! | dashed | a command that waits for the program under it |
//!
//! Who waits at a channel waits for those that have its other ends; where nobody has, for the channel.

mod svg;

use std::fmt::Write as _;

use super::Snapshot;
use super::snapshot::SnapshotWait;
use crate::ledger::Identity;
use crate::os::clock;

pub use svg::svg;

/// More than a picture can show; so many who wait for a thousand permits make millions.
const EDGES_MAX: usize = 1000;

/// Something in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    name: String,
    /// Process and thread; `None` for an object.
    who: Option<(u32, u32)>,
    is_stopped: bool,
}

/// An edge between two of [`Graph::nodes`].
#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    label: String,
    /// A command that waits for the program under it.
    is_nested: bool,
}

/// The picture, before it is drawn.
#[derive(Debug, Default)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Graph {
    fn of(snapshot: &Snapshot) -> Self {
        let mut graph = Self::default();
        for wait in &snapshot.waits {
            let room = EDGES_MAX.saturating_sub(graph.edges.len());
            if room == 0 {
                break;
            }
            let from = graph.participant(&wait.owner);
            // A program that a command became since is known by its new name.
            graph.nodes[from].name = wait.owner.to_string();
            graph.nodes[from].is_stopped |= wait.is_stopped;
            let object = snapshot.object_name(wait.key);
            let stalled = if snapshot.is_stalled(wait) { ", stalled" } else { "" };
            let label = format!("{}, {}{stalled}", wait.what(&object), clock::in_words(wait.waited));
            let holders: Vec<_> = if wait.is_at_channel() {
                let ends = wait.enders.iter().filter_map(|id| snapshot.owners.iter().find(|it| it.id == *id));
                ends.take(room).collect()
            } else {
                snapshot.holders(wait.key).take(room).map(|hold| &hold.owner).collect()
            };
            if holders.is_empty() {
                let to = graph.object(&object);
                let label = clock::in_words(wait.waited);
                graph.edges.push(Edge { from, to, label, is_nested: false });
            }
            for holder in holders {
                let to = graph.participant(holder);
                graph.edges.push(Edge { from, to, label: label.clone(), is_nested: false });
            }
            graph.nest(snapshot, wait, from);
        }
        graph
    }

    /// A command can do nothing before the process under it goes on: what it has is waited for, too.
    fn nest(&mut self, snapshot: &Snapshot, wait: &SnapshotWait, to: usize) {
        let command = wait.behind.and_then(|id| snapshot.owners.iter().find(|owner| owner.id == id));
        let Some(command) = command else { return };
        let from = self.participant(command);
        if from != to {
            self.edges.push(Edge { from, to, label: "runs".to_owned(), is_nested: true });
        }
    }

    fn participant(&mut self, owner: &Identity) -> usize {
        self.node(&owner.to_string(), Some((owner.pid, owner.tid)))
    }

    fn object(&mut self, name: &str) -> usize {
        self.node(name, None)
    }

    fn node(&mut self, name: &str, who: Option<(u32, u32)>) -> usize {
        let is_it = |node: &Node| node.who == who && (who.is_some() || node.name == name);
        if let Some(at) = self.nodes.iter().position(is_it) {
            return at;
        }
        self.nodes.push(Node { name: name.to_owned(), who, is_stopped: false });
        self.nodes.len() - 1
    }
}

impl Node {
    fn text(&self) -> String {
        if self.is_stopped { format!("{} (stopped)", self.name) } else { self.name.clone() }
    }
}

/// The graph for Graphviz.
///
/// # Examples
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// use crosstie::inspect::{Snapshot, picture};
/// assert!(picture::dot(&Snapshot::of(domain)).starts_with("digraph waits"));
/// # Ok::<(), crosstie::Error>(())
/// ```
#[must_use]
pub fn dot(snapshot: &Snapshot) -> String {
    let graph = Graph::of(snapshot);
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text =
        "digraph waits {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  \
         edge [fontname=\"sans-serif\"];\n"
            .to_owned();
    // Writing to a String cannot fail.
    for (at, node) in graph.nodes.iter().enumerate() {
        let shape = if node.who.is_none() { ", shape=ellipse" } else { "" };
        let _ = writeln!(text, "  n{at} [label={}{shape}];", quoted(&node.text()));
    }
    for Edge { from, to, label, is_nested } in &graph.edges {
        let style = if *is_nested { ", style=dashed" } else { "" };
        let _ = writeln!(text, "  n{from} -> n{to} [label={}{style}];", quoted(label));
    }
    text.push_str("}\n");
    text
}

/// The graph for Mermaid.
#[must_use]
pub fn mermaid(snapshot: &Snapshot) -> String {
    let graph = Graph::of(snapshot);
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "'"));
    let mut text = "flowchart LR\n".to_owned();
    if graph.nodes.is_empty() {
        text.push_str("  %% nobody waits\n");
    }
    // Writing to a String cannot fail.
    for (at, node) in graph.nodes.iter().enumerate() {
        let name = quoted(&node.text());
        let _ = if node.who.is_none() {
            writeln!(text, "  n{at}([{name}])")
        } else {
            writeln!(text, "  n{at}[{name}]")
        };
    }
    for Edge { from, to, label, is_nested } in &graph.edges {
        let arrow = if *is_nested { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{from} {arrow}|{}| n{to}", quoted(label));
    }
    text
}
