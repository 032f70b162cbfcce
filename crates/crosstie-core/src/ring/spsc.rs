//! A ring of messages between one producer and one consumer.
//!
//! It is a byte ring of records ([`super::record`]) that the consumer polls in place: the commit
//! word in front of a payload is the only word that says "here is a message". It is not a queue for
//! several producers, does not sleep (it says when sleeping is safe), and knows nothing of
//! processes: who may be producer or consumer is decided above.
//!
//! # States
//! For the cell at position `p`, seen by the consumer whose head is `p`:
//!
//! | commit word | state |
//! |---|---|
//! | tag of another lap | empty: the producer may be writing the payload |
//! | tag of `p`'s lap | committed: length and payload are the message |
//! | tag of `p`'s lap, and `acked > p` | free again: the producer may reuse the cells in the next lap |
//!
//! # Invariants
//! - **I1** `acked ≤ tail ≤ acked + capacity`; both are multiples of the cell size.
//! - **I2** A record is committed by one store, after its whole payload was written.
//! - **I3** At every instant the commit word at `tail` does not bear the tag of `tail`: payload
//!   bytes that happen to look like a commit word never become one.
//! - **I4** Only the producer writes cells, and only between `tail` and `acked + capacity`.
//! - **I5** Only the consumer writes `acked`, and only after it has read the payload.
//!
//! # Transitions
//! | who | from → to | by |
//! |---|---|---|
//! | producer | cells free → payload written | plain copy, cells are its own (I4) |
//! | producer | word at the next tail forged → empty | Relaxed store before the commit (I3) |
//! | producer | empty → committed | Release store of the commit word (I2) |
//! | consumer | committed → free | Release store of `acked` (I5) |
//! | consumer, producer | awake → may sleep | [`super::asleep`], with a re-check |
//! | the other end | may sleep → awake | the same |
//!
//! # Orderings
//! The commit's Release meets the Acquire in [`Consumer::peek`] and publishes payload, length and the
//! emptied next word. The Release of `acked` (and of `credit`, its lazy copy) meets the Acquire in
//! the producer's refresh and publishes that the payload has been read, so overwriting cannot race.
//! Sleeping: [`super::asleep`].
//!
//! # Progress
//! Every operation is wait-free, but attaching a producer, which reads at most one lap. FIFO.
//! The producer reads `acked` only when it is out of credit.
//!
//! # Death
//! | dies | a survivor finds |
//! |---|---|
//! | producer before the commit store | nothing: the record never was; a new producer finds `tail` by I3 |
//! | producer after the commit store, before its wake | the record; the consumer's sleep ends by the producer's death |
//! | consumer before the store of `acked` | the record again: it is delivered a second time |
//! | consumer after it, before its wake | the room; the producer's sleep ends by the consumer's death |
//! | an end that has come, before its wake | a sleeper that watches nobody; the next to come wakes it ([`super::asleep::count_change`]) |
//!
//! # Source
//! In-line commit: Giacomoni et al., FastForward (PPoPP 2008), and Aeron's log buffers; credit read
//! only when short: Lee et al., MCRingBuffer (IPDPS 2010); asymmetric fence: membarrier(2).

use super::asleep::{Asleep, announce, retract, take_wake};
use super::control::Control;
use super::memory::Memory;
use super::record::{CELL_BYTES, COMMIT_BYTES, Geometry};
use crate::atomic::{Ordering, fence};
use crate::crash_point;
use crate::word::light::light;

/// Shared bytes break the protocol: which field, what was found, what it may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// The field, in words.
    pub field: &'static str,
    /// Its value.
    pub found: u64,
    /// The largest value it may have here.
    pub limit: u64,
}

/// How an end makes its last store visible before it looks whether the other sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// A full fence after every message.
    Fence,
    /// A compiler fence; sound only while every sleeper runs `membarrier` after announcing its sleep,
    /// and this process has registered for it.
    Asymmetric,
}

impl Barrier {
    /// Orders what this end has stored before what it looks at next.
    #[inline]
    pub(crate) fn light(self) {
        match self {
            // SeqCst: the two-variable story of the module's header, `waits` against the ring.
            Self::Fence => fence(Ordering::SeqCst),
            Self::Asymmetric => light(),
        }
    }
}

/// Where a message lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Position of the record's commit word.
    pub position: u64,
    /// Bytes of payload.
    pub payload_bytes: u32,
}

impl Record {
    /// The position behind the record.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.position + Geometry::record_bytes(self.payload_bytes as u64)
    }
}

/// The sending end.
#[derive(Debug)]
pub struct Producer<M: Memory> {
    memory: M,
    geometry: Geometry,
    barrier: Barrier,
    /// Where the next record goes.
    tail: u64,
    /// Cells below this position are free: the last `acked` seen, plus the capacity.
    limit: u64,
    /// The latest records have had `run_bytes` bytes each. From `sure_from` on, the cell where such
    /// a run's next record begins held a commit word in the last lap and nothing since: no payload
    /// byte can look like one there (I3).
    run_bytes: u64,
    sure_from: u64,
}

