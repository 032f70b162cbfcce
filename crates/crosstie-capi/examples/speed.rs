//! What C pays beside Rust, round by round in one run: `cargo run --release -p crosstie-capi --example speed`.
//!
//! Whatever is measured runs in a process of its own and does one round when it is asked for it; so what the machine does meanwhile, all of
//! them see.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{env, fs, io};

use crosstie::Deadline;
use crosstie::endpoint::{Receiver, Sender};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::sync::{Lock, Mutex};

const ROUNDS: usize = 31;
const PAIRS: u64 = 200_000;
const TRIPS: u64 = 5_000;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["lock", "0"] => {
            let lock = Lock::open_or_create_in(Domain::open_default()?, "lock")?;
            rounds(PAIRS, || drop(lock.lock().map(|guard| guard.token())))
        }
        ["lock", _] => {
            let mutex = Mutex::<()>::open_or_create_in(Domain::open_default()?, "mutex", || ())?;
            rounds(PAIRS, || drop(mutex.lock().map(|guard| guard.token())))
        }
        ["ask", there, back] => {
            let (mut sender, mut receiver) = (Sender::<[u8]>::open(there)?, Receiver::<[u8]>::open(back)?);
            let mut message = [0; 64];
            rounds(TRIPS, || {
                sender.send(&message[..]).expect("an echo that lives");
                copy(&mut receiver, &mut message).expect("an echo that lives");
            })
        }
        ["echo", there, back] => {
            let (mut receiver, mut sender) = (Receiver::<[u8]>::open(there)?, Sender::<[u8]>::open(back)?);
            let mut message = [0; 64];
            while copy(&mut receiver, &mut message).is_ok() {
                sender.send(&message[..])?;
            }
            Ok(())
        }
        _ => Err("no words, or those of tests/programs/speed.c".into()),
    }
}

fn copy(receiver: &mut Receiver<[u8]>, message: &mut [u8; 64]) -> Result<(), crosstie::RecvError> {
    receiver.recv_bytes_until(Deadline::NEVER)?.copy_to(message);
    Ok(())
}

/// One round for each byte on standard input.
fn rounds(count: u64, mut once: impl FnMut()) -> Outcome {
    let mut asked = io::stdin().lock().bytes();
    while let Some(Ok(_)) = asked.next() {
        let begun = clock::now_ns();
        (0..count).for_each(|_| once());
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let ns = (clock::now_ns() - begun) as f64 / count as f64;
        println!("{ns:.2}");
    }
    Ok(())
}

/// A process that is measured.
struct Measured {
    name: &'static str,
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    figures: Vec<f64>,
}

impl Measured {
    fn start(name: &'static str, command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take();
        let answers = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        Ok(Self { name, child, ask, answers: BufReader::new(answers), figures: Vec::new() })
    }

    fn round(&mut self) -> Outcome {
        self.ask.as_mut().ok_or("no standard input")?.write_all(b"r")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        self.figures.push(line.trim().parse().map_err(|_| format!("{}: no figure: {line:?}", self.name))?);
        Ok(())
    }

    /// Its end, and what it said.
    fn tell(mut self) -> Outcome {
        drop(self.ask.take());
        let status = self.child.wait()?;
        self.figures.sort_by(f64::total_cmp);
        let [lowest, median, highest] = [0, ROUNDS / 2, ROUNDS - 1].map(|at| self.figures[at]);
        println!("  {:<12} {median:8.1} ({lowest:.1} - {highest:.1})", self.name);
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.name).into()) }
    }
}

fn compare() -> Outcome {
    let folder = tempfile::Builder::new().prefix("crosstie-speed").tempdir_in("/dev/shm")?;
    let programs = build(folder.path())?;
    let run = |program: &Path, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).env("CROSSTIE_DOMAIN", folder.path().join("d"));
        command
    };
    println!("ns, each alone: median (lowest - highest) of {ROUNDS} rounds, in turns");
    for (what, kind) in [("a lock, as the shell has it, taken and released", "0"), ("a mutex, likewise", "1")]
    {
        println!("{what}");
        let all: io::Result<Vec<_>> = programs
            .iter()
            .map(|(name, program)| Measured::start(name, &mut run(program, &["lock", kind])))
            .collect();
        take_turns(all?)?;
    }
    println!("64 bytes through a ring and back");
    let (mut echoes, mut all) = (Vec::new(), Vec::new());
    for (at, (name, program)) in programs.iter().enumerate() {
        let [there, back] = ["there", "back"].map(|way| format!("ring:{way}{at}"));
        echoes.push(run(program, &["echo", &there, &back]).spawn()?);
        all.push(Measured::start(name, &mut run(program, &["ask", &there, &back]))?);
    }
    take_turns(all)?;
    for mut echo in echoes {
        echo.wait()?;
    }
    Ok(())
}

fn take_turns(mut all: Vec<Measured>) -> Outcome {
    for _ in 0..ROUNDS {
        for measured in &mut all {
            measured.round()?;
        }
    }
    all.into_iter().try_for_each(Measured::tell)
}

/// This program, and the one in C with each of the libraries, which are built as they are installed (`cargo xtask install-c`).
fn build(folder: &Path) -> Result<[(&'static str, PathBuf); 3], Box<dyn std::error::Error>> {
    let own = env::current_exe()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = source.ancestors().nth(2).ok_or("a workspace")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    if !Command::new(cargo).args(["build-c", "--quiet"]).current_dir(root).status()?.success() {
        return Err("the libraries are not built".into());
    }
    let built = root.join("target/c/release");
    let compile = |name: &str, libraries: &[&str]| {
        let program = folder.join(name);
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-std=c11", "-o"]).arg(&program).arg("-I").arg(source.join("include"));
        let is_built = cc.arg(source.join("tests/programs/speed.c")).args(libraries).status()?.success();
        if is_built { Ok(program) } else { Err(io::Error::other("no C program")) }
    };
    let [archive, shared] = ["a", "so"].map(|kind| format!("{}/libcrosstie_capi.{kind}", built.display()));
    std::os::unix::fs::symlink(&shared, folder.join("libcrosstie.so.0.1"))?;
    fs::metadata(&archive)?;
    let found_at = format!("-Wl,-rpath,{}", folder.display());
    let needs = ["-pthread", "-lgcc_s", "-lutil", "-lrt", "-lm", "-ldl"];
    Ok([
        ("Rust", own),
        ("C, static", compile("static", &[&[archive.as_str()][..], &needs].concat())?),
        ("C, shared", compile("shared", &[&shared, &found_at])?),
    ])
}
