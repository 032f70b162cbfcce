//! [`Snapshot`]: what a domain holds now, as far as one look without stopping anybody can tell.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use crosstie_core::OwnerId;
use crosstie_core::turns::rwlock::KEY;
use crosstie_core::word::head::{ABANDONED, DONE};
use crosstie_core::word::waiting::{Mode, Seen};

use super::stalled::{Stall, StalledWait, stalls};
use super::value::Value;
use crate::channel::queue::QueueState;
use crate::channel::ring::RingState;
use crate::channel::topic::TopicState;
use crate::channel::unnamed::UnnamedState;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::noted::key_of_channel;
use crate::ledger::objects::{NamedObject, OBJECT_OFFSET};
use crate::ledger::sign::ServerState;
use crate::ledger::{Domain, Identity};
use crate::os::{clock, directory};
use crate::sync::{Barrier, CountingSemaphore, Event, Semaphore, object};

/// How often a look is made anew because somebody who seemed stalled went on.
const LOOKS_MAX: u32 = 4;

/// What a domain holds now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The named objects, by kind and name.
    pub objects: Vec<SnapshotObject>,
    /// Everything that somebody alive holds.
    pub holds: Vec<SnapshotHold>,
    /// Everyone alive who waits.
    pub waits: Vec<SnapshotWait>,
    /// Everyone who takes part.
    pub owners: Vec<Identity>,
    /// Those who wait for one another at channels, and no longer can go on.
    pub stalls: Vec<Stall>,
    /// The servers of calls elsewhere than at queues.
    pub servers: Vec<ServerState>,
    /// Those who have died with something in hand.
    gone: Vec<Identity>,
}

/// A named object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotObject {
    /// What it is: `lock:stock`.
    pub name: String,
    /// Its kind: `lock`.
    pub kind: String,
    /// Its key in the ledger; 0 for what has none.
    pub key: u64,
    /// What it says of itself: `Mutex<Stock { … }>`; empty for what says nothing.
    pub description: String,
    /// What it stands at; `None` for what is only had or not.
    pub value: Option<Value>,
    /// Acquisitions, or the last token; 0 for what counts none: see [`SnapshotObject::counts_acquisitions`].
    pub acquisitions: u64,
    /// Acquisitions that had to wait.
    pub contended: u64,
    /// The longest wait.
    pub longest_wait: Duration,
    /// The most that one wait was overtaken.
    pub overtaken_most: u64,
    /// Owners that died.
    pub deaths: u64,
    /// The owner that its word names and that is dead: it is abandoned, and nobody has come since.
    pub dead_owner: Option<OwnerId>,
    /// Whether the data are abandoned and nobody has mended them.
    pub is_abandoned: bool,
    /// For how long its owner of now has it at least, where anybody has waited since.
    pub met: Option<Duration>,
    /// Why nobody can open it: what opening answers to its bytes, [`Corrupt`](ErrorKind::Corrupt) or
    /// [`Mismatch`](ErrorKind::Mismatch). `None` for what is sound; else nothing else was read of it.
    pub damage: Option<Arc<Error>>,
    /// What a ring holds; as `queue`.
    pub ring: Option<RingState>,
    /// What a queue holds; `None` for everything else, and for what cannot be read.
    pub queue: Option<QueueState>,
    /// What a topic holds; as `queue`.
    pub topic: Option<TopicState>,
}

impl SnapshotObject {
    /// Whether it is of a kind that counts its acquisitions and those that had to wait: a lock, a semaphore whose permits have
    /// owners, a monitor.
    #[must_use]
    pub fn counts_acquisitions(&self) -> bool {
        matches!(self.kind.as_str(), "lock" | "sem" | "monitor")
    }
}

/// Something that is held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotHold {
    /// By whom.
    pub owner: Identity,
    /// The object's key.
    pub key: u64,
    /// In what way.
    pub mode: Mode,
    /// How many units.
    pub units: u32,
}

