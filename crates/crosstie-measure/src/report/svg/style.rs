//! How series differ without colour: each has a marker and a dash of its own.

use super::Svg;

/// How a series is drawn; the page's style sheet gives the class its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub class: &'static str,
    pub dash: &'static str,
    pub marker: Marker,
}

/// The shape at each point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Ring,
    Square,
    Diamond,
    OpenSquare,
    OpenDiamond,
    Up,
    Down,
    Cross,
    Plus,
    None,
}

/// The style of a mechanism under a way of waiting.
pub(crate) fn of(mechanism: &str, wait: &str) -> Style {
    let style = |class, dash, marker| Style { class, dash, marker };
    match (mechanism, wait) {
        ("shm", "spin") => style("shm", "", Marker::Disc),
        ("shm", _) => style("shm", "7 4", Marker::Ring),
        ("queue", _) => style("queue", "6 2", Marker::OpenSquare),
        ("topic", _) => style("topic", "9 2", Marker::OpenDiamond),
        ("pipe", _) => style("pipe", "", Marker::Square),
        ("fifo", _) => style("fifo", "9 3 2 3", Marker::Diamond),
        ("unix", _) => style("unix", "", Marker::Up),
        ("unixpacket", _) => style("unixpacket", "3 3", Marker::Down),
        ("tcp", _) => style("tcp", "12 4", Marker::Cross),
        ("udp", _) => style("udp", "2 4", Marker::Plus),
        _ => style("other", "", Marker::Ring),
    }
}

/// The style of a way to take turns.
pub(crate) fn of_turns(is_ours: bool) -> Style {
    let (class, marker) = if is_ours { ("shm", Marker::Disc) } else { ("other", Marker::Ring) };
    Style { class, dash: "", marker }
}

/// What the machine itself does: the dotted lines.
pub(crate) const FLOOR: Style = Style { class: "floor", dash: "1.5 3.5", marker: Marker::None };

/// A second floor in the same plot.
pub(crate) const SECOND_FLOOR: Style = Style { class: "floor", dash: "7 3 1.5 3", marker: Marker::None };

impl Svg {
    /// A series' marker.
    pub fn marker(&mut self, style: Style, [x, y]: [f64; 2]) {
        let class = format!("marker {}", style.class);
        let hollow = format!("marker hollow {}", style.class);
        let path = match style.marker {
            Marker::None => return,
            Marker::Disc | Marker::Ring => {
                let class = if style.marker == Marker::Disc { class } else { hollow };
                self.shape("circle", &[("class", &class), ("cx", &tenth(x)), ("cy", &tenth(y)), ("r", &"4")]);
                return;
            }
            Marker::Square | Marker::OpenSquare => {
                polygon([x, y], &[[-3.6, -3.6], [3.6, -3.6], [3.6, 3.6], [-3.6, 3.6]])
            }
            Marker::Diamond | Marker::OpenDiamond => {
                polygon([x, y], &[[0.0, -5.2], [4.8, 0.0], [0.0, 5.2], [-4.8, 0.0]])
            }
            Marker::Up => polygon([x, y], &[[0.0, -4.8], [4.8, 3.8], [-4.8, 3.8]]),
            Marker::Down => polygon([x, y], &[[0.0, 4.8], [4.8, -3.8], [-4.8, -3.8]]),
            Marker::Cross => strokes([x, y], &[[-4.0, -4.0, 4.0, 4.0], [-4.0, 4.0, 4.0, -4.0]]),
            Marker::Plus => strokes([x, y], &[[-5.0, 0.0, 5.0, 0.0], [0.0, -5.0, 0.0, 5.0]]),
        };
        let stroked = format!("stroked {}", style.class);
        let class = match style.marker {
            Marker::Cross | Marker::Plus => stroked,
            Marker::OpenSquare | Marker::OpenDiamond => hollow,
            _ => class,
        };
        self.shape("path", &[("class", &class), ("d", &path)]);
    }
}

fn polygon([x, y]: [f64; 2], corners: &[[f64; 2]]) -> String {
    let corners: Vec<String> =
        corners.iter().map(|[dx, dy]| format!("{} {}", tenth(x + dx), tenth(y + dy))).collect();
    format!("M{}Z", corners.join("L"))
}

fn strokes([x, y]: [f64; 2], strokes: &[[f64; 4]]) -> String {
    let strokes = strokes.iter().map(|[x1, y1, x2, y2]| {
        format!("M{} {}L{} {}", tenth(x + x1), tenth(y + y1), tenth(x + x2), tenth(y + y2))
    });
    strokes.collect()
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_mechanisms_differ_by_colour_alone() {
        let all = [
            ("shm", "spin"),
            ("shm", "block"),
            ("queue", "block"),
            ("topic", "block"),
            ("pipe", "block"),
            ("fifo", "block"),
            ("unix", "block"),
            ("unixpacket", "block"),
            ("tcp", "block"),
            ("udp", "block"),
        ]
        .map(|(mechanism, wait)| of(mechanism, wait));
        for (index, style) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other.marker != style.marker), "{style:?}");
        }
    }
}
