//! A ring with an in-line header as commit and nothing else: no check, no death, no sleep.
//!
//! What it is: the limit of the design that `ring:` follows, as fast as one can write it. What it
//! is not: safe. A peer that dies leaves the other spinning for ever, one that lies about a length
//! breaks memory.
//!
//! Slots of whole cache lines; each begins with a header of 8 bytes, `lap << 32 | length`, which is
//! written last. The consumer polls the header of its next slot in place; a header of an older lap
//! is not yet its message. The consumer publishes how far it has read once an eighth of the ring,
//! on a line of its own; the producer reads that line only when it is out of credit.
//!
//! | release | meets | publishes |
//! |---|---|---|
//! | header in `send` | header in `receive` | the payload |
//! | credit in `receive` | credit in `send` | that the slots have been read |
#![expect(unsafe_code, reason = "copies payloads in and out of memory that two processes share")]

use std::ptr::{self, NonNull};

use crosstie::{Error, ErrorKind};
use crosstie_core::atomic::{AtomicU64, Ordering, spin_loop};

use super::lines::{LINE_BYTES, SharedLines};
use crate::engine::exchange::{Fault, Inbound, Outbound};

const HEADER_BYTES: usize = 8;
/// Lines before the slots: one for the credit, the others so that no prefetch couples it to them.
const CREDIT_LINES: usize = 4;
const CREDIT_LINE: usize = 2;

/// How the two rings of one file are cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    slot_lines: usize,
    slots: usize,
}

impl Cut {
    /// Rings of about `capacity_bytes` each for payloads of `payload_bytes`; at least 3 slots.
    #[must_use]
    pub fn of(capacity_bytes: usize, payload_bytes: usize) -> Self {
        let slot_lines = (HEADER_BYTES + payload_bytes).div_ceil(LINE_BYTES);
        Self { slot_lines, slots: (capacity_bytes / (slot_lines * LINE_BYTES)).max(3) }
    }

    /// Lines of a file with two rings.
    #[must_use]
    pub fn lines(self) -> usize {
        2 * self.ring_lines()
    }

    fn ring_lines(self) -> usize {
        CREDIT_LINES + self.slots * self.slot_lines
    }
}

/// Which of the file's two rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Client to server.
    There,
    /// Server to client.
    Back,
}

/// One end's private view of a ring.
///
/// I1: `slot_bytes` past `first + offset` lie inside the mapping, and `first + offset` starts a
/// line. `new` checks it for every slot, `advance` stays on slots.
struct End {
    lines: SharedLines,
    first: NonNull<u8>,
    offset: usize,
    slot_bytes: usize,
    slots_bytes: usize,
    credit_line: usize,
    /// Which round over the slots; written in the upper half of each header.
    lap: u64,
}

// SAFETY: `first` points into the mapping that `lines` owns, which is valid in every thread.
unsafe impl Send for End {}

impl End {
    fn new(lines: SharedLines, cut: Cut, direction: Direction) -> Result<Self, Error> {
        if lines.count() < cut.lines() {
            return Err(Error::new("open the bare ring", "its file", ErrorKind::Mismatch).because(format!(
                "{} lines, not {}",
                lines.count(),
                cut.lines()
            )));
        }
        let start = if direction == Direction::There { 0 } else { cut.ring_lines() };
        Ok(Self {
            first: lines.at(start + CREDIT_LINES),
            lines,
            offset: 0,
            slot_bytes: cut.slot_lines * LINE_BYTES,
            slots_bytes: cut.slots * cut.slot_lines * LINE_BYTES,
            credit_line: start + CREDIT_LINE,
            lap: 1,
        })
    }

    #[inline]
    fn header(&self) -> &AtomicU64 {
        // SAFETY: the offset is that of a slot (I1).
        let header = unsafe { self.first.add(self.offset) }.cast::<AtomicU64>();
        // SAFETY: in the mapping and aligned (I1); both ends reach it as this atomic only.
        unsafe { header.as_ref() }
    }

    #[inline]
    fn payload(&self) -> *mut u8 {
        self.first.as_ptr().wrapping_add(self.offset + HEADER_BYTES)
    }

    fn payload_bytes_max(&self) -> usize {
        self.slot_bytes - HEADER_BYTES
    }

    fn credit(&self) -> &AtomicU64 {
        self.lines.word(self.credit_line)
    }

    #[inline]
    fn advance(&mut self) {
        self.offset += self.slot_bytes;
        if self.offset == self.slots_bytes {
            self.offset = 0;
            self.lap += 1;
        }
    }
}

