//! One row per mechanism: bars, or dots joined by a line; with the floor as upright lines.

use super::axis::{LinearScale, LogScale};
use super::label;
use super::style::Style;
use super::{Frame, Svg};
use crate::report::figure;

/// A plot with one row per mechanism.
pub(crate) struct RowPlot {
    pub id: &'static str,
    pub title: String,
    pub description: String,
    /// What the axis shows.
    pub axis: &'static str,
    pub words: fn(f64) -> String,
    pub scale: Scale,
    pub marks: Marks,
    pub rows: Vec<Line>,
    pub floors: Vec<Upright>,
}

/// How values become lengths.
#[derive(Clone, Copy)]
pub(crate) enum Scale {
    /// From the power of ten below the least value.
    Log,
    /// From zero to this value.
    Linear(f64),
}

/// What is drawn for a row's values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// One bar per value, below each other; the second one hollow. With their names.
    Bars(&'static [&'static str]),
    /// A full and a hollow dot, joined. With their names.
    Dots([&'static str; 2]),
}

/// One mechanism.
pub(crate) struct Line {
    pub label: String,
    pub style: Style,
    pub values: Vec<f64>,
    /// What stands behind the marks.
    pub note: String,
}

/// An upright floor line with its name below the axis.
pub(crate) struct Upright {
    pub label: String,
    pub value: f64,
}

struct Canvas {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    row: f64,
    place: Place,
}

enum Place {
    Log(LogScale),
    Linear(LinearScale, f64),
}

impl Place {
    fn at(&self, value: f64) -> f64 {
        match self {
            Self::Log(scale) => scale.at(value),
            Self::Linear(scale, _) => scale.at(value),
        }
    }

    fn ticks(&self, room: f64) -> Vec<f64> {
        match self {
            Self::Log(scale) => {
                scale.ticks(room).into_iter().filter(|tick| tick.major).map(|tick| tick.value).collect()
            }
            Self::Linear(_, high) => (0..=4).map(|quarter| f64::from(quarter) / 4.0 * high).collect(),
        }
    }
}

const LEGEND: f64 = 26.0;
const FLOOR_LINE: f64 = 15.0;

impl RowPlot {
    /// The plot in a frame of this width; its height follows from the rows.
    pub fn draw(&self, width: f64, class: &'static str) -> String {
        let canvas = self.canvas(width);
        let height = canvas.bottom + 40.0 + FLOOR_LINE * self.floors.len() as f64;
        let frame = Frame { width, height, class };
        let mut svg = Svg::new();
        self.legend(&mut svg);
        // under the ticks' words, which stay legible where a floor passes
        self.floors(&mut svg, &canvas);
        self.grid(&mut svg, &canvas, frame);
        for (index, line) in self.rows.iter().enumerate() {
            let middle = canvas.top + (index as f64 + 0.5) * canvas.row;
            svg.open_group("series", &format!("{}: {}", line.label, line.note));
            svg.text(
                &format!("name {}", line.style.class),
                "end",
                [canvas.left - 10.0, middle + 4.0],
                &line.label,
            );
            match self.marks {
                Marks::Bars(_) => bars(&mut svg, &canvas, line, middle),
                Marks::Dots(_) => dots(&mut svg, &canvas, line, middle),
            }
            svg.text("value", "start", [canvas.right + 8.0, middle + 4.0], &line.note);
            svg.close_group();
        }
        svg.finish(frame, self.id, &self.title, &self.description)
    }

    fn canvas(&self, width: f64) -> Canvas {
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| label::width(text)).fold(0.0, f64::max)
        };
        let left = widest(&mut self.rows.iter().map(|line| &line.label)) * 1.12 + 16.0;
        let right = width - widest(&mut self.rows.iter().map(|line| &line.note)) - 14.0;
        let top = if self.names().len() > 1 { LEGEND + 4.0 } else { 6.0 };
        let row = match self.marks {
            Marks::Bars(names) if names.len() > 1 => 34.0,
            _ => 28.0,
        };
        let bottom = top + row * self.rows.len() as f64 + 4.0;
        let place = match self.scale {
            Scale::Linear(high) => Place::Linear(LinearScale::new(high, [left, right]), high),
            Scale::Log => {
                let values = self.rows.iter().flat_map(|line| line.values.iter().copied());
                let [low, high] =
                    LogScale::range(values.chain(self.floors.iter().map(|floor| floor.value)), 1.0);
                Place::Log(LogScale::new([low / 1.5, high * 1.3], [left, right]))
            }
        };
        Canvas { left, right, top, bottom, row, place }
    }

    fn names(&self) -> &[&'static str] {
        match &self.marks {
            Marks::Bars(names) => names,
            Marks::Dots(names) => names,
        }
    }

    fn legend(&self, svg: &mut Svg) {
        let names = self.names();
        if names.len() < 2 {
            return;
        }
        let mut x = 6.0;
        for (index, name) in names.iter().enumerate() {
            let fill = if index == 0 { "key" } else { "key hollow" };
            match self.marks {
                Marks::Bars(_) => {
                    svg.shape(
                        "rect",
                        &[("class", &fill), ("x", &x), ("y", &"6"), ("width", &"16"), ("height", &"9")],
                    );
                }
                Marks::Dots(_) => {
                    svg.shape(
                        "circle",
                        &[("class", &fill), ("cx", &(x + 8.0)), ("cy", &"10.5"), ("r", &"4.5")],
                    );
                }
            }
            svg.text("key-name", "start", [x + 22.0, 14.5], name);
            x += 22.0 + label::width(name) + 18.0;
        }
    }

    fn grid(&self, svg: &mut Svg, canvas: &Canvas, frame: Frame) {
        let ticks = canvas.place.ticks(58.0);
        for value in ticks {
            let x = canvas.place.at(value);
            svg.line("grid", [x, canvas.top], [x, canvas.bottom]);
            svg.text("tick", "middle", [x, canvas.bottom + 16.0], &figure::at_axis(&(self.words)(value)));
        }
        svg.line("axis", [canvas.left, canvas.top], [canvas.left, canvas.bottom]);
        let middle = (canvas.left + canvas.right) / 2.0;
        svg.text("axis-name", "middle", [middle, frame.height - 5.0], self.axis);
    }

    /// From left to right each floor's name stands one line lower and ends at its line, so that no
    /// line passes through a name.
    fn floors(&self, svg: &mut Svg, canvas: &Canvas) {
        let mut floors: Vec<&Upright> = self.floors.iter().collect();
        floors.sort_by(|left, right| left.value.total_cmp(&right.value));
        for (index, floor) in floors.into_iter().enumerate() {
            let x = canvas.place.at(floor.value);
            let y = canvas.bottom + 17.0 + FLOOR_LINE * (index as f64 + 1.0);
            svg.line("floor-line", [x, canvas.top], [x, y - 11.0]);
            let end = (x + 4.0).max(label::width(&floor.label) + 2.0);
            svg.text("floor-name", "end", [end, y], &floor.label);
        }
    }
}

