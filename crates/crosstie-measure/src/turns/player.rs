//! The loops of a worker, the same for every mechanism.

use std::fs;

use crosstie::os::{clock, process};
use crosstie::{Error, ErrorKind};
use crosstie_core::atomic::spin_loop;

use super::arena::{Arena, Line};
use super::spec::Watch;
use super::taking::{Held, Taking};
use crate::engine::exchange::Fault;
use crate::record::Percentiles;

/// By then one who has nothing to do sleeps: 60 µs.
const FALL_ASLEEP_NS: u64 = 60_000;
/// Takes between two looks at the clock.
const BETWEEN_LOOKS: u64 = 16;

/// What a worker saw while it contended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// How often it took the object.
    pub taken: u64,
    /// How many others were served at most while it waited.
    pub overtaken_most: u64,
    /// Its longest wait.
    pub longest_wait_ns: u64,
    /// 999 of 1000 of its waits were at most this.
    pub wait_ns_p999: u64,
}

/// When and how long workers contend.
#[derive(Clone, Copy, Debug)]
pub struct Contest {
    /// From then on.
    pub start_ns: u64,
    /// Until then.
    pub end_ns: u64,
    /// How long the object is held beyond counting.
    pub section_ns: u64,
    /// What is measured.
    pub watch: Watch,
}

/// A worker's loops over one object.
pub trait Player: Sync {
    /// Takes and gives up the object `count` times; answers how long that took.
    ///
    /// # Errors
    /// It cannot be had.
    fn pairs(&self, count: u64) -> Result<u64, Fault>;

    /// Takes it over and over beside others.
    ///
    /// # Errors
    /// As [`Player::pairs`].
    fn contend(&self, arena: &Arena, contest: &Contest) -> Result<Seen, Fault>;

    /// Hands it over `count` times to one who sleeps; answers how long that took where it did.
    ///
    /// # Errors
    /// As [`Player::pairs`]; the other is gone.
    fn give(&self, arena: &Arena, count: u64) -> Result<Option<Percentiles>, Fault>;

    /// Takes over `count` times.
    ///
    /// # Errors
    /// As [`Player::give`].
    fn sleep(&self, arena: &Arena, count: u64) -> Result<(), Fault>;

    /// Takes it so that others have to wait.
    ///
    /// # Errors
    /// As [`Player::pairs`].
    fn hold(&self) -> Result<Box<dyn Held + '_>, Fault>;

    /// Takes it and gives it up, after it said who waits; answers when it was had.
    ///
    /// # Errors
    /// As [`Player::pairs`].
    fn take_once(&self, arena: &Arena) -> Result<u64, Fault>;

    /// As [`Taking::overtaken_in_queue`].
    fn overtaken_in_queue(&self) -> Option<u64>;
}

/// Plays a mechanism.
#[derive(Debug)]
pub struct Played<T> {
    /// What is taken.
    pub object: T,
    /// Whether one at a time has it.
    pub is_exclusive: bool,
}

impl<T: Taking> Player for Played<T> {
    fn pairs(&self, count: u64) -> Result<u64, Fault> {
        let start_ns = clock::now_ns();
        for _ in 0..count {
            drop(self.object.take()?);
        }
        Ok(clock::now_ns() - start_ns)
    }

    fn contend(&self, arena: &Arena, contest: &Contest) -> Result<Seen, Fault> {
        while clock::now_ns() < contest.start_ns {
            spin_loop();
        }
        match contest.watch {
            Watch::Rate => self.contend_for_rate(arena, contest),
            Watch::Waits => self.contend_for_waits(arena, contest),
        }
    }

    fn give(&self, arena: &Arena, count: u64) -> Result<Option<Percentiles>, Fault> {
        let mut samples = Vec::new();
        for turn in 1..=count {
            let held = self.object.take_alone()?;
            arena.say(Line::Given, turn);
            arena.until(Line::Asked, turn)?;
            stay_awake_for(FALL_ASLEEP_NS);
            let given_at_ns = clock::now_ns();
            drop(held);
            arena.until(Line::Over, turn)?;
            if arena.read(Line::Slept) == 1 {
                samples.push(arena.read(Line::HadAt).saturating_sub(given_at_ns));
            }
        }
        Ok((!samples.is_empty()).then(|| Percentiles::of(&mut samples)))
    }

    fn sleep(&self, arena: &Arena, count: u64) -> Result<(), Fault> {
        for turn in 1..=count {
            arena.until(Line::Given, turn)?;
            let slept_before = times_slept()?;
            arena.say(Line::Asked, turn);
            let held = self.object.take()?;
            arena.say(Line::HadAt, clock::now_ns());
            drop(held);
            arena.say(Line::Slept, u64::from(times_slept()? > slept_before));
            arena.say(Line::Over, turn);
        }
        Ok(())
    }

    fn hold(&self) -> Result<Box<dyn Held + '_>, Fault> {
        self.object.take_alone()
    }

    fn take_once(&self, arena: &Arena) -> Result<u64, Fault> {
        arena.say(Line::Waiter, u64::from(process::tid()));
        let held = self.object.take_after_death()?;
        let had_at_ns = clock::now_ns();
        drop(held);
        Ok(had_at_ns)
    }

    fn overtaken_in_queue(&self) -> Option<u64> {
        self.object.overtaken_in_queue()
    }
}

impl<T: Taking> Played<T> {
    fn contend_for_rate(&self, arena: &Arena, contest: &Contest) -> Result<Seen, Fault> {
        let mut seen = Seen::default();
        while clock::now_ns() < contest.end_ns {
            // A long section is a look at the clock itself.
            let count = if contest.section_ns == 0 { BETWEEN_LOOKS } else { 1 };
            for _ in 0..count {
                let held = self.object.take()?;
                self.work(arena, contest.section_ns);
                drop(held);
            }
            seen.taken += count;
        }
        Ok(seen)
    }

    fn contend_for_waits(&self, arena: &Arena, contest: &Contest) -> Result<Seen, Fault> {
        let mut seen = Seen::default();
        let mut waits_ns = Vec::new();
        loop {
            let (others, called_at_ns) = (arena.taken(), clock::now_ns());
            if called_at_ns >= contest.end_ns {
                return Ok(Seen { wait_ns_p999: Percentiles::of(&mut waits_ns).p999, ..seen });
            }
            let held = self.object.take()?;
            let overtaken = arena.taken().saturating_sub(others);
            let waited_ns = clock::now_ns() - called_at_ns;
            self.work(arena, contest.section_ns);
            drop(held);
            seen.taken += 1;
            seen.overtaken_most = seen.overtaken_most.max(overtaken);
            seen.longest_wait_ns = seen.longest_wait_ns.max(waited_ns);
            waits_ns.push(waited_ns);
        }
    }

    /// What is done while the object is held.
    #[inline]
    fn work(&self, arena: &Arena, section_ns: u64) {
        if self.is_exclusive {
            arena.take_one();
        }
        if section_ns > 0 {
            stay_awake_for(section_ns);
        }
    }
}

fn stay_awake_for(duration_ns: u64) {
    let until_ns = clock::now_ns() + duration_ns;
    while clock::now_ns() < until_ns {
        spin_loop();
    }
}

/// How often the calling thread has gone to sleep so far, as the kernel counts.
fn times_slept() -> Result<u64, Fault> {
    let text = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).ok_or_else(|| {
        Box::new(
            Error::new("read", "/proc/thread-self/status", ErrorKind::Unsupported)
                .because("it does not say how often the thread slept"),
        )
    })
}
