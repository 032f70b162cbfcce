//! The objects on which processes take turns: a sound file of each kind to start from, and what may be
//! asked of a broken one. Whatever it answers, it answers by its deadline.

use std::path::PathBuf;
use std::sync::OnceLock;

use crosstie::ledger::Domain;
use crosstie::shareable::{Deque, Text};
use crosstie::sync::{
    Access, Barrier, BarrierError, Condvar, CountingSemaphore, Event, LazyShared, Lock, LockError,
    LockResult, Monitor, Mutex, OnDeath, Policy, Reset, RwLock, Semaphore, object,
};
use crosstie::{Deadline, ErrorKind};

use crate::bytes::Bytes;
use crate::place;

/// The objects' name.
const NAME: &str = "f";
/// How long an operation may wait, in microseconds.
const PATIENCE_US: u64 = 100;

/// What is held by the mutexes.
type Data = [u64; 3];
/// What is guarded by the monitor.
type Jobs = Deque<Text<5>, 3>;

/// A kind of object, by the family after which its file is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Mutex`.
    Mutex,
    /// `RwLock`.
    RwLock,
    /// `Lock`.
    Lock,
    /// `Semaphore`.
    Semaphore,
    /// `CountingSemaphore`.
    Counting,
    /// `Monitor`.
    Monitor,
    /// `Condvar`, with a mutex of the heap's kind of its own.
    Condition,
    /// `Barrier`.
    Barrier,
    /// `LazyShared`.
    Once,
    /// `Event`, reset by hand.
    Event,
    /// `Event`, reset by whom it lets through.
    Automatic,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Mutex,
        Self::RwLock,
        Self::Lock,
        Self::Semaphore,
        Self::Counting,
        Self::Monitor,
        Self::Condition,
        Self::Barrier,
        Self::Once,
        Self::Event,
        Self::Automatic,
    ];

    /// The kind that a byte of the input says.
    #[must_use]
    pub fn of(byte: u8) -> Self {
        Self::ALL[usize::from(byte) % Self::ALL.len()]
    }

    fn family(self) -> &'static str {
        match self {
            Self::Mutex | Self::RwLock | Self::Lock => "lock",
            Self::Semaphore => "sem",
            Self::Counting => "count",
            Self::Monitor => "monitor",
            Self::Condition => "cond",
            Self::Barrier => "barrier",
            Self::Once => "once",
            Self::Event | Self::Automatic => "event",
        }
    }

    /// Where its file lies.
    #[must_use]
    pub fn path(self) -> PathBuf {
        place::domain().directory().path().join(format!("{}.{NAME}", self.family()))
    }

    /// The bytes of one that was used and is free.
    #[must_use]
    pub fn sound(self) -> &'static [u8] {
        static SOUND: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
        let all = SOUND.get_or_init(|| {
            let made = |kind: Self| {
                let _ = std::fs::remove_file(kind.path());
                kind.work(&mut Bytes::new(&[1, 2, 3, 4, 5, 6, 7]), 7);
                std::fs::read(kind.path()).expect("the object's file")
            };
            Self::ALL.map(made).to_vec()
        });
        &all[self as usize]
    }

    /// Opens it and does what `input` says, `most` times.
    pub fn work(self, input: &mut Bytes<'_>, most: usize) {
        let domain = place::domain();
        match self {
            Self::Mutex => mutex(domain, input, most),
            Self::RwLock => rwlock(domain, input, most),
            Self::Lock => lock(domain, input, most),
            Self::Semaphore => semaphore(domain, input, most),
            Self::Counting => counting(domain, input, most),
            Self::Monitor => monitor(domain, input, most),
            Self::Condition => condition(domain, input, most),
            Self::Barrier => barrier(domain, input, most),
            Self::Once => once(domain, input, most),
            Self::Event => event(domain, Reset::Manual, input, most),
            Self::Automatic => event(domain, Reset::Automatic, input, most),
        }
    }

    /// Removes it, whatever it is.
    pub fn remove(self) {
        let _ = object::remove(place::domain(), self.family(), NAME);
        let _ = std::fs::remove_file(self.path());
    }
}

