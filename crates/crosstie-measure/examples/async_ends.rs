//! What an async round trip costs beside tokio's own Unix socket, and when an async end knows of a death: in
//! real processes, each on a processor of its own, in a current-thread runtime.
//!
//! `cargo run --release -p crosstie-measure --example async_ends [ROUNDS]`
use std::env;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crosstie::contract::RecvError;
use crosstie::endpoint::{AsyncReceiver, AsyncSender, Options, Receiver, Sender, WaitMode};
use crosstie::os::{affinity, clock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const PAYLOAD: usize = 48;
/// Round trips of a subject in a row; what stands before them warms up.
const TRIPS: usize = 4000;
const WARM_UP: usize = 400;
/// How much memory a peer has when it is killed.
const DEAD_MIB: [usize; 2] = [0, 256];

/// The first is what the others are ratios of.
///
/// A ring's or a queue's end looks for a microsecond or so before it waits, and between two processors mostly need not wait; those whose
/// names are `asleep…` wait at once, as a socket's do.
const SUBJECTS: [&str; 6] =
    ["tokio's UnixStream", "ring:", "ring:asleep-", "queue:", "queue:asleep-", "unix:"];

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    if let [role, what, processor, folder] = &arguments[..] {
        affinity::pin_thread(processor.parse()?)?;
        let folder = Path::new(folder);
        return match role.as_str() {
            "serve" => runtime.block_on(serve(what, folder)),
            _ => hold(what.parse()?, folder),
        };
    }
    let rounds: usize = arguments.first().map_or(Ok(5), |rounds| rounds.parse())?;
    let processors = affinity::allowed_processors()?;
    let [here, .., there] = processors[..] else { return Err("two processors are needed".into()) };
    affinity::pin_thread(here)?;
    let mut medians = vec![Vec::new(); SUBJECTS.len()];
    let mut deaths = vec![Vec::new(); DEAD_MIB.len()];
    for _ in 0..rounds {
        for (subject, medians) in SUBJECTS.iter().zip(&mut medians) {
            medians.push(runtime.block_on(measure(subject, there))?);
        }
        for (mib, deaths) in DEAD_MIB.iter().zip(&mut deaths) {
            for _ in 0..5 {
                deaths.push(runtime.block_on(death(*mib, there))?);
            }
        }
    }
    println!("{PAYLOAD} bytes, p50 of {TRIPS} round trips, median of {rounds} rounds");
    let base = middle(&mut medians[0].clone());
    for (subject, medians) in SUBJECTS.iter().zip(&mut medians) {
        let median = middle(medians);
        println!("{subject:<20} {:>9.3} µs   {:>5.2} ×", median / 1e3, median / base);
    }
    for (mib, deaths) in DEAD_MIB.iter().zip(&mut deaths) {
        let median = middle(deaths);
        let most = deaths.last().copied().unwrap_or_default();
        println!(
            "death of a peer with {mib} MiB, kill to PeerDied: p50 {:.3} ms, most {:.3} ms",
            median / 1e6,
            most / 1e6
        );
    }
    Ok(())
}

