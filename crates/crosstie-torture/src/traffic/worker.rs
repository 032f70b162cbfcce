//! One process: a sender or a receiver, or one that is wrong on purpose.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crosstie::Deadline;
use crosstie::os::{parent, poll, process};

use super::judge::Fault;
use super::message::{Number, WORDS_MAX};
use super::notes::{LANES_MAX, Notes, Wrong};
use super::pattern::{Pattern, Receiver, Sender, domain};
use super::subscriber::subscribe;

pub type Failure = Box<dyn std::error::Error>;

/// A publisher that waits for nobody rests so long behind so many.
const BURST: u64 = 256;
const BREATH_NS: u64 = 50_000;
/// The message behind all others, one for each receiver, or one for all: nothing comes any more.
pub const LAST: Number = Number { lane: LANES_MAX, number: 0 };

/// What a worker does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// A receiver that acknowledges what it never looked at.
    Forgets,
    /// A sender that sends a message twice.
    Repeats,
    /// A sender whose message has another byte.
    Scribbles,
    /// A sender that sends a message before the one that is due.
    Overtakes,
    /// A receiver that takes a message and neither acknowledges it nor dies.
    Hoards,
}

pub const TWINS: [Twin; 5] = [Twin::Forgets, Twin::Repeats, Twin::Scribbles, Twin::Overtakes, Twin::Hoards];

impl Twin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Forgets => "forgets",
            Self::Repeats => "repeats",
            Self::Scribbles => "scribbles",
            Self::Overtakes => "overtakes",
            Self::Hoards => "hoards",
        }
    }

    /// What the judge must find.
    pub fn fault(self) -> Fault {
        match self {
            Self::Forgets => Fault::Lost,
            Self::Repeats => Fault::Doubled,
            Self::Scribbles => Fault::Torn,
            Self::Overtakes => Fault::Disorder,
            Self::Hoards => Fault::Hang,
        }
    }

    /// Whether its fault is one with this pattern: who waits for nobody is held up by nobody, and who may pass messages over in
    /// silence has forgotten none.
    pub fn is_wrong_at(self, pattern: Pattern) -> bool {
        match self {
            Self::Hoards => !pattern.loses(),
            Self::Forgets => !pattern.loses() || pattern.tells_losses(),
            Self::Repeats | Self::Scribbles | Self::Overtakes => true,
        }
    }

    /// The side that is wrong.
    pub fn part(self) -> Part {
        match self {
            Self::Forgets | Self::Hoards => Part::Receive,
            Self::Repeats | Self::Scribbles | Self::Overtakes => Part::Send,
        }
    }
}

/// Which side a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Send,
    Receive,
}

/// What a worker is.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    pub pattern: Pattern,
    pub part: Part,
    pub lane: usize,
    /// Messages of each lane.
    pub quota: u64,
    pub twin: Option<Twin>,
}

/// The command that starts a worker of the run in `folder`.
pub fn command(folder: &Path, role: Role) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let part = if role.part == Part::Send { "send" } else { "receive" };
    command.arg("traffic-worker").arg(folder).args([role.pattern.name(), part]);
    command.args([role.lane as u64, role.quota, u64::from(process::pid())].map(|number| number.to_string()));
    command.args(role.twin.map(Twin::name)).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// `traffic-worker FOLDER PATTERN PART LANE QUOTA PARENT [TWIN]`.