impl<M: Memory> Producer<M> {
    /// Takes the producer's end at the exact committed position: behind the last record that any
    /// producer before has committed.
    ///
    /// # Errors
    /// If positions or lengths in the ring break its invariants.
    pub fn attach(memory: M, barrier: Barrier) -> Result<Self, Corrupt> {
        let geometry = geometry_of(&memory)?;
        let capacity = geometry.capacity_bytes();
        let acked = acked_of(memory.control())?;
        let mut tail = acked;
        // Bounded: each record takes at least one cell of the lap.
        while tail < acked + capacity {
            let Some(record) = committed(&memory, geometry, tail)? else { break };
            tail = record.end();
        }
        if tail > acked + capacity {
            return Err(Corrupt { field: "end of the last record", found: tail, limit: acked + capacity });
        }
        let limit = acked + capacity;
        Ok(Self { memory, geometry, barrier, tail, limit, run_bytes: CELL_BYTES, sure_from: tail + capacity })
    }

    /// The memory that the ring lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Position behind the last committed record.
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Bytes that were committed and not yet acknowledged, as of now.
    ///
    /// # Errors
    /// If the consumer's position breaks I1.
    pub fn backlog_bytes(&mut self) -> Result<u64, Corrupt> {
        self.refresh_exact()?;
        Ok(self.tail + self.geometry.capacity_bytes() - self.limit)
    }

    /// Whether a record of `payload_bytes` fits, by what this end knows: no shared word is read.
    #[inline(always)]
    #[must_use]
    pub fn fits_surely(&self, payload_bytes: u32) -> bool {
        self.end_of(payload_bytes) <= self.limit
    }

    /// Whether a record of `payload_bytes` fits, by what the consumer publishes lazily: `false` may
    /// be wrong for up to an eighth of the ring, and costs the consumer nothing.
    ///
    /// # Errors
    /// If the consumer's position breaks I1.
    pub fn fits_lazily(&mut self, payload_bytes: u32) -> Result<bool, Corrupt> {
        let end = self.end_of(payload_bytes);
        if end <= self.limit {
            return Ok(true);
        }
        // Acquire: meets the consumer's Release; the cells below it have been read (I5).
        let credit = self.memory.control().credit.0.load(Ordering::Acquire);
        self.raise_limit(credit)?;
        Ok(end <= self.limit)
    }

    /// Whether a record of `payload_bytes` fits, exactly.
    ///
    /// # Errors
    /// If the consumer's position breaks I1.
    #[inline]
    pub fn fits(&mut self, payload_bytes: u32) -> Result<bool, Corrupt> {
        let end = self.end_of(payload_bytes);
        if end <= self.limit {
            return Ok(true);
        }
        self.refresh_exact()?;
        Ok(end <= self.limit)
    }

    /// Writes and commits one record; the caller has asked [`Producer::fits`].
    ///
    /// # Panics
    /// If the record does not fit.
    #[inline(always)]
    pub fn push(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        assert!(self.end_of(length) <= self.limit, "a record is written only where it fits (I4)");
        self.memory.write(self.payload_offset(), payload);
        crash_point!("spsc.written");
        self.commit(length);
    }

    /// As [`Producer::push`], of a payload in two parts.
    ///
    /// # Panics
    /// If the record does not fit, or the first part does not fit in one cell.
    #[inline(always)]
    pub fn push_parts(&mut self, [head, body]: [&[u8]; 2]) {
        let length = u32::try_from(head.len() + body.len()).unwrap_or(u32::MAX);
        assert!(self.end_of(length) <= self.limit, "a record is written only where it fits (I4)");
        let head_bytes = head.len() as u64;
        assert!(head_bytes < CELL_BYTES - COMMIT_BYTES, "a head is shorter than a cell");
        self.memory.write(self.payload_offset(), head);
        self.memory.write(self.payload_offset() + head_bytes, body);
        crash_point!("spsc.written");
        self.commit(length);
    }

    /// The offset at which the payload of the next record may be written in place; the caller has
    /// asked [`Producer::fits`] and goes on with [`Producer::commit`], or not at all.
    ///
    /// # Panics
    /// If a record of `payload_bytes` does not fit.
    #[inline]
    pub fn reserve(&mut self, payload_bytes: u32) -> u64 {
        let end = self.end_of(payload_bytes);
        assert!(end <= self.limit, "a record is reserved only where it fits (I4)");
        // What is written there and never committed, or only in part, may look like anything.
        self.sure_from = self.sure_from.max(end);
        self.payload_offset()
    }