/// The producer's end.
pub struct BareSender {
    end: End,
    /// Slots that are known to be free.
    free: u64,
    /// The credit when it was last read.
    seen: u64,
}

impl BareSender {
    /// The producer's end of one of the file's rings.
    ///
    /// # Errors
    /// The file is smaller than `cut` says.
    pub fn new(lines: SharedLines, cut: Cut, direction: Direction) -> Result<Self, Error> {
        Ok(Self { end: End::new(lines, cut, direction)?, free: cut.slots as u64, seen: 0 })
    }

    #[cold]
    fn wait_for_credit(&mut self) {
        while self.free == 0 {
            // Acquire: meets the consumer's Release; what it has read may be overwritten.
            let credit = self.end.credit().load(Ordering::Acquire);
            self.free = credit - self.seen;
            self.seen = credit;
            spin_loop();
        }
    }
}

impl Outbound for BareSender {
    #[inline]
    fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        assert!(message.len() <= self.end.payload_bytes_max(), "the ring is cut for its payload");
        if self.free == 0 {
            self.wait_for_credit();
        }
        // SAFETY: the slot has room for the message (asserted), it is this producer's (credit), and
        // private memory does not overlap a mapping.
        unsafe { ptr::copy_nonoverlapping(message.as_ptr(), self.end.payload(), message.len()) };
        // Release: publishes the payload to `receive`.
        self.end.header().store(self.end.lap << 32 | message.len() as u64, Ordering::Release);
        self.free -= 1;
        self.end.advance();
        Ok(())
    }
}

/// The consumer's end.
pub struct BareReceiver {
    end: End,
    private: Vec<u8>,
    /// Slots read and not yet given back.
    read: u64,
    /// Slots given back.
    given_back: u64,
    /// How many are given back at once.
    batch: u64,
}

impl BareReceiver {
    /// The consumer's end of one of the file's rings.
    ///
    /// # Errors
    /// The file is smaller than `cut` says.
    pub fn new(lines: SharedLines, cut: Cut, direction: Direction) -> Result<Self, Error> {
        let end = End::new(lines, cut, direction)?;
        let private = vec![0; end.payload_bytes_max()];
        let batch = (cut.slots as u64 / 8).max(1);
        Ok(Self { end, private, read: 0, given_back: 0, batch })
    }
}

impl Inbound for BareReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Fault> {
        let header = loop {
            // Acquire: meets the producer's Release; the payload is whole.
            let header = self.end.header().load(Ordering::Acquire);
            if header >> 32 == self.end.lap {
                break header;
            }
            spin_loop();
        };
        let length = (header & 0xFFFF_FFFF) as usize;
        assert!(length <= self.private.len(), "the ring is cut for its payload");
        // SAFETY: the slot holds `length` bytes (asserted) that its producer has written whole
        // (Acquire above) and does not touch before they are given back.
        unsafe { ptr::copy_nonoverlapping(self.end.payload(), self.private.as_mut_ptr(), length) };
        self.end.advance();
        let answer = read(&self.private[..length]);
        self.read += 1;
        if self.read == self.batch {
            self.given_back += self.read;
            self.read = 0;
            // Release: the payloads have been read before their slots are free.
            self.end.credit().store(self.given_back, Ordering::Release);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::payload::Payloads;

    #[test]
    fn messages_pass_whole_and_in_order_over_many_laps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring");
        for payload_bytes in [8, 56, 57, 1000] {
            let cut = Cut::of(4096, payload_bytes);
            SharedLines::create(&path, cut.lines()).unwrap();
            let open = || SharedLines::open(&path).unwrap();
            let mut sender = BareSender::new(open(), cut, Direction::Back).unwrap();
            let mut receiver = BareReceiver::new(open(), cut, Direction::Back).unwrap();
            std::fs::remove_file(&path).unwrap();
            let sending = std::thread::spawn(move || {
                let mut payloads = Payloads::new(payload_bytes, 3).unwrap();
                for sequence in 0..1000 {
                    sender.send(payloads.message(sequence)).unwrap();
                }
            });
            let payloads = Payloads::new(payload_bytes, 3).unwrap();
            for sequence in 0..1000 {
                let arrived = receiver.receive(|message| payloads.verify(message)).unwrap();
                assert_eq!(arrived, Some(sequence));
            }
            sending.join().unwrap();
        }
    }
}
