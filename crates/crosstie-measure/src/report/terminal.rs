//! Text for a terminal of 100 columns: the textbook's table first, then the figures by size.

use crate::record::{Report, Row, Turns};

use super::wrap::{plain, wrap};
use super::{figure, table, turns};

/// Whether the terminal gets colours (the 16 ANSI ones, never the only sign).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Ansi,
}

/// The widest line.
const COLUMNS: usize = 100;
const GAP: usize = 2;
/// The detail's first column.
const NAME: usize = 16;
/// The second half's first column.
const NAME_OF_TURNS: usize = 21;

#[derive(Clone, Copy)]
enum Tone {
    Normal,
    Head,
    Name,
    Figure,
    Floor,
    Warning,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::Head => "\x1b[1m",
            Self::Name => "\x1b[1;36m",
            Self::Figure => "\x1b[32m",
            Self::Floor => "\x1b[33m",
            Self::Warning => "\x1b[31m",
        }
    }
}

/// The report as text of at most 100 columns.
#[must_use]
pub fn terminal(report: &Report, colour: Colour) -> String {
    let mut page = Page { text: String::new(), colour };
    page.textbook(report);
    page.words(report);
    page.floor(report);
    page.detail(report);
    page.turns(report);
    page.notes(report);
    page.text
}

struct Page {
    text: String,
    colour: Colour,
}

/// One cell: its lines, each in its tone.
type Cell = Vec<(String, Tone)>;

impl Page {
    fn textbook(&mut self, report: &Report) {
        let reference = figure::size(table::reference_bytes(report));
        self.line("How processes talk, with this machine's figures", Tone::Head);
        self.line(&format!("{reference} payload: round trip (median), messages/s one way"), Tone::Normal);
        self.line("", Tone::Normal);
        let widths = [11, 31, 35, 17];
        self.head(&["mechanism", "speed", "complexity", "scope"], &widths);
        for entry in table::textbook(report) {
            let mut speed = wrapped(&entry.mechanism.speed, widths[1], Tone::Normal);
            speed.extend(entry.speed.iter().map(|figure| (figure.clone(), Tone::Figure)));
            let mut complexity = wrapped(&entry.mechanism.complexity, widths[2], Tone::Normal);
            if !entry.complexity.is_empty() {
                complexity.push((entry.complexity.clone(), Tone::Figure));
            }
            let name = wrapped(&entry.mechanism.name, widths[0], Tone::Name);
            let scope = wrapped(&entry.scope, widths[3], Tone::Normal);
            self.cells(&[name, speed, complexity, scope], &widths);
        }
        self.line("", Tone::Normal);
    }

    fn words(&mut self, report: &Report) {
        let widths = [11, 25, 29, 29];
        self.head(&["mechanism", "use case", "pros", "cons"], &widths);
        for entry in table::textbook(report) {
            let mechanism = entry.mechanism;
            let name = wrapped(&mechanism.name, widths[0], Tone::Name);
            let [use_case, pros, cons] = [
                (&mechanism.use_case, widths[1]),
                (&mechanism.pros, widths[2]),
                (&mechanism.cons, widths[3]),
            ]
            .map(|(words, width)| wrapped(words, width, Tone::Normal));
            self.cells(&[name, use_case, pros, cons], &widths);
        }
        self.line("", Tone::Normal);
    }

    fn floor(&mut self, report: &Report) {
        self.line("The machine's own floor, same run", Tone::Head);
        for (name, fact) in table::floor_facts(report) {
            self.line(&format!("  {name:<27}{fact}"), Tone::Floor);
        }
        self.line("", Tone::Normal);
    }

    fn detail(&mut self, report: &Report) {
        let head = ["mechanism", "round trip", "p99", "× floor", "messages/s", "bytes/s", "CPU %", "calls"];
        for block in table::blocks(report) {
            self.line(&format!("{} payload", figure::size(block.payload_bytes)), Tone::Head);
            self.figures(head.map(str::to_owned), Tone::Head);
            let [round_trip, messages, bytes] = table::floor_row(report, block.payload_bytes);
            let [round_trip, messages, bytes] =
                [figure::duration(round_trip), figure::rate(messages), figure::bytes_rate(bytes)];
            let blank = String::new;
            self.figures(
                ["floor".to_owned(), round_trip, blank(), "1×".to_owned(), messages, bytes, blank(), blank()],
                Tone::Floor,
            );
            for row in &block.rows {
                self.row(report, row);
            }
            for line in table::disturbance(block.rows).iter().flat_map(|words| wrap(words, COLUMNS)) {
                self.line(&line, Tone::Warning);
            }
            self.line("", Tone::Normal);
        }
    }

    fn row(&mut self, report: &Report, row: &Row) {
        let label = clipped(&table::marked(report, row), NAME - 2);
        if let Some(reason) = &row.not_measured {
            let name = vec![(label, Tone::Normal)];
            let widths = [NAME, COLUMNS - NAME - GAP];
            let reason = wrapped(reason, widths[1], Tone::Normal);
            self.cells(&[name, reason], &widths);
            return;
        }
        let tone = if row.verified && !row.is_disturbed { Tone::Normal } else { Tone::Warning };
        let label = if row.verified { label } else { format!("! {label}") };
        self.figures(
            [
                label,
                figure::duration(table::ns(row.round_trip_ns.p50)),
                figure::duration(table::ns(row.round_trip_ns.p99)),
                figure::ratio(table::times_floor(report, row).unwrap_or(0.0)),
                figure::rate(row.messages_per_s),
                figure::bytes_rate(row.bytes_per_s),
                figure::cpu(row.cpu_percent),
                figure::calls(row.syscalls_per_message),
            ],
            tone,
        );
    }