    /// Commits the record whose payload was written at [`Producer::reserve`]; `payload_bytes` may be
    /// less than was reserved.
    #[inline(always)]
    pub fn commit(&mut self, payload_bytes: u32) {
        let next = self.end_of(payload_bytes);
        assert!(next <= self.limit, "a record is committed only where it fits (I4)");
        if next - self.tail != self.run_bytes {
            self.begin_run(next - self.tail);
        }
        if next < self.sure_from {
            self.empty_next(next);
        }
        crash_point!("spsc.emptied");
        let word = self.memory.commit_word(self.geometry.offset(self.tail));
        // Release: publishes payload, length and the emptied next word to peek (I2, I3).
        word.store(self.geometry.commit(self.tail, payload_bytes), Ordering::Release);
        crash_point!("spsc.committed");
        self.tail = next;
    }

    /// A record of another length begins a run. One lap later, if the length divides the ring, the
    /// run's records begin where its records began; no reservation reaches that far.
    #[cold]
    #[inline(never)]
    fn begin_run(&mut self, record_bytes: u64) {
        let divides = record_bytes.is_power_of_two();
        self.run_bytes = record_bytes;
        self.sure_from = if divides { self.tail + self.geometry.capacity_bytes() } else { u64::MAX };
    }

    /// The position behind a record of `payload_bytes` at the tail.
    #[inline]
    fn end_of(&self, payload_bytes: u32) -> u64 {
        self.tail + Geometry::record_bytes(u64::from(payload_bytes))
    }

    /// Where the payload of the next record lies; it never wraps before its first byte, because
    /// records start on cells.
    #[inline]
    fn payload_offset(&self) -> u64 {
        self.geometry.offset(self.tail) + COMMIT_BYTES
    }

    /// Keeps I3: if payload bytes at the next tail look like its commit word, they go.
    #[inline(never)]
    fn empty_next(&self, next: u64) {
        let word = self.memory.commit_word(self.geometry.offset(next));
        // Relaxed: only this end writes cells (I4).
        if self.geometry.length_at(word.load(Ordering::Relaxed), next).is_some() {
            // Relaxed: published by the Release of the commit that follows.
            word.store(self.geometry.empty(next), Ordering::Relaxed);
        }
    }

    /// After one or more commits: where the consumer sleeps, if the caller must wake it.
    #[inline]
    pub fn must_wake_consumer(&self) -> Option<Asleep> {
        take_wake(self.memory.control().consumer_waits(), self.barrier)
    }

    /// Before a sleep on [`Control::producer_waits`] or at a doorbell: announces it. The caller runs its heavy
    /// barrier, asks [`Producer::fits`] again, and sleeps only if it still does not fit.
    pub fn announce_sleep(&self, asleep: Asleep) {
        announce(self.memory.control().producer_waits(), asleep);
    }

    /// After a sleep, or instead of one: takes the announcement back.
    pub fn end_sleep(&self) {
        retract(self.memory.control().producer_waits());
    }

    fn refresh_exact(&mut self) -> Result<(), Corrupt> {
        // Acquire: meets the consumer's Release; the cells below it have been read (I5).
        let acked = self.memory.control().acked.0.load(Ordering::Acquire);
        self.raise_limit(acked)
    }

