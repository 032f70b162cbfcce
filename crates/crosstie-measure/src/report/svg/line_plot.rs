//! Lines over payload sizes, both axes logarithmic, with whiskers and the floor.

use super::axis::LogScale;
use super::label::{self, LINE};
use super::style::{Marker, Style};
use super::{Frame, Svg};
use crate::report::figure;

/// A plot of lines over payload sizes.
pub(crate) struct LinePlot {
    pub id: &'static str,
    pub title: String,
    pub description: String,
    /// What the vertical axis shows, at its top.
    pub axis: &'static str,
    /// A value of the vertical axis in words.
    pub words: fn(f64) -> String,
    pub series: Vec<Series>,
    /// Floors that do not depend on the size.
    pub levels: Vec<Level>,
}

/// One line.
pub(crate) struct Series {
    pub label: String,
    pub style: Style,
    pub points: Vec<Point>,
}

/// One measured size.
pub(crate) struct Point {
    pub payload_bytes: f64,
    pub value: f64,
    /// The whisker's end; absent where there is none.
    pub whisker: Option<f64>,
}

/// A horizontal floor line.
pub(crate) struct Level {
    pub label: String,
    pub value: f64,
}

/// The plot's inner rectangle and its scales.
struct Canvas {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    across: LogScale,
    up: LogScale,
}

impl LinePlot {
    /// The plot in one frame.
    pub fn draw(&self, frame: Frame) -> String {
        let canvas = self.canvas(frame);
        let mut svg = Svg::new();
        self.grid(&mut svg, &canvas);
        self.levels(&mut svg, &canvas);
        for (index, series) in self.series.iter().enumerate() {
            self.series(&mut svg, &canvas, series, self.dodge(index, frame));
        }
        match Legend::of(frame) {
            Legend::Beside => self.names_beside(&mut svg, &canvas, frame),
            Legend::Below => self.names_below(&mut svg, &canvas, frame),
        }
        svg.finish(frame, self.id, &self.title, &self.description)
    }

    fn canvas(&self, frame: Frame) -> Canvas {
        let widest = self.series.iter().map(|series| label::name_width(&series.label)).fold(0.0, f64::max);
        let legend = Legend::of(frame);
        let right = if legend == Legend::Beside { frame.width - widest - 36.0 } else { frame.width - 12.0 };
        let below = if legend == Legend::Below { LINE * 1.4 * self.legend_rows() as f64 + 8.0 } else { 0.0 };
        let (left, top, bottom) = (64.0, 30.0, frame.height - 40.0 - below);
        let points = || self.series.iter().flat_map(|series| &series.points);
        let sizes = LogScale::range(points().map(|point| point.payload_bytes), 1.6);
        let levels = self.levels.iter().map(|level| level.value);
        let values = points().flat_map(|point| [Some(point.value), point.whisker]).flatten();
        let [low, high] = LogScale::range(values.chain(levels), 1.0);
        // room below for the lowest floor's name
        let range = [low / 2.2, high * 1.5];
        let across = LogScale::new(sizes, [left, right]);
        Canvas { left, right, top, bottom, across, up: LogScale::new(range, [bottom, top]) }
    }

    fn grid(&self, svg: &mut Svg, canvas: &Canvas) {
        let Canvas { left, right, top, bottom, .. } = *canvas;
        for tick in canvas.up.ticks(20.0) {
            let y = canvas.up.at(tick.value);
            if tick.major {
                svg.line("grid", [left, y], [right, y]);
                svg.text("tick", "end", [left - 7.0, y + 4.0], &figure::at_axis(&(self.words)(tick.value)));
            } else {
                svg.line("small-tick", [left - 3.0, y], [left, y]);
            }
        }
        for size in self.sizes() {
            let x = canvas.across.at(size as f64);
            svg.line("grid", [x, top], [x, bottom]);
        }
        for (x, words) in self.size_labels(canvas) {
            svg.text("tick", "middle", [x, bottom + 17.0], &words);
        }
        svg.line("axis", [left, bottom], [right, bottom]);
        svg.text("axis-name", "start", [4.0, 14.0], self.axis);
        svg.text("axis-name", "middle", [(left + right) / 2.0, bottom + 34.0], "payload");
    }

    /// The sizes whose names have room, from the largest down.
    fn size_labels(&self, canvas: &Canvas) -> Vec<(f64, String)> {
        let mut free_up_to = f64::INFINITY;
        let mut labels = Vec::new();
        for size in self.sizes().into_iter().rev() {
            let (x, words) = (canvas.across.at(size as f64), figure::size(size));
            let half = label::width(&words) / 2.0;
            if x + half < free_up_to {
                free_up_to = x - half - 3.0;
                labels.push((x, words));
            }
        }
        labels
    }

