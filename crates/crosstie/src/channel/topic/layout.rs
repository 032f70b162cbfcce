//! Where what lies in the file of a topic.
//!
//! | offset in the file | holds |
//! |---|---|
//! | 0 | the segment's header, 128 bytes; parameters: mode, places, longest message, 0 |
//! | 128 | [`Control`], 640 bytes |
//! | 4096 | the entries of 1,024 ends, 16 bytes each |
//! | 20480 | the cursors of as many subscribers, 64 bytes each |
//! | 86016 | the slots: word, extent, payload; each whole cache lines |

use crosstie_core::layout::header::{Header, Kind, layout_hash};
use crosstie_core::queue::member::Member;
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::ring::spsc::Corrupt;
use crosstie_core::topic::control::{Control, Cursor};
use crosstie_core::topic::memory::{Geometry, Mode, PAYLOAD_BYTES_MAX, SLOTS_LATEST, SLOTS_MAX, SLOTS_MIN};

use super::options::{self, TopicOptions};
use super::shared::{corrupt, object};
use crate::error::{Error, ErrorKind, Result};
use crate::region::{SegmentSpec, Sizes, Space};

const LAYOUT: u64 = layout_hash(
    "topic: control @128 (subscribers, publishers {asleep:2, doorbells:1, wakes:29}, tail, tally, joins, 128 apart), members 1024x16 @4096, \
     cursors 1024x64 {next, lost} @20480, slots @86016 {word {member:12, state:4, lap tag:48}, extent, payload} 64x",
);
pub(super) const CONTROL_OFFSET: usize = 128;
pub(super) const MEMBERS_OFFSET: usize = 4096;
pub(super) const CURSORS_OFFSET: usize = MEMBERS_OFFSET + MEMBERS as usize * size_of::<Member>();
pub(super) const SLOTS_OFFSET: usize = CURSORS_OFFSET + MEMBERS as usize * size_of::<Cursor>();

const _: () = {
    assert!(CONTROL_OFFSET + size_of::<Control>() <= MEMBERS_OFFSET);
    assert!(SLOTS_OFFSET == 86016 && SLOTS_OFFSET.is_multiple_of(4096));
};

/// What a new topic of these sizes is.
pub(super) fn spec(geometry: Geometry) -> SegmentSpec {
    let Geometry { mode, slots, payload_bytes_max } = geometry;
    SegmentSpec {
        kind: Kind::new("topic"),
        layout: LAYOUT,
        header_bytes: SLOTS_OFFSET as u64,
        data_bytes: u64::from(slots) * geometry.stride_bytes(),
        params: [mode.to_bits(), u64::from(slots), u64::from(payload_bytes_max), 0],
        sizes: Sizes::AsFound,
        space: Space::Whole,
    }
}

/// The sizes of the topic that `header` says it is.
///
/// # Errors
/// `Corrupt` when no topic has such sizes.
pub(super) fn found(name: &str, header: &Header) -> Result<Geometry> {
    let [mode, slots, payload_bytes_max, _] = header.params;
    let refused = |field, found, limit| corrupt(name, Corrupt { field, found, limit });
    let mode = Mode::from_bits(mode).ok_or_else(|| refused("mode", mode, Mode::Latest.to_bits()))?;
    let geometry = Geometry::new(mode, slots, payload_bytes_max)
        .ok_or_else(|| refused("number of places", slots, u64::from(SLOTS_MAX)))?;
    let wanted = spec(geometry);
    if header.header_bytes != wanted.header_bytes || header.data_bytes != wanted.data_bytes {
        return Err(refused("size", header.data_bytes, wanted.data_bytes));
    }
    Ok(geometry)
}

/// The sizes that `options` ask for, where they ask for nothing the defaults.
///
/// # Errors
/// `Usage` for what no topic can have.
pub(super) fn wanted(name: &str, options: &TopicOptions) -> Result<Geometry> {
    let mode = options.mode.unwrap_or(Mode::Lossless);
    let default = if mode == Mode::Latest { SLOTS_LATEST } else { options::PLACES };
    let places = options.places.unwrap_or(default);
    let bytes = options.message_bytes_max.unwrap_or(options::MESSAGE_BYTES);
    Geometry::new(mode, u64::from(places), bytes as u64).ok_or_else(|| {
        let advice = match mode {
            Mode::Latest => format!("a topic of the latest value has {SLOTS_LATEST} places: leave places out"),
            Mode::Lossless | Mode::Lossy => format!(
                "take a power of two of places from {SLOTS_MIN} to {SLOTS_MAX}, and 1 to {PAYLOAD_BYTES_MAX} bytes"
            ),
        };
        Error::new("open", object(name), ErrorKind::Usage)
            .because(format!("a topic cannot have {places} places for messages of {bytes} bytes"))
            .advise(advice)
    })
}

/// Whether a topic is what `options` ask for.
///
/// # Errors
/// `Mismatch`, which names both.
pub(super) fn check(name: &str, options: &TopicOptions, found: Geometry) -> Result<()> {
    let differs = |what: &str, has: String, asked: String| {
        Error::new("open", object(name), ErrorKind::Mismatch)
            .because(format!("its {what} is {has}, asked for was {asked}"))
            .advise(format!("leave that out to take it as it is, or remove it: crosstie rm topic:{name}"))
    };
    if let Some(mode) = options.mode.filter(|&mode| mode != found.mode) {
        return Err(differs("mode", word(found.mode).to_owned(), word(mode).to_owned()));
    }
    if let Some(places) = options.places.filter(|&places| places != found.slots) {
        return Err(differs("number of places", found.slots.to_string(), places.to_string()));
    }
    let limit = found.payload_bytes_max as usize;
    if let Some(bytes) = options.message_bytes_max.filter(|&bytes| bytes != limit) {
        return Err(differs("longest message", format!("{limit} bytes"), format!("{bytes} bytes")));
    }
    Ok(())
}

/// How a mode is written.
pub(super) const fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Lossless => "lossless",
        Mode::Lossy => "lossy",
        Mode::Latest => "latest",
    }
}
