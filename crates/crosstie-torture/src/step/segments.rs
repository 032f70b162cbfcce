//! Everything of a victim that outlives it, as far as one instruction can change it: the bytes of
//! the ledger and of the ring, and what the kernel will read of the thread at its death.
//!
//! System calls change the rest (locks, sleepers, files), so behind each of them counts as another
//! state without a look.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Header, counters and obituaries of the ledger.
const LEDGER_WORDS_BYTES: usize = 36_864;
/// Where the slots of the ledger begin, and as many as a sweep uses; the first is the judge's.
const SLOTS_OFFSET: u64 = 65_536;
const SLOTS_BYTES: usize = 4096;
/// The ring with its header.
const RING_BYTES: usize = 8192;
/// `robust_list_head`: first node, offset, the node that is being linked.
const ROBUST_LIST_BYTES: usize = 24;
const ALL_BYTES: usize = LEDGER_WORDS_BYTES + SLOTS_BYTES + RING_BYTES + ROBUST_LIST_BYTES;

/// Remembers the bytes as they were at the last look.
pub struct Segments {
    ledger: File,
    ring_path: PathBuf,
    /// The ring's file, once it has its name; before, nobody else can have it.
    ring: Option<File>,
    memory: File,
    robust_list: u64,
    seen: Vec<u8>,
    now: Vec<u8>,
}

impl Segments {
    /// Of the ring `ring_path` in the domain whose ledger is `ledger`, and the process `pid`.
    pub fn of(ledger: PathBuf, ring_path: PathBuf, pid: u32) -> std::io::Result<Self> {
        Ok(Self {
            ledger: File::open(ledger)?,
            ring: File::open(&ring_path).ok(),
            ring_path,
            memory: File::open(format!("/proc/{pid}/mem"))?,
            robust_list: 0,
            seen: vec![0; ALL_BYTES],
            now: vec![0; ALL_BYTES],
        })
    }

    /// Behind a system call, which may have named the ring or told the kernel of a robust list,
    /// whose head is now at `robust_list`.
    pub fn refresh(&mut self, robust_list: u64) {
        self.robust_list = robust_list;
        if self.ring.is_none() {
            self.ring = File::open(&self.ring_path).ok();
        }
    }

    /// Whether any byte differs from the last look.
    pub fn have_changed(&mut self) -> std::io::Result<bool> {
        let (words, rest) = self.now.split_at_mut(LEDGER_WORDS_BYTES);
        let (slots, rest) = rest.split_at_mut(SLOTS_BYTES);
        let (ring, robust_list) = rest.split_at_mut(RING_BYTES);
        self.ledger.read_at(words, 0)?;
        self.ledger.read_at(slots, SLOTS_OFFSET)?;
        if let Some(file) = &self.ring {
            file.read_at(ring, 0)?;
        }
        if self.robust_list != 0 {
            self.memory.read_at(robust_list, self.robust_list)?;
        }
        let have_changed = self.now != self.seen;
        if have_changed {
            std::mem::swap(&mut self.now, &mut self.seen);
        }
        Ok(have_changed)
    }
}
