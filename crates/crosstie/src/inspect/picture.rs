//! Who waits for whom, as a graph: `dot` for Graphviz, `mermaid` for documents, `svg` for a browser.

use std::fmt::Write as _;

use super::Snapshot;
use super::snapshot::SnapshotWait;

/// An edge: who waits, for what, held by whom (nobody, where it has no holder).
struct Edge {
    waiter: String,
    object: String,
    holder: Option<String>,
}

/// More than a picture can show; so many who wait for a thousand permits make millions.
const EDGES_MAX: usize = 1000;

fn edges(snapshot: &Snapshot) -> Vec<Edge> {
    let mut edges = Vec::new();
    for waits in snapshot.waits.chunk_by(|one, other| one.key == other.key) {
        let Some(first) = waits.first() else { continue };
        let object = snapshot.object_name(first.key);
        let mut holders: Vec<_> =
            snapshot.holders(first.key).take(EDGES_MAX).map(|hold| Some(hold.owner.to_string())).collect();
        holders.dedup();
        if holders.is_empty() {
            holders.push(None);
        }
        for wait in waits {
            for holder in &holders {
                if edges.len() == EDGES_MAX {
                    return edges;
                }
                edges.push(Edge { waiter: name_of(wait), object: object.clone(), holder: holder.clone() });
            }
        }
    }
    edges
}

/// Who waits: the command under which a process runs, where that is known to do nothing else.
fn name_of(wait: &SnapshotWait) -> String {
    wait.owner.to_string()
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
    let mut text =
        "digraph waits {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    for Edge { waiter, object, holder } in edges(snapshot) {
        let to = holder.as_ref().map_or_else(|| quoted(&object), |holder| quoted(holder));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {} -> {to} [label={}];", quoted(&waiter), quoted(&object));
    }
    text.push_str("}\n");
    text
}

/// The graph for Mermaid.
#[must_use]
pub fn mermaid(snapshot: &Snapshot) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let mut names: Vec<String> = Vec::new();
    let mut number_of = |name: &str| match names.iter().position(|known| known == name) {
        Some(at) => at,
        None => {
            names.push(name.to_owned());
            names.len() - 1
        }
    };
    let safe = |name: &str| name.replace('"', "'");
    for Edge { waiter, object, holder } in edges(snapshot) {
        let to = holder.unwrap_or_else(|| object.clone());
        let (a, b) = (number_of(&waiter), number_of(&to));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  n{a}[\"{}\"] -->|\"{}\"| n{b}[\"{}\"]",
            safe(&waiter),
            safe(&object),
            safe(&to)
        );
    }
    text
}

const ROW: usize = 56;
const BOX_WIDTH: usize = 250;
const GAP: usize = 230;

/// The graph as a picture: who waits on the left, whom for on the right.
#[must_use]
pub fn svg(snapshot: &Snapshot) -> String {
    let edges = edges(snapshot);
    let mut left: Vec<&str> = Vec::new();
    let mut right: Vec<String> = Vec::new();
    for edge in &edges {
        if !left.contains(&edge.waiter.as_str()) {
            left.push(&edge.waiter);
        }
        let to = edge.holder.clone().unwrap_or_else(|| edge.object.clone());
        if !right.contains(&to) {
            right.push(to);
        }
    }
    let height = ROW * left.len().max(right.len()).max(1) + 40;
    let width = 2 * BOX_WIDTH + GAP + 40;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"who waits for whom\" font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"10\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" fill=\"#444\"/></marker></defs>\n"
    );
    if edges.is_empty() {
        text.push_str("<text x=\"20\" y=\"36\" fill=\"#111\">Nobody waits.</text>\n");
    }
    for (at, name) in left.iter().enumerate() {
        node(&mut text, 20, at, name);
    }
    for (at, name) in right.iter().enumerate() {
        node(&mut text, 20 + BOX_WIDTH + GAP, at, name);
    }
    for edge in &edges {
        let to = edge.holder.as_ref().unwrap_or(&edge.object);
        let from_y = middle(left.iter().position(|name| *name == edge.waiter));
        let to_y = middle(right.iter().position(|name| name == to));
        let (x1, x2) = (20 + BOX_WIDTH, 20 + BOX_WIDTH + GAP);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<line x1=\"{x1}\" y1=\"{from_y}\" x2=\"{x2}\" y2=\"{to_y}\" stroke=\"#444\" marker-end=\"url(#tip)\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#111\" stroke=\"#fff\" stroke-width=\"4\" \
             paint-order=\"stroke\">{}</text>",
            usize::midpoint(x1, x2),
            usize::midpoint(from_y, to_y) - 6,
            escaped(&edge.object)
        );
    }
    text.push_str("</svg>\n");
    text
}

fn middle(row: Option<usize>) -> usize {
    20 + ROW * row.unwrap_or(0) + 20
}

fn node(text: &mut String, x: usize, row: usize, name: &str) {
    let y = 20 + ROW * row;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"40\" rx=\"6\" fill=\"#eef3fa\" stroke=\"#446\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#111\">{}</text>",
        x + BOX_WIDTH / 2,
        y + 25,
        escaped(name)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
