//! The first 128 bytes of every segment: what it is, of which version, how large, and whether its
//! name still leads to it.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic, ASCII `CROSSTIE` |
//! | 8 | 4 | version of the format |
//! | 12 | 4 | state: 1 = live, 2 = removed |
//! | 16 | 8 | kind, ASCII filled with zeros: `ledger`, `ring`, `queue` … |
//! | 24 | 8 | hash of the kind's layout |
//! | 32 | 8 | bytes of this header and the kind's control words; the data follow |
//! | 40 | 8 | bytes of data |
//! | 48 | 32 | four parameters of the kind |
//! | 80 | 48 | zero |
//!
//! A header is read once, checked, and never read again but for its state: what a peer writes into
//! it later changes nothing for who has opened the segment.

use core::fmt;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 128;
/// `CROSSTIE`.
pub const MAGIC: [u8; 8] = *b"CROSSTIE";
/// The version of the format that this build reads and writes.
pub const VERSION: u32 = 1;
/// Where the state lies.
pub const STATE_OFFSET: usize = 12;
/// The name leads to this segment.
pub const STATE_LIVE: u32 = 1;
/// The segment was removed: whoever opens the name finds another one, or none.
pub const STATE_REMOVED: u32 = 2;

/// A header, as it was read once or is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Must be [`VERSION`].
    pub version: u32,
    /// [`STATE_LIVE`] or [`STATE_REMOVED`].
    pub state: u32,
    /// What the segment is.
    pub kind: Kind,
    /// Hash of the kind's layout ([`layout_hash`]).
    pub layout: u64,
    /// Bytes before the data.
    pub header_bytes: u64,
    /// Bytes of data.
    pub data_bytes: u64,
    /// Parameters of the kind.
    pub params: [u64; 4],
}

/// What a segment is, in at most eight ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub [u8; 8]);

