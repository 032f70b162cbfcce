//! A row plot that stands by itself, for figures of any origin.

use super::row_plot::{Line, Marks, RowPlot, Scale, Upright};
use super::writer::PLOT_STYLE;
use super::{label, style};

/// A row of a [`Picture`]: two values, of which the first is the greater mark.
#[derive(Clone, Debug)]
pub struct PictureRow {
    /// What it is.
    pub label: String,
    /// Whether it stands out among the others.
    pub is_ours: bool,
    /// A full and a hollow dot.
    pub values: [f64; 2],
    /// The values in words.
    pub note: String,
}

/// Rows on a logarithmic axis, with upright lines for what the machine itself allows.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its name.
    pub title: String,
    /// What the axis shows.
    pub axis: &'static str,
    /// A value of the axis in words.
    pub words: fn(f64) -> String,
    /// What the full and the hollow dot are.
    pub names: [&'static str; 2],
    /// From top to bottom.
    pub rows: Vec<PictureRow>,
    /// The floor: names and values.
    pub floors: Vec<(String, f64)>,
}

impl Picture {
    /// The picture as a whole SVG document, light and dark as its reader prefers.
    ///
    /// # Examples
    /// ```
    /// use crosstie_measure::report::picture::{Picture, PictureRow};
    /// let row = PictureRow { label: "ring".into(), is_ours: true, values: [300.0, 900.0], note: "0.3 µs".into() };
    /// let picture = Picture {
    ///     title: "There and back".into(),
    ///     axis: "round trip",
    ///     words: crosstie_measure::report::duration,
    ///     names: ["p50", "p99"],
    ///     rows: vec![row],
    ///     floors: vec![("cache line".into(), 200.0)],
    /// };
    /// assert!(picture.svg(900.0).starts_with("<svg"));
    /// ```
    #[must_use]
    pub fn svg(&self, width: f64) -> String {
        let line = |row: &PictureRow| Line {
            label: row.label.clone(),
            style: style::of_turns(row.is_ours),
            values: row.values.to_vec(),
            note: row.note.clone(),
        };
        let words: Vec<String> = self.rows.iter().map(|row| format!("{}: {}", row.label, row.note)).collect();
        let plot = RowPlot {
            id: "picture",
            title: self.title.clone(),
            description: words.join("; "),
            axis: self.axis,
            words: self.words,
            scale: Scale::Log,
            marks: Marks::Dots(self.names),
            rows: self.rows.iter().map(line).collect(),
            floors: self
                .floors
                .iter()
                .map(|(label, value)| Upright { label: label.clone(), value: *value })
                .collect(),
        };
        // Names that stand out are wider than the canvas reckons with.
        let widest = self.rows.iter().map(|row| label::name_width(&row.label)).fold(0.0, f64::max);
        let svg = plot.draw(width.max(widest * 3.0), "whole");
        let style = format!(
            "<style>\nsvg text {{ font-family: system-ui, sans-serif; }}\n{PLOT_STYLE}</style>\n</svg>\n"
        );
        match svg.strip_suffix("</svg>\n") {
            Some(body) => format!("{body}{style}"),
            None => svg,
        }
    }
}