fn middle(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn options(folder: &Path) -> Options {
    Options { domain: Some(folder.join("domain")), ..Options::default() }
}

fn options_of(subject: &str, folder: &Path) -> Options {
    let wait = if subject.ends_with("asleep-") { WaitMode::Block } else { WaitMode::default() };
    Options { wait, ..options(folder) }
}

fn address(subject: &str, folder: &Path, way: &str) -> String {
    if subject == "unix:" { format!("unix:{}/{way}", folder.display()) } else { format!("{subject}{way}") }
}

fn says_ready() -> Outcome {
    println!("ready");
    Ok(std::io::stdout().flush()?)
}

/// The other side, until it is killed.
async fn serve(subject: &str, folder: &Path) -> Outcome {
    if subject == SUBJECTS[0] {
        let listener = UnixListener::bind(folder.join("s"))?;
        says_ready()?;
        let (mut stream, _) = listener.accept().await?;
        let mut message = [0; PAYLOAD];
        loop {
            stream.read_exact(&mut message).await?;
            stream.write_all(&message).await?;
        }
    }
    let receiver =
        Receiver::<[u8]>::open_with(&address(subject, folder, "there"), &options_of(subject, folder))?;
    says_ready()?;
    let sender = Sender::<[u8]>::open_with(&address(subject, folder, "back"), &options_of(subject, folder))?;
    let (mut receiver, mut sender) = (AsyncReceiver::new(receiver)?, AsyncSender::new(sender)?);
    loop {
        let message = receiver.recv().await?;
        sender.send(&message).await?;
    }
}

/// A sender with so much memory, until it is killed.
fn hold(mib: usize, folder: &Path) -> Outcome {
    let mut sender = Sender::<[u8]>::open_with("ring:there", &options(folder))?;
    let memory = vec![1_u8; mib << 20];
    sender.send(&memory[..memory.len().min(1)])?;
    says_ready()?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    drop(memory);
    Ok(())
}

/// A child, killed with this value.
struct Other(Child);

impl Other {
    fn start(role: &str, what: &str, processor: usize, folder: &Path) -> Outcome<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args([role, what, &processor.to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() == "ready" { Ok(Self(child)) } else { Err("the other side has ended".into()) }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure(subject: &str, there: usize) -> Outcome<f64> {
    let folder = tempfile::tempdir_in("/dev/shm")?;
    let folder = folder.path();
    let mut figures = Vec::with_capacity(TRIPS);
    let mut message = [7; PAYLOAD];
    if subject == SUBJECTS[0] {
        let _other = Other::start("serve", subject, there, folder)?;
        let mut stream = UnixStream::connect(folder.join("s")).await?;
        for trip in 0..WARM_UP + TRIPS {
            message[0] = trip as u8;
            let mut reply = [0; PAYLOAD];
            let begun = clock::now_ns();
            stream.write_all(&message).await?;
            stream.read_exact(&mut reply).await?;
            figures.push((clock::now_ns() - begun) as f64);
            assert_eq!(reply, message);
        }
    } else {
        let back =
            Receiver::<[u8]>::open_with(&address(subject, folder, "back"), &options_of(subject, folder))?;
        let _other = Other::start("serve", subject, there, folder)?;
        let sender =
            Sender::<[u8]>::open_with(&address(subject, folder, "there"), &options_of(subject, folder))?;
        let (mut back, mut sender) = (AsyncReceiver::new(back)?, AsyncSender::new(sender)?);
        for trip in 0..WARM_UP + TRIPS {
            message[0] = trip as u8;
            let begun = clock::now_ns();
            sender.send(&message).await?;
            let reply = back.recv().await?;
            figures.push((clock::now_ns() - begun) as f64);
            assert_eq!(reply, message);
        }
    }
    Ok(middle(&mut figures[WARM_UP..]))
}

/// From the kill to the answer, in nanoseconds.
async fn death(mib: usize, there: usize) -> Outcome<f64> {
    let folder = tempfile::tempdir_in("/dev/shm")?;
    let receiver = Receiver::<[u8]>::open_with("ring:there", &options(folder.path()))?;
    let mut other = Other::start("hold", &mib.to_string(), there, folder.path())?;
    let mut receiver = AsyncReceiver::new(receiver)?;
    receiver.recv().await?;
    let killed = std::cell::Cell::new(0);
    let kill = async {
        // The receiver waits by now.
        tokio::task::yield_now().await;
        killed.set(clock::now_ns());
        other.0.kill()
    };
    let (answer, ended) = tokio::join!(receiver.recv(), kill);
    let known = clock::now_ns();
    ended?;
    match answer {
        Err(RecvError::PeerDied) => Ok((known - killed.get()) as f64),
        other => Err(format!("a death was expected, not {other:?}").into()),
    }
}
