//! The report in each of its forms, from a record with plausible figures.

use crosstie_measure::record::Report;
use crosstie_measure::report::{self, Colour};

fn sample() -> Report {
    serde_json::from_str(include_str!("data/sample.json")).expect("the sample is a record")
}

/// A report whose every text tries to break out of where it stands.
fn hostile() -> Report {
    let mut report = sample();
    let text = "</td><script>alert(1)</script>\" onload='x' & | \u{1b}[31m\r\n# heading, `code`".to_owned();
    report.command.clone_from(&text);
    report.machine.cpu.clone_from(&text);
    report.machine.kernel.clone_from(&text);
    report.machine.date.clone_from(&text);
    report.machine.version.clone_from(&text);
    for mechanism in &mut report.mechanisms {
        mechanism.use_case.clone_from(&text);
        mechanism.speed.clone_from(&text);
        mechanism.scope.clone_from(&text);
        mechanism.complexity.clone_from(&text);
        mechanism.pros.clone_from(&text);
        mechanism.cons.clone_from(&text);
    }
    report.mechanisms[0].name.clone_from(&text);
    for way in &mut report.turns {
        way.mechanism.clone_from(&text);
        way.scope.clone_from(&text);
        way.on_death.clone_from(&text);
        way.not_measured = Some(text.clone());
    }
    for row in &mut report.rows {
        row.not_measured = row.not_measured.as_ref().map(|_| text.clone());
        if row.mechanism == "fifo" {
            row.mechanism.clone_from(&text);
        }
    }
    report
}

#[test]
fn the_textbook_table_comes_first_and_no_line_is_wider_than_100_columns() {
    for report in [sample(), hostile()] {
        let text = report::terminal(&report, Colour::Plain);
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        }
    }
    let text = report::terminal(&sample(), Colour::Plain);
    let head: Vec<&str> = text.lines().take(8).collect();
    assert!(head[0].starts_with("How processes talk"), "{head:?}");
    assert!(head[3].starts_with("mechanism") && head[3].contains("complexity") && head[3].contains("scope"));
    assert!(head[5].starts_with("shm") && head[5].contains("fastest") && head[5].contains("one machine"));
    assert!(text.contains("0.44 µs, 21.3 M/s, spinning"));
    assert!(text.contains("2 calls/message, 9 lines"));
}

#[test]
fn only_a_terminal_that_asks_gets_colours_and_only_the_sixteen() {
    assert!(!report::terminal(&sample(), Colour::Plain).contains('\u{1b}'));
    let coloured = report::terminal(&sample(), Colour::Ansi);
    let codes: Vec<&str> = coloured
        .split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| rest.split_once('m').map(|(code, _)| code))
        .collect();
    assert!(!codes.is_empty());
    for code in codes {
        assert!(["0", "1", "1;36", "32", "33", "31"].contains(&code), "{code}");
    }
}

#[test]
fn text_of_others_never_steers_the_terminal() {
    let text = report::terminal(&hostile(), Colour::Plain);
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
}

#[test]
fn figures_over_loopback_say_so_in_every_form() {
    let report = sample();
    for text in [report::terminal(&report, Colour::Plain), report::markdown(&report), report::html(&report)] {
        assert!(text.contains("tcp loopback") && text.contains("udp loopback"));
        assert!(text.contains("over loopback"));
    }
}

#[test]
fn a_row_without_figures_says_why_and_a_broken_payload_is_shouted() {
    let mut report = sample();
    report.rows[0].verified = false;
    for text in [report::terminal(&report, Colour::Plain), report::markdown(&report), report::html(&report)] {
        assert!(text.contains("n/a: above 65,507 bytes"));
        assert!(text.contains("NOT VERIFIED: shm spin at 8 B"));
    }
}

#[test]
fn markdown_cells_hold_whatever_others_wrote() {
    let text = report::markdown(&hostile());
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        assert!([8, 10, 17].contains(&cells(line)), "{} cells: {line}", cells(line));
        assert!(!line.contains("<script"), "{line}");
    }
    assert!(!text.lines().any(|line| line.starts_with('#')));
}

