//! Calls in the deadlock proof: the keys of a queue of calls, or of a server, and of each call there, and how many could do one.
//!
//! Who waits for a call waits for whoever has it in hand; while nobody has, for any of the queue's receivers, or of the server's
//! workers, of which each does one call at a time: a unit each. A worker notes both while it is busy: the call, and its unit.
//! Before a proof ends a call, it is read where the call is: in the queue's file here, in the server's [sign](super::sign) there.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use crosstie_core::layout::header::layout_hash;
use crosstie_core::queue::job::Job;
use crosstie_core::queue::member::{self, Member, Part};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::word::holds::{Hold, HoldIndex};
use crosstie_core::word::waiting::Mode;

use super::{Domain, Me};
use crate::os::directory;

/// A worker that does a call, as its slot says it.
pub(crate) struct Busy {
    me: Me,
    notes: [HoldIndex; 2],
}

impl Busy {
    /// Notes that the calling thread does the call of `ticket`, and can do no other one; `None` where it takes no part in
    /// the domain.
    pub(crate) fn note(domain: &'static Domain, calls: u64, ticket: u64) -> Option<Self> {
        let me = domain.me().ok()?;
        let unit = Hold { key: calls, mode: Mode::Units, units: 1, site: 0 };
        let call = Hold { key: key_of_call(calls, ticket), mode: Mode::Exclusive, units: 1, site: 0 };
        Some(Self { me, notes: [unit, call].map(|hold| me.slot.holds.note(&hold)) })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.me.is_ours() {
            for note in self.notes {
                self.me.slot.holds.forget(note);
            }
        }
    }
}

/// Who could do a call for which all known workers are too busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Nobody: the call waits, and all who could take it are known.
    Nobody,
    /// Somebody, or it cannot be told.
    Somebody,
    /// The call, or its answer, is on its way: it is to be asked again soon.
    Unsettled,
}

/// How the queue of calls of `queue:NAME` is named: `NAME.calls`.
pub(crate) const CALLS_SUFFIX: &str = ".calls";
/// Where the members of a queue lie in its file; its jobs' words are next.
const MEMBERS_OFFSET: u64 = 4096;
/// Keys that are counted never come so far.
const HASHED: u64 = 1 << 60;

/// A key that is no counted one.
pub(super) fn hashed(mixed: u64) -> u64 {
    ((mixed ^ (mixed >> 29)) & (HASHED - 1)) | HASHED
}

/// The key of the queue of calls `queue`.
pub(crate) fn key_of_calls(queue: &str) -> u64 {
    (layout_hash(queue) & (HASHED - 1)) | HASHED
}

/// The key of the call in a queue of calls that its ticket names.
pub(crate) fn key_of_call(calls: u64, ticket: u64) -> u64 {
    hashed((calls.rotate_left(17) ^ ticket).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl Domain {
    /// Who could do the call of `ticket` in the queue of calls, or at the server, of `key`, beside the `busy` that are known.
    ///
    /// # Cost
    /// System calls, some a file: only where a proof is about to end a call.
    pub(super) fn others_for(&'static self, key: u64, ticket: u64, busy: u32) -> Others {
        let entries = std::fs::read_dir(self.directory().path()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_it = |file: &String| {
            let queue = file.strip_prefix("queue.").filter(|queue| queue.ends_with(CALLS_SUFFIX));
            queue.is_some_and(|queue| key_of_calls(queue) == key)
        };
        match names.into_iter().find(is_it) {
            Some(file) if self.waits_in(&file, ticket, busy) == Some(true) => Others::Nobody,
            Some(_) => Others::Somebody,
            None => self.others_at_server(key, ticket, busy),
        }
    }

    /// Whether the call waits in the file of the queue to be taken, and all who could take it, the living receivers, are known.
    fn waits_in(&'static self, file: &str, ticket: u64, busy: u32) -> Option<bool> {
        let file = File::from(directory::open_in(self.directory().as_fd(), file).ok()?);
        let mut bytes = vec![0; usize::from(MEMBERS) * size_of::<Member>()];
        file.read_exact_at(&mut bytes, MEMBERS_OFFSET).ok()?;
        let words = bytes.chunks_exact(size_of::<Member>()).filter_map(|entry| entry.first_chunk::<8>());
        let members = words.filter_map(|word| member::decode(u64::from_le_bytes(*word)));
        let receivers = members.filter(|(id, part)| *part == Part::Receiver && self.is_alive(*id));
        if receivers.count() != busy as usize {
            return Some(false);
        }
        // Behind the members: who has taken it came before, and is known.
        let mut word = [0; 8];
        let place = (ticket & 0xFFFF_FFFF) * 8;
        file.read_exact_at(&mut word, MEMBERS_OFFSET + bytes.len() as u64 + place).ok()?;
        let job = Job::from_bits(u64::from_le_bytes(word))?;
        Some(job.is_offered() && u64::from(job.serial) == ticket >> 32)
    }
}
