//! The page around the tables and plots.

use crate::record::Report;
use crate::report::svg::{PLOT_STYLE, escaped};
use crate::report::{figure, table};

use super::{plots, tables, turns_plots};

const STYLE: &str = include_str!("style.css");

/// The report as one self-contained HTML page: no script, nothing loaded from anywhere; light and dark
/// as the reader prefers; for screens, phones and paper.
#[must_use]
pub fn html(report: &Report) -> String {
    let reference = figure::size(table::reference_bytes(report));
    let machine = escaped(&table::machine(report));
    let mut page = String::with_capacity(256 * 1024);
    page.push_str(&format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>How processes talk on this machine</title>\n<style>\n{PLOT_STYLE}{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>How processes talk on this machine</h1>\n<p class=\"machine\">{machine}</p>\n</header>\n<main>\n"
    ));
    page.push_str(&format!(
        "<section aria-labelledby=\"textbook\">\n<h2 id=\"textbook\">The textbook’s table, with this machine’s figures</h2>\n\
         <p class=\"lead\">Figures are for a payload of {reference}: the median there and back, and messages per second one way.</p>\n"
    ));
    page.push_str(&tables::textbook(report));
    page.push_str("</section>\n<section aria-labelledby=\"floor\">\n<h2 id=\"floor\">What the machine itself allows</h2>\n");
    page.push_str(&tables::floor(report));
    page.push_str("</section>\n<section aria-labelledby=\"plots\">\n<h2 id=\"plots\">In pictures</h2>\n<div class=\"plots\">\n");
    for figure in plots::all(report) {
        page.push_str(&figure);
    }
    page.push_str(
        "</div>\n</section>\n<section aria-labelledby=\"detail\">\n<h2 id=\"detail\">All figures</h2>\n",
    );
    page.push_str(&tables::detail(report));
    page.push_str("</section>\n");
    if !report.turns.is_empty() {
        page.push_str(&taking_turns(report));
    }
    page.push_str("</main>\n");
    page.push_str(&method(report, &machine));
    page.push_str("</body>\n</html>\n");
    page
}

/// The second half.
fn taking_turns(report: &Report) -> String {
    let mut text = String::from(
        "<section aria-labelledby=\"turns\">\n<h2 id=\"turns\">How processes take turns</h2>\n\
         <p class=\"lead\">The second half of the textbook’s table: Crosstie’s locks, semaphores and monitors beside those of the standard library, the C library and the kernel, in the same run.</p>\n\
         <div class=\"plots\">\n",
    );
    for figure in turns_plots::all(report) {
        text.push_str(&figure);
    }
    text.push_str("</div>\n");
    text.push_str(&tables::turns(report));
    text.push_str("</section>\n");
    text
}

fn method(report: &Report, machine: &str) -> String {
    let mut text = String::from(
        "<footer aria-labelledby=\"method\">\n<h2 id=\"method\">How it was measured</h2>\n<ul>\n",
    );
    for note in table::notes(report) {
        text.push_str(&format!("<li>{}</li>\n", escaped(&note)));
    }
    text.push_str(&format!(
        "</ul>\n<dl>\n<dt>Machine</dt><dd>{machine}</dd>\n<dt>Command</dt><dd><code>{}</code></dd>\n\
         <dt>Took</dt><dd>{:.0} s</dd>\n<dt>Measured by</dt><dd>Crosstie {}, record {}</dd>\n</dl>\n</footer>\n",
        escaped(&report.command),
        report.elapsed_s,
        escaped(&report.machine.version),
        escaped(&report.schema),
    ));
    text
}
