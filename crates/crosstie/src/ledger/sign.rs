//! [`Sign`]: what a server of calls says of itself in the domain, where its calls come through the kernel or rings: how many
//! workers it has, and which calls wait for one.
//!
//! Nobody but the server sees which calls have come to it. So it says in a file of its own, `server.TOKEN`, what the queue of calls
//! says of itself ([`super::calls`]): a proof needs both before it ends anybody's call.
//!
//! | offset in the file | holds |
//! |---|---|
//! | 0 | the segment's header, 128 bytes |
//! | 4096 | the server's owner id, 8 bytes |
//! | 4104 | how many workers it has, 8 bytes; all ones while others may take its calls too |
//! | 4112 | the calls that wait for a worker, the first 64 that came, 8 bytes each; 0 for none |
//! | 4624 | its address: bytes of its text, 8 bytes, and up to 1,000 of them |
//! | 5632 | how many calls its workers have in hand, 8 bytes: for who looks |
//! | 5640 | how many wait for a worker, 8 bytes: for who looks |
//! | 5648 | what these take, in bytes, 8 bytes: for who looks |
//!
//! # Orderings
//! A reader has found all workers asleep, and looks behind that: a call that it finds here was not answered then, because a call
//! comes here before a worker may have it, and leaves before one does.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::layout::header::{Kind, layout_hash};

use super::Domain;
use super::calls::{Busy, Others, hashed};
use crate::error::Result;
use crate::os::directory;
use crate::region::{Segment, SegmentSpec, Sizes, Space, removal};

const OWNER_OFFSET: usize = 4096;
const WORKERS_OFFSET: usize = 4104;
const WAITING_OFFSET: usize = 4112;
const TEXT_OFFSET: usize = WAITING_OFFSET + WAITING_MAX * 8;
const TEXT_BYTES_MAX: usize = 1000;
const IN_HAND_OFFSET: usize = TEXT_OFFSET + 8 + TEXT_BYTES_MAX;
const QUEUED_OFFSET: usize = IN_HAND_OFFSET + 8;
const QUEUED_BYTES_OFFSET: usize = QUEUED_OFFSET + 8;
/// So many calls that wait are told of.
pub(crate) const WAITING_MAX: usize = 64;
const FILE_BYTES: usize = 8192;
const PREFIX: &str = "server.";

const SPEC: SegmentSpec = SegmentSpec {
    kind: Kind::new("server"),
    layout: layout_hash(
        "server: owner @4096, workers @4104, waiting 64x8 @4112, address @4624 {bytes:64, text}, in hand @5632, \
         queued @5640, queued bytes @5648",
    ),
    header_bytes: 4096,
    data_bytes: (FILE_BYTES - 4096) as u64,
    params: [0; 4],
    sizes: Sizes::Exact,
    space: Space::Whole,
};

/// The key of the server that `token` names: what its callers wait for.
pub(crate) fn key_of_server(token: u64) -> u64 {
    hashed(token.wrapping_mul(0xD6E8_FEB8_6659_FD93))
}

/// What the call `id` of the conversation `token` is known by; never 0.
pub(crate) fn ticket_of(token: u64, id: u32) -> u64 {
    (token.rotate_left(32) ^ u64::from(id)).max(1)
}

fn file_of(token: u64) -> String {
    format!("{PREFIX}{token:016x}")
}

fn token_of(file: &str) -> Option<u64> {
    u64::from_str_radix(file.strip_prefix(PREFIX).filter(|token| token.len() == 16)?, 16).ok()
}

/// What a server says of itself; taken down on drop.
#[derive(Debug)]
pub(crate) struct Sign {
    domain: &'static Domain,
    segment: Segment,
    token: u64,
    /// The places for calls that wait which are free.
    free: Mutex<Vec<usize>>,
    owner_pid: u32,
}

/// A call that is said to wait, until this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    sign: Arc<Sign>,
    place: usize,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(word) = self.sign.waiting(self.place) {
            // Release: before a worker has the call.
            word.store(0, Ordering::Release);
        }
        self.sign.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.place);
    }
}

