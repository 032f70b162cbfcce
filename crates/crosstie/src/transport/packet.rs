//! Messages on a socket that keeps packets, the sender's side: one packet a message where it fits, else fragments; one
//! packet for many small messages that are sent together.
//!
//! Each direction begins with a packet that is the preamble. Every further packet is eight bytes
//! {flag, three zeros, `u32` LE length}, then:
//!
//! | flag | length of | what follows |
//! |---|---|---|
//! | FIRST 1, MORE 2 | the whole message | a piece of it |
//! | END 4 | nothing: 0 | nothing; of a receiver that ends, `u64` LE: how many messages it took |
//! | BATCH 8 | all that follows | whole messages, each behind its `u32` LE length |

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use crosstie_core::Deadline;

use super::preamble::PACKET;
use super::sending::{Owed, Sending, is_lack_of_room};
use crate::contract::{SendError, SendMessages};
use crate::error::{Error, Result};
use crate::os::message_socket::{self, MessageSocket};

/// The longest piece in one packet, in bytes; the default room of a socket takes three (H19).
const PIECE_BYTES_MAX: usize = 64 << 10;
pub(super) const HEADER_BYTES: usize = 8;
pub(super) const PACKET_BYTES_MAX: usize = HEADER_BYTES + PIECE_BYTES_MAX;
/// A message above this is sent from where it lies, never copied into a batch.
const COPY_BYTES_MAX: usize = 16 << 10;
/// Before each message of a batch: its length.
pub(super) const LENGTH_BYTES: usize = 4;
/// What the kernel is asked to hold, in bytes.
const ROOM_BYTES: usize = 1 << 20;

/// A message begins.
pub(super) const FIRST: u8 = 1;
/// The message that began goes on.
pub(super) const MORE: u8 = 2;
/// The sender is done.
pub(super) const END: u8 = 4;
/// Several whole messages.
pub(super) const BATCH: u8 = 8;

pub(super) const END_PACKET: [u8; HEADER_BYTES] = [END, 0, 0, 0, 0, 0, 0, 0];

fn header(flag: u8, total: u32) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = total.to_le_bytes();
    [flag, 0, 0, 0, a, b, c, d]
}

/// The sending end of messages on a socket that keeps packets.
///
/// Dropping it sends the end mark, and waits for room in order to; while panicking it does not,
/// so that the receiver sees a death.
#[derive(Debug)]
pub struct PacketSender {
    sending: Sending,
    socket: MessageSocket,
    /// The rest of a message whose beginning went out before its deadline passed, and its length.
    owed: Option<(Owed, u32)>,
    has_begun: bool,
    hears_goodbye: bool,
}

impl PacketSender {
    pub(crate) fn new(socket: MessageSocket, object: String, limit: usize) -> Self {
        // Less room is less speed, nothing else.
        let _ = message_socket::enlarge_send_room(&socket, ROOM_BYTES);
        let limit = limit.min(u32::MAX as usize);
        Self {
            sending: Sending::new(object, limit),
            socket,
            owed: None,
            has_begun: false,
            hears_goodbye: false,
        }
    }

    /// A sender to a receiver of many: announces itself, and may hear a goodbye.
    pub(crate) fn announced(mut self) -> Result<Self> {
        self.hears_goodbye = true;
        match self.settle(Deadline::NEVER) {
            // A receiver that went away just now is told with the first message.
            Ok(()) | Err(SendError::Closed | SendError::PeerDied) => Ok(self),
            Err(SendError::Failed(error)) => Err(error),
            Err(error) => Err(Error::new("open", self.sending.object(), error.kind())),
        }
    }

