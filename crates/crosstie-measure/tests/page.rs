//! The page as a browser shows it: headless Chromium, where the machine has it.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crosstie_measure::record::Report;
use crosstie_measure::report;

/// No page takes longer, whatever else the machine does.
const WATCHDOG: Duration = Duration::from_secs(90);

/// Finds, for each plot in each of its sizes, texts that overlap or stick out, and says so in the page.
const INSPECTOR: &str = r#"<script>
const findings = []; let texts = 0;
const shown = (element) => element.getBoundingClientRect();
for (const plot of document.querySelectorAll("svg.plot")) {
  plot.style.setProperty("display", "block", "important");
  plot.style.setProperty("max-width", "none", "important");
  plot.style.setProperty("width", plot.getAttribute("width") + "px", "important");
  const frame = shown(plot);
  const boxes = [...plot.querySelectorAll("text")].map((text) => [text.textContent, shown(text)]);
  texts += boxes.length;
  const where = plot.querySelector("title").id;
  boxes.forEach(([words, box], index) => {
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
      findings.push(`${where}: "${words}" sticks out`);
    for (const [other, next] of boxes.slice(index + 1)) {
      const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
      const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
      if (across > 1 && down > 2) findings.push(`${where}: "${words}" overlaps "${other}"`);
    }
  });
}
const verdict = document.createElement("pre");
verdict.id = "verdict";
verdict.textContent = `scripts ${document.scripts.length}; texts ${texts}; findings ${findings.length}\n${findings.join("\n")}\nend`;
document.body.append(verdict);
</script></body>"#;

/// Says where the page is wider than the window, then lets it be.
const WIDTHS: &str = r#"<script>
const root = document.documentElement;
const verdict = document.createElement("pre");
verdict.textContent = `wider ${root.scrollWidth > root.clientWidth}; dark ${matchMedia("(prefers-color-scheme: dark)").matches}; paper ${getComputedStyle(document.body).backgroundColor}`;
document.body.append(verdict);
</script></body>"#;

fn sample() -> Report {
    serde_json::from_str(include_str!("data/sample.json")).expect("the sample is a record")
}

/// The name of a Chromium that runs here.
fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        let version =
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    })
}

/// A child that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The document after its scripts ran, as headless Chromium has it.
fn document(browser: &str, folder: &Path, page: &str, options: &[&str]) -> String {
    let file = folder.join("page.html");
    fs::write(&file, page).expect("the page is written");
    let mut browser = Ended(
        Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(options)
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .arg("--dump-dom")
            .arg(format!("file://{}", file.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts"),
    );
    let mut output = browser.0.stdout.take().expect("it was piped");
    let (done, document) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = output.read_to_string(&mut text).map(|_| text);
        // Nobody listens after the watchdog.
        let _ = done.send(read);
    });
    let text = document.recv_timeout(WATCHDOG);
    drop(browser);
    reader.join().expect("the reader ends with the browser");
    text.expect("the browser answers before the watchdog").expect("the document is text")
}

/// What the inspector says of a page.
fn inspected(browser: &str, page: &str) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let page = page.replace("</body>", INSPECTOR);
    let shown = document(browser, folder.path(), &page, &["--window-size=1240,2000"]);
    let verdict = shown.split("<pre id=\"verdict\">").nth(1).expect("the inspector ran");
    let verdict = verdict.split("\nend").next().expect("it came to its end").to_owned();
    (shown, verdict)
}

/// Reports of other machines: faster, all mechanisms alike, few mechanisms, few sizes.
fn machines() -> Vec<(&'static str, Report)> {
    let change = |change: fn(&mut Report)| {
        let mut report = sample();
        change(&mut report);
        report
    };
    vec![
        ("sample", sample()),
        (
            "fast wakes",
            change(|report| {
                report.floor.futex_wake_round_trip_ns.p50 = 1_900;
                for row in report.rows.iter_mut().filter(|row| row.wait == "block") {
                    row.round_trip_ns.p50 /= 12;
                    row.round_trip_ns.p99 /= 3;
                    row.messages_per_s *= 3.7;
                }
            }),
        ),
        (
            "all alike",
            change(|report| {
                for row in &mut report.rows {
                    row.round_trip_ns.p50 = 30_000;
                    row.messages_per_s = 1e6;
                    row.bytes_per_s = 1e9;
                }
            }),
        ),
        ("one mechanism", change(|report| report.rows.retain(|row| row.mechanism == "pipe"))),
        ("one size", change(|report| report.rows.retain(|row| row.payload_bytes == 64))),
        ("no floor", change(|report| report.floor = Default::default())),
    ]
}

#[test]
fn the_browser_shows_every_table_and_plot_without_overlapping_labels() {
    let Some(browser) = browser() else {
        println!("SKIPPED: no Chromium on this machine (Debian: apt-get install chromium)");
        return;
    };
    for (machine, report) in machines() {
        let (shown, verdict) = inspected(browser, &report::html(&report));
        for text in ["How processes talk on this machine", "How it was measured"] {
            assert!(shown.contains(text), "{machine}: {text} is not shown");
        }
        assert!(verdict.starts_with("scripts 1; texts "), "{machine}: {verdict}");
        assert!(!verdict.contains("texts 0;"), "{machine}: {verdict}");
        assert!(verdict.ends_with("findings 0\n"), "{machine}: {verdict}");
    }
}

#[test]
fn labels_that_overlap_or_stick_out_would_be_found() {
    let Some(browser) = browser() else {
        println!("SKIPPED: no Chromium on this machine (Debian: apt-get install chromium)");
        return;
    };
    let text = |x: u32, words: &str| format!("<text x=\"{x}\" y=\"20\">{words}</text>");
    let plot = |texts: String| {
        format!(
            "<body><svg class=\"plot\" width=\"200\" height=\"50\"><title id=\"t\">t</title>{texts}</svg></body>"
        )
    };
    let (_, verdict) = inspected(browser, &plot(text(10, "first") + &text(20, "second")));
    assert!(verdict.contains("\"first\" overlaps \"second\""), "{verdict}");
    let (_, verdict) = inspected(browser, &plot(text(195, "outside")));
    assert!(verdict.contains("\"outside\" sticks out"), "{verdict}");
    let (_, verdict) = inspected(browser, &plot(text(10, "one") + &text(100, "two")));
    assert!(verdict.ends_with("findings 0\n"), "{verdict}");
}

#[test]
fn the_page_is_never_wider_than_its_window_and_follows_the_readers_colours() {
    let Some(browser) = browser() else {
        println!("SKIPPED: no Chromium on this machine (Debian: apt-get install chromium)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let page = report::html(&sample()).replace("</body>", WIDTHS);
    for (size, options) in [
        ("--window-size=1240,2000", vec![]),
        ("--window-size=700,2000", vec!["--blink-settings=preferredColorScheme=0"]),
    ] {
        let options: Vec<&str> = options.into_iter().chain([size]).collect();
        let shown = document(browser, folder.path(), &page, &options);
        assert!(shown.contains("wider false"), "{size}: the page scrolls sideways");
        let is_dark = shown.contains("dark true");
        assert_eq!(
            is_dark,
            shown.contains("paper rgb(19, 21, 25)"),
            "{size}: colours do not follow the reader"
        );
        assert_eq!(is_dark, options.len() == 2);
    }
}
