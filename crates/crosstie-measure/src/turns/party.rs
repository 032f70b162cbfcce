//! What runs in a party: open the objects, then do what each line of standard error says.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crosstie::ledger::Domain;
use crosstie::os::{affinity, clock, futex, parent};
use crosstie::sync::{CountingSemaphore, Lock, Monitor, Mutex, Policy, RwLock, Semaphore};
use crosstie::{Error, ErrorKind, Result};
use crosstie_peers::file::{Family, FileLock};
use crosstie_peers::futex::BareFutex;
use crosstie_peers::mutex::PthreadMutex;
use crosstie_peers::rwlock::PthreadRwLock;
use crosstie_peers::semaphore::PosixSemaphore;
use crosstie_peers::sysv::SysvSemaphore;

use super::arena::Arena;
use super::player::{Contest, Played, Player, Seen};
use super::spec::{Part, PartyAnswer, PartyCommand, PartySpec};
use super::taking::{Reading, Taking, Writing};
use super::way::{OBJECT_FILE, SYSV_FILE, Way};
use crate::engine::exchange::Fault;
use crate::engine::worker::{Conversation, unreadable};
use crate::percentiles::median;

/// Pairs by which a turn's length is found.
const CALIBRATION: u64 = 64;

/// Runs the party that `spec` describes until the measuring process hangs up.
///
/// # Errors
/// The specification cannot be read, or the measuring process is gone: nobody is left to answer to.
pub fn run(spec: &str) -> Result<()> {
    let spec: PartySpec = serde_json::from_str(spec)
        .map_err(|error| unreadable("a party's specification", &error.to_string()))?;
    let mut parent = Conversation::on_standard_error()?;
    let party = match Party::open(&spec) {
        Ok(party) => {
            parent.answer(&PartyAnswer::default())?;
            party
        }
        Err(error) => return parent.answer(&failed(&error)),
    };
    while let Some(command) = parent.next_command()? {
        if let PartyCommand::Hold { ballast_bytes } = command {
            return party.hold(ballast_bytes, &mut parent);
        }
        match party.perform(command) {
            Ok(answer) => parent.answer(&answer)?,
            Err(fault) => return parent.answer(&failed(&fault)),
        }
    }
    Ok(())
}

struct Party {
    players: Vec<Box<dyn Player>>,
    workers: Vec<Option<usize>>,
    /// Of the first object.
    arena: Arena,
}

impl Party {
    fn open(spec: &PartySpec) -> Result<Self> {
        parent::end_with_parent(spec.parent)
            .map_err(|error| Error::os("start a side", "this process", error))?;
        let open = |(way, folder): &(Way, PathBuf)| match way.is_ours() {
            true => open_ours(*way, Domain::open(spec.domain.clone())?),
            false => open_peer(*way, folder),
        };
        let players: Result<Vec<_>> = spec.objects.iter().map(open).collect();
        let Some((_, folder)) = spec.objects.first() else {
            return Err(Error::new("start a side", "a party without objects", ErrorKind::Usage));
        };
        Ok(Self { players: players?, workers: spec.workers.clone(), arena: Arena::open(folder)? })
    }

    fn perform(&self, command: PartyCommand) -> std::result::Result<PartyAnswer, Fault> {
        let none = PartyAnswer::default();
        Ok(match command {
            PartyCommand::Pairs { rounds, window_ns } => {
                PartyAnswer { pair_ns: self.pairs(rounds, window_ns)?, ..none }
            }
            PartyCommand::Contend { start_ns, end_ns, section_ns, watch } => {
                self.contend(&Contest { start_ns, end_ns, section_ns, watch })?
            }
            PartyCommand::HandOver { count, part } => {
                PartyAnswer { hand_over_ns: self.hand_over(count, part)?, ..none }
            }
            PartyCommand::TakeOnce => {
                let had_at_ns = self.with_workers(|player, _| player.take_once(&self.arena))?;
                PartyAnswer { had_at_ns: had_at_ns.first().copied().unwrap_or(0), ..none }
            }
            PartyCommand::Hold { .. } => none,
        })
    }

    /// Runs every worker in a thread on its processor.
    fn with_workers<R: Send>(
        &self,
        run: impl Fn(&dyn Player, usize) -> std::result::Result<R, Fault> + Sync,
    ) -> std::result::Result<Vec<R>, Fault> {
        let player = self.players[0].as_ref();
        let run = &run;
        thread::scope(|scope| {
            let start = |(index, &processor): (usize, &Option<usize>)| {
                scope.spawn(move || {
                    pin(processor)?;
                    run(player, index)
                })
            };
            let threads: Vec<_> = self.workers.iter().enumerate().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
        })
    }

    fn pairs(&self, rounds: usize, window_ns: u64) -> std::result::Result<Vec<f64>, Fault> {
        pin(self.workers.first().copied().flatten())?;
        let mut counts = Vec::new();
        for player in &self.players {
            player.pairs(CALIBRATION)?;
            let pair_ns = (player.pairs(CALIBRATION)? / CALIBRATION).max(1);
            counts.push((window_ns / pair_ns).max(CALIBRATION));
        }
        let mut turns = vec![Vec::new(); self.players.len()];
        for _ in 0..rounds {
            for ((player, &count), turns) in self.players.iter().zip(&counts).zip(&mut turns) {
                turns.push(player.pairs(count)? as f64 / count as f64);
            }
        }
        Ok(turns.iter().map(|turns| median(turns)).collect())
    }