pub fn run(arguments: &[&str]) -> ExitCode {
    match work(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("traffic-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &[&str]) -> Result<(), Failure> {
    let &[folder, pattern, part, lane, quota, parent, ref twin @ ..] = arguments else {
        return Err("traffic-worker FOLDER PATTERN PART LANE QUOTA PARENT [TWIN]".into());
    };
    parent::end_with_parent(parent.parse()?)?;
    let folder = Path::new(folder);
    let role = Role {
        pattern: Pattern::of(pattern).ok_or("no such pattern")?,
        part: if part == "send" { Part::Send } else { Part::Receive },
        lane: lane.parse()?,
        quota: quota.parse()?,
        twin: TWINS.into_iter().find(|known| twin.first() == Some(&known.name())),
    };
    let notes = Notes::open(folder, role.quota)?;
    let domain = domain(folder)?;
    match role.part {
        Part::Send => send(role, &notes, Sender::open(role.pattern, domain)?),
        Part::Receive if role.pattern.is_topic() => subscribe(role, &notes, domain),
        Part::Receive => receive(role, &notes, Receiver::open(role.pattern, domain)?),
    }
}

fn send(role: Role, notes: &Notes, mut sender: Sender) -> Result<(), Failure> {
    let mut room = [0; WORDS_MAX * 8];
    let start = notes.resume(role.lane);
    for number in start..role.quota {
        notes.want(role.lane, number);
        let wrong_every = role.pattern.wrong_every();
        let is_wrong = number % wrong_every == 1;
        let mut shown = number;
        match role.twin {
            Some(Twin::Overtakes) if is_wrong && number + 1 < role.quota => shown += 1,
            Some(Twin::Overtakes) if number % wrong_every == 2 => shown -= 1,
            _ => {}
        }
        let message = Number { lane: role.lane, number: shown }.write(&mut room);
        if role.twin == Some(Twin::Scribbles) && is_wrong {
            message[17] ^= 4;
        }
        sender.send(message, Deadline::NEVER)?;
        // What is wrong has to be looked at: of the latest value most is not.
        let is_to_be_seen = role.twin.is_some() && role.pattern.loses() && number % wrong_every <= 2;
        if is_to_be_seen {
            poll::pause(BREATH_NS, Deadline::NEVER);
        }
        if role.twin == Some(Twin::Repeats) && is_wrong {
            sender.send(message, Deadline::NEVER)?;
            if is_to_be_seen {
                poll::pause(BREATH_NS, Deadline::NEVER);
            }
        }
        notes.sent(role.lane, number);
        // Who waits for nobody would leave nothing to read.
        if role.pattern.loses() && number.is_multiple_of(BURST) {
            poll::pause(BREATH_NS, Deadline::NEVER);
        }
    }
    Ok(())
}

fn receive(role: Role, notes: &Notes, mut receiver: Receiver) -> Result<(), Failure> {
    let mut seen = Seen::default();
    let mut count = 0;
    loop {
        let mut is_last = false;
        receiver.receive(Deadline::NEVER, |message, is_again| {
            count += 1;
            match role.twin {
                Some(Twin::Hoards) => loop {
                    poll::pause(u64::MAX / 2, Deadline::NEVER);
                },
                Some(Twin::Forgets) if count % role.pattern.wrong_every() == 7 => return,
                _ => {}
            }
            is_last = seen.note(notes, message, is_again) == Some(LAST);
        })?;
        if is_last {
            return Ok(());
        }
    }
}

/// What one receiver has seen.
#[derive(Default)]
pub struct Seen {
    /// Behind which number of each lane the next new one must be.
    behind: [Option<u64>; LANES_MAX],
}

impl Seen {
    /// Notes what arrived, and whatever is wrong with it; answers what it is.
    pub fn note(&mut self, notes: &Notes, message: &[u8], is_again: bool) -> Option<Number> {
        let Some(number) = Number::read(message) else {
            notes.note(Wrong::Torn);
            return None;
        };
        if number == LAST {
            return Some(LAST);
        }
        if let Some(wrong) = notes.arrived(number, is_again) {
            notes.note(wrong);
            return Some(number);
        }
        if !is_again {
            let behind = &mut self.behind[number.lane];
            if behind.is_some_and(|behind| number.number < behind) {
                notes.note(Wrong::Disorder);
            }
            *behind = Some(number.number);
        }
        Some(number)
    }
}
