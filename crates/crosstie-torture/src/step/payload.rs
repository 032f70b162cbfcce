//! Messages that tell their number, and whether they are whole.

/// The message that is consumed before the operation, so that the next record wraps.
pub const LEAD: u32 = 0xFFFF_0001;
/// The message that a late joiner sends: it ends the judgement.
pub const SENTINEL: u32 = 0xFFFF_0002;
/// The message that a newcomer sends.
pub const NEWCOMER: u32 = 0xFFFF_0003;
/// Bytes of the lead: its record ends one cell before the end of the ring.
pub const LEAD_BYTES: usize = 4000;
/// Bytes of the sentinel, and of the message of a newcomer.
pub const SENTINEL_BYTES: usize = 16;

/// The message `number` of `length` bytes, at least 4.
pub fn payload(number: u32, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|at| byte(number, at)).collect();
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn byte(number: u32, at: usize) -> u8 {
    let mixed = (at as u64 * 7 + u64::from(number) * 31 + 1) % 251;
    // Below 251.
    mixed.to_le_bytes()[0]
}

/// The number of the message, if its bytes are whole; its length is for the judge to check.
pub fn number_of(bytes: &[u8]) -> Option<u32> {
    let number = u32::from_le_bytes(*bytes.first_chunk()?);
    (payload(number, bytes.len()) == bytes).then_some(number)
}