    fn contend(&self, contest: &Contest) -> std::result::Result<PartyAnswer, Fault> {
        let seen: Vec<Seen> = self.with_workers(|player, _| player.contend(&self.arena, contest))?;
        Ok(PartyAnswer {
            taken: seen.iter().map(|seen| seen.taken).sum(),
            overtaken_most: seen.iter().map(|seen| seen.overtaken_most).max().unwrap_or(0),
            overtaken_in_queue: self.players[0].overtaken_in_queue(),
            longest_wait_ns: seen.iter().map(|seen| seen.longest_wait_ns).max().unwrap_or(0),
            wait_ns_p999: seen.iter().map(|seen| seen.wait_ns_p999).max().unwrap_or(0),
            ..PartyAnswer::default()
        })
    }

    fn hand_over(
        &self,
        count: u64,
        part: Part,
    ) -> std::result::Result<Option<crate::record::Percentiles>, Fault> {
        let given = self.with_workers(|player, index| {
            if part == Part::Giver || (part == Part::Both && index == 0) {
                player.give(&self.arena, count)
            } else {
                player.sleep(&self.arena, count).map(|()| None)
            }
        })?;
        Ok(given.into_iter().flatten().next())
    }

    /// Takes the object, says so, and never gives it up.
    fn hold(&self, ballast_bytes: usize, parent: &mut Conversation) -> Result<()> {
        if let Err(fault) = pin(self.workers.first().copied().flatten()) {
            return parent.answer(&failed(&fault));
        }
        // Every page is written to: it has to be freed before the process is gone.
        let ballast = vec![1_u8; ballast_bytes];
        match self.players[0].hold() {
            Ok(_held) => {
                parent.answer(&PartyAnswer { had_at_ns: clock::now_ns(), ..PartyAnswer::default() })?;
                std::hint::black_box(&ballast);
                futex::park_for_ever()
            }
            Err(fault) => parent.answer(&failed(&fault)),
        }
    }
}

fn pin(processor: Option<usize>) -> std::result::Result<(), Fault> {
    let Some(processor) = processor else { return Ok(()) };
    affinity::pin_thread(processor).map_err(|error| Box::new(Error::os("pin", "a worker", error)))
}

fn panicked() -> Fault {
    Box::new(Error::new("measure", "a worker", ErrorKind::Failed).because("it panicked"))
}

/// Opens one of Crosstie's own.
fn open_ours(way: Way, domain: &'static Domain) -> Result<Box<dyn Player>> {
    let name = way.name().replace(' ', "-");
    let name = name.as_str();
    Ok(match way {
        Way::MutexFast => play(way, Mutex::<u64>::open_or_create_with(domain, name, Policy::Fast, || 0)?),
        Way::MutexFair => play(way, Mutex::<u64>::open_or_create_with(domain, name, Policy::Fair, || 0)?),
        Way::RwLockRead => play(way, Reading(RwLock::<u64>::open_or_create_in(domain, name, || 0)?)),
        Way::RwLockWrite => play(way, Writing(RwLock::<u64>::open_or_create_in(domain, name, || 0)?)),
        Way::Lock => play(way, Lock::open_or_create_in(domain, name)?),
        Way::Semaphore => play(way, Semaphore::open_or_create_in(domain, name, 1)?),
        Way::CountingSemaphore => play(way, CountingSemaphore::open_or_create_in(domain, name, 1)?),
        Way::Monitor => play(way, Monitor::<u64>::open_or_create_in(domain, name, || 0)?),
        _ => return Err(unreadable("one of ours", way.name())),
    })
}

/// Opens a peer's object of `folder`.
fn open_peer(way: Way, folder: &Path) -> Result<Box<dyn Player>> {
    let refused = |error| Error::os("open", way.name(), error);
    let file = folder.join(OBJECT_FILE);
    Ok(match way {
        Way::StdMutex => play(way, std::sync::Mutex::new(0_u64)),
        Way::StdRwLockRead => play(way, Reading(std::sync::RwLock::new(0_u64))),
        Way::StdRwLockWrite => play(way, Writing(std::sync::RwLock::new(0_u64))),
        Way::PthreadMutex | Way::PthreadRobust => play(way, PthreadMutex::open(&file).map_err(refused)?),
        Way::PthreadRwLockRead => play(way, Reading(PthreadRwLock::open(&file).map_err(refused)?)),
        Way::PthreadRwLockWrite => play(way, Writing(PthreadRwLock::open(&file).map_err(refused)?)),
        Way::PosixSemaphore => play(way, PosixSemaphore::open(&file).map_err(refused)?),
        Way::SysvSemaphore => {
            let number = fs::read_to_string(folder.join(SYSV_FILE)).map_err(refused)?;
            let number = number.parse().map_err(|_| unreadable("a semaphore's number", &number))?;
            play(way, SysvSemaphore::of(number))
        }
        Way::Flock => play(way, FileLock::open(&file, Family::Flock).map_err(refused)?),
        Way::OfdLock => play(way, FileLock::open(&file, Family::OpenFileDescription).map_err(refused)?),
        Way::BareFutex => play(way, BareFutex::open(&file).map_err(refused)?),
        _ => return Err(unreadable("a peer", way.name())),
    })
}

fn play<T: Taking + 'static>(way: Way, object: T) -> Box<dyn Player> {
    Box::new(Played { object, is_exclusive: way.is_exclusive() })
}

fn failed(error: &Error) -> PartyAnswer {
    PartyAnswer { failure: Some((error.kind().id().to_owned(), error.to_string())), ..PartyAnswer::default() }
}
