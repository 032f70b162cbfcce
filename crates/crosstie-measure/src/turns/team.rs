//! All parties that take one object: start them, tell them what to do, check what they counted.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Error, ErrorKind, Result};

use super::arena::{Arena, Line};
use super::asleep::wait_until_asleep;
use super::spec::{PARTY_SUBCOMMAND, Part, PartyAnswer, PartyCommand, PartySpec, Watch};
use super::way::{self, Way};
use crate::engine::worker::Worker;
use crate::record::{Contended, Percentiles};

/// How long one command may take before a party is taken for hung.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who has not had a dead owner's object by then never will: 0.5 s.
const NEVER: Duration = Duration::from_millis(500);
/// From telling workers to contend until they begin: 4 ms.
const LEAD_NS: u64 = 4_000_000;

/// Where a team is: what all teams of a run have in common, and a folder of its own.
#[derive(Clone, Debug)]
pub struct Camp<'a> {
    /// The executable whose hidden subcommand runs a party.
    pub program: &'a Path,
    /// The processors on which workers are, in turns; `None`: wherever the kernel puts them.
    pub processors: Option<[usize; 2]>,
    /// A folder that does not exist yet.
    pub folder: PathBuf,
}

/// The parties that take one object; ended when dropped, and their folder removed.
pub struct Team {
    way: Way,
    processors: Option<[usize; 2]>,
    parties: Vec<Worker>,
    arena: Arena,
    folder: PathBuf,
    program: PathBuf,
}

impl Team {
    /// Starts so many workers on an object of `way`, each in a process of its own where that is possible.
    ///
    /// # Errors
    /// A party does not start, or cannot open the object.
    pub fn start(camp: &Camp<'_>, way: Way, workers: usize) -> Result<Self> {
        pitch(&camp.folder)?;
        let mut team = Self {
            way,
            processors: camp.processors,
            parties: Vec::new(),
            arena: Arena::create(&camp.folder)?,
            folder: camp.folder.clone(),
            program: camp.program.to_owned(),
        };
        way.prepare(&team.folder)?;
        let processor = |worker: usize| camp.processors.map(|processors| processors[worker % 2]);
        let processors: Vec<Option<usize>> = (0..workers).map(processor).collect();
        let of_one_party = if way.is_for_threads() { workers.max(1) } else { 1 };
        for workers in processors.chunks(of_one_party) {
            let party = team.start_party(workers.to_vec())?;
            team.parties.push(party);
        }
        for party in &team.parties {
            collect(party)?;
        }
        Ok(team)
    }

    fn start_party(&self, workers: Vec<Option<usize>>) -> Result<Worker> {
        start(&self.program, &self.folder, vec![(self.way, self.folder.clone())], workers)
    }

    /// Lets all of them take the object for so long, twice: once counted, once watched.
    ///
    /// # Errors
    /// `Corrupt`: two had it at once; a party died or hung.
    pub fn contend(&mut self, parties: usize, section_ns: u64, window_ns: u64) -> Result<Contended> {
        let rate = self.contest(section_ns, window_ns, Watch::Rate)?;
        let waits = self.contest(section_ns, window_ns, Watch::Waits)?;
        let taken: u64 = rate.iter().map(|answer| answer.taken).sum();
        let most = |figure: fn(&PartyAnswer) -> u64| waits.iter().map(figure).max().unwrap_or(0);
        Ok(Contended {
            parties,
            section_ns,
            pairs_per_s: taken as f64 * 1e9 / window_ns as f64,
            overtaken_most: most(|answer| answer.overtaken_most),
            overtaken_in_queue: waits.iter().filter_map(|answer| answer.overtaken_in_queue).max(),
            longest_wait_ns: most(|answer| answer.longest_wait_ns),
            wait_ns_p999: most(|answer| answer.wait_ns_p999),
        })
    }

    fn contest(&mut self, section_ns: u64, window_ns: u64, watch: Watch) -> Result<Vec<PartyAnswer>> {
        let before = self.arena.taken();
        let start_ns = clock::now_ns() + LEAD_NS;
        let end_ns = start_ns + window_ns;
        let command = PartyCommand::Contend { start_ns, end_ns, section_ns, watch };
        let answers = self.ask(|_| command)?;
        let told: u64 = answers.iter().map(|answer| answer.taken).sum();
        let counted = self.arena.taken() - before;
        if self.way.is_exclusive() && told != counted {
            return Err(Error::new("measure", self.way.name(), ErrorKind::Corrupt)
                .because(format!("it was taken {told} times, and {counted} were counted inside")));
        }
        Ok(answers)
    }

