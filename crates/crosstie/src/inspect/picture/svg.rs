//! The graph as a picture: who can go on stands on the right, who waits for them to the left of them.

use std::fmt::Write as _;

use super::{Edge, Graph, Node};
use crate::inspect::Snapshot;

const WIDTH: usize = 220;
const HEIGHT: usize = 40;
/// Between two columns: room for an edge's label.
const GAP: usize = 180;
const ROW: usize = 70;
const MARGIN: usize = 24;
/// Edges back to the left run below everything.
const BELOW: usize = 60;

/// Where a node stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    column: usize,
    row: usize,
}

impl Place {
    fn left(self) -> usize {
        MARGIN + self.column * (WIDTH + GAP)
    }

    fn middle(self) -> usize {
        MARGIN + self.row * ROW + HEIGHT / 2
    }
}

/// The graph as a picture.
#[must_use]
pub fn svg(snapshot: &Snapshot) -> String {
    let graph = Graph::of(snapshot);
    let places = places(&graph);
    let columns = places.iter().map(|place| place.column + 1).max().unwrap_or(1);
    let rows = places.iter().map(|place| place.row + 1).max().unwrap_or(1);
    let goes_back = graph.edges.iter().any(|edge| is_back(&places, edge));
    let width = 2 * MARGIN + columns * WIDTH + (columns - 1) * GAP;
    let height = 2 * MARGIN + (rows - 1) * ROW + HEIGHT + if goes_back { BELOW } else { 0 };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"who waits for whom\" font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"10\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#444\"/></marker></defs>\n"
    );
    if graph.nodes.is_empty() {
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "<text x=\"{MARGIN}\" y=\"{}\" fill=\"#111\">Nobody waits.</text>", MARGIN + 20);
    }
    for edge in &graph.edges {
        draw_line(&mut text, &places, edge, height);
    }
    for (node, place) in graph.nodes.iter().zip(&places) {
        draw_node(&mut text, node, *place);
    }
    // Above the lines that cross them.
    for edge in &graph.edges {
        draw_label(&mut text, &places, edge, height);
    }
    text.push_str("</svg>\n");
    text
}

fn is_back(places: &[Place], edge: &Edge) -> bool {
    places[edge.to].column <= places[edge.from].column
}

/// A column for each node, to the left of whom it waits for, and a row beside them.
fn places(graph: &Graph) -> Vec<Place> {
    let count = graph.nodes.len();
    let mut depth = vec![None; count];
    for at in 0..count {
        sink(graph, at, &mut depth, &mut vec![false; count]);
    }
    let depth: Vec<_> = depth.into_iter().map(Option::unwrap_or_default).collect();
    let mut levels = depth.clone();
    levels.sort_unstable();
    levels.dedup();
    let column =
        |at: usize| levels.len() - 1 - levels.iter().position(|level| *level == depth[at]).unwrap_or(0);
    let mut places: Vec<_> = (0..count).map(|at| Place { column: column(at), row: 0 }).collect();
    // From the right: each beside the middle of those for whom it waits, below whoever stands there already.
    for level in (0..levels.len()).rev() {
        let mut members: Vec<_> = (0..count).filter(|&at| places[at].column == level).collect();
        let wanted = |at: usize| {
            let ahead = graph.edges.iter().filter(|edge| edge.from == at && !is_back(&places, edge));
            let rows: Vec<_> = ahead.map(|edge| places[edge.to].row).collect();
            rows.iter().sum::<usize>() / rows.len().max(1)
        };
        members.sort_by_key(|&at| wanted(at));
        let rows: Vec<_> = members.iter().map(|&at| wanted(at)).collect();
        let mut free = 0;
        for (&at, row) in members.iter().zip(rows) {
            places[at].row = row.max(free);
            free = places[at].row + 1;
        }
    }
    places
}

/// How far a node is from who can go on: the longest way, but for edges that lead back into it (a circle that ends by
/// itself).
fn sink(graph: &Graph, at: usize, depth: &mut [Option<usize>], is_on_way: &mut [bool]) -> usize {
    if let Some(known) = depth[at] {
        return known;
    }
    is_on_way[at] = true;
    let mut deepest = 0;
    for edge in graph.edges.iter().filter(|edge| edge.from == at) {
        if !is_on_way[edge.to] {
            deepest = deepest.max(sink(graph, edge.to, depth, is_on_way) + 1);
        }
    }
    is_on_way[at] = false;
    depth[at] = Some(deepest);
    deepest
}

fn draw_line(text: &mut String, places: &[Place], edge: &Edge, height: usize) {
    let (from, to) = (places[edge.from], places[edge.to]);
    let path = if is_back(places, edge) {
        let (x1, x2) = (from.left() + WIDTH / 2, to.left() + WIDTH / 2);
        let (y1, y2, low) = (from.middle() + HEIGHT / 2, to.middle() + HEIGHT / 2, height - MARGIN / 2);
        format!("M{x1} {y1}C{x1} {low} {x2} {low} {x2} {y2}")
    } else {
        let (x1, x2) = (from.left() + WIDTH, to.left());
        let (y1, y2, bend) = (from.middle(), to.middle(), GAP / 2);
        format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend)
    };
    let dashes = if edge.is_nested { " stroke-dasharray=\"5 4\"" } else { "" };
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"#444\"{dashes} marker-end=\"url(#tip)\"/>");
}

fn draw_label(text: &mut String, places: &[Place], edge: &Edge, height: usize) {
    let (from, to) = (places[edge.from], places[edge.to]);
    let (x, y) = if is_back(places, edge) {
        // The lowest point of the curve lies three quarters of the way down.
        let y = (from.middle().midpoint(to.middle()) + HEIGHT / 2 + 3 * (height - MARGIN / 2)) / 4;
        (from.left().midpoint(to.left()) + WIDTH / 2, y + 4)
    } else {
        // In the middle: there the edges that begin or end together are apart.
        let lift = if from.row == to.row { -6 } else { 5 };
        (from.left() + WIDTH + GAP / 2, from.middle().midpoint(to.middle()).saturating_add_signed(lift))
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#111\" stroke=\"#fff\" stroke-width=\"6\" \
         paint-order=\"stroke\">{}</text>",
        escaped(&edge.label)
    );
}

fn draw_node(text: &mut String, node: &Node, place: Place) {
    let (x, y) = (place.left(), place.middle() - HEIGHT / 2);
    let (round, fill) = match (node.who.is_none(), node.is_stopped) {
        (true, _) => (HEIGHT / 2, "#f4f0e4"),
        (false, true) => (6, "#fbe3e0"),
        (false, false) => (6, "#eef3fa"),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"{round}\" fill=\"{fill}\" stroke=\"#446\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#111\">{}</text>",
        x + WIDTH / 2,
        y + 25,
        escaped(&node.text())
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
