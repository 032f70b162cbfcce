//! What was sent and what arrived: in memory that outlives whoever wrote it.
//!
//! A sender notes the number that it is about to send, sends, and notes that it has. Whoever follows one that was
//! killed in between cannot know whether that message was: the number is *unsure*, and may be missing.
//! A receiver notes what it has got before it acknowledges it, one bit each: a bit that was set already is a
//! message that came twice.

use std::path::Path;
use std::sync::Arc;

use crosstie::region::{Directory, Segment, SegmentSpec, Sizes, Space};
use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::layout::header::{Kind, layout_hash};

use super::message::Number;

/// Senders at most.
pub const LANES_MAX: usize = 4;
/// Unsure numbers of a lane at most: its senders are not killed more often.
pub const UNSURE_MAX: usize = 4000;

const HEADER_BYTES: usize = 4096;
const CHUNK_WORDS: usize = 4096;
const CHUNK_BYTES: usize = CHUNK_WORDS * 8;
/// Numbers whose bits one chunk has.
const CHUNK_NUMBERS: u64 = CHUNK_WORDS as u64 * 64;

type Chunk = [AtomicU64; CHUNK_WORDS];

/// Words of a lane's first chunk: about to be sent, sent, how many are unsure, and which.
const WANTED: usize = 0;
const SENT: usize = 1;
const UNSURE_COUNT: usize = 2;
const UNSURE: usize = 8;
/// Words of the first chunk of all.
const ARRIVED: usize = 0;
const AGAIN: usize = 1;
const TWICE: usize = 2;
/// The steady subscriber has joined.
const JOINED: usize = 3;
const TALLIES: usize = 4;
const FAULTS: usize = 16;

/// What the steady subscriber of a lossy topic counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// The topic's numbers that it was told are lost.
    Told,
    /// Messages that were surely published and did not come.
    Missing,
    /// The topic's numbers that were passed over in silence.
    Unsaid,
    /// The topic's numbers in all.
    Given,
}

/// What a receiver finds wrong at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Its bytes are not those that were sent, or nobody sent it.
    Torn,
    /// It came twice, and nothing said so.
    Doubled,
    /// It came for the first time behind a later one of the same sender.
    Disorder,
    /// One before it did not come, and nothing said so.
    Gap,
}

/// The notes of a run, in a file beside the domain.
#[derive(Clone, Debug)]
pub struct Notes {
    segment: Arc<Segment>,
    chunks_of_lane: usize,
}

impl Notes {
    /// Opens the notes in the folder `path` of lanes of `quota` messages, or makes them.
    pub fn open(path: &Path, quota: u64) -> Result<Self, crosstie::Error> {
        let chunks_of_lane = usize::try_from(quota.div_ceil(CHUNK_NUMBERS)).unwrap_or(1).max(1) + 1;
        let chunks = 1 + LANES_MAX * chunks_of_lane;
        let spec = SegmentSpec {
            kind: Kind::new("notes"),
            layout: layout_hash("notes 1: chunks of 4096 words"),
            header_bytes: HEADER_BYTES as u64,
            data_bytes: (chunks * CHUNK_BYTES) as u64,
            params: [0; 4],
            sizes: Sizes::Exact,
            space: Space::Whole,
        };
        let directory = Directory::open(path)?;
        let segment = Arc::new(Segment::open_or_create(&directory, "notes", &spec, |_| Ok(()))?);
        Ok(Self { segment, chunks_of_lane })
    }

    fn chunk(&self, at: usize) -> &Chunk {
        self.segment
            .shared(HEADER_BYTES + at * CHUNK_BYTES)
            .expect("a chunk lies in the data, whose size was checked")
    }

    fn control(&self) -> &Chunk {
        self.chunk(0)
    }

    fn lane(&self, lane: usize) -> &Chunk {
        self.chunk(1 + lane.min(LANES_MAX - 1) * self.chunks_of_lane)
    }

    /// The word and the bit of a number; `None` for one that nobody can have sent.
    fn bit(&self, Number { lane, number }: Number) -> Option<(&AtomicU64, u64)> {
        let chunk = usize::try_from(number / CHUNK_NUMBERS).ok()? + 1;
        if lane >= LANES_MAX || chunk >= self.chunks_of_lane {
            return None;
        }
        let word = usize::try_from(number % CHUNK_NUMBERS / 64).ok()?;
        Some((&self.chunk(1 + lane * self.chunks_of_lane + chunk)[word], 1 << (number % 64)))
    }

