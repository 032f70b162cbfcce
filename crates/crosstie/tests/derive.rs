//! `#[derive(Shareable)]` refuses what must not lie in shared memory, and says what, why, and what to take instead.
//!
//! Each program below is compiled by the compiler that built this test, against the library that it built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compiled before each program.
const USES: &str =
    "#![allow(unused)]\nuse crosstie::Shareable;\nuse crosstie::shareable::{Deque, List, Text};\n";

/// A program, and what its error says.
type Refused = (&'static str, &'static [&'static str]);

const FIELDS: &[Refused] = &[
    (
        "name: String",
        &[
            "`name`: String cannot lie in memory that processes share",
            "elsewhere in this process's memory",
            "take crosstie::shareable::Text<N>",
        ],
    ),
    (
        "name: &'static str",
        &[
            "`name`: a reference",
            "means nothing in another",
            "take the data itself, or a u32 that is an index",
        ],
    ),
    ("next: *const u8", &["`next`: a pointer", "means nothing in another"]),
    ("act: fn(u32) -> u32", &["`act`: a function", "take a u32, and match on it"]),
    ("prices: Vec<u64>", &["`prices`: Vec cannot", "take crosstie::shareable::List<T, N>, or an array"]),
    (
        "jobs: std::collections::VecDeque<u64>",
        &["`jobs`: VecDeque cannot", "take crosstie::shareable::Deque<T, N>"],
    ),
    ("stock: std::collections::HashMap<u32, u64>", &["`stock`: HashMap cannot", "List<Entry, N>"]),
    ("inner: Box<u64>", &["`inner`: Box cannot", "take the data itself"]),
    (
        "is_open: bool",
        &["`is_open`: bool cannot", "most bytes are no value of it", "take a u8 that is 0 or not"],
    ),
    ("letter: char", &["`letter`: char cannot", "char::from_u32"]),
    ("next: Option<u32>", &["`next`: Option cannot", "a u32 that says whether there is one"]),
    ("count: usize", &["`count`: usize cannot", "8 bytes in one program and 4 in another", "take u64"]),
    ("pair: (u32, u32)", &["`pair`: a tuple cannot", "take a struct with #[repr(C)]"]),
    ("age: std::time::Duration", &["`age`: Duration cannot", "take a u64 of nanoseconds"]),
    ("flags: [bool; 4]", &["`flags`: bool cannot", "take a u8"]),
    ("names: List<String, 4>", &["`names`: String cannot", "Text<N>"]),
    ("a: bool, b: String", &["`a`: bool cannot", "`b`: String cannot"]),
    // Not known by name: the compiler's own words, and ours below.
    (
        "lock: std::sync::Mutex<u64>",
        &[
            "Mutex<u64>` cannot lie in memory that processes share",
            "not `Shareable`",
            "#[derive(crosstie::Shareable)] #[repr(C)]",
        ],
    ),
    (
        "a: u8, b: u64",
        &["Stock has padding", "shows other processes whatever was in memory", "reserved: [u8; 4]"],
    ),
    ("a: u64, b: u8", &["Stock has padding"]),
];

const WHOLE: &[Refused] = &[
    (
        "#[derive(Shareable)] struct Stock { count: u64 }",
        &["add #[repr(C)]", "every compiler may order the fields as it likes"],
    ),
    (
        "#[derive(Shareable)] #[repr(C, packed)] struct Stock { count: u64 }",
        &["a packed struct cannot be Shareable", "not aligned"],
    ),
    (
        "#[derive(Shareable)] #[repr(C)] enum State { Open, Shut }",
        &[
            "an enum cannot be Shareable",
            "most bytes are no value of it",
            "hold an integer (u32) and match on it",
        ],
    ),
    ("#[derive(Shareable)] #[repr(C)] union Both { a: u32, b: f32 }", &["a union cannot be Shareable"]),
    (
        "#[derive(Shareable)] #[repr(C)] struct Stock { count: u64 } impl Drop for Stock { fn drop(&mut self) {} }",
        &["Stock implements Drop, or a field does", "who is killed drops nothing", "hold plain data"],
    ),
    (
        "#[derive(Shareable)] #[repr(C)] struct Pair<T> { a: T, b: T } const _: u64 = <Pair<String> as Shareable>::LAYOUT;",
        &["`String` cannot lie in memory that processes share"],
    ),
    (
        "#[derive(Shareable)] #[repr(C)] struct Pair<T, U> { a: T, b: U } const _: u64 = <Pair<u8, u64> as Shareable>::LAYOUT;",
        &["Pair has padding"],
    ),
    (
        "#[derive(Shareable)] #[shareable(outside)] #[repr(C)] struct Stock { count: u64 }",
        &["not known to Shareable"],
    ),
    (
        "fn share() { let _ = crosstie::sync::Mutex::<bool>::open_or_create(\"m\", || false); }",
        &["`bool` cannot lie in memory that processes share", "an integer"],
    ),
];

const SOUND: &[&str] = &[
    "#[derive(Shareable)] #[repr(C)] struct Stock { count: u32, reserved: [u8; 4], price: u64, name: Text<8> }",
    "#[derive(Shareable)] #[repr(transparent)] struct Count(u64);",
    "#[derive(Shareable)] #[repr(C, align(64))] struct Line { words: [std::sync::atomic::AtomicU64; 8] }",
    "#[derive(Shareable)] #[repr(C)] struct Pair<T> { a: T, b: T } const _: u64 = <Pair<u32> as Shareable>::LAYOUT;",
    "#[derive(Shareable)] #[repr(C)] struct Nothing;",
    "mod my { #[derive(crosstie::Shareable)] #[repr(C)] pub struct Vec { pub x: f64, pub y: f64 } }
     #[derive(Shareable)] #[repr(C)] struct Place { at: my::Vec }",
];

#[test]
fn what_must_not_be_shared_is_refused_with_the_reason_and_what_to_take_instead() {
    let Some(compiler) = Compiler::find() else { return };
    let in_a_struct = FIELDS.iter().map(|(fields, said)| {
        (format!("#[derive(Shareable)] #[repr(C)] struct Stock {{ {fields} }}"), *said)
    });
    let whole = WHOLE.iter().map(|(program, said)| ((*program).to_owned(), *said));
    let mut count = 0;
    for (program, said) in in_a_struct.chain(whole) {
        let told = compiler.compile(&program).expect_err(&program);
        for wanted in said {
            assert!(told.contains(wanted), "{program}\nlacks {wanted:?}:\n{told}");
        }
        count += 1;
    }
    assert_eq!(count, FIELDS.len() + WHOLE.len());
}

#[test]
fn what_may_be_shared_is_not_refused() {
    let Some(compiler) = Compiler::find() else { return };
    for program in SOUND {
        compiler.compile(program).unwrap();
    }
}

/// The compiler, and the library that it built.
struct Compiler {
    library: PathBuf,
    dependencies: PathBuf,
    folder: tempfile::TempDir,
}

impl Compiler {
    /// `None`, said aloud, where there is no compiler at hand.
    fn find() -> Option<Self> {
        if let Err(error) = Command::new("rustc").arg("--version").output() {
            println!("SKIPPED: no rustc: {error}");
            return None;
        }
        let own = std::env::current_exe().unwrap();
        let dependencies = own.parent().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        // Several builds of the library lie there; the latest that this compiler reads is the one.
        let mut libraries: Vec<_> = std::fs::read_dir(&dependencies)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.starts_with("libcrosstie-") && name.ends_with(".rlib")
            })
            .collect();
        libraries.sort_by_key(|path| std::cmp::Reverse(modified(path)));
        let mut this = Self { library: PathBuf::new(), dependencies, folder };
        let mut told = String::new();
        for library in libraries {
            this.library = library;
            match this.compile(SOUND[0]) {
                Ok(()) => return Some(this),
                Err(refused) => told = refused,
            }
        }
        panic!("no build of the library can be used: {told}");
    }

    /// Answers what the compiler says of a program that it refuses.
    fn compile(&self, program: &str) -> Result<(), String> {
        let source = self.folder.path().join("program.rs");
        std::fs::write(&source, format!("{USES}{program}")).unwrap();
        let out = Command::new("rustc")
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--color=never", "--out-dir"])
            .arg(self.folder.path())
            .arg("--extern")
            .arg(format!("crosstie={}", self.library.display()))
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg(&source)
            .output()
            .unwrap();
        if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
    }
}

fn modified(path: &Path) -> std::time::SystemTime {
    path.metadata().and_then(|about| about.modified()).unwrap()
}