    /// Accepts a position that the consumer published, if it keeps I1; one that lags is ignored.
    fn raise_limit(&mut self, acked: u64) -> Result<(), Corrupt> {
        if acked > self.tail || !acked.is_multiple_of(CELL_BYTES) {
            return Err(Corrupt { field: "acknowledged position", found: acked, limit: self.tail });
        }
        self.limit = self.limit.max(acked + self.geometry.capacity_bytes());
        Ok(())
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct Consumer<M: Memory> {
    memory: M,
    geometry: Geometry,
    barrier: Barrier,
    /// The first record not yet acknowledged.
    head: u64,
    /// The last `credit` published.
    credit: u64,
}

impl<M: Memory> Consumer<M> {
    /// Takes the consumer's end at the exact acknowledged position: the first message seen is the
    /// first that no consumer before has acknowledged.
    ///
    /// # Errors
    /// If the ring's positions break its invariants.
    pub fn attach(memory: M, barrier: Barrier) -> Result<Self, Corrupt> {
        let geometry = geometry_of(&memory)?;
        let head = acked_of(memory.control())?;
        // Release: as in `ack`; a consumer that died may have left its lazy copy behind.
        memory.control().credit.0.store(head, Ordering::Release);
        Ok(Self { memory, geometry, barrier, head, credit: head })
    }

    /// The memory that the ring lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Position of the first record not yet acknowledged.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The next record, if one is committed; the same until [`Consumer::ack`].
    ///
    /// # Errors
    /// If its length runs out of the ring.
    #[inline]
    pub fn peek(&self) -> Result<Option<Record>, Corrupt> {
        committed(&self.memory, self.geometry, self.head)
    }

    /// The record behind `record`, which need not be acknowledged yet, if one is committed.
    ///
    /// A consumer that has read a full ring ahead finds none: the cell there bears its first
    /// record's tag, of another lap.
    ///
    /// # Errors
    /// If its length runs out of the ring.
    #[inline]
    pub fn peek_behind(&self, record: Record) -> Result<Option<Record>, Corrupt> {
        committed(&self.memory, self.geometry, record.end())
    }

    /// As [`Consumer::peek`] or, behind `held`, [`Consumer::peek_behind`], for who looks again and again: `None` also
    /// for a record that breaks the ring, and why, the other two say.
    ///
    /// One comparison decides, on which a poller's way out hangs.
    #[inline(always)]
    #[must_use]
    pub fn poll(&self, held: Option<Record>) -> Option<Record> {
        let position = held.map_or(self.head, Record::end);
        let word = self.memory.commit_word(self.geometry.offset(position));
        // Acquire: as in `committed`.
        let payload_bytes = self.geometry.length_at(word.load(Ordering::Acquire), position)?;
        let is_sound = u64::from(payload_bytes) <= self.geometry.payload_bytes_max();
        is_sound.then_some(Record { position, payload_bytes })
    }

    /// The offset at which the payload of `record` lies.
    #[inline]
    pub fn payload_offset(&self, record: Record) -> u64 {
        self.geometry.offset(record.position) + COMMIT_BYTES
    }

    /// Acknowledges `record`, the one that [`Consumer::peek`] gave, or that
    /// [`Consumer::peek_behind`] gave with all before it: their cells are free again.
    #[inline(always)]
    pub fn ack(&mut self, record: Record) {
        debug_assert!(record.position >= self.head);
        crash_point!("spsc.read");
        self.head = record.end();
        // Release: publishes that the payload has been read to the producer's refresh (I5).
        self.memory.control().acked.0.store(self.head, Ordering::Release);
        crash_point!("spsc.acked");
        if self.head - self.credit >= self.geometry.capacity_bytes() / 8 {
            self.publish_credit();
        }
    }

    /// After one or more acknowledgements: where the producer sleeps, if the caller must wake it.
    #[inline]
    pub fn must_wake_producer(&self) -> Option<Asleep> {
        take_wake(self.memory.control().producer_waits(), self.barrier)
    }

    /// Publishes the lazy copy of the acknowledged position, before a sleep or a pause.
    pub fn publish_credit(&mut self) {
        if self.credit != self.head {
            self.credit = self.head;
            // Release: publishes that the payloads have been read to the producer's refresh (I5).
            self.memory.control().credit.0.store(self.head, Ordering::Release);
        }
    }

    /// Before a sleep on [`Control::consumer_waits`] or at a doorbell: announces it. The caller runs its heavy
    /// barrier, peeks again, and sleeps only if there is still nothing.
    pub fn announce_sleep(&mut self, asleep: Asleep) {
        self.publish_credit();
        announce(self.memory.control().consumer_waits(), asleep);
    }

    /// After a sleep, or instead of one: takes the announcement back.
    pub fn end_sleep(&self) {
        retract(self.memory.control().consumer_waits());
    }
}

fn geometry_of<M: Memory>(memory: &M) -> Result<Geometry, Corrupt> {
    let found = memory.capacity_bytes();
    Geometry::new(found).ok_or(Corrupt { field: "capacity", found, limit: super::record::CAPACITY_BYTES_MAX })
}

/// The acknowledged position, checked: whole cells, and far from the end of the numbers.
fn acked_of(control: &Control) -> Result<u64, Corrupt> {
    const POSITION_MAX: u64 = 1 << 62;
    // Acquire: meets the last consumer's Release (I5).
    let acked = control.acked.0.load(Ordering::Acquire);
    if acked > POSITION_MAX || !acked.is_multiple_of(CELL_BYTES) {
        return Err(Corrupt { field: "acknowledged position", found: acked, limit: POSITION_MAX });
    }
    Ok(acked)
}

/// The record committed at `position`, its length checked.
#[inline]
fn committed<M: Memory>(memory: &M, geometry: Geometry, position: u64) -> Result<Option<Record>, Corrupt> {
    let word = memory.commit_word(geometry.offset(position));
    // Acquire: meets the commit's Release; the payload and the next word are as the producer left them (I2).
    match geometry.length_at(word.load(Ordering::Acquire), position) {
        None => Ok(None),
        Some(payload_bytes) if u64::from(payload_bytes) <= geometry.payload_bytes_max() => {
            Ok(Some(Record { position, payload_bytes }))
        }
        Some(payload_bytes) => Err(Corrupt {
            field: "message length",
            found: u64::from(payload_bytes),
            limit: geometry.payload_bytes_max(),
        }),
    }
}
