//! The measuring process's view of two sides: start them, tell them what to do, wait with patience.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crosstie::os::trace;
use crosstie::transport::pipe;
use crosstie::{Error, Result};

use super::spec::{Answer, Burden, Command, Lane, Link, Role, SIDE_SUBCOMMAND, SideSpec};
use super::worker::Worker;

/// What two sides are started with.
#[derive(Clone, Debug)]
pub struct PairSpec<'a> {
    /// The executable whose hidden subcommand runs a side.
    pub program: &'a Path,
    /// What the two are connected by.
    pub lane: Lane,
    /// Bytes of payload in each message.
    pub payload_bytes: usize,
    /// The processors of client and server; `None`: wherever the kernel puts them.
    pub processors: Option<[usize; 2]>,
    /// How long one command may take before the pair is taken for hung.
    pub patience: Duration,
}

/// What both sides answered.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Of the one that asks or sends.
    pub client: Answer,
    /// Of the one that answers or receives.
    pub server: Answer,
}

/// Two sides that are ready for commands; killed when dropped.
#[derive(Debug)]
pub struct Pair {
    client: Worker,
    server: Worker,
    patience: Duration,
}

impl Pair {
    /// Starts both sides and waits until they are connected.
    ///
    /// # Errors
    /// A side does not start, or cannot open the lane.
    pub fn start(spec: &PairSpec<'_>) -> Result<Self> {
        let (client, server) = Standard::of(&spec.lane)?;
        let mut pair = Self {
            server: start_side(spec, Role::Server, server)?,
            client: start_side(spec, Role::Client, client)?,
            patience: spec.patience,
        };
        pair.collect()?;
        Ok(pair)
    }

    /// The process ids of client and server.
    #[must_use]
    pub fn processes(&self) -> [u32; 2] {
        [self.client.id(), self.server.id()]
    }

    /// `count` round trips, one after the other; or one every `interval_ns`.
    ///
    /// # Errors
    /// A side died, hung, or saw a wrong payload.
    pub fn round_trips(&mut self, count: u64, interval_ns: Option<u64>) -> Result<Answers> {
        self.perform(Command::RoundTrips { count, interval_ns })
    }

    /// `count` messages from client to server.
    ///
    /// # Errors
    /// As [`Pair::round_trips`].
    pub fn one_way(&mut self, count: u64, burden: Burden) -> Result<Answers> {
        self.perform(Command::OneWay { count, burden })
    }

    /// System calls of both sides for each of `count` messages one way: what they make for so many
    /// less what they make for none; `None` where the kernel does not allow tracing.
    ///
    /// # Errors
    /// As [`Pair::round_trips`].
    pub fn syscalls_per_message(&mut self, count: u64) -> Result<Option<f64>> {
        self.syscalls_per(count, |count| Command::OneWay { count, burden: Burden::None })
    }

    /// The same for each of `count` round trips.
    ///
    /// # Errors
    /// As [`Pair::round_trips`].
    pub fn syscalls_per_round_trip(&mut self, count: u64) -> Result<Option<f64>> {
        self.syscalls_per(count, |count| Command::RoundTrips { count, interval_ns: None })
    }

    fn syscalls_per(&mut self, count: u64, command: impl Fn(u64) -> Command) -> Result<Option<f64>> {
        let Some(without) = self.syscalls_of(command(0))? else { return Ok(None) };
        let Some(with) = self.syscalls_of(command(count))? else { return Ok(None) };
        Ok(Some(with.saturating_sub(without) as f64 / count.max(1) as f64))
    }

    fn syscalls_of(&mut self, command: Command) -> Result<Option<u64>> {
        let pids = self.processes();
        let deadline = crosstie::os::clock::deadline_in(self.patience);
        let (mut told, mut trouble) = (false, None);
        let (mut client, mut server) = (None, None);
        let counted = trace::count_syscalls(&pids, || {
            if !told {
                told = true;
                trouble = self.client.tell(&command).and_then(|()| self.server.tell(&command)).err();
            }
            client = client.take().or_else(|| self.client.answer_now());
            server = server.take().or_else(|| self.server.answer_now());
            let is_late = deadline.is_over(crosstie::os::clock::now_ns());
            trouble.is_some() || is_late || (client.is_some() && server.is_some())
        });
        let counts = match (counted, trouble) {
            (_, Some(trouble)) => return Err(trouble),
            (Ok(counts), None) => counts,
            // Refused before anything was told: not allowed here.
            (Err(_), None) if !told => return Ok(None),
            (Err(error), None) => return Err(Error::os("count system calls", "a side", error)),
        };
        for (side, answer) in [(&self.client, client), (&self.server, server)] {
            match answer {
                Some(line) => drop(side.understand::<Answer>(&line)?),
                None => return Err(side.hung()),
            }
        }
        Ok(Some(counts.iter().sum()))
    }

    fn perform(&mut self, command: Command) -> Result<Answers> {
        self.server.tell(&command)?;
        self.client.tell(&command)?;
        self.collect()
    }

    /// Waits for both answers; a side that failed is heard at once, whichever it is.
    fn collect(&mut self) -> Result<Answers> {
        let deadline = crosstie::os::clock::deadline_in(self.patience);
        let (mut client, mut server) = (None, None);
        loop {
            for (side, answer) in [(&self.client, &mut client), (&self.server, &mut server)] {
                if answer.is_none() {
                    *answer = side.answer_within(Duration::from_millis(20))?;
                }
            }
            match (client.take(), server.take()) {
                (Some(client), Some(server)) => return Ok(Answers { client, server }),
                (one, other) => (client, server) = (one, other),
            }
            if deadline.is_over(crosstie::os::clock::now_ns()) {
                return Err(if client.is_none() { self.client.hung() } else { self.server.hung() });
            }
        }
    }
}

fn start_side(spec: &PairSpec<'_>, role: Role, standard: Standard) -> Result<Worker> {
    let of_role = |[client, server]: [usize; 2]| if role == Role::Client { client } else { server };
    let side_spec = SideSpec {
        role,
        lane: spec.lane.clone(),
        payload_bytes: spec.payload_bytes,
        seed: SEED,
        processor: spec.processors.map(of_role),
        parent: std::process::id(),
    };
    let name = match role {
        Role::Client => "the sending side",
        Role::Server => "the receiving side",
    };
    Worker::start(spec.program, (SIDE_SUBCOMMAND, &side_spec), name, [standard.input, standard.output])
}

/// What a side gets as its standard input and output: nothing, or its ends of two pipes. Standard
/// error is the conversation with the measuring process.
struct Standard {
    input: Stdio,
    output: Stdio,
}

impl Standard {
    /// Of client and server.
    fn of(lane: &Lane) -> Result<(Self, Self)> {
        if !matches!(lane, Lane::Crosstie { link: Link::Pipe, .. } | Lane::BareLoop { link: Link::Pipe }) {
            let none = || Self { input: Stdio::null(), output: Stdio::null() };
            return Ok((none(), none()));
        }
        let (from_client, to_server) = pipe::descriptors().map(|(reader, writer)| (writer, reader))?;
        let (from_server, to_client) = pipe::descriptors().map(|(reader, writer)| (writer, reader))?;
        let ends = |input: OwnedFd, output: OwnedFd| Self { input: input.into(), output: output.into() };
        Ok((ends(to_client, from_client), ends(to_server, from_server)))
    }
}

/// From which every run derives its payloads: runs are comparable byte for byte.
const SEED: u64 = 0x00C0_5571_E000;