fn until(how: u8) -> Deadline {
    if how % 2 == 0 { Deadline::NOW } else { place::soon(PATIENCE_US) }
}

/// The guard, clean or not; or a refusal that the contract names.
fn told<G>(outcome: LockResult<G>) -> Option<G> {
    match outcome {
        Ok(guard) | Err(LockError::Abandoned(guard) | LockError::Poisoned(guard)) => Some(guard),
        Err(LockError::Busy(who) | LockError::TimedOut(who)) => {
            assert!(!who.to_string().is_empty());
            None
        }
        Err(LockError::Failed(error)) => {
            let is_named = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NoSpace | ErrorKind::Usage);
            assert!(is_named, "{error}");
            None
        }
        Err(LockError::Deadlock(cycle)) => panic!("told to one that waits with a deadline: {cycle}"),
        Err(_) => panic!("a refusal that is not in the contract"),
    }
}

/// A refusal to open, which has to name its cause.
fn opened<T>(outcome: crosstie::Result<T>) -> Option<T> {
    outcome.map_err(|error| assert!(!error.to_string().is_empty())).ok()
}

fn mutex(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let made = Mutex::<Data>::open_or_create_with(domain, NAME, Policy::Fair, || [0; 3]);
    let Some(mutex) = opened(made) else { return };
    for _ in 0..most {
        let how = input.u8();
        if let Some(mut guard) = told(mutex.lock_until(until(how))) {
            guard[0] = guard[1].wrapping_add(guard.token());
            let _ = (guard.is_held(), guard.dead_owner());
            if how & 2 != 0 {
                guard.mark_mended();
            }
            if how & 4 != 0 {
                // Inside: it is taken.
                let _ = told(mutex.lock_until(until(how / 2)));
            }
        }
    }
    assert!(!format!("{:?}{:?}", mutex.counters(), mutex.policy()).is_empty());
}

fn rwlock(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let Some(lock) = opened(RwLock::<Data>::open_or_create_in(domain, NAME, || [0; 3])) else { return };
    for _ in 0..most {
        let how = input.u8();
        if how & 2 == 0 {
            let one = told(lock.read_until(until(how)));
            let other = if how & 4 != 0 { told(lock.read_until(until(how / 2))) } else { None };
            let _ = (one.map(|data| data[0]), other.map(|data| data[1]));
        } else if let Some(mut guard) = told(lock.write_until(until(how))) {
            guard[2] = guard.token();
            let _ = guard.dead_owner();
            if how & 4 != 0 {
                guard.mark_mended();
            }
            if how & 8 != 0 {
                let _ = told(lock.read_until(until(how / 16)));
            }
        }
    }
    let _ = lock.counters();
}

fn lock(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let Some(lock) = opened(Lock::open_or_create_in(domain, NAME)) else { return };
    for _ in 0..most {
        let how = input.u8();
        let access = if how & 2 == 0 { Access::Exclusive } else { Access::Shared };
        if let Some(guard) = told(lock.lock_until(access, until(how))) {
            let _ = (guard.is_held(), guard.is_abandoned(), guard.dead_owner(), guard.token());
            let _ = told(lock.lock_until(Access::Shared, until(how / 4)));
        }
        let _ = (lock.holders(), lock.counters());
    }
}

fn semaphore(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let made = opened(Semaphore::open_or_create_in(domain, NAME, 3));
    let Some(gate) = made.or_else(|| opened(Semaphore::open_in(domain, NAME))) else { return };
    for _ in 0..most {
        let how = input.u8();
        let one = told(gate.acquire_until(until(how)));
        let _ = one.as_ref().map(|permit| (permit.index(), permit.token(), permit.is_held()));
        let many = told(gate.acquire_many(u32::from(how / 4), until(how / 2)));
        assert!(many.is_none_or(|permits| permits.len() == usize::from(how / 4)));
        if how & 128 != 0 {
            let _ = gate.resize(u32::from(input.u16()));
        }
        let _ = (gate.total(), gate.held_by(), gate.counters());
    }
}

