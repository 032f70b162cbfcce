//! SVG elements and documents; everything given to them is escaped.

use std::fmt::Display;

/// The style sheet of all plots.
pub(crate) const PLOT_STYLE: &str = include_str!("plot.css");

/// The size of a plot in SVG units, which are CSS pixels where the plot is shown at full size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub width: f64,
    pub height: f64,
    /// The class that decides on which page widths it is shown.
    pub class: &'static str,
}

/// An SVG element under construction; everything given to it is escaped.
pub(crate) struct Svg {
    body: String,
}

impl Svg {
    pub fn new() -> Self {
        Self { body: String::new() }
    }

    /// An element without content.
    pub fn shape(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        self.open_tag(name, attributes);
        self.body.push_str("/>\n");
    }

    /// A text; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, anchor: &str, at: [f64; 2], words: &str) {
        let [x, y] = at.map(Pixel);
        self.open_tag("text", &[("class", &class), ("text-anchor", &anchor), ("x", &x), ("y", &y)]);
        self.body.push('>');
        self.body.push_str(&escaped(words));
        self.body.push_str("</text>\n");
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        let ([x1, y1], [x2, y2]) = (from.map(Pixel), to.map(Pixel));
        self.shape("line", &[("class", &class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
    }

    /// A line through points.
    pub fn polyline(&mut self, class: &str, dash: &str, points: &[[f64; 2]]) {
        let points: Vec<String> =
            points.iter().map(|[x, y]| format!("{},{}", Pixel(*x), Pixel(*y))).collect();
        let points = points.join(" ");
        let mut attributes: Vec<(&str, &dyn Display)> = vec![("class", &class), ("points", &points)];
        if !dash.is_empty() {
            attributes.push(("stroke-dasharray", &dash));
        }
        self.shape("polyline", &attributes);
    }

    /// Opens a group; what follows up to [`Self::close_group`] belongs to it.
    pub fn open_group(&mut self, class: &str, title: &str) {
        self.open_tag("g", &[("class", &class)]);
        self.body.push('>');
        if !title.is_empty() {
            self.body.push_str(&format!("<title>{}</title>\n", escaped(title)));
        }
    }

    /// Ends a group.
    pub fn close_group(&mut self) {
        self.body.push_str("</g>\n");
    }

    fn open_tag(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        self.body.push('<');
        self.body.push_str(name);
        for (attribute, value) in attributes {
            self.body.push_str(&format!(" {attribute}=\"{}\"", escaped(&value.to_string())));
        }
    }

    /// The whole document: named and described for those who do not see it.
    pub fn finish(self, frame: Frame, id: &str, title: &str, description: &str) -> String {
        let Frame { width, height, class } = frame;
        let id = format!("{}-{class}", escaped(id));
        format!(
            "<svg class=\"plot {class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" xmlns=\"http://www.w3.org/2000/svg\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n{}</svg>\n",
            escaped(title),
            escaped(description),
            self.body
        )
    }
}

/// A coordinate with one decimal.
struct Pixel(f64);

impl Display for Pixel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        write!(f, "{rounded}")
    }
}

/// Text as HTML and SVG take it, in content and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // neither HTML nor XML has a place for control characters
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