    /// The second half: three tables, because one is too wide.
    fn turns(&mut self, report: &Report) {
        if report.turns.is_empty() {
            return;
        }
        self.line("How processes take turns", Tone::Head);
        self.line("", Tone::Normal);
        self.turns_figures(report, 0..5);
        self.turns_figures(report, 5..12);
        let widths = [NAME_OF_TURNS, 9, 5, COLUMNS - NAME_OF_TURNS - 9 - 5 - 3 * GAP];
        self.head(&["mechanism", "between", "lines", "when its owner dies"], &widths);
        for way in &report.turns {
            let name = vec![(clipped(&way.mechanism, NAME_OF_TURNS), turns_tone(way))];
            let between = wrapped(&way.scope, widths[1], Tone::Normal);
            let lines = vec![(turns::lines(way), Tone::Normal)];
            let on_death = wrapped(&turns::on_death(way), widths[3], Tone::Normal);
            self.cells(&[name, between, lines, on_death], &widths);
        }
        self.line("", Tone::Normal);
        for sentence in turns::LEGEND {
            for (line, _) in wrapped(sentence, COLUMNS, Tone::Normal) {
                self.line(&line, Tone::Normal);
            }
        }
        self.line("", Tone::Normal);
    }

    fn turns_figures(&mut self, report: &Report, columns: std::ops::Range<usize>) {
        let width = (COLUMNS - NAME_OF_TURNS) / columns.len();
        let head: String =
            turns::FIGURES[columns.clone()].iter().map(|name| format!("{name:>width$}")).collect();
        self.line(&format!("{:<NAME_OF_TURNS$}{}", "mechanism", head), Tone::Head);
        for way in &report.turns {
            let cells = turns::cells(way);
            let figures: String =
                cells[columns.clone()].iter().map(|cell| format!("{cell:>width$}")).collect();
            self.toned(
                &format!("{:<NAME_OF_TURNS$}", clipped(&way.mechanism, NAME_OF_TURNS)),
                turns_tone(way),
            );
            self.line(&figures, Tone::Normal);
        }
        self.line("", Tone::Normal);
    }

    fn notes(&mut self, report: &Report) {
        for note in table::notes(report) {
            for (line, _) in wrapped(&note, COLUMNS, Tone::Normal) {
                self.line(&line, Tone::Normal);
            }
        }
        let measured = format!(
            "Measured on {} by `{}` in {:.0} s.",
            table::machine(report),
            report.command,
            report.elapsed_s
        );
        for (line, _) in wrapped(&measured, COLUMNS, Tone::Normal) {
            self.line(&line, Tone::Normal);
        }
    }

    /// One line of the detail: the name on the left, figures on the right of their columns.
    fn figures(&mut self, cells: [String; 8], tone: Tone) {
        let [name, figures @ ..] = cells;
        let mut line = format!("{name:<NAME$}");
        for (cell, width) in figures.iter().zip([11, 10, 9, 12, 12, 13, 8]) {
            line.push_str(&format!("{cell:>width$}"));
        }
        self.line(line.trim_end(), tone);
    }

    fn head(&mut self, names: &[&str], widths: &[usize]) {
        let cells: Vec<Cell> = names.iter().map(|name| vec![((*name).to_owned(), Tone::Head)]).collect();
        self.cells(&cells, widths);
        let rules: Vec<Cell> = widths.iter().map(|width| vec![("-".repeat(*width), Tone::Normal)]).collect();
        self.cells(&rules, widths);
    }

    /// One row of a table whose cells have several lines.
    fn cells(&mut self, cells: &[Cell], widths: &[usize]) {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for index in 0..height {
            let mut pending = 0;
            for (cell, width) in cells.iter().zip(widths) {
                if let Some((words, tone)) = cell.get(index) {
                    self.text.push_str(&" ".repeat(pending));
                    self.toned(words, *tone);
                    pending = width.saturating_sub(words.chars().count()) + GAP;
                } else {
                    pending += width + GAP;
                }
            }
            self.text.push('\n');
        }
    }

    fn line(&mut self, words: &str, tone: Tone) {
        self.toned(words, tone);
        self.text.push('\n');
    }

    fn toned(&mut self, words: &str, tone: Tone) {
        let code = tone.code();
        if self.colour == Colour::Plain || code.is_empty() || words.is_empty() {
            self.text.push_str(words);
        } else {
            self.text.push_str(code);
            self.text.push_str(words);
            self.text.push_str("\x1b[0m");
        }
    }
}

fn turns_tone(way: &Turns) -> Tone {
    if way.is_ours { Tone::Name } else { Tone::Normal }
}

/// The lines of a cell.
fn wrapped(text: &str, width: usize, tone: Tone) -> Cell {
    wrap(text, width).into_iter().map(|line| (line, tone)).collect()
}

/// As [`plain`], cut where it is longer than its place.
fn clipped(text: &str, width: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
