//! What a ledger holds beside its slots: counters, and the obituaries of those whose slots were
//! taken over.
//!
//! | offset in the file | bytes | what |
//! |---|---|---|
//! | 0 | 128 | the header of every segment |
//! | 128 | 3,968 | [`LedgerWords`]' counters |
//! | 4,096 | 32,768 | 256 obituaries of 128 bytes |
//! | 36,864 | 16,384 | 64 deadlock reports of 256 bytes |
//! | 53,248 | 12,288 | zero; ends at 64 KiB, a multiple of every page |
//! | 65,536 | 4,194,304 | 4,096 slots of 1 KiB |

use super::header::{HEADER_BYTES, layout_hash};
use super::reports::{Reports, checksum};
use crate::OwnerId;
use crate::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::word::slot::{OCCUPANT_WORDS, Occupant, SLOT_BYTES};
use crate::word::ticket::Tickets;

/// Slots of a ledger.
pub const SLOTS: u32 = 4096;
/// Where [`LedgerWords`] begin.
pub const WORDS_OFFSET: usize = HEADER_BYTES;
/// Where the number of slots whose space is taken stands.
pub const BACKED_OFFSET: usize = 512;
/// Where the slots begin.
pub const SLOTS_OFFSET: usize = 64 << 10;
/// Bytes of all slots.
pub const SLOTS_TOTAL_BYTES: usize = SLOTS as usize * SLOT_BYTES;
/// Obituaries that are kept.
pub const OBITUARIES: usize = 256;
/// Changes whenever the meaning of a byte changes.
pub const LAYOUT: u64 = layout_hash(
    "ledger 6: counters @192, boot @472, places @480, backed @512, waiting 64xu64 @520, changing 64xu64 @1032, obituaries 256x128 @4096, \
     reports 64x256 @36864, slots 4096x1024 @65536; slot: life @0, prev @24, next @32, published @64, occupant 10xu64 @72, wake @192, \
     keeper @196, wait record @200, carries 2xu64 @328, changes 2xu64 @344, holds 24x3xu64 @448",
);

/// The counters and obituaries of a ledger.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct LedgerWords {
    reserved_0: [AtomicU64; 8],
    processes: AtomicU64,
    reserved_1: [AtomicU64; 7],
    net_rescues: AtomicU64,
    reserved_2: [AtomicU64; 7],
    obituaries_written: AtomicU64,
    reserved_3: [AtomicU64; 7],
    /// A futex that always holds 0; see `word::slot`, "Wake-ups".
    pub bell: AtomicU32,
    reserved_4: [AtomicU32; 15],
    tickets: Tickets,
    keys: AtomicU64,
    tag: AtomicU64,
    boot: AtomicU64,
    places: AtomicU64,
    reserved_5: [AtomicU64; 3],
    /// On the line of the first slots' bits, which are looked at with it.
    slots_backed: AtomicU32,
    reserved_6: AtomicU32,
    waiting: SlotSet,
    changing: SlotSet,
    reserved_7: [AtomicU64; 319],
    obituaries: [Obituary; OBITUARIES],
    /// The deadlocks that were ended last.
    pub reports: Reports,
}

/// A set of slots, a bit a slot.
type SlotSet = [AtomicU64; (SLOTS / SLOTS_A_WORD) as usize];

/// Slots of one word of a [`SlotSet`].
const SLOTS_A_WORD: u32 = u64::BITS;

#[cfg(not(crosstie_loom))]
const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(offset_of!(LedgerWords, processes) == 64 && offset_of!(LedgerWords, net_rescues) == 128);
    assert!(offset_of!(LedgerWords, obituaries_written) == 192 && offset_of!(LedgerWords, bell) == 256);
    assert!(offset_of!(LedgerWords, tickets) == 320 && offset_of!(LedgerWords, waiting) == 392);
    assert!(WORDS_OFFSET + offset_of!(LedgerWords, slots_backed) == BACKED_OFFSET);
    assert!(offset_of!(LedgerWords, changing) == 904);
    assert!(offset_of!(LedgerWords, boot) == 344);
    assert!(WORDS_OFFSET + offset_of!(LedgerWords, reports) == 36_864);
    assert!(WORDS_OFFSET + offset_of!(LedgerWords, obituaries) == 4096);
    assert!(size_of::<Obituary>() == 128);
    assert!(WORDS_OFFSET + size_of::<LedgerWords>() <= SLOTS_OFFSET);
};

