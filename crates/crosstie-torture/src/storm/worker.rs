//! One process of the storm: its threads come and go, it forks, it executes itself anew.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crosstie::ledger::{Domain, Net};
use crosstie::os::{parent, poll, process};
use crosstie_core::Deadline;

use super::history::{History, Phase};
use super::player::{Liberty, Place, Player};
use super::things::Things;
use super::twin::Twin;
use crate::dice::Dice;
use crate::kernel;

/// Threads of a process beside its first.
const OTHERS_MAX: u64 = 2;
/// How long a process without pages waits until it looks whether the round is over.
const IDLE_NS: u64 = 1_000_000;

pub type Failure = Box<dyn std::error::Error>;

/// The command that starts a worker of `place`, or executes the calling one anew.
pub fn command(place: &Place, seed: u64, twin: Option<Twin>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("storm-worker")
        .arg(&place.folder)
        .args([seed, u64::from(place.parent)].map(|n| n.to_string()));
    command.args(twin.map(Twin::name)).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Place {
    /// The storm in the folder `path`: its domain, with the net off, its objects and its history.
    pub fn open(path: &Path, parent: u32) -> Result<Self, Failure> {
        let domain = Domain::open(path.join("domain"))?;
        domain.set_net(Net::Absent);
        let things = Things::open(domain)?;
        Ok(Self { domain, folder: PathBuf::from(path), things, history: History::open(path)?, parent })
    }
}

/// `storm-worker FOLDER SEED PARENT [TWIN]`.
pub fn run(arguments: &[&str]) -> ExitCode {
    match work(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("storm-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &[&str]) -> Result<(), Failure> {
    let &[folder, seed, parent, ref twin @ ..] = arguments else {
        return Err("storm-worker FOLDER SEED PARENT [TWIN]".into());
    };
    let parent = parent.parse()?;
    parent::end_with_parent(parent)?;
    kernel::ignore_children();
    let place = Place::open(Path::new(folder), parent)?;
    let mut dice = Dice::new(seed.parse::<u64>()? ^ u64::from(process::pid()) << 32);
    match twin.first().map(|name| Twin::of(name).ok_or("no such twin")).transpose()? {
        Some(twin) => twin.act(&place),
        None => live(&place, &mut dice),
    }
}

/// Keeps some threads playing until the round is over.
fn live(place: &Place, dice: &mut Dice) -> Result<(), Failure> {
    let others_count = dice.below(OTHERS_MAX + 1);
    let mut others: Vec<std::thread::JoinHandle<()>> = Vec::new();
    while place.history.phase() != Phase::Over {
        others.retain(|other| !other.is_finished());
        while (others.len() as u64) < others_count {
            let (place, seed) = (place.clone(), dice.roll());
            others.push(std::thread::Builder::new().spawn(move || {
                if let Some(mut player) = Player::new(place, seed, Liberty::Forks) {
                    player.play();
                }
            })?);
        }
        match Player::new(place.clone(), dice.roll(), Liberty::Executes) {
            Some(mut player) => player.play(),
            None => break,
        }
    }
    for other in others {
        other.join().map_err(|_| "a thread panicked")?;
    }
    // No page was left: it stays a target of signals, and does nothing.
    while place.history.phase() != Phase::Over {
        poll::pause(IDLE_NS, Deadline::NEVER);
    }
    Ok(())
}