impl Kind {
    /// The kind of this name.
    ///
    /// # Panics
    /// If the name has more than eight bytes.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let bytes = name.as_bytes();
        assert!(bytes.len() <= 8, "a kind has at most eight letters");
        let mut kind = [0; 8];
        let mut i = 0;
        while i < bytes.len() {
            kind[i] = bytes[i];
            i += 1;
        }
        Self(kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take_while(|&&byte| byte != 0) {
            write!(f, "{}", byte.escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({self})")
    }
}

/// What is wrong with a header; its text names both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Does not begin with the magic.
    NotASegment,
    /// Another version of the format.
    Version {
        /// What the header says.
        found: u32,
    },
    /// Another kind of object.
    Kind {
        /// What the header says.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// The same kind, laid out otherwise.
    Layout {
        /// What the header says.
        found: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// Another size of its parts.
    Sizes {
        /// Header and data bytes that the header says.
        found: [u64; 2],
        /// What was asked for.
        wanted: [u64; 2],
    },
    /// Another parameter.
    Parameter {
        /// Which one, from 0.
        index: usize,
        /// What the header says.
        found: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// The file is not as long as its header says.
    FileBytes {
        /// The file's size.
        found: u64,
        /// What the header says.
        wanted: u64,
    },
    /// A value that no writer of this format leaves.
    Nonsense,
}

impl Fault {
    /// Whether the bytes are broken, rather than of another version or purpose.
    #[must_use]
    pub const fn is_corruption(&self) -> bool {
        matches!(self, Self::NotASegment | Self::FileBytes { .. } | Self::Nonsense)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASegment => write!(f, "the file is not a Crosstie segment"),
            Self::Version { found } => write!(f, "it has format version {found}, this build reads {VERSION}"),
            Self::Kind { found, wanted } => write!(f, "it is a {found}, asked for was a {wanted}"),
            Self::Layout { found, wanted } => {
                write!(f, "it has layout {found:016x}, this build has {wanted:016x}")
            }
            Self::Sizes { found: [found_header, found_data], wanted: [header, data] } => write!(
                f,
                "it has {found_header} + {found_data} bytes of header and data, asked for were {header} + {data}"
            ),
            Self::Parameter { index, found, wanted } => {
                write!(f, "its parameter {index} is {found}, asked for was {wanted}")
            }
            Self::FileBytes { found, wanted } => {
                write!(f, "the file has {found} bytes, its header says {wanted}")
            }
            Self::Nonsense => write!(f, "its header holds values that no version writes"),
        }
    }
}

impl Header {
    /// The header in the bytes of the format.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.state.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.kind.0);
        let [a, b, c, d] = self.params;
        let words = [self.layout, self.header_bytes, self.data_bytes, a, b, c, d];
        for (to, word) in bytes[24..80].chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Reads a header and checks everything that needs no wish: magic, version, sizes against the
    /// file's.
    ///
    /// # Errors
    /// The first fault that it finds.
    pub fn read(bytes: &[u8; HEADER_BYTES], file_bytes: u64) -> Result<Self, Fault> {
        if bytes[..8] != MAGIC {
            return Err(Fault::NotASegment);
        }
        let half = |at: usize| word_at(bytes, at) & 0xFFFF_FFFF;
        let version = low(half(8));
        if version != VERSION {
            return Err(Fault::Version { found: version });
        }
        let header = Self {
            version,
            state: low(half(12)),
            kind: Kind(word_at(bytes, 16).to_le_bytes()),
            layout: word_at(bytes, 24),
            header_bytes: word_at(bytes, 32),
            data_bytes: word_at(bytes, 40),
            params: [48, 56, 64, 72].map(|at| word_at(bytes, at)),
        };
        let in_order = header.header_bytes >= HEADER_BYTES as u64
            && matches!(header.state, STATE_LIVE | STATE_REMOVED)
            && bytes[80..].iter().all(|&byte| byte == 0);
        let total = header.header_bytes.checked_add(header.data_bytes);
        match total {
            Some(total) if in_order && total == file_bytes => Ok(header),
            Some(wanted) if in_order => Err(Fault::FileBytes { found: file_bytes, wanted }),
            _ => Err(Fault::Nonsense),
        }
    }

    /// Compares what was found with what was asked for: kind and layout.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_kind(&self, wanted: &Self) -> Result<(), Fault> {
        if self.kind != wanted.kind {
            return Err(Fault::Kind { found: self.kind, wanted: wanted.kind });
        }
        if self.layout != wanted.layout {
            return Err(Fault::Layout { found: self.layout, wanted: wanted.layout });
        }
        Ok(())
    }

    /// Compares what was found with what was asked for: sizes and parameters.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_sizes(&self, wanted: &Self) -> Result<(), Fault> {
        for (index, (&found, &wanted)) in self.params.iter().zip(&wanted.params).enumerate() {
            if found != wanted {
                return Err(Fault::Parameter { index, found, wanted });
            }
        }
        let found = [self.header_bytes, self.data_bytes];
        let wanted = [wanted.header_bytes, wanted.data_bytes];
        if found == wanted { Ok(()) } else { Err(Fault::Sizes { found, wanted }) }
    }
}

/// A hash of a layout's description: change the text whenever the meaning of a byte changes.
///
/// # Examples
/// ```
/// use crosstie_core::layout::header::layout_hash;
/// const LAYOUT: u64 = layout_hash("ring: acked u64 @0, credit u64 @128");
/// assert_ne!(LAYOUT, layout_hash("ring: acked u64 @0, credit u64 @64"));
/// ```
#[must_use]
pub const fn layout_hash(description: &str) -> u64 {
    // FNV-1a, 64 bits.
    let bytes = description.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

fn word_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    let from = &bytes[at.min(HEADER_BYTES)..];
    for (to, from) in word.iter_mut().zip(from) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

const fn low(word: u64) -> u32 {
    (word & 0xFFFF_FFFF) as u32
}