    /// Hands the object over to a sleeper so often, between two workers.
    ///
    /// # Errors
    /// A party died or hung.
    pub fn hand_over(&mut self, count: u64) -> Result<Option<Percentiles>> {
        let both = self.parties.len() == 1;
        let part = move |index| match index {
            _ if both => Part::Both,
            0 => Part::Giver,
            _ => Part::Sleeper,
        };
        let answers = self.ask(|index| PartyCommand::HandOver { count, part: part(index) })?;
        Ok(answers.into_iter().find_map(|answer| answer.hand_over_ns))
    }

    /// From the `kill -9` of an owner with so much memory until this team's one worker has the object;
    /// `None` if that does not happen. The owner is on another processor than the waiter: the kernel frees its memory
    /// there, in one go on many machines, and who is bound to the same one would wait for that instead of for the wake.
    ///
    /// # Errors
    /// A party cannot be started, or died by itself.
    pub fn death_ns(&mut self, ballast_bytes: usize) -> Result<Option<u64>> {
        let mut owner = self.start_party(vec![self.processors.map(|[_, second]| second)])?;
        collect(&owner)?;
        owner.tell(&PartyCommand::Hold { ballast_bytes })?;
        collect(&owner)?;
        self.arena.say(Line::Waiter, 0);
        let waiter = &mut self.parties[0];
        waiter.tell(&PartyCommand::TakeOnce)?;
        let thread = self.arena.changed_from(Line::Waiter, 0)?;
        wait_until_asleep(waiter.id(), u32::try_from(thread).unwrap_or(0))?;
        let killed_at_ns = clock::now_ns();
        owner.kill();
        let answer = waiter.answer_within::<PartyAnswer>(NEVER)?;
        Ok(answer.map(|answer| answer.had_at_ns.saturating_sub(killed_at_ns)))
    }

    fn ask(&mut self, command: impl Fn(usize) -> PartyCommand) -> Result<Vec<PartyAnswer>> {
        for (index, party) in self.parties.iter_mut().enumerate() {
            party.tell(&command(index))?;
        }
        self.parties.iter().map(collect).collect()
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.parties.clear();
        way::remove_from_kernel(&self.folder);
        // What is left goes with the run's folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Taken and given up by one process alone: each object of `ways` in turns; nanoseconds of a pair each.
///
/// # Errors
/// The party died or hung, or cannot open an object.
pub fn pairs_ns(camp: &Camp<'_>, ways: &[Way], rounds: usize, window_ns: u64) -> Result<Vec<f64>> {
    pitch(&camp.folder)?;
    let folder = |way: &Way| camp.folder.join(way.name().replace(' ', "-"));
    let mut objects = Vec::new();
    for way in ways {
        pitch(&folder(way))?;
        drop(Arena::create(&folder(way))?);
        objects.push((*way, folder(way)));
    }
    let prepared = ways.iter().try_for_each(|way| way.prepare(&folder(way)));
    let measured = prepared.and_then(|()| {
        let mut party =
            start(camp.program, &camp.folder, objects, vec![camp.processors.map(|[first, _]| first)])?;
        collect(&party)?;
        party.tell(&PartyCommand::Pairs { rounds, window_ns })?;
        Ok(collect(&party)?.pair_ns)
    });
    way::remove_from_kernel(&camp.folder);
    // What is left goes with the run's folder.
    let _ = fs::remove_dir_all(&camp.folder);
    measured
}

fn pitch(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .map_err(|error| Error::os("create a folder", folder.display().to_string(), error))
}

fn start(
    program: &Path,
    folder: &Path,
    objects: Vec<(Way, PathBuf)>,
    workers: Vec<Option<usize>>,
) -> Result<Worker> {
    let spec = PartySpec { objects, domain: folder.join("domain"), workers, parent: std::process::id() };
    Worker::start(program, (PARTY_SUBCOMMAND, &spec), "a party", [Stdio::null(), Stdio::null()])
}

fn collect(party: &Worker) -> Result<PartyAnswer> {
    party.answer_within(PATIENCE)?.ok_or_else(|| party.hung())
}
