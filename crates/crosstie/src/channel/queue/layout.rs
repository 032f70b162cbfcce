//! Where what lies in the file of a queue.
//!
//! | offset in the file | holds |
//! |---|---|
//! | 0 | the segment's header, 128 bytes; parameters: places, chunks, deliveries, lease in ns |
//! | 128 | [`Control`], 1,024 bytes |
//! | 4096 | the entries of 1,024 ends, 16 bytes each |
//! | 20480 | for each place its job's word, 8 bytes; then for each its extent; then for each when it was delivered |
//! | | the two orders, 8 bytes a place |
//! | | the tags of the chunks, 8 bytes each |
//! | next page | for each place 128 bytes of payload |
//! | next page | the chunks, 1 KiB each |

use std::time::Duration;

use crosstie_core::layout::header::{Header, Kind, layout_hash};
use crosstie_core::queue::control::Control;
use crosstie_core::queue::member::Member;
use crosstie_core::queue::memory::{
    CHUNK_BYTES, CHUNKS_MAX, DELIVERIES_MAX, Geometry, INLINE_BYTES, JOBS_MAX, MEMBERS,
};
use crosstie_core::ring::spsc::Corrupt;

use super::options::{self, QueueOptions};
use super::shared::{corrupt, object};
use crate::error::{Error, ErrorKind, Result};
use crate::region::{SegmentSpec, Sizes, Space};

const LAYOUT: u64 = layout_hash(
    "queue: control @128 (receivers, senders {asleep:2, doorbells:1, wakes:29}, heads 2x, tails 2x, ends, counts, 128 apart), members 1024x16 @4096, \
     jobs 8x {member:12, state:4, deliveries:8, 0:8, serial:32}, extents 8x {length:32, chunk:31, pooled:1}, delivered 8x, \
     orders 2x 8x {job:20, key:27, live:1, lap tag:16}, chunk tags 8x {job:32, serial:32}; page: payloads 128x; page: chunks 1024x",
);
pub(super) const CONTROL_OFFSET: usize = 128;
pub(super) const HEADER_BYTES: usize = 4096;
const PAGE_BYTES: u64 = 4096;
const WORD_BYTES: u64 = 8;

/// Where the parts of a queue begin, in bytes from the file's first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub geometry: Geometry,
    pub members: usize,
    pub jobs: usize,
    pub extents: usize,
    pub delivered: usize,
    pub orders: [usize; 2],
    pub chunk_tags: usize,
    pub payloads: usize,
    pub chunks: usize,
    pub total: usize,
}

const _: () = assert!(CONTROL_OFFSET + size_of::<Control>() <= HEADER_BYTES);

impl Layout {
    pub(super) fn of(geometry: Geometry) -> Self {
        let mut next = HEADER_BYTES as u64;
        let mut part = |bytes: u64| {
            let begins = next;
            next += bytes;
            // Sizes are bounded (Geometry), so that they fit any address.
            usize::try_from(begins).unwrap_or(usize::MAX)
        };
        let (places, entries) = (u64::from(geometry.jobs), u64::from(geometry.order_slots()));
        let members = part(u64::from(MEMBERS) * size_of::<Member>() as u64);
        let jobs = part(places * WORD_BYTES);
        let extents = part(places * WORD_BYTES);
        let delivered = part(places * WORD_BYTES);
        let orders = [part(entries * WORD_BYTES), part(entries * WORD_BYTES)];
        let chunk_tags = part(u64::from(geometry.chunks) * WORD_BYTES);
        let to_page = |at: usize| (PAGE_BYTES - at as u64 % PAGE_BYTES) % PAGE_BYTES;
        let end = part(0);
        part(to_page(end));
        let payloads = part(places * INLINE_BYTES as u64);
        let end = part(0);
        part(to_page(end));
        let chunks = part(u64::from(geometry.chunks) * CHUNK_BYTES as u64);
        let total = part(0);
        Self { geometry, members, jobs, extents, delivered, orders, chunk_tags, payloads, chunks, total }
    }

