//! [`Occupant`]: who occupies a slot, as the ten words of the format; no protocol, that is [`super::slot`]'s.

/// Who occupies a slot: what a person or a second witness needs to find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupant {
    /// Process id, in the occupant's PID namespace.
    pub pid: u32,
    /// Thread id, in the occupant's PID namespace.
    pub tid: u32,
    /// The thread's start, in clock ticks since the boot.
    pub start_ticks: u64,
    /// The PID and time namespaces in which these numbers hold.
    pub namespaces: u64,
    /// The process's number in its domain, from 1; names the byte that it keeps locked.
    pub process: u64,
    /// Effective user id.
    pub uid: u32,
    /// 1 = a thread, 2 = a process, 3 = a command, 4 = a task; others wrote anything else.
    pub kind: u32,
    /// When it took the slot, `CLOCK_MONOTONIC` nanoseconds.
    pub attached_ns: u64,
    /// The command's name, filled with zeros.
    pub command: [u8; 16],
    /// A command's child, numbered as `pid`; 0 = it has none (yet).
    pub child_pid: u32,
    /// Whether that child keeps a byte locked that other PID namespaces can look at: 1 = it does.
    pub child_witness: u32,
    /// That child's start, in clock ticks since the boot.
    pub child_start_ticks: u64,
}

impl Occupant {
    /// The occupant as words, in the order of the format.
    #[must_use]
    pub fn to_words(&self) -> [u64; OCCUPANT_WORDS] {
        let [low, high] = halves(&self.command);
        [
            pair(self.pid, self.tid),
            self.start_ticks,
            self.namespaces,
            self.process,
            pair(self.uid, self.kind),
            self.attached_ns,
            low,
            high,
            pair(self.child_pid, self.child_witness),
            self.child_start_ticks,
        ]
    }

    /// The occupant that `words` hold; any words are one.
    #[must_use]
    pub fn from_words(words: &[u64; OCCUPANT_WORDS]) -> Self {
        let [ids, start_ticks, namespaces, process, user, attached_ns, low, high, child, child_start_ticks] =
            *words;
        let mut command = [0; 16];
        command[..8].copy_from_slice(&low.to_le_bytes());
        command[8..].copy_from_slice(&high.to_le_bytes());
        Self {
            pid: low_half(ids),
            tid: high_half(ids),
            start_ticks,
            namespaces,
            process,
            uid: low_half(user),
            kind: high_half(user),
            attached_ns,
            command,
            child_pid: low_half(child),
            child_witness: high_half(child),
            child_start_ticks,
        }
    }
}

/// Words of an [`Occupant`].
pub const OCCUPANT_WORDS: usize = 10;

pub(super) const fn pair(low: u32, high: u32) -> u64 {
    ((high as u64) << 32) | low as u64
}

pub(super) const fn low_half(word: u64) -> u32 {
    (word & 0xFFFF_FFFF) as u32
}

pub(super) const fn high_half(word: u64) -> u32 {
    (word >> 32) as u32
}

fn halves(bytes: &[u8; 16]) -> [u64; 2] {
    let mut halves = [[0; 8]; 2];
    halves[0].copy_from_slice(&bytes[..8]);
    halves[1].copy_from_slice(&bytes[8..]);
    halves.map(u64::from_le_bytes)
}