impl Sign {
    /// Puts up the sign of a server at `address`, named by `token`; takes down those of servers that died.
    pub(crate) fn put_up(domain: &'static Domain, token: u64, address: &str) -> Result<Arc<Self>> {
        for (file, owner) in domain.signs().filter_map(|(file, read)| Some((file, read?.owner))) {
            if owner.is_none_or(|owner| !domain.confirm_alive(owner)) {
                let _ = removal::remove(domain.directory(), &file, &SPEC, |_| None);
            }
        }
        let me = domain.process_owner()?;
        let segment = Segment::open_or_create(domain.directory(), &file_of(token), &SPEC, |segment| {
            // Relaxed, all in this function: nobody else sees it before it has its name.
            segment.shared::<AtomicU64>(OWNER_OFFSET)?.store(me.to_bits(), Ordering::Relaxed);
            let text = &address.as_bytes()[..address.len().min(TEXT_BYTES_MAX)];
            segment.shared::<AtomicU64>(TEXT_OFFSET)?.store(text.len() as u64, Ordering::Relaxed);
            for (at, bytes) in text.chunks(8).enumerate() {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                let place = segment.shared::<AtomicU64>(TEXT_OFFSET + 8 + at * 8)?;
                // Relaxed: as above.
                place.store(u64::from_le_bytes(word), Ordering::Relaxed);
            }
            Ok(())
        })?;
        let free = Mutex::new((0..WAITING_MAX).rev().collect());
        Ok(Arc::new(Self { domain, segment, token, free, owner_pid: std::process::id() }))
    }

    /// What its clients know it by.
    pub(crate) fn token(&self) -> u64 {
        self.token
    }

    /// It has so many workers, who alone take its calls; `None`: others may, too.
    pub(crate) fn set_workers(&self, workers: Option<usize>) {
        if let Ok(word) = self.segment.shared::<AtomicU64>(WORKERS_OFFSET) {
            // Release: who reads it also sees what waited before.
            word.store(workers.map_or(u64::MAX, |workers| workers as u64), Ordering::Release);
        }
    }

    /// Its workers have so many calls in hand, and so many wait for one, which take so many bytes.
    pub(crate) fn set_counts(&self, in_hand: usize, queued: usize, queued_bytes: usize) {
        let counts =
            [(IN_HAND_OFFSET, in_hand), (QUEUED_OFFSET, queued), (QUEUED_BYTES_OFFSET, queued_bytes)];
        for (offset, count) in counts {
            if let Ok(word) = self.segment.shared::<AtomicU64>(offset) {
                // Relaxed: for who looks; nothing is read by it.
                word.store(count as u64, Ordering::Relaxed);
            }
        }
    }

    fn waiting(&self, place: usize) -> Option<&AtomicU64> {
        self.segment.shared(WAITING_OFFSET + place * 8).ok()
    }

    /// Says that the call of `ticket` waits for a worker; `None` if too many do to tell of all.
    pub(crate) fn say_waiting(self: &Arc<Self>, ticket: u64) -> Option<Waiting> {
        let place = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        // Release: read by who has seen that its caller waits.
        self.waiting(place)?.store(ticket, Ordering::Release);
        Some(Waiting { sign: Arc::clone(self), place })
    }

    /// Notes in the ledger that the calling thread does the call of `ticket`, and no other one.
    pub(crate) fn busy(&self, ticket: u64) -> Option<Busy> {
        Busy::note(self.domain, key_of_server(self.token), ticket)
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        // In a child of fork the parent goes on with it (H6).
        if self.owner_pid == std::process::id() {
            let _ = removal::remove(self.domain.directory(), &file_of(self.token), &SPEC, |_| None);
        }
    }
}

/// A sign as it was read, nothing of it trusted.
struct Read {
    owner: Option<OwnerId>,
    workers: u64,
    waiting: Vec<u64>,
    address: String,
    in_hand: u64,
    queued: u64,
    queued_bytes: u64,
}

