//! The eight bytes that begin everything: who speaks, in which framing, of which version.

/// Length of a preamble, in bytes.
pub(crate) const PREAMBLE_BYTES: usize = 8;

const MAGIC: [u8; 4] = [0xC7, b'T', b'I', b'E'];

/// A framing and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    /// One letter for the framing.
    framing: u8,
    /// Its version; another one is refused by name.
    version: u8,
    /// What a user calls it.
    name: &'static str,
}

/// Length-prefixed frames on bytes in order.
pub(crate) const STREAM: Protocol = Protocol { framing: b's', version: 1, name: "stream" };
/// Fragments on a socket that keeps packets.
pub(crate) const PACKET: Protocol = Protocol { framing: b'p', version: 1, name: "packet" };

/// Packets of many writers in a FIFO.
pub(crate) const FIFO: Protocol = Protocol { framing: b'f', version: 1, name: "FIFO" };
/// Datagrams that may be lost.
pub(crate) const DATAGRAM: Protocol = Protocol { framing: b'd', version: 1, name: "datagram" };

const ALL: [Protocol; 4] = [STREAM, PACKET, FIFO, DATAGRAM];

/// The protocols between processes, by name, with their versions; ends of different versions refuse
/// each other by name.
///
/// # Examples
/// ```
/// assert!(crosstie::transport::protocols().any(|(name, version)| name == "stream" && version == 1));
/// ```
pub fn protocols() -> impl Iterator<Item = (&'static str, u8)> {
    ALL.iter().map(|protocol| (protocol.name, protocol.version))
}

impl Protocol {
    /// The bytes that this protocol begins with.
    pub(crate) const fn preamble(self) -> [u8; PREAMBLE_BYTES] {
        let [a, b, c, d] = MAGIC;
        [a, b, c, d, self.framing, self.version, 0, 0]
    }

    /// This protocol's preamble with flags in its last two bytes: what each packet begins with where
    /// packets of many senders come out of one descriptor.
    pub(crate) const fn preamble_with(self, flags: u16) -> [u8; PREAMBLE_BYTES] {
        let [a, b, c, d, e, f, _, _] = self.preamble();
        let [g, h] = flags.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// The flags of a packet, or what came instead.
    pub(crate) fn flags(self, preamble: [u8; PREAMBLE_BYTES]) -> Result<u16, String> {
        let [a, b, c, d, e, f, g, h] = preamble;
        match self.check(&[a, b, c, d, e, f, 0, 0]) {
            Ok(_) => Ok(u16::from_le_bytes([g, h])),
            // Once more, so that the text shows all that came.
            Err(text) => Err(self.check(&preamble).err().unwrap_or(text)),
        }
    }

    /// Checks the first bytes that arrived: whether the preamble is there whole, or what came instead.
    pub(crate) fn check(self, bytes: &[u8]) -> Result<bool, String> {
        let expected = self.preamble();
        let have = &bytes[..bytes.len().min(PREAMBLE_BYTES)];
        if expected.starts_with(have) {
            return Ok(have.len() == PREAMBLE_BYTES);
        }
        match have {
            [a, b, c, d, framing, version, ..] if [*a, *b, *c, *d] == MAGIC => {
                let name = ALL.iter().find(|p| p.framing == *framing).map_or("unknown", |p| p.name);
                Err(format!(
                    "the peer speaks version {version} of the {name} protocol, this end version {} of the {} protocol",
                    self.version, self.name
                ))
            }
            _ => Err(format!("the peer speaks another protocol: it began with \"{}\"", have.escape_ascii())),
        }
    }
}