#[test]
fn csv_has_one_line_per_row_with_as_many_fields_as_the_header() {
    let report = sample();
    let text = report::csv(&report);
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), report.rows.len() + report.turns.len() + 1);
    let fields = lines[0].split(',').count();
    for line in &lines[1..] {
        let outside: String = line.split('"').step_by(2).collect();
        assert_eq!(outside.split(',').count(), fields, "{line}");
    }
}

#[test]
fn json_comes_back_as_the_same_record() {
    let report = sample();
    let text = report::json(&report).expect("it has a JSON form");
    let back: Report = serde_json::from_str(&text).expect("it reads its own");
    assert_eq!(report::json(&back).expect("again"), text);
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(value["schema"], "crosstie.compare/1");
    assert!(value["floor"]["cache_line_round_trip_ns"]["p50"].is_u64());
    assert!(value["floor"]["memcpy_bytes_per_s"]["65536"].is_f64());
}

#[test]
fn the_page_is_self_contained_and_holds_whatever_others_wrote() {
    for report in [sample(), hostile()] {
        let page = report::html(&report);
        for forbidden in ["<script", "src=", "@import", "url(", "<link", "<iframe", "onload='", "\u{1b}"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let addresses = page.matches("http").count();
        assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    }
}

#[test]
fn every_plot_is_named_described_and_has_the_floor_in_it() {
    let page = report::html(&sample());
    let plots: Vec<&str> =
        page.split("<svg ").skip(1).filter_map(|rest| rest.split("</svg>").next()).collect();
    assert_eq!(plots.len(), 2 * 3 + (4 + 4) * 2);
    for plot in plots {
        assert!(plot.contains("role=\"img\"") && plot.contains("<title id=") && plot.contains("<desc id="));
        assert!(plot.contains("floor"), "a plot without its floor: {}", &plot[..200]);
    }
}

#[test]
fn a_report_without_rows_still_makes_every_form() {
    let mut report = sample();
    report.rows.clear();
    report.turns.clear();
    report.floor = Default::default();
    assert!(report::html(&report).contains("</html>"));
    assert!(report::terminal(&report, Colour::Plain).contains("fastest"));
    assert!(report::markdown(&report).contains("fastest"));
    assert_eq!(report::csv(&report).lines().count(), 1);
}

#[test]
fn the_second_half_is_in_every_form_and_says_who_is_never_next() {
    let report = sample();
    for text in [report::terminal(&report, Colour::Plain), report::markdown(&report), report::html(&report)] {
        for expected in
            ["ow processes take turns", "9.10 ns", "11.0 M/s", "7.40 µs", "180 µs", "never", "pthread robust"]
        {
            assert!(text.contains(expected), "{expected}");
        }
    }
    let csv = report::csv(&report);
    let line = csv.lines().find(|line| line.starts_with("flock,")).expect("a line");
    assert!(line.contains("false,processes,12,") && line.ends_with(",250000,9100000"), "{line}");
}

#[test]
fn a_record_without_the_second_half_is_read_as_before() {
    let mut value: serde_json::Value = serde_json::to_value(sample()).expect("it has a JSON form");
    value.as_object_mut().expect("an object").remove("turns");
    let report = report::from_json(&value.to_string()).expect("it is a report");
    assert!(report.turns.is_empty());
    assert!(
        !report::html(&report).contains("take turns") && !report::markdown(&report).contains("take turns")
    );
}

#[test]
fn the_folder_holds_every_form_and_is_replaced_by_the_next_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("deep/report");
    let written = report::write_folder(&sample(), &out).expect("written");
    let again = report::write_folder(&sample(), &out).expect("replaced");
    assert_eq!(written, again);
    for name in ["index.html", "compare.json", "compare.csv", "compare.md"] {
        assert!(out.join(name).metadata().expect(name).len() > 1000, "{name}");
    }
}