    fn sizes(&self) -> Vec<usize> {
        let points = self.series.iter().flat_map(|series| &series.points);
        let mut sizes: Vec<usize> = points.map(|point| point.payload_bytes as usize).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn levels(&self, svg: &mut Svg, canvas: &Canvas) {
        let wanted: Vec<f64> = self.levels.iter().map(|level| canvas.up.at(level.value) + 13.0).collect();
        let places = label::spread(&wanted, LINE, [canvas.top, canvas.bottom - 2.0]);
        for (level, place) in self.levels.iter().zip(places) {
            let y = canvas.up.at(level.value);
            svg.open_group("level", &format!("{} {}", level.label, (self.words)(level.value)));
            svg.line("floor-line", [canvas.left, y], [canvas.right, y]);
            let words = format!("{} {}", level.label, (self.words)(level.value));
            svg.text("floor-name", "start", [canvas.left + 6.0, place], &words);
            svg.close_group();
        }
    }

    /// How far a series stands beside the exact size, so that whiskers do not hide each other.
    fn dodge(&self, index: usize, frame: Frame) -> f64 {
        if self.series.get(index).is_none_or(|series| series.style.marker == Marker::None) {
            return 0.0;
        }
        let steps = self.series.len().saturating_sub(1) as f64;
        let reach = if frame.width < 450.0 { 4.0 } else { 8.0 };
        if steps > 0.0 { (index as f64 / steps * 2.0 - 1.0) * reach } else { 0.0 }
    }

    fn series(&self, svg: &mut Svg, canvas: &Canvas, series: &Series, dodge: f64) {
        let place =
            |point: &Point| [canvas.across.at(point.payload_bytes) + dodge, canvas.up.at(point.value)];
        let places: Vec<[f64; 2]> = series.points.iter().map(place).collect();
        svg.open_group("series", &series.label);
        svg.polyline(&format!("line {}", series.style.class), series.style.dash, &places);
        for (point, [x, y]) in series.points.iter().zip(&places) {
            if let Some(end) = point.whisker.map(|value| canvas.up.at(value)) {
                let class = format!("whisker {}", series.style.class);
                svg.line(&class, [*x, *y], [*x, end]);
                svg.line(&class, [x - 2.5, end], [x + 2.5, end]);
            }
        }
        for (point, [x, y]) in series.points.iter().zip(&places) {
            let size = figure::size(point.payload_bytes as usize);
            let tail =
                point.whisker.map_or_else(String::new, |value| format!(", p99 {}", (self.words)(value)));
            svg.open_group(
                "point",
                &format!("{}, {size}: {}{tail}", series.label, (self.words)(point.value)),
            );
            svg.marker(series.style, [*x, *y]);
            svg.close_group();
        }
        svg.close_group();
    }

    /// Each line's name at its right end, moved apart, with a leader to the line.
    fn names_beside(&self, svg: &mut Svg, canvas: &Canvas, frame: Frame) {
        let ends: Vec<(&Series, [f64; 2])> = self
            .series
            .iter()
            .enumerate()
            .filter_map(|(index, series)| {
                let last = series.points.last()?;
                let x = canvas.across.at(last.payload_bytes) + self.dodge(index, frame);
                Some((series, [x, canvas.up.at(last.value)]))
            })
            .collect();
        let rightmost = ends.iter().map(|(_, [x, _])| *x).fold(0.0, f64::max);
        let wanted: Vec<f64> = ends.iter().map(|(_, [_, y])| *y).collect();
        let places = label::spread(&wanted, LINE, [canvas.top, canvas.bottom]);
        for ((series, [x, y]), place) in ends.into_iter().zip(places) {
            let class = series.style.class;
            // a line that ends early is led to its name by dots
            let dash = if x + 30.0 < rightmost { "1 5" } else { "" };
            let bend = (canvas.right + 4.0).max(x + 6.0);
            let leader = [[x + 7.0, y], [bend, place], [canvas.right + 10.0, place]];
            svg.polyline(&format!("leader {class}"), dash, &leader);
            name(svg, series, [canvas.right + 20.0, place]);
        }
    }

    /// Where there is no room beside the lines: their names in columns below.
    fn names_below(&self, svg: &mut Svg, canvas: &Canvas, frame: Frame) {
        let column = (frame.width - 16.0) / LEGEND_COLUMNS as f64;
        for (index, series) in self.series.iter().enumerate() {
            let x = 20.0 + column * (index % LEGEND_COLUMNS) as f64;
            let y = canvas.bottom + 56.0 + LINE * 1.4 * (index / LEGEND_COLUMNS) as f64;
            name(svg, series, [x, y]);
        }
    }

    fn legend_rows(&self) -> usize {
        self.series.len().div_ceil(LEGEND_COLUMNS)
    }
}

/// A series' sample and name.
fn name(svg: &mut Svg, series: &Series, [x, y]: [f64; 2]) {
    let class = series.style.class;
    if series.style.marker == Marker::None {
        svg.polyline(&format!("line {class}"), series.style.dash, &[[x - 9.0, y], [x + 9.0, y]]);
    }
    svg.marker(series.style, [x, y]);
    svg.text(&format!("name {class}"), "start", [x + 12.0, y + 4.0], &series.label);
}

/// Where the lines' names stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Legend {
    Beside,
    Below,
}

impl Legend {
    fn of(frame: Frame) -> Self {
        if frame.width < 450.0 { Self::Below } else { Self::Beside }
    }
}

/// Columns of names below a narrow plot.
const LEGEND_COLUMNS: usize = 2;
