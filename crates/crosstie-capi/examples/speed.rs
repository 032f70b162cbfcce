//! What a lock and its release cost in C, beside Rust, in one run: `cargo run --release -p crosstie-capi --example speed`.

use std::path::Path;
use std::process::Command;

use crosstie::Deadline;
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::sync::{Access, AnyLock, Lock, Mutex, Policy};

const ROUNDS: usize = 31;
const PAIRS: u64 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::Builder::new().prefix("crosstie-speed").tempdir_in("/dev/shm")?;
    let domain = Domain::open(folder.path().join("d"))?;
    let own = std::env::current_exe()?;
    let built = own.parent().and_then(Path::parent).ok_or("a folder of built libraries")?.join("deps");
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compile = |name: &str, libraries: &[String]| {
        let program = folder.path().join(name);
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-std=c11", "-o"]).arg(&program).arg("-I").arg(source.join("include"));
        cc.arg(source.join("tests/programs/speed.c")).args(libraries);
        cc.status().ok().filter(std::process::ExitStatus::success).map(|_| program)
    };
    let built = built.display();
    let with_static = ["-pthread", "-lgcc_s", "-lutil", "-lrt", "-lm", "-ldl"].map(str::to_owned);
    let with_static = [vec![format!("{built}/libcrosstie_capi.a")], with_static.to_vec()].concat();
    std::os::unix::fs::symlink(
        format!("{built}/libcrosstie_capi.so"),
        folder.path().join("libcrosstie.so.0.1"),
    )?;
    let with_shared =
        [format!("{built}/libcrosstie_capi.so"), format!("-Wl,-rpath,{}", folder.path().display())];
    let programs =
        [("C, static", compile("static", &with_static)), ("C, shared", compile("shared", &with_shared))];
    let in_c = |kind: &str| {
        for (name, program) in &programs {
            let Some(program) = program else { continue };
            let output =
                Command::new(program).arg(kind).env("CROSSTIE_DOMAIN", folder.path().join("d")).output();
            let said =
                output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            println!("  {name:<24} {}", said.trim());
        }
    };
    println!("ns for a lock and its release, alone: median (lowest - highest) of {ROUNDS} rounds of {PAIRS}");
    println!("a lock, as the shell has it");
    let lock = Lock::open_or_create_in(domain, "lock")?;
    measure("Rust, Lock", || drop(lock.lock().map(|guard| guard.token())));
    let any = AnyLock::open_or_create_in(domain, "lock")?;
    measure("Rust, AnyLock", || {
        drop(any.lend_until(Access::Exclusive, Deadline::NEVER).map(|guard| guard.token()))
    });
    in_c("0");
    println!("a mutex");
    let mutex = Mutex::<()>::open_or_create_in(domain, "mutex", || ())?;
    measure("Rust, Mutex", || drop(mutex.lock().map(|guard| guard.token())));
    let any = AnyLock::open_or_create_mutex_in(domain, "mutex", Policy::Fast)?;
    measure("Rust, AnyLock", || {
        drop(any.lend_until(Access::Exclusive, Deadline::NEVER).map(|guard| guard.token()))
    });
    in_c("1");
    Ok(())
}

fn measure(name: &str, mut pair: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = clock::now_ns();
            (0..PAIRS).for_each(|_| pair());
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let ns = (clock::now_ns() - begun) as f64 / PAIRS as f64;
            ns
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("  {name:<24} {:.1} ({:.1} - {:.1})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}
