//! What a message of a conversation of calls says: pure, whatever carries it.
//!
//! Every message, in both directions, is one frame: eight bytes {kind, flags, two zeros, `u32` LE id},
//! then a `u64` LE value where the kind has one, then the body.
//!
//! | kind | from | id | value | body | means |
//! |---|---|---|---|---|---|
//! | HELLO 1 | client | version | token | `"calls"` | first; the token is random and names the conversation |
//! | WELCOME 2 | server | version | the client's token | `"calls"` | first; what came before is of another conversation |
//! | CALL 3 | client | of the call | with TIMED: ns that its caller waits yet | the request | a call |
//! | CANCEL 4 | client | of the call | – | – | nobody waits for it any more |
//! | CREDIT 5 | client | of the call | cost of what was taken | – | the stream may send so much more |
//! | ITEM 6 | server | of the call | – | one reply | more follow |
//! | REPLY 7 | server | of the call | – | the reply | the only one; **last** |
//! | END 8 | server | of the call | – | – | of a stream; **last** |
//! | REFUSAL 9 | server | of the call | – | a [`Refusal`](super::Refusal) | no reply; **last** |
//! | FAREWELL 10 | server | 0 | – | a [`Refusal`](super::Refusal) | the conversation is over, and why |
//! | NAME 11 | server | 0 | what the server is known by in the ledger | – | before the first reply, from a server that has workers |
//!
//! Through a queue only CALLs go, each behind a prefix of {`u64` LE token, `u64` LE time in ns}, because any server may
//! take any client's; replies go through a queue of the client's own. There, CANCEL and CREDIT are words on the client's
//! board ([`Board`](super::board::Board)), and there is no greeting: a server knows a client by its token.
//!
//! Flags of a CALL: TIMED 1, IDEMPOTENT 2, STREAM 4 (its caller takes many replies), AGAIN 8 (another
//! server had it and died).
//!
//! # Invariants
//! - F1 Every CALL is answered by exactly one last frame, a cancelled one too: so both sides count the
//!   same calls in flight, and an id is free again with its last frame.
//! - F2 At most [`CALLS_MAX`] calls of a conversation are in flight, those whose last frame waits for room among them. Who has more is cut off.
//! - F3 The ITEMs of a stream that were not credited cost at most [`WINDOW_COST`] and one message.
//! - F4 A frame of an unknown id is late, and thrown away; a frame that cannot be is a breach, which ends
//!   the conversation for the end that sees it.
//! - F5 Through rings, which outlive both ends, a server that finds a client there says FAREWELL first, of kind `peer-died` or
//!   `closed`: what was said before was said to, or by, a server that is gone. What comes before a HELLO is such, and thrown away.
//!   A HELLO stays in the ring until its WELCOME is out: whoever was not welcomed waits for the next server, and is told no end.

/// The protocol's version; another one is refused by name.
pub const VERSION: u32 = 1;

/// So many calls of one conversation are in flight at most.
pub const CALLS_MAX: usize = 1024;

/// The low bits of an id are its slot at the client, the high ones count that slot's calls: a frame that comes where
/// none can finds another id there.
pub const SLOT_BITS: u32 = 20;

/// So many servers get an idempotent call that kills each of them.
pub const SERVERS_MAX: u32 = 3;

/// So much of one stream may be on its way or untaken, in cost: bytes, and [`FRAME_COST`] a reply.
pub const WINDOW_COST: u64 = 256 << 10;

/// What a reply costs beside its bytes.
pub const FRAME_COST: u64 = 64;

/// The longest head of a frame, in bytes.
pub const HEAD_BYTES_MAX: usize = 16;
const SHORT_HEAD_BYTES: usize = 8;

/// What stands in a HELLO and a WELCOME, so that a stranger's message is told from one.
const GREETING: &[u8] = b"calls";

const TIMED: u8 = 1;
const IDEMPOTENT: u8 = 2;
const STREAM: u8 = 4;
const AGAIN: u8 = 8;

/// What stands before a frame in a queue, where the calls of all clients are: whose it is, and when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Names the client.
    pub token: u64,
    /// When it was sent, in nanoseconds of the monotonic clock.
    pub sent_ns: u64,
}

/// Bytes of a [`Prefix`]: token and time, both `u64` LE.
pub const PREFIX_BYTES: usize = 16;

impl Prefix {
    /// Its bytes.
    pub fn to_bytes(self) -> [u8; PREFIX_BYTES] {
        let mut bytes = [0; PREFIX_BYTES];
        bytes[..8].copy_from_slice(&self.token.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sent_ns.to_le_bytes());
        bytes
    }