    /// What a new queue of this layout is.
    pub(super) fn spec(&self) -> SegmentSpec {
        let Geometry { jobs, chunks, deliveries_max, lease_ns } = self.geometry;
        SegmentSpec {
            kind: Kind::new("queue"),
            layout: LAYOUT,
            header_bytes: HEADER_BYTES as u64,
            data_bytes: (self.total - HEADER_BYTES) as u64,
            params: [u64::from(jobs), u64::from(chunks), u64::from(deliveries_max), lease_ns],
            sizes: Sizes::AsFound,
            space: Space::Whole,
        }
    }

    /// The layout of the queue that `header` says it is.
    ///
    /// # Errors
    /// `Corrupt` when no queue has such sizes.
    pub(super) fn found(name: &str, header: &Header) -> Result<Self> {
        let [jobs, chunks, deliveries_max, lease_ns] = header.params;
        let refused = |field, found, limit| corrupt(name, Corrupt { field, found, limit });
        let geometry = Geometry::new(jobs, chunks, deliveries_max, lease_ns)
            .ok_or_else(|| refused("number of places", jobs, u64::from(JOBS_MAX)))?;
        let layout = Self::of(geometry);
        let wanted = layout.spec();
        if header.header_bytes != wanted.header_bytes || header.data_bytes != wanted.data_bytes {
            return Err(refused("size", header.data_bytes, wanted.data_bytes));
        }
        Ok(layout)
    }
}

/// The sizes that `options` ask for, where they ask for nothing the defaults.
///
/// # Errors
/// `Usage` for what no queue can have.
pub(super) fn wanted(name: &str, options: &QueueOptions) -> Result<Geometry> {
    let places = u64::from(options.places.unwrap_or(options::PLACES));
    let capacity = options.capacity_bytes.unwrap_or(options::CAPACITY_BYTES);
    let deliveries = u64::from(options.deliveries_max.unwrap_or(options::DELIVERIES_MAX));
    let chunks = (capacity / CHUNK_BYTES) as u64;
    let lease_ns = nanoseconds(options.lease.unwrap_or_default());
    let refused = |cause: String, advice: String| {
        Error::new("open", object(name), ErrorKind::Usage).because(cause).advise(advice)
    };
    if !capacity.is_multiple_of(CHUNK_BYTES) {
        return Err(refused(
            format!("its room cannot have {capacity} bytes"),
            format!("take a multiple of {CHUNK_BYTES}"),
        ));
    }
    Geometry::new(places, chunks, deliveries, lease_ns).ok_or_else(|| {
        refused(
            format!("a queue cannot have {places} places, {capacity} bytes and {deliveries} deliveries"),
            format!(
                "take 1 to {JOBS_MAX} places, up to {} bytes, 1 to {DELIVERIES_MAX} deliveries",
                u64::from(CHUNKS_MAX) * CHUNK_BYTES as u64
            ),
        )
    })
}

/// Whether a queue is what `options` ask for.
///
/// # Errors
/// `Mismatch`, which names both.
pub(super) fn check(name: &str, options: &QueueOptions, found: Geometry) -> Result<()> {
    let bytes = u64::from(found.chunks) * CHUNK_BYTES as u64;
    let differing = [
        ("places", options.places.map(u64::from), u64::from(found.jobs)),
        ("bytes of room", options.capacity_bytes.map(|bytes| bytes as u64), bytes),
        ("deliveries at most", options.deliveries_max.map(u64::from), u64::from(found.deliveries_max)),
        ("ns of lease", options.lease.map(nanoseconds), found.lease_ns),
    ];
    for (what, wanted, found) in differing {
        if let Some(wanted) = wanted
            && wanted != found
        {
            return Err(Error::new("open", object(name), ErrorKind::Mismatch)
                .because(format!("it has {found} {what}, asked for were {wanted}"))
                .advise(format!(
                    "leave that out to take it as it is, or remove it: crosstie rm queue:{name}"
                )));
        }
    }
    Ok(())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
