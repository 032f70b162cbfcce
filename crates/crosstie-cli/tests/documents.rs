//! The documents say the truth: every shell block runs, every Rust block is part of an example.
//!
//! | fence | what is asserted |
//! |---|---|
//! | `sh` | runs to exit code 0, in a folder and a domain of its own, with `crosstie` on the path |
//! | `text` right after `sh` | is what it wrote on standard output |
//! | `rust` | stands, line by line, in a program of examples/rust |
//! | `console` | is one of the commands for a clone, which other tests run |
//!
//! The programs of examples/sh run in the same way.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The documents of which every block is checked; what others show in `sh` or `rust` is checked too.
const WHOLLY_CHECKED: [&str; 4] = ["README.md", "docs/textbook.md", "docs/format.md", "docs/delivery.md"];
/// What a clone is built, measured and tested with.
const CLONE_COMMANDS: [&str; 3] =
    ["cargo run --release -- compare", "cargo xtask test", "cargo install --path crates/crosstie-cli"];
/// What no block comes near; one that is still running then hangs.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn every_shell_block_does_what_the_document_says() {
    let mut ran = 0;
    for document in &documents() {
        let blocks = blocks(document);
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "sh") {
            let expected = blocks.get(index + 1).filter(|next| next.follows && next.language == "text");
            if needs_c_compiler(&block.text) && Command::new("cc").arg("--version").output().is_err() {
                println!("SKIPPED: {document}:{}: no C compiler", block.line);
                continue;
            }
            let written = run(&format!("{document}:{}", block.line), &block.text);
            if let Some(expected) = expected {
                assert_eq!(written.trim_end(), expected.text.trim_end(), "{document}:{}", block.line);
            }
            ran += 1;
        }
    }
    assert!(ran > 0, "no document has a shell block");
}

#[test]
fn every_shell_example_does_what_it_says() {
    let mut ran = 0;
    for entry in fs::read_dir(root().join("examples/sh")).unwrap() {
        let path = entry.unwrap().path();
        let written = run(&path.display().to_string(), &fs::read_to_string(&path).unwrap());
        let end = match path.file_stem().and_then(|stem| stem.to_str()).unwrap() {
            "counter" => "with a semaphore: 50 times raised, 0 lost\n",
            "many_senders" => "20000 lines, none lost\n",
            "relay_chain" => "100000 lines, none lost\n",
            "mutex" => "its owner died halfway: 70 + 0\nmended: 70 + 30\n",
            "jobs" => "deadly after 2\ndull after 1\neasy after 1\n",
            "calls" => "hello!\nrefused, exit code 1\n",
            other => panic!("{other}: nobody says how it ends"),
        };
        assert!(written.ends_with(end), "{}: {written}", path.display());
        ran += 1;
    }
    assert!(ran > 0, "there is no shell example");
}

#[test]
fn every_rust_block_is_part_of_an_example() {
    let folder = root().join("examples/rust");
    let examples: Vec<Vec<String>> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| dedented(&fs::read_to_string(entry.unwrap().path()).unwrap()))
        .collect();
    let mut found = 0;
    for document in &documents() {
        for block in blocks(document).iter().filter(|block| block.language == "rust") {
            let lines = dedented(&block.text);
            let is_part = |example: &Vec<String>| example.windows(lines.len()).any(|part| part == lines);
            assert!(
                examples.iter().any(is_part),
                "{document}:{}: no example contains these lines",
                block.line
            );
            found += 1;
        }
    }
    assert!(found > 0, "no document has a Rust block");
}

#[test]
fn every_other_block_is_of_a_kind_that_is_checked() {
    for document in WHOLLY_CHECKED {
        for block in blocks(document) {
            let is_checked = match block.language.as_str() {
                "sh" | "rust" => true,
                "text" => block.follows,
                "console" => block.text.lines().all(|line| {
                    let command = line.trim_start_matches("$ ").split(" #").next().unwrap_or_default();
                    CLONE_COMMANDS.contains(&command.trim_end())
                }),
                _ => false,
            };
            assert!(is_checked, "{document}:{}: nothing checks this block", block.line);
        }
    }
}

#[test]
fn every_link_into_the_project_leads_somewhere() {
    for document in &documents() {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for (_, rest) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            let target = rest.split(')').next().unwrap_or_default();
            if target.starts_with("http") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => root().join(document),
                path => root().join(document).parent().unwrap().join(path),
            };
            assert!(file.exists(), "{document}: {target} leads nowhere");
            if !anchor.is_empty() {
                let headings = fs::read_to_string(&file).unwrap();
                let has =
                    headings.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                assert!(has, "{document}: {target} leads to no heading");
            }
        }
    }
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut tests = String::new();
    read_rust_files(&root().join("crates"), &mut tests);
    let mut found = 0;
    for document in WHOLLY_CHECKED {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for name in text.split('`').filter(|name| name.matches('_').count() >= 4) {
            if name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                assert!(tests.contains(&format!("fn {name}(")), "{document}: there is no test {name}");
                found += 1;
            }
        }
    }
    assert!(found > 0, "no document names a test");
}

fn read_rust_files(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            read_rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The project's documents, from its root.
fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    for folder in ["", "docs/", "docs/decisions/", "examples/"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                documents.push(format!("{folder}{name}"));
            }
        }
    }
    documents
}

/// A fenced block of a document.
struct Block {
    language: String,
    text: String,
    /// The line of its opening fence, from 1.
    line: usize,
    /// Whether it stands right below the block before it.
    follows: bool,
}

fn blocks(document: &str) -> Vec<Block> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut follows = false;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let language = language.to_owned();
                open = Some(Block { language, text: String::new(), line: number + 1, follows });
            }
            (Some(_), Some("")) => {
                blocks.extend(open.take());
                follows = true;
            }
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => follows &= line.is_empty(),
        }
    }
    assert!(open.is_none(), "{document}: the last block is not closed");
    blocks
}

/// The lines without what all of them are indented by, and without the empty ones around them.
fn dedented(text: &str) -> Vec<String> {
    text.trim_matches('\n').lines().map(|line| line.trim().to_owned()).collect()
}

/// The anchor that a heading gets on the pages that show Markdown.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn needs_c_compiler(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("cc "))
}

/// Runs a shell's text in a folder and a domain of its own; answers what it wrote.
fn run(place: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_crosstie")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    // A name of the whole machine becomes one of this run, as the folder is: another run in this process ends its own.
    let region = format!("/my_region{}", folder.path().file_name().unwrap().display());
    let text = text.replace("/my_region", &region);
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &text]).current_dir(folder.path());
    bash.env("PATH", path).env("CROSSTIE_DOMAIN", folder.path().join("domain")).env("LC_ALL", "C.UTF-8");
    bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut group = Group { child: bash.spawn().unwrap(), region };
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = group.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < LIMIT, "{place} hangs:\n{text}");
        // poll: whether the block has ended
        std::thread::sleep(Duration::from_millis(5));
    };
    group.end();
    let (mut written, mut complaint) = (String::new(), String::new());
    group.child.stdout.take().unwrap().read_to_string(&mut written).unwrap();
    group.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(status.success(), "{place}: {status}\n{text}\nwrote: {written}\ncomplained: {complaint}");
    written
}

/// A block's shell and what it started; whatever is left of them ends with the test.
struct Group {
    child: Child,
    region: String,
}

impl Group {
    fn end(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        // When all have ended there is nobody to kill.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        let _ = self.child.wait();
        // Most blocks make none.
        let _ = crosstie::region::Region::unlink(&self.region);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
