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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::PIECE_BYTES_MAX;
    use super::*;

    fn packet(flags: u16, writer: u64, number: u32, offset: usize, total: usize, piece: &[u8]) -> Vec<u8> {
        let [offset, total] = [offset, total].map(|length| u32::try_from(length).expect("short"));
        let header = Header { flags, writer, number, offset, total, pid: 1 };
        [&header.to_bytes()[..], piece].concat()
    }

    /// A writer's packets for messages of these lengths.
    fn packets(writer: u64, lengths: &[usize]) -> Vec<Vec<u8>> {
        let mut packets = vec![packet(OPEN, writer, 0, 0, 0, &[])];
        for (number, length) in (0_u32..).zip(lengths) {
            let message = message(writer, number, *length);
            let mut offset = 0;
            for piece in message.chunks(PIECE_BYTES_MAX) {
                packets.push(packet(0, writer, number, offset, *length, piece));
                offset += piece.len();
            }
            if message.is_empty() {
                packets.push(packet(0, writer, number, 0, 0, &[]));
            }
        }
        packets
    }

    fn message(writer: u64, number: u32, length: usize) -> Vec<u8> {
        (0..length).map(|at| (writer as usize + number as usize * 7 + at) as u8).collect()
    }

    proptest! {
        #[test]
        fn messages_come_out_whole_however_writers_interleave_and_wherever_they_die(
            lengths in prop::collection::vec(prop::collection::vec(0..3 * PIECE_BYTES_MAX, 0..4), 1..5),
            deaths in prop::collection::vec(0..20_usize, 5),
            order in prop::collection::vec(any::<prop::sample::Index>(), 100),
        ) {
            let mut assembly = Assembly::new(1 << 20);
            let mut queues: Vec<_> = lengths.iter().enumerate()
                .map(|(writer, lengths)| packets(writer as u64, lengths).into_iter().take(deaths[writer] + 1))
                .collect();
            let mut next = vec![0_u32; lengths.len()];
            for index in order.iter().cycle().take(1000) {
                let writer = index.index(queues.len());
                let Some(packet) = queues[writer].next() else { continue };
                let (_, outcome) = assembly.take(&packet).expect("sound");
                let out = match outcome {
                    Outcome::Nothing => continue,
                    Outcome::InPacket(range) => &packet[range],
                    Outcome::Assembled => assembly.message(),
                    Outcome::Batch(_) => unreachable!("none was made"),
                };
                let number = next[writer];
                prop_assert!(out == message(writer as u64, number, lengths[writer][number as usize]));
                next[writer] += 1;
            }
            prop_assert!(!assembly.end(), "nobody said that it was done");
        }

        #[test]
        fn arbitrary_packets_never_panic(
            packets in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any::<u8>(), 0..100), 0..8_u16, 0..3_u64, 0..200_usize, 0..200_usize),
                0..50,
            ),
        ) {
            let mut assembly = Assembly::new(150);
            for (is_sound, bytes, flags, writer, offset, total) in packets {
                let bytes = if is_sound { packet(flags, writer, 0, offset, total, &bytes) } else { bytes };
                if let Ok((_, Outcome::InPacket(range))) = assembly.take(&bytes) {
                    prop_assert!(range.end <= bytes.len());
                }
                prop_assert!(assembly.message().len() <= 150);
            }
        }
    }
}
