//! A bar that shows how far something long is, at the lower end of a terminal.
//!
//! Ours, not a crate's: what a lock's command loads and starts must stay small (docs/decisions/0029).

use crosstie::os::clock;

use super::note;

/// Cells of the bar.
const WIDTH: usize = 30;
/// The terminal: to the line's begin, and the rest of the line gone.
const CLEAR: &str = "\r\x1b[2K";

/// One line that is drawn again and again, and lines that scroll away above it.
pub struct Bar {
    began_ns: u64,
    /// As drawn last, without the time.
    done: usize,
    all: usize,
    message: String,
}

impl Bar {
    /// Draws nothing yet.
    pub fn new() -> Self {
        Self { began_ns: clock::now_ns(), done: 0, all: 0, message: String::new() }
    }

    /// `done` of `all` are done, now comes `message`.
    pub fn advance(&mut self, done: usize, all: usize, message: &str) {
        (self.done, self.all) = (done, all);
        message.clone_into(&mut self.message);
        note::block(&format!("{CLEAR}{}", self.line()));
    }

    /// Writes a line above the bar.
    pub fn above(&self, text: &str) {
        note::block(&format!("{CLEAR}{text}\n{}", self.line()));
    }

    /// The bar is gone, what stands above it stays.
    pub fn finish(&self) {
        note::block(CLEAR);
    }

    fn line(&self) -> String {
        let seconds = (clock::now_ns() - self.began_ns) / 1_000_000_000;
        let (time, bar) = (format!("{:02}:{:02}", seconds / 60, seconds % 60), cells(self.done, self.all));
        // What is wider than the terminal is cut off, not wrapped: a second row would stay behind.
        format!("\x1b[?7l\x1b[36m{bar}\x1b[0m {}/{}  {time}  {}\x1b[?7h", self.done, self.all, self.message)
    }
}

fn cells(done: usize, all: usize) -> String {
    let full = (done * WIDTH).checked_div(all).unwrap_or(0).min(WIDTH);
    "█".repeat(full) + &"░".repeat(WIDTH - full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_what_it_shows_is_done_and_always_as_long() {
        for (done, all, full) in [(0, 0, 0), (0, 7, 0), (3, 6, 15), (6, 6, 30), (9, 6, 30)] {
            let bar = cells(done, all);
            assert_eq!((bar.matches('█').count(), bar.chars().count()), (full, WIDTH), "{done} of {all}");
        }
    }
}