    /// The first number that the next sender of a lane sends: behind what its predecessor surely or
    /// possibly sent.
    pub fn resume(&self, lane: usize) -> u64 {
        let words = self.lane(lane);
        // Relaxed, all in this function: a lane has one sender at a time, and this one was started behind the
        // predecessor's end, which the kernel ordered.
        let [wanted, sent] = [WANTED, SENT].map(|at| words[at].load(Ordering::Relaxed));
        if wanted > sent {
            let count = words[UNSURE_COUNT].load(Ordering::Relaxed);
            let at = usize::try_from(count).unwrap_or(UNSURE_MAX).min(UNSURE_MAX - 1);
            words[UNSURE + at].store(sent, Ordering::Relaxed);
            words[UNSURE_COUNT].store(count + 1, Ordering::Relaxed);
            words[SENT].store(wanted, Ordering::Relaxed);
        }
        wanted.max(sent)
    }

    /// This number is about to be sent.
    pub fn want(&self, lane: usize, number: u64) {
        // Relaxed: read behind this process's end only, which the kernel orders.
        self.lane(lane)[WANTED].store(number + 1, Ordering::Relaxed);
    }

    /// This number was sent.
    pub fn sent(&self, lane: usize, number: u64) {
        // Relaxed: as above; who watches for progress may see it late.
        self.lane(lane)[SENT].store(number + 1, Ordering::Relaxed);
    }

    /// How many numbers of a lane were given out.
    pub fn sent_count(&self, lane: usize) -> u64 {
        // Relaxed: for who watches, and for the judge when everybody has ended.
        self.lane(lane)[SENT].load(Ordering::Relaxed)
    }

    /// The numbers of a lane that may be missing.
    pub fn unsure(&self, lane: usize) -> Vec<u64> {
        let words = self.lane(lane);
        // Relaxed: the judge reads when everybody has ended.
        let count = usize::try_from(words[UNSURE_COUNT].load(Ordering::Relaxed)).unwrap_or(UNSURE_MAX);
        let words = words[UNSURE..].iter().take(count.min(UNSURE_MAX));
        // Relaxed: as above.
        words.map(|word| word.load(Ordering::Relaxed)).collect()
    }

    /// A message arrived; answers what is wrong with that.
    pub fn arrived(&self, number: Number, is_again: bool) -> Option<Wrong> {
        let Some((word, bit)) = self.bit(number) else { return Some(Wrong::Torn) };
        // Relaxed: each bit is a fact by itself, and no other memory is read by it.
        let was_there = word.fetch_or(bit, Ordering::Relaxed) & bit != 0;
        self.count(ARRIVED);
        if is_again {
            self.count(AGAIN);
        }
        if was_there {
            self.count(TWICE);
        }
        (was_there && !is_again).then_some(Wrong::Doubled)
    }

    /// Whether a message has arrived.
    pub fn has_arrived(&self, number: Number) -> bool {
        // Relaxed: the judge reads when everybody has ended.
        self.bit(number).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Something is wrong with a message.
    pub fn note(&self, wrong: Wrong) {
        self.count(FAULTS + wrong as usize);
    }

    /// How often that was wrong.
    pub fn wrong(&self, wrong: Wrong) -> u64 {
        // Relaxed: a count.
        self.control()[FAULTS + wrong as usize].load(Ordering::Relaxed)
    }

    /// How many messages arrived, how many of them said that they may have come before, and how many had.
    pub fn arrivals(&self) -> [u64; 3] {
        // Relaxed: counts.
        [ARRIVED, AGAIN, TWICE].map(|at| self.control()[at].load(Ordering::Relaxed))
    }

    /// The steady subscriber has joined.
    pub fn join(&self) {
        self.count(JOINED);
    }

    /// Whether the steady subscriber has joined.
    pub fn has_joined(&self) -> bool {
        // Relaxed: the topic's own words order what follows.
        self.control()[JOINED].load(Ordering::Relaxed) > 0
    }

    /// Counts so many.
    pub fn add(&self, tally: Tally, count: u64) {
        // Relaxed: a count.
        self.control()[TALLIES + tally as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn tally(&self, tally: Tally) -> u64 {
        // Relaxed: a count, read when everybody has ended.
        self.control()[TALLIES + tally as usize].load(Ordering::Relaxed)
    }

    fn count(&self, at: usize) {
        // Relaxed: a count.
        self.control()[at].fetch_add(1, Ordering::Relaxed);
    }
}