    /// Splits a message of a queue into its prefix and its frame.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(message: &[u8]) -> Result<(Self, &[u8]), &'static str> {
        let split = message.split_first_chunk::<8>();
        let both = split.and_then(|(token, rest)| Some((token, rest.split_first_chunk::<8>()?)));
        let Some((token, (sent_ns, frame))) = both else {
            return Err("a message that is no call");
        };
        Ok((Self { token: u64::from_le_bytes(*token), sent_ns: u64::from_le_bytes(*sent_ns) }, frame))
    }
}

/// What a call says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallHead {
    /// How long its caller waits yet, in nanoseconds; `None` is for ever.
    pub left_ns: Option<u64>,
    /// To do it twice is as good as once.
    pub is_idempotent: bool,
    /// Its caller takes many replies.
    pub is_stream: bool,
    /// Another server had it and died.
    pub is_repeated: bool,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The client begins.
    Hello(u64),
    /// The server begins.
    Welcome(u64),
    /// A call.
    Call(u32, CallHead),
    /// Nobody waits for the call any more.
    Cancel(u32),
    /// The stream may send so much more.
    Credit(u32, u64),
    /// One reply of many.
    Item(u32),
    /// The only reply.
    Reply(u32),
    /// The stream's end.
    End(u32),
    /// No reply.
    Refusal(u32),
    /// The conversation is over.
    Farewell,
    /// What the server is known by in the ledger.
    Name(u64),
}

/// What a reply costs of a stream's window.
pub fn cost(bytes: usize) -> u64 {
    (bytes as u64).saturating_add(FRAME_COST)
}

impl Head {
    #[inline(always)]
    fn parts(self) -> (u8, u8, u32, Option<u64>) {
        match self {
            Self::Hello(token) => (1, 0, VERSION, Some(token)),
            Self::Welcome(token) => (2, 0, VERSION, Some(token)),
            Self::Call(id, call) => (3, call.flags(), id, call.left_ns),
            Self::Cancel(id) => (4, 0, id, None),
            Self::Credit(id, cost) => (5, 0, id, Some(cost)),
            Self::Item(id) => (6, 0, id, None),
            Self::Reply(id) => (7, 0, id, None),
            Self::End(id) => (8, 0, id, None),
            Self::Refusal(id) => (9, 0, id, None),
            Self::Farewell => (10, 0, 0, None),
            Self::Name(token) => (11, 0, 0, Some(token)),
        }
    }

    /// Writes the head into `room`; answers its bytes. In whole words: what is read again at once need not be put together.
    #[inline(always)]
    pub fn write(self, room: &mut [u8; HEAD_BYTES_MAX]) -> &[u8] {
        let (kind, flags, id, value) = self.parts();
        let first = u64::from(kind) | u64::from(flags) << 8 | u64::from(id) << 32;
        room[..8].copy_from_slice(&first.to_le_bytes());
        let Some(value) = value else { return &room[..SHORT_HEAD_BYTES] };
        room[8..].copy_from_slice(&value.to_le_bytes());
        room
    }

    /// The body of a frame with this head that has none of its caller's.
    pub fn own_body(self) -> &'static [u8] {
        match self {
            Self::Hello(_) | Self::Welcome(_) => GREETING,
            _ => &[],
        }
    }

    /// The whole frame.
    pub fn to_frame(self, body: &[u8]) -> Vec<u8> {
        [self.write(&mut [0; HEAD_BYTES_MAX]), body].concat()
    }

    /// Splits a frame into its head and its body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn split(frame: &[u8]) -> Result<(Self, &[u8]), &'static str> {
        let (head, body) = frame.split_at(head_bytes(frame));
        Self::read(head, body).map(|head| (head, body))
    }

    /// The head of a frame, of whose bytes the first [`head_bytes`] are `head`, and the others `body`.
    ///
    /// # Errors
    /// What is wrong with it.
    #[inline(always)]
    pub fn read(head: &[u8], body: &[u8]) -> Result<Self, &'static str> {
        let Some((&first, rest)) = head.split_first_chunk::<SHORT_HEAD_BYTES>() else {
            return Err("a message that is no frame of a call");
        };
        let [kind, flags, 0, 0, a, b, c, d] = first else {
            return Err("a message that is no frame of a call");
        };
        let id = u32::from_le_bytes([a, b, c, d]);
        let value = match rest.first_chunk::<8>() {
            Some(value) => u64::from_le_bytes(*value),
            None if has_value(kind, flags) => return Err("a frame that ends inside its head"),
            None => 0,
        };
        if flags != 0 && kind != 3 {
            return Err("flags that a frame of its kind does not have");
        }
        let head = match kind {
            1 | 2 if body != GREETING => return Err("a greeting that is none"),
            1 | 2 if id != VERSION => return Err("another version of the protocol of calls"),
            1 => Self::Hello(value),
            2 => Self::Welcome(value),
            3 => Self::Call(id, CallHead::of_flags(flags, value)?),
            4 => Self::Cancel(id),
            5 => Self::Credit(id, value),
            6 => Self::Item(id),
            7 => Self::Reply(id),
            8 => Self::End(id),
            9 => Self::Refusal(id),
            10 if id == 0 => Self::Farewell,
            11 if id == 0 => Self::Name(value),
            _ => return Err("a frame of an unknown kind"),
        };
        if matches!(kind, 4 | 5 | 8 | 11) && !body.is_empty() {
            return Err("a body that a frame of its kind does not have");
        }
        Ok(head)
    }
}

