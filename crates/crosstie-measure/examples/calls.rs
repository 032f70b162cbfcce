//! What a call costs beside two bare messages: each subject's round trips in turn, in two real processes,
//! each on a processor of its own, every reply checked.
//!
//! `cargo run --release -p crosstie-measure --example calls [ROUNDS [PART OF A NAME]]`
use std::env;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crosstie::endpoint::{Options, Receiver, Sender, WaitMode};
use crosstie::os::{affinity, clock};
use crosstie::{Client, Server};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Bytes of a request and of its reply, as long as a ring's message that takes one cache line pair.
const PAYLOAD: usize = 48;
/// Round trips of a subject in a row; what stands before them warms up.
const TRIPS: usize = 4000;
const WARM_UP: usize = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    BareUnix,
    CallUnix,
    PoolUnix,
    CallTimed,
    CallPacket,
    CallTcp,
    CallFifo,
    BareRing(WaitMode),
    CallRing(WaitMode),
    CallQueue(WaitMode),
}

/// Each subject, and what it is a ratio of.
const SUBJECTS: [(&str, Subject, usize); 13] = [
    ("bare unix socket", Subject::BareUnix, 0),
    ("call unix, one thread serves", Subject::CallUnix, 0),
    ("call unix, serve(1)", Subject::PoolUnix, 0),
    ("call unix with a deadline", Subject::CallTimed, 0),
    ("call unixpacket", Subject::CallPacket, 0),
    ("call tcp", Subject::CallTcp, 0),
    ("call fifo", Subject::CallFifo, 0),
    ("ring, spinning", Subject::BareRing(WaitMode::Spin), 7),
    ("call ring, spinning", Subject::CallRing(WaitMode::Spin), 7),
    ("call queue, spinning", Subject::CallQueue(WaitMode::Spin), 7),
    ("ring, blocking", Subject::BareRing(WaitMode::Block), 10),
    ("call ring, blocking", Subject::CallRing(WaitMode::Block), 10),
    ("call queue, blocking", Subject::CallQueue(WaitMode::Block), 10),
];

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [role, index, processor, folder] = &arguments[..]
        && role == "serve"
    {
        affinity::pin_thread(processor.parse()?)?;
        return serve(SUBJECTS[index.parse::<usize>()?].1, Path::new(folder));
    }
    let rounds: usize = arguments.first().map_or(Ok(5), |rounds| rounds.parse())?;
    let processors = affinity::allowed_processors()?;
    let [here, .., there] = processors[..] else { return Err("two processors are needed".into()) };
    affinity::pin_thread(here)?;
    let part = arguments.get(1).map_or("", String::as_str);
    let is_wanted = |index: usize| SUBJECTS[index].0.contains(part);
    let is_base = |index| (0..SUBJECTS.len()).any(|other| SUBJECTS[other].2 == index && is_wanted(other));
    let wanted: Vec<usize> =
        (0..SUBJECTS.len()).filter(|&index| is_wanted(index) || is_base(index)).collect();
    let mut medians = vec![Vec::new(); SUBJECTS.len()];
    for _ in 0..rounds {
        for &index in &wanted {
            medians[index].push(measure(index, SUBJECTS[index].1, there)?);
        }
    }
    println!("{PAYLOAD} bytes, p50 of {TRIPS} round trips, median (least to most) of {rounds} rounds");
    for index in wanted {
        let (name, _, base) = &SUBJECTS[index];
        let mut ratios: Vec<f64> =
            medians[index].iter().zip(&medians[*base]).map(|(ours, bare)| ours / bare).collect();
        ratios.sort_by(f64::total_cmp);
        let figures = &mut medians[index].clone();
        figures.sort_by(f64::total_cmp);
        println!(
            "{name:<30} {:>9.3} µs   {:>5.2} × ({:.2} to {:.2})",
            figures[rounds / 2] / 1e3,
            ratios[rounds / 2],
            ratios[0],
            ratios[rounds - 1],
        );
    }
    Ok(())
}

fn options(subject: Subject, folder: &Path) -> Options {
    let wait = match subject {
        Subject::BareRing(wait) | Subject::CallRing(wait) | Subject::CallQueue(wait) => wait,
        _ => WaitMode::default(),
    };
    Options { domain: Some(folder.join("domain")), wait, ..Options::default() }
}

