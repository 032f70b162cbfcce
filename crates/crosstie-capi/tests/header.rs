//! The committed header is what the sources say.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crosstie::ErrorKind;

/// What stands before the declarations: versions, the statuses of the one error table, and how structs begin.
fn definitions() -> String {
    let [major, minor, patch] = ["MAJOR", "MINOR", "PATCH"].map(|part| {
        let version = env!("CARGO_PKG_VERSION").split('.').collect::<Vec<_>>();
        let at = ["MAJOR", "MINOR", "PATCH"].iter().position(|&name| name == part).unwrap();
        version[at].parse::<u32>().unwrap()
    });
    let mut text = String::new();
    let number = major * 1_000_000 + minor * 1_000 + patch;
    writeln!(text, "/** The version of this header: \"{major}.{minor}.{patch}\"; see crosstie_abi_check. */")
        .unwrap();
    writeln!(text, "#define CROSSTIE_VERSION_NUMBER {number}\n").unwrap();
    for &kind in ErrorKind::ALL {
        let name = kind.id().to_uppercase().replace('-', "_");
        writeln!(text, "/** \"{}\": {}. */", kind.id(), kind.phrase()).unwrap();
        writeln!(text, "#define CROSSTIE_E_{name} ({})\n", kind.status()).unwrap();
    }
    text.push_str(
        "/** How a struct begins that says its size: `crosstie_turn turn = CROSSTIE_TURN_INIT;` */\n",
    );
    for (name, zeros) in STRUCTS {
        let fields = vec!["0"; *zeros].join(", ");
        // The last field of these is a text.
        let fields = if matches!(*name, "turn" | "capabilities") {
            format!("{}{{0}}", &fields[..fields.len() - 1])
        } else {
            fields
        };
        let upper = name.to_uppercase();
        writeln!(text, "#define CROSSTIE_{upper}_INIT {{ sizeof(crosstie_{name}), {fields} }}").unwrap();
    }
    text.push_str(
        "\n/** Where a member of a monitor's data lies, for crosstie_comparison: its offset and its bytes. */\n",
    );
    text.push_str(
        "#define CROSSTIE_FIELD(type, member) offsetof(type, member), sizeof(((type *)0)->member)\n",
    );
    text
}

/// The structs that begin with their size, and how many fields follow it.
const STRUCTS: &[(&str, usize)] = &[
    ("turn", 6),
    ("lock_options", 3),
    ("semaphore_options", 3),
    ("end_options", 3),
    ("message", 6),
    ("capabilities", 5),
    ("call_options", 1),
    ("call_state", 4),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn made() -> String {
    let mut config = cbindgen::Config::from_file(folder().join("cbindgen.toml")).unwrap();
    config.after_includes = Some(format!("\n{}", definitions().trim_end()));
    let made = cbindgen::Builder::new().with_crate(folder()).with_config(config).generate().unwrap();
    let mut bytes = Vec::new();
    made.write(&mut bytes);
    // What Rust calls safety is, for C, what the pointers have to be.
    String::from_utf8(bytes).unwrap().replace(" * # Safety\n", " * Pointers:\n").replace('`', "")
}

/// `CROSSTIE_WRITE=1 cargo test -p crosstie-capi --test header` writes it anew.
#[test]
fn the_header_is_what_the_sources_say() {
    let path = folder().join("include/crosstie.h");
    let made = made();
    if std::env::var_os("CROSSTIE_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = || made.lines().zip(committed.lines().chain(std::iter::repeat("")));
    if let Some((made, committed)) = lines().find(|(made, committed)| made != committed) {
        panic!(
            "the sources say {made:?}, the header {committed:?}: CROSSTIE_WRITE=1 cargo test -p crosstie-capi --test header"
        );
    }
    assert_eq!(made, committed);
}

/// The numbers are for ever: a program that was compiled before must not take one error for another.
#[test]
fn statuses_keep_their_numbers() {
    let header = std::fs::read_to_string(folder().join("include/crosstie.h")).unwrap();
    let first = [
        ("USAGE", -1),
        ("BUSY", -2),
        ("NEGATIVE", -3),
        ("TIMED_OUT", -4),
        ("NOT_PERMITTED", -5),
        ("DEADLOCK", -6),
        ("ABANDONED", -7),
        ("LOST", -8),
        ("POISONED", -9),
        ("PEER_DIED", -10),
        ("NOT_FOUND", -11),
        ("ALREADY_EXISTS", -12),
        ("MISMATCH", -13),
        ("TOO_LARGE", -14),
        ("CLOSED", -15),
        ("CORRUPT", -16),
        ("NO_SPACE", -17),
        ("UNSUPPORTED", -18),
        ("FAILED", -19),
    ];
    for (name, number) in first {
        assert!(header.contains(&format!("#define CROSSTIE_E_{name} ({number})\n")), "{name}");
    }
    assert!(header.matches("#define CROSSTIE_E_").count() >= first.len());
}

/// Each function says for whom it is safe, what becomes of it after a fork, whether it blocks, who frees.
#[test]
fn every_function_says_what_a_c_programmer_has_to_know() {
    let header = std::fs::read_to_string(folder().join("include/crosstie.h")).unwrap();
    let mut checked = 0;
    for part in header.split("/**").skip(1) {
        let Some((comment, declaration)) = part.split_once("*/") else { continue };
        let declaration = declaration.trim_start().lines().next().unwrap_or_default();
        // A definition begins with #, a type with t.
        if !declaration.contains("crosstie_")
            || !declaration.contains('(')
            || declaration.starts_with(['#', 't'])
        {
            continue;
        }
        checked += 1;
        let said = comment.to_lowercase();
        for (needed, words) in NEEDED {
            assert!(words.iter().any(|word| said.contains(word)), "{declaration} says nothing of {needed}");
        }
    }
    let symbols = Path::new(env!("CARGO_MANIFEST_DIR")).join("symbols.txt");
    let symbols = std::fs::read_to_string(symbols).unwrap();
    assert_eq!(checked, symbols.lines().count(), "a comment for each function of symbols.txt");
}

const NEEDED: [(&str, &[&str]); 5] = [
    ("threads", &["thread-safe", "one thread at a time", "one thread for"]),
    ("signal handlers", &["async-signal-safe"]),
    ("fork", &["fork"]),
    ("blocking", &["blocks", "waits", "does not wait", "may wait"]),
    ("who frees", &["free"]),
];
