//! Messages out of the packets of many writers: pure, whoever of them dies where.

use std::collections::HashMap;
use std::ops::Range;

use super::super::inbound::Breach;
use super::{BATCH, END, Header, OPEN};

/// So many writers that have not ended are remembered.
const WRITERS_MAX: usize = 65_536;

/// What the receiver knows about a writer that has not ended.
#[derive(Debug, Default)]
struct Writer {
    number: u32,
    total: usize,
    bytes: Vec<u8>,
}

/// A whole message, or none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing to deliver.
    Nothing,
    /// The packet holds it whole, at this place.
    InPacket(Range<usize>),
    /// The packet holds several, from this place on.
    Batch(usize),
    /// It was the last piece; the message is in [`Assembly::message`].
    Assembled,
}

/// The messages under way, by writer.
#[derive(Debug)]
pub(super) struct Assembly {
    writers: HashMap<u64, Writer>,
    message: Vec<u8>,
    limit: usize,
    /// At least one writer came since the last end.
    has_come: bool,
}

impl Assembly {
    pub(super) fn new(limit: usize) -> Self {
        Self { writers: HashMap::new(), message: Vec::new(), limit, has_come: false }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn has_come(&self) -> bool {
        self.has_come
    }

    /// The message that the last packet completed.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// All writers are gone; answers whether each of them had ended cleanly, and begins anew.
    pub(super) fn end(&mut self) -> bool {
        self.has_come = false;
        let were_clean = self.writers.is_empty();
        self.writers.clear();
        were_clean
    }

    /// Takes one packet.
    pub(super) fn take(&mut self, packet: &[u8]) -> Result<(Header, Outcome), Breach> {
        let (header, piece) = Header::split(packet)?;
        let place = packet.len() - piece.len();
        self.has_come = true;
        if header.flags & END != 0 {
            self.writers.remove(&header.writer);
            return Ok((header, Outcome::Nothing));
        }
        if self.writers.len() >= WRITERS_MAX && !self.writers.contains_key(&header.writer) {
            return Err(Breach::Corrupt("more writers than one FIFO can have"));
        }
        let writer = self.writers.entry(header.writer).or_default();
        if header.flags & OPEN != 0 {
            return Ok((header, Outcome::Nothing));
        }
        if header.flags & BATCH != 0 {
            return Ok((header, Outcome::Batch(place)));
        }
        let (offset, total) = (header.offset as usize, header.total as usize);
        if total > self.limit {
            // Its other pieces are told apart by their offsets, and dropped.
            return if offset == 0 {
                Err(Breach::TooLarge { length: total, limit: self.limit })
            } else {
                Ok((header, Outcome::Nothing))
            };
        }
        if offset == 0 && piece.len() == total {
            return Ok((header, Outcome::InPacket(place..place + total)));
        }
        let is_whole = writer.add(&header, offset, total, piece);
        if is_whole {
            std::mem::swap(&mut self.message, &mut writer.bytes);
            writer.bytes = Vec::new();
        }
        Ok((header, if is_whole { Outcome::Assembled } else { Outcome::Nothing }))
    }
}

impl Writer {
    /// Adds a piece; one that does not follow the last belongs to a message whose beginning a
    /// receiver before us had taken, and is dropped.
    fn add(&mut self, header: &Header, offset: usize, total: usize, piece: &[u8]) -> bool {
        if offset == 0 {
            self.number = header.number;
            self.total = total;
            self.bytes.clear();
        }
        let follows = self.number == header.number
            && self.total == total
            && self.bytes.len() == offset
            && piece.len() <= total - offset.min(total);
        if !follows {
            self.bytes.clear();
            return false;
        }
        self.bytes.extend_from_slice(piece);
        self.bytes.len() == total
    }
}
