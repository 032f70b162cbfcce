//! [`Board`]: a client's own file, in which it says which of its calls it waits for; where calls go through a queue.
//!
//! | offset in the file | holds |
//! |---|---|
//! | 0 | the segment's header, 128 bytes |
//! | 4096 | the client's owner id, 8 bytes; 0 once it has left |
//! | 8192 | the words of 4,096 calls, 16 bytes each (`core::word::call`) |

use crosstie_core::OwnerId;
use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::layout::header::{Kind, layout_hash};
use crosstie_core::word::call::CallWords;

use super::frame::SLOT_BITS;
use crate::channel::queue;
use crate::error::{ErrorKind, Result};
use crate::ledger::Domain;
use crate::os::futex;
use crate::region::{Segment, SegmentSpec, Sizes, Space, removal};

const OWNER_OFFSET: usize = 4096;
const CALLS_OFFSET: usize = 8192;
const SPEC: SegmentSpec = SegmentSpec {
    kind: Kind::new("client"),
    layout: layout_hash("client: owner @4096, calls 4096x16 @8192 {id:32, changes:32, taken:64}"),
    header_bytes: 4096,
    data_bytes: (CALLS_OFFSET - 4096 + BOARD_CALLS * size_of::<CallWords>()) as u64,
    params: [0; 4],
    sizes: Sizes::Exact,
    space: Space::Whole,
};

/// So many calls a client has on its board.
pub(super) const BOARD_CALLS: usize = 4096;

/// A client's own file.
#[derive(Debug)]
pub(super) struct Board {
    segment: Segment,
    domain: &'static Domain,
    place: ClientPlace,
}

/// Which client of which address.
#[derive(Clone, Debug)]
pub(super) struct ClientPlace {
    /// The name in `queue:NAME`.
    pub(super) name: String,
    pub(super) token: u64,
}

impl ClientPlace {
    /// The queue of its replies.
    pub(super) fn replies(&self) -> String {
        format!("{}.replies.{:016x}", self.name, self.token)
    }

    fn file(&self) -> String {
        format!("client.{}.{:016x}", self.name, self.token)
    }
}

/// The queue of the calls to `queue:NAME`.
pub(super) fn calls_queue(name: &str) -> String {
    format!("{name}.calls")
}

impl Board {
    /// Makes the file of a new client: this process.
    pub(super) fn create(domain: &'static Domain, place: ClientPlace) -> Result<Self> {
        let me = domain.process_owner()?;
        let segment = Segment::open_or_create(domain.directory(), &place.file(), &SPEC, |segment| {
            // Relaxed: nobody else sees it before it has its name.
            segment.shared::<AtomicU64>(OWNER_OFFSET)?.store(me.to_bits(), Ordering::Relaxed);
            Ok(())
        })?;
        Ok(Self { segment, domain, place })
    }

    /// Opens the file of a client that is there.
    pub(super) fn open(domain: &'static Domain, place: ClientPlace) -> Result<Self> {
        let segment = Segment::open(domain.directory(), &place.file(), &SPEC)?;
        Ok(Self { segment, domain, place })
    }

    pub(super) fn domain(&self) -> &'static Domain {
        self.domain
    }

    pub(super) fn place(&self) -> &ClientPlace {
        &self.place
    }

    /// The client, if it has not left and lives.
    pub(super) fn client(&self) -> Option<OwnerId> {
        let word = self.segment.shared::<AtomicU64>(OWNER_OFFSET).ok()?;
        // Acquire: meets the Release of its leaving.
        let id = OwnerId::from_bits(word.load(Ordering::Acquire))?;
        self.domain.is_alive(id).then_some(id)
    }

    /// The client leaves: nobody waits for anything.
    pub(super) fn leave(&self) {
        if let Ok(word) = self.segment.shared::<AtomicU64>(OWNER_OFFSET) {
            // Release: all that it took is taken.
            word.store(0, Ordering::Release);
        }
    }

    /// The words of the call `id`.
    pub(super) fn call(&self, id: u32) -> Option<&CallWords> {
        let index = (id & ((1 << SLOT_BITS) - 1)) as usize;
        let offset = CALLS_OFFSET + index.min(BOARD_CALLS) * size_of::<CallWords>();
        self.segment.shared(offset).ok()
    }

    /// Whether the client waits for the call `id`.
    pub(super) fn is_wanted(&self, id: u32) -> bool {
        self.call(id).is_some_and(|call| call.is_wanted(id)) && self.client().is_some()
    }

    /// Removes the file and the queue of the client's replies, unless a server has that open still: then the last
    /// one does.
    pub(super) fn remove(domain: &'static Domain, place: &ClientPlace) {
        match queue::remove(domain, &place.replies()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {}
            // Whoever was first has removed both.
            _ => drop(removal::remove(domain.directory(), &place.file(), &SPEC, |_| None)),
        }
    }
}

/// Removes what clients of `queue:NAME` have left that were killed before any server heard of them.
pub(super) fn sweep(domain: &'static Domain, name: &str) {
    let entries = std::fs::read_dir(domain.directory().path()).into_iter().flatten().flatten();
    for entry in entries {
        let Ok(file) = entry.file_name().into_string() else { continue };
        let Some((of, token)) = file.strip_prefix("client.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        let Ok(token) = u64::from_str_radix(token, 16) else { continue };
        let place = ClientPlace { name: of.to_owned(), token };
        if of == name
            && place.file() == file
            && Board::open(domain, place.clone()).is_ok_and(|it| it.is_left())
        {
            Board::remove(domain, &place);
        }
    }
}

impl Board {
    fn is_left(&self) -> bool {
        let word = self.segment.shared::<AtomicU64>(OWNER_OFFSET);
        // Acquire: as in `client`.
        let id = word.ok().and_then(|word| OwnerId::from_bits(word.load(Ordering::Acquire)));
        id.is_none_or(|id| !self.domain.confirm_alive(id))
    }
}

/// Wakes who sleeps until the caller says something.
pub(super) fn wake(changes: &AtomicU32) {
    futex::wake(changes, u32::MAX);
}