/// A living server of calls elsewhere than at a queue, as its sign says it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerState {
    /// Its key in the ledger.
    pub(crate) key: u64,
    /// Where its clients find it.
    pub address: String,
    /// Who it is.
    pub owner: OwnerId,
    /// How many workers it has; `None` while others may take its calls too.
    pub workers: Option<u64>,
    /// Calls that its workers have in hand.
    pub in_hand: u64,
    /// Calls that wait for a worker.
    pub waiting: u64,
    /// What these take of the server's memory, in bytes.
    pub waiting_bytes: u64,
}

impl Read {
    fn of(bytes: &[u8; FILE_BYTES]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..)?.first_chunk::<8>().map(|word| u64::from_le_bytes(*word));
        let waiting = (0..WAITING_MAX).filter_map(|place| word(WAITING_OFFSET + place * 8));
        let length = usize::try_from(word(TEXT_OFFSET)?).ok().filter(|&length| length <= TEXT_BYTES_MAX)?;
        let text = bytes.get(TEXT_OFFSET + 8..)?.get(..length)?;
        Some(Self {
            owner: OwnerId::from_bits(word(OWNER_OFFSET)?),
            workers: word(WORKERS_OFFSET)?,
            waiting: waiting.collect(),
            address: String::from_utf8_lossy(text).into_owned(),
            in_hand: word(IN_HAND_OFFSET)?,
            queued: word(QUEUED_OFFSET)?,
            queued_bytes: word(QUEUED_BYTES_OFFSET)?,
        })
    }
}

impl Domain {
    /// The signs of servers, and what they say.
    fn signs(&'static self) -> impl Iterator<Item = (String, Option<Read>)> {
        let entries = std::fs::read_dir(self.directory().path()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|file| token_of(file).is_some()).map(|file| {
            let read = self.read_sign(&file);
            (file, read)
        })
    }

    fn read_sign(&'static self, file: &str) -> Option<Read> {
        let file = File::from(directory::open_in(self.directory().as_fd(), file).ok()?);
        let mut bytes = [0; FILE_BYTES];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Read::of(&bytes)
    }

    /// The sign of the living server of `key`.
    fn sign_of(&'static self, key: u64) -> Option<Read> {
        let is_it = |(file, _): &(String, _)| token_of(file).is_some_and(|token| key_of_server(token) == key);
        let read = self.signs().find(is_it)?.1?;
        read.owner.is_some_and(|owner| self.is_alive(owner)).then_some(read)
    }

    /// Who could do the call of `ticket` at the server of `key` beside its `busy` workers.
    pub(super) fn others_at_server(&'static self, key: u64, ticket: u64, busy: u32) -> Others {
        match self.sign_of(key) {
            Some(sign) if sign.workers != u64::from(busy) => Others::Somebody,
            Some(sign) if sign.waiting.contains(&ticket) => Others::Nobody,
            // Still in a socket, or answered.
            Some(_) => Others::Unsettled,
            None => Others::Somebody,
        }
    }

    /// The living servers that have put up a sign, by their addresses.
    pub(crate) fn servers(&'static self) -> Vec<ServerState> {
        let state = |(file, read): (String, Option<Read>)| {
            let read = read?;
            Some(ServerState {
                key: key_of_server(token_of(&file)?),
                owner: read.owner.filter(|&owner| self.is_alive(owner))?,
                address: read.address,
                workers: (read.workers != u64::MAX).then_some(read.workers),
                in_hand: read.in_hand,
                waiting: read.queued,
                waiting_bytes: read.queued_bytes,
            })
        };
        let mut servers: Vec<_> = self.signs().filter_map(state).collect();
        servers.sort_unstable_by(|a, b| a.address.cmp(&b.address));
        servers
    }

    /// The address of the living server of `key`.
    pub(super) fn address_of_server(&'static self, key: u64) -> Option<String> {
        Some(self.sign_of(key)?.address)
    }
}