fn bars(svg: &mut Svg, canvas: &Canvas, line: &Line, middle: f64) {
    let thick = if line.values.len() > 1 { 11.0 } else { 14.0 };
    let total = thick * line.values.len() as f64;
    for (index, value) in line.values.iter().enumerate() {
        let hollow = if index == 0 { "" } else { " hollow" };
        let class = format!("bar{hollow} {}", line.style.class);
        let y = middle - total / 2.0 + thick * index as f64;
        let length = (canvas.place.at(*value) - canvas.left).max(1.0);
        svg.shape(
            "rect",
            &[
                ("class", &class),
                ("x", &canvas.left),
                ("y", &(y + 0.5)),
                ("width", &((length * 10.0).round() / 10.0)),
                ("height", &(thick - 1.0)),
            ],
        );
    }
}

fn dots(svg: &mut Svg, canvas: &Canvas, line: &Line, middle: f64) {
    let places: Vec<f64> = line.values.iter().map(|value| canvas.place.at(*value)).collect();
    if let (Some(first), Some(last)) = (places.first(), places.last()) {
        svg.line(&format!("join {}", line.style.class), [*first, middle], [*last, middle]);
    }
    for (index, x) in places.iter().enumerate().rev() {
        let hollow = if index == 0 { "" } else { " hollow" };
        let class = format!("dot{hollow} {}", line.style.class);
        let x = (x * 10.0).round() / 10.0;
        svg.shape("circle", &[("class", &class), ("cx", &x), ("cy", &middle), ("r", &"5.5")]);
    }
}