impl LedgerWords {
    /// How many slots, from the first on, have their space taken; never more than [`SLOTS`].
    #[must_use]
    pub fn slots_backed(&self) -> u32 {
        // Acquire: whoever sees the number sees zeroed slots, or what their occupants wrote.
        self.slots_backed.load(Ordering::Acquire).min(SLOTS)
    }

    /// Says that the space of the first `count` slots is taken.
    pub fn raise_slots_backed(&self, count: u32) {
        // Release: pairs with the Acquire above.
        self.slots_backed.fetch_max(count.min(SLOTS), Ordering::Release);
    }

    /// A number for a process that takes part, from 1; never given twice.
    #[must_use]
    pub fn next_process(&self) -> u64 {
        // Relaxed: only its uniqueness matters.
        self.processes.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// How often a periodic re-check found what a wake-up should have told.
    #[must_use]
    pub fn net_rescues(&self) -> u64 {
        // Relaxed: a counter for people.
        self.net_rescues.load(Ordering::Relaxed)
    }

    /// Counts one rescue.
    pub fn count_net_rescue(&self) {
        // Relaxed: a counter for people.
        self.net_rescues.fetch_add(1, Ordering::Relaxed);
    }

    /// A publish ticket: who takes it after publishing a wait sees every wait with a smaller one.
    #[must_use]
    pub fn next_ticket(&self) -> u64 {
        self.tickets.next()
    }

    /// A place in a queue of this domain: larger than all that were given before.
    #[must_use]
    pub fn next_place(&self) -> u64 {
        // Relaxed: only the order in this one counter matters.
        self.places.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// A key for an object of this domain, from 1; never given twice.
    #[must_use]
    pub fn next_key(&self) -> u64 {
        // Relaxed: only its uniqueness matters.
        self.keys.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// The number that names this domain in its objects; 0 before [`LedgerWords::set_tag`].
    #[must_use]
    pub fn tag(&self) -> u64 {
        // Relaxed: written before the ledger had its name.
        self.tag.load(Ordering::Relaxed)
    }

    /// Sets the tag; only the creator calls it, while nobody else sees the ledger.
    pub fn set_tag(&self, tag: u64) {
        // Relaxed: published with the file's name.
        self.tag.store(tag, Ordering::Relaxed);
    }

    /// The boot in which the domain is used; 0 before [`LedgerWords::set_boot`].
    #[must_use]
    pub fn boot(&self) -> u64 {
        // Acquire: who sees the boot sees that those of the one before are marked dead.
        self.boot.load(Ordering::Acquire)
    }

    /// Says in which boot the domain is used, after those of the one before were marked dead.
    pub fn set_boot(&self, boot: u64) {
        // Release: pairs with the Acquire above.
        self.boot.store(boot, Ordering::Release);
    }

    /// Puts the slot `number` on the list of those to look at for waiters, or takes it off; only its occupant calls it.
    ///
    /// [`crate::word::waiting::WaitRecord::publish`] follows and fences; a look that sees the record without the bit is ordered
    /// before the publication.
    pub fn set_waiting(&self, number: u32, waits: bool) {
        set(&self.waiting, number, waits);
    }

    /// The slots to look at for waiters, smallest number first: by the fence of whoever looks (`word::waiting` I4).
    pub fn waiting_slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots_in(&self.waiting)
    }

    /// Puts the slot `number` on the list of those to look at for changes under way, or takes it off; only its occupant calls
    /// it, before it raises an object's count of changes (`word::changes` I2).
    pub fn set_changing(&self, number: u32, changes: bool) {
        set(&self.changing, number, changes);
    }

    /// The slots to look at for changes under way, by the Acquire with which the count was read (`word::changes` I3).
    pub fn changing_slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots_in(&self.changing)
    }

    /// Records who occupied a slot before it is described anew; the oldest record goes.
    pub fn bury(&self, id: OwnerId, occupant: &Occupant, found_ns: u64) {
        // Relaxed: only its uniqueness matters; two writers meet on one entry only 256 deaths apart.
        let ticket = self.obituaries_written.fetch_add(1, Ordering::Relaxed);
        let index = usize::try_from(ticket % OBITUARIES as u64).unwrap_or(0);
        self.obituaries[index].write(id, occupant, found_ns);
    }

    /// Who `id` was, and when its slot was taken over, if that is still known.
    #[must_use]
    pub fn obituary_of(&self, id: OwnerId) -> Option<(Occupant, u64)> {
        self.obituaries.iter().find_map(|entry| entry.read(id))
    }

    /// The slots of `set`: those whose space is taken are all that there can be, and mostly one word. Whoever is in a set had its
    /// space taken before it put itself there, so who sees it there, or is ordered behind it by a fence, sees that too.
    fn slots_in<'a>(&self, set: &'a SlotSet) -> impl Iterator<Item = u32> + use<'a> {
        let used = self.slots_backed().div_ceil(SLOTS_A_WORD);
        let mut words = (0..used).map(|index| index * SLOTS_A_WORD).zip(set);
        let (mut from, mut bits) = (0, 0_u64);
        core::iter::from_fn(move || {
            while bits == 0 {
                let (first, word) = words.next()?;
                // Relaxed: ordered by what the caller read or fenced before.
                (from, bits) = (first, word.load(Ordering::Relaxed));
            }
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            Some(from + bit)
        })
    }
}