    /// Sends what must go out before the next message: the preamble, the rest of the last one.
    fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        if !self.has_begun {
            let sent = self.socket.send(&[IoSlice::new(&PACKET.preamble())], deadline);
            sent.map_err(|error| self.fail(error))?;
            self.has_begun = true;
        }
        while let Some((owed, total)) = &mut self.owed {
            let piece = &owed.rest()[..owed.rest().len().min(PIECE_BYTES_MAX)];
            let sent =
                self.socket.send(&[IoSlice::new(&header(MORE, *total)), IoSlice::new(piece)], deadline);
            if let Err(error) = sent {
                return Err(self.fail(error));
            }
            owed.advance(PIECE_BYTES_MAX);
            if owed.is_empty() {
                self.owed = None;
            }
        }
        Ok(())
    }

    #[cold]
    fn send_pieces(&mut self, payload: &[u8], total: u32, deadline: Deadline) -> Result<(), SendError> {
        let mut flag = FIRST;
        let mut rest = payload;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(PIECE_BYTES_MAX));
            match self.socket.send(&[IoSlice::new(&header(flag, total)), IoSlice::new(piece)], deadline) {
                Ok(()) => {}
                Err(error) if flag == MORE && is_lack_of_room(&error) => {
                    self.owed = Some((Owed::new(rest.to_vec()), total));
                    return Ok(());
                }
                Err(error) => return Err(self.fail(error)),
            }
            (flag, rest) = (MORE, after);
        }
        Ok(())
    }

    /// The messages at the front of `payloads` that go out together, as one packet.
    fn gather(&self, payloads: &[&[u8]], packet: &mut Vec<u8>) -> usize {
        packet.extend_from_slice(&header(BATCH, 0));
        let mut count = 0;
        for payload in payloads {
            let length = payload.len();
            let fits = length <= COPY_BYTES_MAX.min(self.sending.limit())
                && packet.len() + LENGTH_BYTES + length <= PACKET_BYTES_MAX;
            let Some(length) = u32::try_from(length).ok().filter(|_| fits) else { break };
            packet.extend_from_slice(&length.to_le_bytes());
            packet.extend_from_slice(payload);
            count += 1;
        }
        let rest = u32::try_from(packet.len() - HEADER_BYTES).unwrap_or(0);
        packet[..HEADER_BYTES].copy_from_slice(&header(BATCH, rest));
        count
    }

    #[cold]
    fn fail(&mut self, error: io::Error) -> SendError {
        let (socket, hears_goodbye) = (&self.socket, self.hears_goodbye);
        let mut goodbye = None;
        let refusal = self.sending.fail(error, || {
            goodbye = if hears_goodbye { hear_goodbye(socket, Deadline::NOW).ok().flatten() } else { None };
            !hears_goodbye || goodbye.is_some()
        });
        if let Some(taken_count) = goodbye {
            self.sending.hear_goodbye(taken_count);
        }
        refusal
    }

    fn say_end(&mut self) -> Result<(), SendError> {
        self.sending.check(0)?;
        self.settle(Deadline::NEVER)?;
        let sent = self.socket.send(&[IoSlice::new(&END_PACKET)], Deadline::NEVER);
        sent.map_err(|error| self.fail(error))?;
        self.sending.set_closed();
        self.socket.finish().map_err(|error| self.fail(error))
    }
}

impl SendMessages for PacketSender {
    fn send(&mut self, payload: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(payload.len())?;
        let Ok(total) = u32::try_from(payload.len()) else {
            return Err(SendError::TooLarge { length: payload.len(), limit: self.sending.limit() });
        };
        if !self.has_begun || self.owed.is_some() {
            self.settle(deadline)?;
        }
        if payload.len() > PIECE_BYTES_MAX {
            self.send_pieces(payload, total, deadline)?;
        } else {
            let sent =
                self.socket.send(&[IoSlice::new(&header(FIRST, total)), IoSlice::new(payload)], deadline);
            sent.map_err(|error| self.fail(error))?;
        }
        self.sending.count(1);
        Ok(())
    }

    fn send_batch(&mut self, payloads: &[&[u8]], deadline: Deadline) -> Result<usize, SendError> {
        let mut batch = Vec::new();
        let count = match payloads {
            [] => return Ok(0),
            [_] => 0,
            several => self.gather(several, &mut batch),
        };
        if count < 2 {
            return self.send(payloads[0], deadline).map(|()| 1);
        }
        self.sending.check(0)?;
        self.settle(deadline)?;
        let sent = self.socket.send(&[IoSlice::new(&batch)], deadline);
        sent.map_err(|error| self.fail(error))?;
        self.sending.count(count);
        Ok(count)
    }

