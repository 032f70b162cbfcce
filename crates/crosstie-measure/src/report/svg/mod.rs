//! A small SVG writer and the plots made with it.
//!
//! | file | what it is |
//! |---|---|
//! | `writer` | elements and documents, everything escaped |
//! | `axis` | logarithmic and linear scales, their ticks |
//! | `label` | how wide a text is, how labels make room for each other |
//! | `style` | how series differ without colour: marker and dash |
//! | `line_plot` | lines over payload sizes, with whiskers and the floor |
//! | `row_plot` | one row per mechanism: bars, or dots joined by a line, and the floor |
//! | `picture` | a row plot that stands by itself, for any figures |
//! | `plot.css` | colours and strokes, light and dark |
//!
//! Colours are classes; the style sheet holds them.

pub(crate) mod axis;
pub(crate) mod label;
pub(crate) mod line_plot;
pub mod picture;
pub(crate) mod row_plot;
pub(crate) mod style;
mod writer;

pub(crate) use writer::{Frame, PLOT_STYLE, Svg, escaped};
