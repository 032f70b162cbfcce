//! [`Payload`]: the bytes of a message that has arrived, lent.

use crate::channel::ring::RingMessage;
use crate::contract::Arrived;

/// The bytes of a message that has arrived, lent by its receiver.
///
/// On a mechanism of the kernel they lie in this end's private memory. On a ring they lie in shared
/// memory, where a sender that breaks the protocol could still write: they are copied out.
///
/// # Examples
/// ```
/// let (mut tx, mut rx) = crosstie::pair::<[u8]>()?;
/// tx.send(b"hello")?;
/// let payload = rx.recv_bytes()?;
/// assert_eq!((payload.len(), payload.to_vec()), (5, b"hello".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Payload<'a> {
    lent: Lent<'a>,
}

/// Where the bytes lie.
#[derive(Debug)]
pub(super) enum Lent<'a> {
    Private(Arrived<'a>),
    Ring(RingMessage<'a>),
}

impl<'a> Payload<'a> {
    pub(super) fn new(lent: Lent<'a>) -> Self {
        Self { lent }
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.lent {
            Lent::Private(arrived) => arrived.payload.len(),
            Lent::Ring(message) => message.len(),
        }
    }

    /// Whether the message has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes themselves, without a copy, where they lie in private memory: on every mechanism
    /// but the ring.
    #[must_use]
    pub fn private(&self) -> Option<&[u8]> {
        match &self.lent {
            Lent::Private(arrived) => Some(arrived.payload),
            Lent::Ring(_) => None,
        }
    }

    /// Appends the bytes to `into`; one copy.
    pub fn append_to(&self, into: &mut Vec<u8>) {
        match &self.lent {
            Lent::Private(arrived) => into.extend_from_slice(arrived.payload),
            Lent::Ring(message) => {
                let start = into.len();
                into.resize(start + message.len(), 0);
                message.copy_to(&mut into[start..]);
            }
        }
    }

    /// The bytes, copied.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.append_to(&mut bytes);
        bytes
    }

    /// The bytes: where they lie, or copied into `scratch` (whose content is overwritten).
    pub fn bytes<'s>(&'s self, scratch: &'s mut Vec<u8>) -> &'s [u8] {
        if let Some(bytes) = self.private() {
            return bytes;
        }
        scratch.clear();
        self.append_to(scratch);
        scratch
    }

    /// The sender's process id, where the kernel, the framing or the ring says it.
    #[must_use]
    pub fn sender_pid(&self) -> Option<u32> {
        match &self.lent {
            Lent::Private(arrived) => arrived.sender_pid,
            Lent::Ring(message) => message.sender_pid(),
        }
    }
}