fn address(subject: Subject, folder: &Path) -> String {
    let path = folder.display();
    match subject {
        Subject::CallPacket => format!("unixpacket:{path}/p"),
        Subject::CallTcp => "tcp:127.0.0.1:0".to_owned(),
        Subject::CallFifo => format!("fifo:{path}/f"),
        Subject::BareRing(_) | Subject::CallRing(_) => "ring:r".to_owned(),
        Subject::CallQueue(_) => "queue:q".to_owned(),
        _ => format!("unix:{path}/s"),
    }
}

/// The other side, until it is killed; says where it listens.
fn serve(subject: Subject, folder: &Path) -> Outcome {
    let (address, options) = (address(subject, folder), options(subject, folder));
    let says = |address: &str| {
        println!("{address}");
        std::io::stdout().flush()
    };
    match subject {
        Subject::BareUnix => {
            let listener = UnixListener::bind(folder.join("s"))?;
            says("there")?;
            let (mut stream, _) = listener.accept()?;
            let mut message = [0; PAYLOAD];
            loop {
                stream.read_exact(&mut message)?;
                stream.write_all(&message)?;
            }
        }
        Subject::BareRing(_) => {
            let mut rx = Receiver::<[u8]>::open_with("ring:there", &options)?;
            let mut tx = Sender::<[u8]>::open_with("ring:back", &options)?;
            says("there")?;
            let mut message = Vec::new();
            loop {
                message.clear();
                rx.recv_bytes()?.append_to(&mut message);
                tx.send(&message)?;
            }
        }
        Subject::PoolUnix => {
            let server = Server::<[u8], [u8]>::open_with(&address, &options)?;
            says(server.address())?;
            Ok(server.serve(1, Ok)?)
        }
        _ => {
            let server = Server::<[u8], [u8]>::open_with(&address, &options)?;
            says(server.address())?;
            loop {
                server.receive()?.answer(Ok)?;
            }
        }
    }
}

struct OtherSide(Child);

impl Drop for OtherSide {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The median of one row of round trips, in nanoseconds.
fn measure(index: usize, subject: Subject, processor: usize) -> Outcome<f64> {
    let folder = tempfile::tempdir_in("/dev/shm")?;
    let child = Command::new(env::current_exe()?)
        .args(["serve", &index.to_string(), &processor.to_string()])
        .arg(folder.path())
        .stdout(Stdio::piped())
        // It is told of our end as of any other; that is no news.
        .stderr(Stdio::null())
        .spawn()?;
    let mut server = OtherSide(child);
    let mut address = String::new();
    BufReader::new(server.0.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let options = options(subject, folder.path());
    match subject {
        Subject::BareUnix => {
            let mut stream = UnixStream::connect(folder.path().join("s"))?;
            let mut reply = [0; PAYLOAD];
            row(|request| {
                stream.write_all(request)?;
                stream.read_exact(&mut reply)?;
                Ok(reply.to_vec())
            })
        }
        Subject::BareRing(_) => {
            let mut tx = Sender::<[u8]>::open_with("ring:there", &options)?;
            let mut rx = Receiver::<[u8]>::open_with("ring:back", &options)?;
            row(|request| {
                tx.send(request)?;
                Ok(rx.recv_bytes()?.to_vec())
            })
        }
        Subject::CallTimed => {
            let client = Client::<[u8], [u8]>::open_with(address.trim_end(), &options)?;
            let far = std::time::Duration::from_secs(60);
            row(|request| Ok(client.call_for(request, far)?))
        }
        _ => {
            let client = Client::<[u8], [u8]>::open_with(address.trim_end(), &options)?;
            row(|request| Ok(client.call(request)?))
        }
    }
}

fn row(mut trip: impl FnMut(&[u8]) -> Outcome<Vec<u8>>) -> Outcome<f64> {
    let mut times = Vec::with_capacity(TRIPS);
    for number in 0..WARM_UP + TRIPS {
        let mut request = [7; PAYLOAD];
        request[..8].copy_from_slice(&number.to_le_bytes());
        let begin_ns = clock::now_ns();
        let reply = trip(&request)?;
        let took_ns = clock::now_ns() - begin_ns;
        assert_eq!(reply, request, "a reply of another call");
        if number >= WARM_UP {
            times.push(took_ns);
        }
    }
    times.sort_unstable();
    Ok(times[TRIPS / 2] as f64)
}
