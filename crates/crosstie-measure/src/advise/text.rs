//! The answer on one screen.

use super::need::Need;
use super::recommend::{Advice, Candidate, waiting};
use crate::report::{Colour, duration, rate, size, wrap};

const COLUMNS: usize = 100;

/// The advice as text of at most 100 columns.
#[must_use]
pub fn text(advice: &Advice, colour: Colour) -> String {
    let mut screen = Screen { text: String::new(), colour };
    screen.paragraph("Asked", &asked(&advice.need));
    match &advice.recommended {
        Some(first) => screen.recommended(first, advice),
        None => screen.nothing(advice),
    }
    if !advice.rejected.is_empty() {
        screen.blank();
        for (index, rejection) in advice.rejected.iter().enumerate() {
            let head = if index == 0 { "Out" } else { "" };
            screen.row(head, &rejection.mechanism, &rejection.reason);
        }
    }
    screen.blank();
    screen.paragraph("From", &advice.measured_on);
    screen.text
}

struct Screen {
    text: String,
    colour: Colour,
}

impl Screen {
    fn recommended(&mut self, first: &Candidate, advice: &Advice) {
        self.title("Take", &name(first));
        self.paragraph("because", &first.reasons.join("; "));
        if !first.price.is_empty() {
            self.paragraph("price", &first.price.join("; "));
        }
        for (index, line) in start(first).iter().enumerate() {
            self.paragraph(if index == 0 { "start" } else { "" }, line);
        }
        if let Some(next) = &advice.runner_up {
            self.blank();
            let price: Vec<String> = std::iter::once(figures(next)).chain(next.price.clone()).collect();
            self.paragraph("Else", &format!("{}: {}", name(next), price.join("; ")));
        }
        if !advice.others.is_empty() {
            let others: Vec<String> =
                advice.others.iter().map(|other| format!("{} ({})", name(other), figures(other))).collect();
            self.paragraph("or", &others.join(", "));
        }
    }

    fn nothing(&mut self, advice: &Advice) {
        self.title("None", "no mechanism does all of this");
        for (index, relaxation) in advice.relaxations.iter().enumerate() {
            let head = if index == 0 { "drop" } else { "" };
            self.paragraph(head, &format!("{}: then {}", relaxation.without, relaxation.mechanism));
        }
    }

    fn title(&mut self, head: &str, words: &str) {
        match self.colour {
            Colour::Plain => self.text.push_str(&format!("{head:<9}{words}\n")),
            Colour::Ansi => self.text.push_str(&format!("\u{1b}[1m{head:<9}\u{1b}[1;32m{words}\u{1b}[0m\n")),
        }
    }

    /// Words that hang beside their head.
    fn paragraph(&mut self, head: &str, words: &str) {
        for (index, line) in wrap(words, COLUMNS - 9).iter().enumerate() {
            let head = if index == 0 { head } else { "" };
            self.text.push_str(format!("{head:<9}{line}").trim_end());
            self.text.push('\n');
        }
    }

    /// A mechanism and words that hang beside it.
    fn row(&mut self, head: &str, mechanism: &str, words: &str) {
        for (index, line) in wrap(words, COLUMNS - 24).iter().enumerate() {
            let [head, mechanism] = if index == 0 { [head, mechanism] } else { [""; 2] };
            self.text.push_str(format!("{head:<9}{mechanism:<15}{line}").trim_end());
            self.text.push('\n');
        }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

fn asked(need: &Need) -> String {
    let rate = need.messages_per_s.map_or_else(String::new, |asked| format!(", {}", rate(asked)));
    let wants: String = need.wants.iter().map(|want| format!(", {}", want.id())).collect();
    format!("{}{rate}, {}{wants}", size(need.payload_bytes), need.scope.phrase())
}

fn name(candidate: &Candidate) -> String {
    if candidate.mechanism == "shm" {
        format!("shm, {}", waiting(&candidate.wait))
    } else {
        candidate.mechanism.clone()
    }
}

fn figures(candidate: &Candidate) -> String {
    match &candidate.estimate {
        Some(estimate) => format!("{}, {}", duration(estimate.round_trip_ns), rate(estimate.messages_per_s)),
        None => "no figures".to_owned(),
    }
}

fn start(candidate: &Candidate) -> Vec<String> {
    let address = candidate.address;
    match candidate.mechanism.as_str() {
        "pipe" => vec!["producer | consumer; in Rust open pipe: and hand one end to the child".to_owned()],
        _ => vec![format!("crosstie recv {address}"), format!("producer | crosstie send {address}")],
    }
}
