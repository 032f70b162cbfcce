//! [`OwnerId`]: who holds something, as one 64-bit value: a slot number and its generation.
//!
//! Not a TID: those collide across PID namespaces and are reused. A slot's generation grows by one
//! whenever its occupant has died, so an id names one occupant for ever (HAZARDS H7).
//!
//! | bits | meaning |
//! |---|---|
//! | 0..16 | slot number + 1 (0 = nobody) |
//! | 16..60 | generation (44 bits: 500 years at 1,000 deaths a second) |
//! | 60..64 | flags of the word that stores the id; never part of an id |

/// Who holds something: a slot of the ledger and the generation of its occupant.
///
/// # Examples
/// ```
/// use crosstie_core::OwnerId;
/// let id = OwnerId::new(7, 3);
/// assert_eq!((id.slot(), id.generation()), (7, 3));
/// assert_eq!(OwnerId::from_bits(id.to_bits()), Some(id));
/// assert_eq!(OwnerId::from_bits(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnerId(u64);

impl OwnerId {
    /// Bits that belong to the word that stores an id, not to the id.
    pub const FLAG_BITS: u64 = 0b1111 << 60;
    /// Generations are counted modulo this.
    pub const GENERATIONS: u64 = 1 << 44;
    /// The largest slot number that an id can name.
    pub const SLOT_MAX: u32 = 0xFFFE;

    /// The id of generation `generation` of slot number `slot`.
    ///
    /// # Panics
    /// If `slot` is above [`OwnerId::SLOT_MAX`].
    #[must_use]
    pub const fn new(slot: u32, generation: u64) -> Self {
        assert!(slot <= Self::SLOT_MAX, "slot number out of range");
        Self(((generation % Self::GENERATIONS) << 16) | (slot as u64 + 1))
    }

    /// Reads an id out of a stored word, whose flag bits are ignored; `None` when it names nobody.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits & 0xFFFF == 0 { None } else { Some(Self(bits & !Self::FLAG_BITS)) }
    }

    /// The id as a word stores it, flag bits clear; never 0.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The slot's number, from 0.
    #[must_use]
    pub const fn slot(self) -> u32 {
        (self.0 & 0xFFFF) as u32 - 1
    }

    /// The generation of the slot's occupant.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.0 >> 16
    }
}
