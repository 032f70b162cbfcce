//! A measured [`Report`] in the forms that people read and programs take.
//!
//! | file | what it makes |
//! |---|---|
//! | `figure` | numbers as people read them: `30.2 µs`, `1.31 M/s`, `64 KiB` |
//! | `table` | the rows that every form shows: the textbook's table, the figures by size, the floor |
//! | `turns` | the same for the second half: the cells of its table |
//! | `terminal` | text of at most 100 columns |
//! | `markdown` | pasteable |
//! | `csv`, `json` | for programs; JSON is the record itself |
//! | `html` | one self-contained page |
//! | `svg` | the plots in it |
//! | `wrap` | text in lines that fit |
//!
//! Nothing here measures, reads a clock or prints.

mod csv;
mod figure;
mod folder;
mod html;
mod json;
mod markdown;
mod svg;
mod table;
mod terminal;
mod turns;
mod wrap;

pub use csv::csv;
pub(crate) use figure::calls;
pub use figure::{bytes_rate, count, duration, rate, ratio, short_duration, size};
pub use folder::write_folder;
pub use html::html;
pub use json::{from_json, json};
pub use markdown::markdown;
pub use svg::picture;
pub use table::disturbance;
pub use terminal::{Colour, terminal};
pub(crate) use wrap::wrap;

#[cfg(doc)]
use crate::record::Report;