fn counting(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let Some(count) = opened(CountingSemaphore::open_or_create_in(domain, NAME, 2)) else { return };
    for _ in 0..most {
        let how = input.u8();
        match how & 2 {
            0 => drop(told(count.wait_until(until(how)))),
            _ => drop(opened(count.post())),
        }
        let _ = (count.value(), count.counters());
    }
}

fn monitor(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let Some(jobs) = opened(Monitor::<Jobs>::open_or_create_in(domain, NAME, Deque::new)) else { return };
    for _ in 0..most {
        let how = input.u8();
        let Some(mut inside) = told(jobs.enter_until(until(how))) else { continue };
        if how & 2 != 0 {
            let _ = inside.push_back("tea".parse().expect("it fits"));
        }
        let wanted = usize::from(how / 4 % 4);
        let waited = inside.wait_while_until(|jobs| jobs.len() < wanted, place::soon(PATIENCE_US));
        if let Some((mut inside, _)) = told(waited) {
            assert!(
                inside.iter().count() <= 3 && inside.pop_front().is_none_or(|job| job.as_str().len() <= 5)
            );
            inside.mark_mended();
        }
    }
}

fn condition(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let Some(changed) = opened(Condvar::open_or_create_in(domain, NAME)) else { return };
    let mutex = Mutex::new(0_u64);
    for _ in 0..most {
        let how = input.u8();
        let Some(guard) = told(mutex.lock_until(place::soon(PATIENCE_US))) else { continue };
        match how & 3 {
            0 => drop(opened(changed.notify_one(&guard))),
            1 => drop(opened(changed.notify_all(&guard))),
            _ => drop(told(changed.wait_until(guard, place::soon(PATIENCE_US)))),
        }
    }
}

fn barrier(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let made = opened(Barrier::open_or_create_in(domain, NAME, 2, OnDeath::Shrink));
    let Some(barrier) = made.or_else(|| opened(Barrier::open_in(domain, NAME))) else { return };
    for _ in 0..most {
        let how = input.u8();
        match barrier.wait_until(until(how)) {
            Ok(_) | Err(BarrierError::Broken(_) | BarrierError::Late(_)) => {}
            Err(BarrierError::Failed(error)) => {
                assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NoSpace | ErrorKind::Usage));
            }
            Err(error) => panic!("{error}"),
        }
        if how & 2 != 0 {
            let _ = opened(barrier.reset());
        }
        if how & 4 != 0 {
            let _ = opened(barrier.leave());
        }
        let _ = (barrier.parties(), barrier.is_broken());
    }
}

fn once(domain: &'static Domain, input: &mut Bytes<'_>, most: usize) {
    let Some(table) = opened(LazyShared::<Data>::open_or_create_in(domain, NAME)) else { return };
    for _ in 0..most {
        let how = input.u8();
        let _ = opened(table.make_until(|tries| [tries, 2, 3], until(how)));
        let _ = table.get().map(|data| data[0]);
    }
}

fn event(domain: &'static Domain, reset: Reset, input: &mut Bytes<'_>, most: usize) {
    let made = opened(Event::open_or_create_in(domain, NAME, reset));
    let Some(event) = made.or_else(|| opened(Event::open_in(domain, NAME))) else { return };
    for _ in 0..most {
        let how = input.u8();
        match how & 6 {
            0 => drop(opened(event.set())),
            2 => drop(event.clear()),
            _ => drop(told(event.wait_until(until(how)))),
        }
        let _ = (event.is_set(), event.reset());
    }
}