/// Somebody who waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotWait {
    /// Who.
    pub owner: Identity,
    /// For the object of which key.
    pub key: u64,
    /// In what way.
    pub mode: Mode,
    /// For how long by now.
    pub waited: Duration,
    /// Whether the wait ends by itself.
    pub has_deadline: bool,
    /// Its place in the queue: the smallest is first.
    pub place: u64,
    /// The command under which it runs.
    pub behind: Option<OwnerId>,
    /// Whether it is stopped (SIGSTOP): not dead, but it does not go on.
    pub is_stopped: bool,
    /// At a channel: those that are there who could end it, the other ends of the channel.
    pub enders: Vec<OwnerId>,
    /// At a channel: whether others could come and end it, too.
    pub(super) is_open: bool,
    pub(super) sequence: u64,
    /// What the word held on which it sleeps.
    pub(super) seen_word: u64,
}

impl SnapshotWait {
    /// Whether it is for a message from a channel, or for room in one: the end of such a wait is what programs wait for.
    #[must_use]
    pub fn is_at_channel(&self) -> bool {
        matches!(self.mode, Mode::Message | Mode::Room)
    }

    /// For what it is, of an object: `lock:db`, `a message from queue:jobs`, `room in ring:orders`.
    #[must_use]
    pub fn what(&self, object: &str) -> String {
        match self.mode {
            Mode::Message => format!("a message from {object}"),
            Mode::Room => format!("room in {object}"),
            _ => object.to_owned(),
        }
    }
}

impl Snapshot {
    /// Looks at `domain`.
    ///
    /// # Cost
    /// Some system calls for each object.
    #[must_use]
    pub fn of(domain: &'static Domain) -> Self {
        let (mut this, mut is_still) = Self::look(domain);
        for _ in 1..LOOKS_MAX {
            if is_still {
                break;
            }
            (this, is_still) = Self::look(domain);
        }
        this
    }

    /// One look, and whether those who seemed stalled in it stayed as they were; else no stall is in it.
    fn look(domain: &'static Domain) -> (Self, bool) {
        let mut waits: Vec<_> = domain
            .waits()
            .filter(|(_, _, seen)| seen.want.mode != Mode::Nested)
            .chain(domain.waits_at_channels())
            .filter_map(|(id, _, seen)| look_at_wait(domain, id, &seen))
            .collect();
        waits.sort_unstable_by_key(|wait| (wait.key, wait.place));
        let owners = domain.owners();
        let mut holds: Vec<SnapshotHold> = Vec::new();
        for owner in &owners {
            let own = holds.len();
            for hold in domain.holds_of(owner.id) {
                let key = hold.key & KEY;
                // A writer has two notes for one object.
                if !holds[own..].iter().any(|known| known.key == key) {
                    holds.push(SnapshotHold {
                        owner: owner.clone(),
                        key,
                        mode: hold.mode,
                        units: hold.units,
                    });
                }
            }
        }
        let objects: Vec<_> = domain.objects().iter().map(|object| look_at(domain, object)).collect();
        let in_hand =
            objects.iter().filter_map(|object| object.queue.as_ref()).flat_map(|queue| &queue.in_hand);
        let dead = in_hand.filter_map(|held| held.owner.filter(|&owner| !domain.is_alive(owner)));
        let gone = dead.filter_map(|owner| domain.identity(owner)).collect();
        let (stalls_yet, servers) = (Vec::new(), domain.servers());
        let mut this = Self { objects, holds, waits, owners, stalls: stalls_yet, servers, gone };
        match stalls(domain, &mut this) {
            Some(found) => (Self { stalls: found, ..this }, true),
            None => (this, false),
        }
    }

    /// Whether `wait` is part of a stall.
    #[must_use]
    pub fn is_stalled(&self, wait: &SnapshotWait) -> bool {
        let is_it = |it: &StalledWait| (it.owner.id, it.key) == (wait.owner.id, wait.key);
        self.stalls.iter().any(|stall| stall.waits.iter().any(is_it))
    }