#[test]
fn a_document_that_is_no_report_is_refused_with_the_reason() {
    let whole = report::json(&sample()).expect("it has a JSON form");
    assert_eq!(report::from_json(&whole).expect("it reads its own").rows.len(), sample().rows.len());
    for (text, reason) in [
        ("{", "not JSON"),
        ("{}", "no schema"),
        (r#"{"schema": "crosstie.compare/2"}"#, "\"crosstie.compare/2\", not \"crosstie.compare/1\""),
        (r#"{"schema": "crosstie.compare/1", "rows": 3}"#, "not of its form"),
    ] {
        let refusal = report::from_json(text).expect_err(text);
        assert!(refusal.contains(reason), "{refusal}");
    }
}

/// The colours of the page under one preference: `--ink` to `#1b1d21`.
fn colours(block: &str) -> std::collections::BTreeMap<&str, [f64; 3]> {
    let channel = |hex: &str| {
        let value = f64::from(u8::from_str_radix(hex, 16).expect("a colour")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let variables = block.split("--").skip(1).filter_map(|variable| variable.split_once(": #"));
    variables.map(|(name, hex)| (name, [0, 2, 4].map(|start| channel(&hex[start..start + 2])))).collect()
}

#[test]
fn every_form_says_that_shm_is_the_ring() {
    for text in
        [report::terminal(&sample(), Colour::Plain), report::markdown(&sample()), report::html(&sample())]
    {
        assert!(text.contains("shm is the address ring:NAME"), "{text}");
    }
}

#[test]
fn every_form_marks_a_row_that_was_disturbed_and_says_what_that_means() {
    let mut report = sample();
    let forms = |report: &Report| {
        [report::terminal(report, Colour::Plain), report::markdown(report), report::html(report)]
    };
    for text in forms(&report) {
        assert!(!text.contains("disturbed"), "{text}");
    }
    let row = report.rows.iter_mut().find(|row| row.mechanism == "unix").expect("a row");
    row.cpu_percent.receiver = 1665.0;
    assert!(row.shows_disturbance());
    row.is_disturbed = true;
    for (text, mark) in forms(&report).iter().zip(["unix *", "unix \\*", "unix *"]) {
        assert_eq!(text.matches(mark).count(), 1, "{mark}: {text}");
        assert_eq!(text.matches("disturbed, not to be relied on").count(), 1, "{text}");
    }
    assert!(report::json(&report).expect("JSON").contains("\"is_disturbed\": true"));
}

#[test]
fn a_side_above_a_core_and_a_repetition_far_off_are_a_disturbance() {
    use crosstie_measure::record::{CpuPercent, Repetitions, Row};
    let row = |receiver, trips, rates| {
        let mut row = Row { messages_per_s: 300.0, ..Row::default() };
        row.round_trip_ns.p50 = 300;
        row.cpu_percent = CpuPercent { sender: 100.0, receiver };
        row.repetitions =
            Some(Repetitions { round_trip_ns_p50: trips, messages_per_s: rates, ..Repetitions::default() });
        row.shows_disturbance()
    };
    assert!(!row(104.0, [100, 900], [100.0, 900.0]));
    assert!(row(106.0, [300, 300], [300.0, 300.0]));
    assert!(row(100.0, [99, 300], [300.0, 300.0]));
    assert!(row(100.0, [300, 901], [300.0, 300.0]));
    assert!(row(100.0, [300, 300], [99.0, 300.0]));
    assert!(row(100.0, [300, 300], [300.0, 901.0]));
}

#[test]
fn every_colour_of_text_is_legible_in_light_and_in_dark() {
    let page = report::html(&sample());
    let blocks: Vec<&str> = page.split(":root {").skip(1).filter_map(|rest| rest.split('}').next()).collect();
    assert_eq!(blocks.len(), 2, "light and dark");
    for block in blocks {
        let colours = colours(block);
        let light = |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
        for ground in ["paper", "card", "stripe"] {
            let ground = light(colours[ground]);
            for name in [
                "ink",
                "quiet",
                "floor",
                "accent",
                "shm",
                "queue",
                "topic",
                "pipe",
                "fifo",
                "unix",
                "unixpacket",
                "tcp",
                "udp",
                "other",
            ] {
                let text = light(colours[name]);
                let contrast = ground.max(text) / ground.min(text);
                // WCAG 2.2, 1.4.3: text needs 4.5
                assert!(contrast >= 4.5, "{name}: {contrast:.2}");
            }
        }
    }
}