    fn settle(&mut self, deadline: Deadline) -> Result<(), SendError> {
        self.sending.check(0)?;
        PacketSender::settle(self, deadline)
    }

    fn break_off(&mut self) {
        self.sending.set_closed();
    }

    fn close(&mut self) -> Result<(), SendError> {
        if self.sending.is_closed() {
            return Ok(());
        }
        let closed = self.say_end();
        self.sending.unless_all_was_taken(closed)
    }

    fn deliver(&mut self, deadline: Deadline) -> Result<(), SendError> {
        self.close()?;
        if !self.hears_goodbye || !self.sending.is_closed() {
            return Ok(());
        }
        match hear_goodbye(&self.socket, deadline) {
            // It hung up as it does behind the end mark.
            Ok(None) => Ok(()),
            Ok(Some(taken_count)) => {
                self.sending.hear_goodbye(taken_count);
                self.sending.unless_all_was_taken(Err(SendError::Closed))
            }
            Err(error) => {
                let refusal = Err(self.fail(error));
                self.sending.unless_all_was_taken(refusal)
            }
        }
    }

    fn message_bytes_max(&self) -> usize {
        self.sending.limit()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl Drop for PacketSender {
    fn drop(&mut self) {
        if self.sending.ends_on_drop() {
            // Nobody is left to hear of a failure.
            let _ = self.close();
        }
    }
}

/// What a receiver that ends cleanly said, after its preamble: how many messages it took. `None`
/// when it hung up.
fn hear_goodbye(socket: &MessageSocket, deadline: Deadline) -> io::Result<Option<u64>> {
    let mut packet = [0; HEADER_BYTES + 8];
    loop {
        let length = socket.recv_connected(&mut packet, deadline)?;
        let packet = &packet[..length.min(HEADER_BYTES + 8)];
        match packet.split_first_chunk::<HEADER_BYTES>() {
            // A receiver of an older Crosstie does not say it: fewer than any sender counts.
            Some((&END_PACKET, taken)) => return Ok(Some(taken.try_into().map_or(0, u64::from_le_bytes))),
            _ if length == 0 => return Ok(None),
            _ if packet == PACKET.preamble() => {}
            _ => return Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::inbound::{Breach, Inbound as _, Step};
    use super::super::packet_inbound::PacketInbound;
    use super::super::single::SingleReceiver;
    use super::*;
    use crate::contract::{ReceiveMessages as _, RecvError};
    use crate::os::unix::{UnixKind, pair};

    /// What a receiver makes of these packets.
    fn receive(packets: &[Vec<u8>], limit: usize) -> (Vec<Vec<u8>>, Result<Step, Breach>) {
        let (a, b) = pair(UnixKind::Packet).expect("a pair");
        let a = MessageSocket::new(a);
        let mut inbound = PacketInbound::new(MessageSocket::new(b), limit);
        let mut messages = Vec::new();
        for packet in packets {
            a.send(&[IoSlice::new(packet)], Deadline::NEVER).expect("sent");
            inbound.fill(Deadline::NOW).expect("it is there");
            loop {
                match inbound.step() {
                    Ok(Step::Message(range)) => messages.push(inbound.message(range).to_vec()),
                    Ok(Step::Incomplete) => break,
                    end => return (messages, end),
                }
            }
        }
        (messages, Ok(Step::Incomplete))
    }

    #[test]
    fn fragments_become_their_message_and_what_cannot_follow_is_a_breach() {
        let piece = |flag, total, bytes: &[u8]| [&header(flag, total)[..], bytes].concat();
        let preamble = PACKET.preamble().to_vec();
        let sound = [preamble.clone(), piece(FIRST, 5, b"ab"), piece(MORE, 5, b"cde"), piece(FIRST, 0, b"")];
        assert_eq!(receive(&sound, 10), (vec![b"abcde".to_vec(), vec![]], Ok(Step::Incomplete)));
        let breaches = [
            vec![piece(FIRST, 1, b"a")],
            vec![preamble.clone(), piece(MORE, 5, b"cde")],
            vec![preamble.clone(), piece(FIRST, 5, b"ab"), piece(FIRST, 5, b"ab")],
            vec![preamble.clone(), piece(FIRST, 5, b"ab"), piece(END, 0, b"")],
            vec![preamble.clone(), piece(FIRST, 1, b"ab")],
            vec![preamble.clone(), piece(FIRST, 11, b"ab")],
            vec![preamble.clone(), b"abc".to_vec()],
            vec![preamble.clone(), piece(BATCH, 0, b"")],
            vec![preamble.clone(), piece(BATCH, 6, b"\x01\0\0\0a")],
            vec![preamble.clone(), piece(BATCH, 3, b"\x01\0\0")],
            vec![preamble.clone(), piece(BATCH, 5, b"\x02\0\0\0a")],
            vec![preamble.clone(), piece(BATCH, 15, b"\x0b\0\0\0abcdefghijk")],
            vec![preamble.clone(), piece(FIRST, 5, b"ab"), piece(BATCH, 5, b"\x01\0\0\0a")],
            vec![b"GET / HTTP/1.1".to_vec()],
        ];
        for packets in breaches {
            let (messages, end) = receive(&packets, 10);
            assert!(messages.is_empty() && end.is_err(), "{packets:?}: {end:?}");
        }
    }

    #[test]
    fn a_breach_inside_a_batch_leaves_the_messages_before_it() {
        let batch = [&header(BATCH, 10)[..], b"\x01\0\0\0a\x02\0\0\0b"].concat();
        let (messages, end) = receive(&[PACKET.preamble().to_vec(), batch], 10);
        assert_eq!(
            (messages, end),
            (vec![b"a".to_vec()], Err(Breach::Corrupt("a message longer than its batch")))
        );
    }

    proptest! {
        #[test]
        fn messages_sent_alone_and_in_batches_come_out_as_they_are(
            batches in prop::collection::vec(prop::collection::vec((any::<u8>(), 0..700_usize, 0..10_u8), 1..40), 1..5),
        ) {
            let (a, b) = pair(UnixKind::Packet).expect("a pair");
            let mut tx = PacketSender::new(MessageSocket::new(a), "a test".to_owned(), 1 << 20);
            let inbound = PacketInbound::new(MessageSocket::new(b), 1 << 20);
            let mut rx = SingleReceiver::new(inbound, "a test".to_owned(), None);
            for batch in batches {
                // Most are short, some do not fit a batch, some not a packet.
                let message = |&(byte, length, rarity): &(u8, usize, u8)| {
                    vec![byte; if rarity == 0 { length * 120 } else { length }]
                };
                let messages: Vec<Vec<u8>> = batch.iter().map(message).collect();
                let mut rest: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
                let mut due = messages.iter();
                while !rest.is_empty() {
                    let count = tx.send_batch(&rest, Deadline::NEVER).expect("sent");
                    rest.drain(..count);
                    for message in due.by_ref().take(count) {
                        prop_assert_eq!(rx.recv(Deadline::NOW).expect("it is there").payload, &message[..]);
                    }
                }
            }
            drop(tx);
            prop_assert!(matches!(rx.recv(Deadline::NOW), Err(RecvError::Closed)));
        }

        #[test]
        fn arbitrary_packets_never_panic(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..20),
            flags in prop::collection::vec((0..12_u8, 0..40_u32), 20),
        ) {
            let headed = packets.iter().zip(&flags).map(|(packet, (flag, total))| {
                let total = if flag & BATCH == 0 { *total } else { packet.len() as u32 };
                [&header(*flag, total)[..], packet].concat()
            });
            let greeted: Vec<_> = std::iter::once(PACKET.preamble().to_vec()).chain(headed).collect();
            let _ = receive(&greeted, 30);
            let _ = receive(&packets, 30);
        }
    }
}