    /// The stall of which somebody who waits at the object of `key` is a part.
    #[must_use]
    pub fn stall_at(&self, key: u64) -> Option<&Stall> {
        self.stalls.iter().find(|stall| stall.waits.iter().any(|wait| wait.key == key && key != 0))
    }

    /// Who `owner` is in words: `4711 worker`, or, of one that has died, `4711 worker (has died)`.
    #[must_use]
    pub fn who(&self, owner: OwnerId) -> String {
        let known = |among: &[Identity]| among.iter().find(|it| it.id == owner).map(ToString::to_string);
        let dead = || known(&self.gone).map(|who| format!("{who} (has died)"));
        known(&self.owners).or_else(dead).unwrap_or_else(|| "somebody who has gone".to_owned())
    }

    /// Who holds the object of `key`.
    pub fn holders(&self, key: u64) -> impl Iterator<Item = &SnapshotHold> {
        self.holds.iter().filter(move |hold| hold.key == key && key != 0)
    }

    /// For how long `object` is held at least: since its program was started where a command has it, else since
    /// somebody who waits found it so. `None` when that is not known, or it is free.
    #[must_use]
    pub fn held_for(&self, object: &SnapshotObject) -> Option<Duration> {
        let commands = self.holders(object.key).filter_map(|hold| hold.owner.running_for()).max();
        self.holders(object.key).next().and(commands.max(object.met))
    }

    /// Who waits for the object of `key`, first come first.
    pub fn waiters(&self, key: u64) -> impl Iterator<Item = &SnapshotWait> {
        self.waits.iter().filter(move |wait| wait.key == key && key != 0)
    }

    /// The object of `key` as people know it.
    #[must_use]
    pub fn object_name(&self, key: u64) -> String {
        let key = key & KEY;
        let is_it = |object: &&SnapshotObject| object.key == key || key_of_channel(&object.name) == key;
        let object = self.objects.iter().find(is_it).filter(|_| key != 0);
        let server = || self.servers.iter().find(|it| it.key == key).map(|it| &it.address);
        let found = object.map(|object| &object.name).or_else(server);
        found.cloned().unwrap_or_else(|| format!("unnamed object {key}"))
    }
}

fn look_at_wait(domain: &'static Domain, id: OwnerId, seen: &Seen) -> Option<SnapshotWait> {
    let owner = domain.identity(id)?;
    let want = &seen.want;
    Some(SnapshotWait {
        is_stopped: owner.is_stopped(),
        behind: above(domain, want.behind, &owner),
        owner,
        key: want.key & KEY,
        mode: want.mode,
        waited: Duration::from_nanos(clock::now_ns().saturating_sub(want.since_ns)),
        has_deadline: want.deadline_ns != u64::MAX,
        place: want.queue,
        enders: Vec::new(),
        is_open: true,
        sequence: seen.sequence,
        seen_word: want.note[0],
    })
}

/// The command under which `waiter` runs, where it names `command`: that, or what the command that it is about to start
/// names.
fn above(domain: &'static Domain, command: Option<OwnerId>, waiter: &Identity) -> Option<OwnerId> {
    let command = command?;
    let is_own = domain.identity(command).is_some_and(|it| it.started_by == Some(waiter.pid));
    if is_own { domain.slot(command.slot())?.waiting.read()?.want.behind } else { Some(command) }
}

/// What can be read of an object once it is open.
#[derive(Default)]
struct Contents {
    ring: Option<RingState>,
    queue: Option<QueueState>,
    topic: Option<TopicState>,
    value: Option<Value>,
    /// Of what does not count them in its head.
    acquisitions: Option<u64>,
    description: String,
}