fn set(set: &SlotSet, number: u32, is_in: bool) {
    let Some(word) = set.get((number / SLOTS_A_WORD) as usize) else { return };
    let bit = 1 << (number % SLOTS_A_WORD);
    if is_in {
        // Relaxed: ordered by what the caller publishes next.
        word.fetch_or(bit, Ordering::Relaxed);
    } else {
        // Relaxed: a bit too many costs one look.
        word.fetch_and(!bit, Ordering::Relaxed);
    }
}

/// Words of an obituary before its checksum: id, time, occupant.
const OBITUARY_WORDS: usize = 2 + OCCUPANT_WORDS;

/// Who occupied a slot. A checksum instead of a lock: a writer may be killed half-way, and two may
/// meet; a reader takes only what is whole.
#[derive(Debug)]
#[repr(C)]
struct Obituary {
    words: [AtomicU64; OBITUARY_WORDS],
    checksum: AtomicU64,
    reserved: [AtomicU64; 3],
}

impl Obituary {
    fn write(&self, id: OwnerId, occupant: &Occupant, found_ns: u64) {
        let mut words = [0; OBITUARY_WORDS];
        words[0] = id.to_bits();
        words[1] = found_ns;
        words[2..].copy_from_slice(&occupant.to_words());
        for (cell, word) in self.words.iter().zip(words) {
            // Relaxed: the checksum judges what a reader found.
            cell.store(word, Ordering::Relaxed);
        }
        // Relaxed: as above.
        self.checksum.store(checksum(&words), Ordering::Relaxed);
    }

    fn read(&self, id: OwnerId) -> Option<(Occupant, u64)> {
        let mut words = [0; OBITUARY_WORDS];
        for (word, cell) in words.iter_mut().zip(&self.words) {
            // Relaxed: the checksum judges what was found.
            *word = cell.load(Ordering::Relaxed);
        }
        // Relaxed: as above.
        if words[0] != id.to_bits() || self.checksum.load(Ordering::Relaxed) != checksum(&words) {
            return None;
        }
        let mut occupant = [0; OCCUPANT_WORDS];
        occupant.copy_from_slice(&words[2..]);
        Some((Occupant::from_words(&occupant), words[1]))
    }
}
