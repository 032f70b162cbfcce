//! One thread: takes turns at random.

use std::path::PathBuf;

use crosstie::Deadline;
use crosstie::ledger::Domain;
use crosstie::os::{parent, poll, process};

use super::history::{Act, Entry, History, Pen, Phase};
use super::things::{Thing, Things};
use super::turn;
use crate::dice::Dice;
use crate::kernel::{self, Forked};

/// How many may be nested.
const DEPTH_MAX: u32 = 3;
/// Between two looks whether the round is over: 1 ms.
const IDLE_NS: u64 = 1_000_000;
/// Turns of a fork child.
const CHILD_TURNS: u32 = 40;

/// What all threads of a process share.
#[derive(Clone, Debug)]
pub struct Place {
    pub domain: &'static Domain,
    pub folder: PathBuf,
    pub things: Things,
    pub history: History,
    /// Who sends the signals, and judges.
    pub parent: u32,
}

impl Place {
    /// Lives on until everyone may end, if no other turns are taken.
    pub fn rest(&self) {
        while self.history.phase() == Phase::Resting {
            poll::pause(IDLE_NS, Deadline::NEVER);
        }
    }
}

/// What a player may do beside taking turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liberty {
    /// Forks at times, also while it has something.
    Forks,
    /// As the first thread of its process, it also executes itself anew.
    Executes,
    /// Neither.
    None,
}

/// A thread with its page and its dice.
pub struct Player {
    pub place: Place,
    pub pen: Pen,
    pub dice: Dice,
    liberty: Liberty,
    depth: u32,
}

impl Player {
    /// The calling thread as a player, if there is a page left.
    pub fn new(place: Place, seed: u64, liberty: Liberty) -> Option<Self> {
        let pen = place.history.pen()?;
        Some(Self { place, pen, dice: Dice::new(seed), liberty, depth: 0 })
    }

    /// Takes turns until nobody does any more, or its page is full.
    pub fn play(&mut self) {
        self.play_turns(u32::MAX);
    }

    fn play_turns(&mut self, turns: u32) {
        let mut left = turns;
        while left > 0 && self.pen.has_room() && self.place.history.phase() == Phase::Playing {
            left -= 1;
            let things = super::things::THINGS;
            let thing = things[usize::try_from(self.dice.below(things.len() as u64)).unwrap_or(0)];
            turn::take(self, thing);
            self.linger(20_000);
        }
        self.place.rest();
        self.note(Act::End, Thing::Fair, 0, 0, 0);
    }

    /// Adds a line to its page.
    pub fn note(&mut self, act: Act, thing: Thing, units: u64, token: u64, value: u64) {
        self.pen.write(Entry { act, thing, units, told: false, at_ns: 0, token, value });
    }

    /// Notes that it has the object, and whether it was told of a death.
    pub fn have(&mut self, thing: Thing, units: u64, told: bool, token: u64, value: u64) {
        self.pen.write(Entry { act: Act::Have, thing, units, told, at_ns: 0, token, value });
    }

    /// Passes some time, inside or outside: mostly none, at times up to `most` rounds, at times the processor.
    pub fn linger(&mut self, most: u64) {
        let rounds = if self.dice.once_in(3) { self.dice.below(most) } else { self.dice.below(64) };
        (0..rounds).for_each(|_| std::hint::spin_loop());
        if self.dice.once_in(16) {
            std::thread::yield_now();
        }
    }

    /// What a player does while it has `thing`: another turn at a later object, now and then; the order keeps
    /// them out of deadlocks.
    pub fn nest(&mut self, thing: Thing) {
        const NESTED: [Thing; 4] = [Thing::Fast, Thing::Data, Thing::Door, Thing::Permits];
        self.linger(2_000);
        if self.depth + 1 < DEPTH_MAX && self.dice.once_in(4) {
            let later: Vec<_> = NESTED.into_iter().filter(|&other| other > thing).collect();
            let at = usize::try_from(self.dice.below(later.len().max(1) as u64)).unwrap_or(0);
            if let Some(&other) = later.get(at) {
                self.depth += 1;
                turn::take(self, other);
                self.depth -= 1;
            }
        }
        if self.liberty == Liberty::Executes && self.dice.once_in(400) {
            self.execute_anew();
        }
    }

    /// Whether the caller is a new process from here on, which inherits guards and has nothing: it drops
    /// them, then lives its own life.
    pub fn is_fork_child(&mut self) -> bool {
        if self.liberty == Liberty::None || !self.dice.once_in(250) {
            return false;
        }
        let own = process::pid();
        self.place.history.count_fork();
        let is_child = matches!(kernel::fork(), Ok(Forked::Child));
        // Ends with its parent, so that nobody is left who could not be found; else it takes no turn.
        if is_child && parent::end_with_parent(own).is_err() {
            kernel::exit_at_once();
        }
        is_child
    }

    /// The life of a fork child.
    pub fn live_as_child(&self) -> ! {
        let seed = u64::from(process::pid()) << 20 ^ self.dice.clone().roll();
        if let Some(mut player) = Self::new(self.place.clone(), seed, Liberty::None) {
            player.play_turns(CHILD_TURNS);
        }
        kernel::exit_at_once()
    }

    /// Its process goes on as a new program: all its threads end, whatever they have.
    fn execute_anew(&mut self) {
        use std::os::unix::process::CommandExt;
        let mut again = super::worker::command(&self.place, self.dice.roll(), None);
        self.place.history.count_execution();
        // It only returns if the kernel refuses: then this process goes on.
        let _ = again.exec();
    }
}