impl Contents {
    /// Opens `object`, to look.
    fn of(domain: &'static Domain, object: &NamedObject) -> Result<Self> {
        let (name, mut this) = (object.name.as_str(), Self::default());
        match object.kind.as_str() {
            "ring" => this.ring = Some(RingState::of(domain, name)?),
            "queue" => this.queue = Some(QueueState::of(domain, name)?),
            "topic" => this.topic = Some(TopicState::of(domain, name)?),
            "count" => {
                let count = object::look_into::<CountingSemaphore>(domain, name)?;
                this.value = Some(Value::of_count(&count));
            }
            "event" => this.value = Some(Value::of_event(&*object::look_into::<Event>(domain, name)?)),
            "barrier" => {
                this.value = Some(Value::of_barrier(&*object::look_into::<Barrier>(domain, name)?));
            }
            "sem" => {
                let permits = object::look_into::<Semaphore>(domain, name)?;
                this.value = Some(Value::of_permits(domain, &permits));
                this.acquisitions = Some(permits.counters().acquisitions);
            }
            "unnamed" => {
                let state = UnnamedState::of(domain, name)?;
                (this.value, this.description) = (Some(Value::IsUsed(state.is_used)), state.description);
            }
            kind => object::check_file(domain, kind, name)?,
        }
        Ok(this)
    }
}

/// Checks an object as who opens it does, and reads its head and description out of its file.
fn look_at(domain: &'static Domain, object: &NamedObject) -> SnapshotObject {
    let is_damage = |error: &Error| matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Mismatch);
    let (contents, damage) = match Contents::of(domain, object) {
        Ok(contents) => (contents, None),
        Err(error) => (Contents::default(), Some(error).filter(is_damage).map(Arc::new)),
    };
    let Contents { ring, queue, topic, value, acquisitions, mut description } = contents;
    let mut head = [0_u8; 128];
    let is_channel = matches!(object.kind.as_str(), "ring" | "queue" | "topic");
    if !is_channel
        && damage.is_none()
        && object.key != 0
        && let Ok(file) =
            directory::open_in(domain.directory().as_fd(), &format!("{}.{}", object.kind, object.name))
    {
        let file = File::from(file);
        // What cannot be read is shown as zeros.
        let _ = file.read_exact_at(&mut head, OBJECT_OFFSET);
        description = describe(&file);
    }
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let (state, is_once) = (word(32), object.kind == "once" && damage.is_none());
    let dead_owner = (matches!(object.kind.as_str(), "lock" | "monitor" | "once"))
        .then(|| OwnerId::from_bits(word(0)))
        .flatten()
        .filter(|&owner| !domain.is_alive(owner));
    SnapshotObject {
        name: object.to_string(),
        kind: object.kind.clone(),
        key: object.key,
        description,
        value: value.or(is_once.then(|| Value::IsDone(state & u64::from(DONE) != 0))),
        acquisitions: acquisitions.unwrap_or(word(8)),
        contended: word(64),
        longest_wait: Duration::from_nanos(word(72)),
        overtaken_most: word(88),
        deaths: word(96),
        dead_owner,
        is_abandoned: state & u64::from(ABANDONED) != 0,
        damage,
        ring,
        queue,
        topic,
        met: (word(48) == word(8) && word(56) != 0)
            .then(|| Duration::from_nanos(clock::now_ns().saturating_sub(word(56)))),
    }
}

/// The description that a new object writes behind its header.
fn describe(file: &File) -> String {
    const OFFSET: u64 = 128;
    const BYTES_MAX: u64 = 2048;
    let mut length = [0; 8];
    if file.read_exact_at(&mut length, OFFSET).is_err() {
        return String::new();
    }
    let length = u64::from_le_bytes(length).min(BYTES_MAX);
    let mut text = vec![0; usize::try_from(length).unwrap_or(0)];
    if file.read_exact_at(&mut text, OFFSET + 8).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&text).chars().filter(|c| !c.is_control()).collect()
}