/// How many of these frames are a call's last one.
pub fn last_count<'a>(frames: impl IntoIterator<Item = &'a Vec<u8>>) -> usize {
    frames.into_iter().filter(|frame| matches!(frame[..], [7..=9, ..])).count()
}

/// How many of a frame's bytes are its head, by its first ones; all of one that ends inside its head.
#[inline(always)]
pub fn head_bytes(frame: &[u8]) -> usize {
    let has_value = matches!(frame, [kind, flags, ..] if has_value(*kind, *flags));
    let head_bytes = if has_value { HEAD_BYTES_MAX } else { SHORT_HEAD_BYTES };
    head_bytes.min(frame.len())
}

#[inline(always)]
fn has_value(kind: u8, flags: u8) -> bool {
    matches!(kind, 1 | 2 | 5 | 11) || kind == 3 && flags & TIMED != 0
}

impl CallHead {
    #[inline(always)]
    fn flags(self) -> u8 {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        flag(self.left_ns.is_some(), TIMED)
            | flag(self.is_idempotent, IDEMPOTENT)
            | flag(self.is_stream, STREAM)
            | flag(self.is_repeated, AGAIN)
    }

    fn of_flags(flags: u8, value: u64) -> Result<Self, &'static str> {
        if flags & !(TIMED | IDEMPOTENT | STREAM | AGAIN) != 0 {
            return Err("flags that a frame of its kind does not have");
        }
        Ok(Self {
            left_ns: (flags & TIMED != 0).then_some(value),
            is_idempotent: flags & IDEMPOTENT != 0,
            is_stream: flags & STREAM != 0,
            is_repeated: flags & AGAIN != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads() -> impl Strategy<Value = Head> {
        let call = (any::<u32>(), any::<Option<u64>>(), any::<[bool; 3]>()).prop_map(|(id, left_ns, is)| {
            let [is_idempotent, is_stream, is_repeated] = is;
            Head::Call(id, CallHead { left_ns, is_idempotent, is_stream, is_repeated })
        });
        prop_oneof![
            call,
            any::<u64>().prop_map(Head::Hello),
            any::<u64>().prop_map(Head::Welcome),
            any::<u32>().prop_map(Head::Cancel),
            any::<(u32, u64)>().prop_map(|(id, cost)| Head::Credit(id, cost)),
            any::<u32>().prop_map(Head::Item),
            any::<u32>().prop_map(Head::Reply),
            any::<u32>().prop_map(Head::End),
            any::<u32>().prop_map(Head::Refusal),
            any::<u64>().prop_map(Head::Name),
            Just(Head::Farewell),
        ]
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(head in heads(), body in prop::collection::vec(any::<u8>(), 0..40)) {
            let has_body = matches!(head, Head::Call(..) | Head::Item(_) | Head::Reply(_) | Head::Refusal(_) | Head::Farewell);
            let body = if has_body { &body[..] } else { head.own_body() };
            let frame = head.to_frame(body);
            prop_assert_eq!(Head::split(&frame), Ok((head, body)));
        }

        #[test]
        fn any_bytes_are_a_frame_that_says_itself_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((head, body)) = Head::split(&bytes) {
                prop_assert_eq!(head.to_frame(body), bytes);
            }
        }
    }

    #[test]
    fn what_cannot_be_a_frame_is_named() {
        for (bytes, said) in [
            (&b""[..], "no frame"),
            (b"\x03\0\0\0\0\0\0", "no frame"),
            (b"\x07\0\x01\0\0\0\0\0", "no frame"),
            (b"\x03\x01\0\0\0\0\0\0\0", "inside its head"),
            (b"\x03\x10\0\0\0\0\0\0", "flags"),
            (b"\x07\x01\0\0\0\0\0\0", "flags"),
            (b"\x00\0\0\0\0\0\0\0", "unknown kind"),
            (b"\x0b\0\0\0\0\0\0\0", "inside its head"),
            (b"\x0c\0\0\0\0\0\0\0", "unknown kind"),
            (b"\x04\0\0\0\0\0\0\0x", "a body"),
            (b"\x01\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0calls", "another version"),
            (b"\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0hello", "a greeting"),
        ] {
            let error = Head::split(bytes).expect_err("no frame");
            assert!(error.contains(said), "{bytes:?}: {error}");
        }
    }
}
