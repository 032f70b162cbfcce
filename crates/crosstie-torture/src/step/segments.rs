//! Everything of a victim that outlives it, as far as one instruction can change it: the bytes of
//! the ledger and of the object, and what the kernel will read of the thread at its death.
//!
//! System calls change the rest (locks, sleepers, files), so behind each of them counts as another
//! state without a look.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::scene::Watched;

/// Header and counters of the ledger; how many obituaries were written is one of them.
const LEDGER_WORDS_BYTES: usize = 4096;
const WRITTEN: std::ops::Range<usize> = 320..328;
/// The obituaries, which change only behind that.
const OBITUARIES_BYTES: usize = 32_768;
/// Where the slots of the ledger begin, and as many as a sweep uses; the first is the judge's.
const SLOTS_OFFSET: u64 = 65_536;
const SLOTS_BYTES: usize = 8 * 1024;
/// Which pieces they are.
const WORDS: usize = 0;
const OBITUARIES: usize = 1;
/// `robust_list_head`: first node, offset, the node that is being linked.
const ROBUST_LIST_BYTES: usize = 24;

/// A piece of a file, as it was at the last look.
struct Piece {
    watched: Watched,
    /// The file, once it has its name; before, nobody else can have it.
    file: Option<File>,
    seen: Vec<u8>,
}

impl Piece {
    fn of(folder: &Path, watched: Watched) -> Self {
        let watched = Watched { file: folder.join(watched.file), ..watched };
        let file = File::open(&watched.file).ok();
        Self { seen: vec![0; watched.bytes], watched, file }
    }
}

/// Remembers the bytes as they were at the last look.
pub struct Segments {
    pieces: Vec<Piece>,
    memory: File,
    robust_list: u64,
    robust_list_seen: [u8; ROBUST_LIST_BYTES],
    now: Vec<u8>,
    /// How many obituaries there were when this began.
    written_at_first: Option<[u8; 8]>,
}

impl Segments {
    /// Of the ledger in `folder`, the pieces of files there, and the process `pid`.
    pub fn of(folder: &Path, watched: Vec<Watched>, pid: u32) -> std::io::Result<Self> {
        let ledger = || folder.join("ledger");
        let words = Watched { file: ledger(), offset: 0, bytes: LEDGER_WORDS_BYTES };
        let obituaries =
            Watched { file: ledger(), offset: LEDGER_WORDS_BYTES as u64, bytes: OBITUARIES_BYTES };
        let slots = Watched { file: ledger(), offset: SLOTS_OFFSET, bytes: SLOTS_BYTES };
        let all = [words, obituaries, slots].into_iter().chain(watched);
        Ok(Self {
            pieces: all.map(|watched| Piece::of(folder, watched)).collect(),
            memory: File::open(format!("/proc/{pid}/mem"))?,
            robust_list: 0,
            robust_list_seen: [0; ROBUST_LIST_BYTES],
            now: Vec::with_capacity(OBITUARIES_BYTES),
            written_at_first: None,
        })
    }

    /// Behind a system call, which may have named the object or told the kernel of a robust list,
    /// whose head is now at `robust_list`.
    pub fn refresh(&mut self, robust_list: u64) {
        self.robust_list = robust_list;
        for piece in self.pieces.iter_mut().filter(|piece| piece.file.is_none()) {
            piece.file = File::open(&piece.watched.file).ok();
        }
    }

    /// Whether any byte differs from the last look.
    pub fn have_changed(&mut self) -> std::io::Result<bool> {
        let mut have_changed = false;
        for index in 0..self.pieces.len() {
            if index == OBITUARIES && !self.is_burying() {
                continue;
            }
            let piece = &mut self.pieces[index];
            let Some(file) = &piece.file else { continue };
            self.now.clear();
            self.now.resize(piece.watched.bytes, 0);
            file.read_at(&mut self.now, piece.watched.offset)?;
            if self.now != piece.seen {
                std::mem::swap(&mut self.now, &mut piece.seen);
                have_changed = true;
            }
        }
        if self.robust_list != 0 {
            let mut head = [0; ROBUST_LIST_BYTES];
            self.memory.read_at(&mut head, self.robust_list)?;
            have_changed |= std::mem::replace(&mut self.robust_list_seen, head) != head;
        }
        Ok(have_changed)
    }

    /// Whether anybody has written an obituary since the first look.
    fn is_burying(&mut self) -> bool {
        let written: [u8; 8] = self.pieces[WORDS].seen[WRITTEN].try_into().unwrap_or_default();
        *self.written_at_first.get_or_insert(written) != written
    }
}
