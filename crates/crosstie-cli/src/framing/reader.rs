//! Standard input → messages, as many at a time as are there.

use std::fs::File;
use std::io::{self, BufRead as _, Read};
use std::ops::Range;

use crosstie::ErrorKind;
use crosstie::os::inherited;

use super::{Framing, record};
use crate::exit::{Failure, Outcome};

/// How much is read at a time, where nothing asks for more.
const READ_BYTES: usize = 256 << 10;

/// Cuts a stream into messages and never holds back a whole one.
pub struct Reader<R> {
    input: R,
    framing: Framing,
    message_bytes_max: usize,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that are read and not yet given out.
    filled: Range<usize>,
    /// Up to here there is no end of a message.
    scanned: usize,
    ended: bool,
    /// Payloads that were decoded from JSON.
    decoded: Vec<u8>,
    /// The messages of the current batch, in `decoded` for JSON, else in `buffer`.
    messages: Vec<Range<usize>>,
    /// Messages given out in all; names the wrong one in an error.
    given: u64,
}

impl Reader<File> {
    /// A reader of standard input.
    ///
    /// # Errors
    /// If standard input is closed.
    pub fn of_standard_input(framing: Framing, message_bytes_max: usize) -> Result<Self, Failure> {
        let input = inherited::duplicate(0).map_err(|error| Failure::of_input(&error))?;
        Ok(Self::new(input.into(), framing, message_bytes_max))
    }
}

impl<R: Read> Reader<R> {
    /// A reader that accepts no message above `message_bytes_max`.
    pub fn new(input: R, framing: Framing, message_bytes_max: usize) -> Self {
        let buffer =
            vec![
                0;
                if framing == Framing::Raw { READ_BYTES.min(message_bytes_max.max(1)) } else { READ_BYTES }
            ];
        Self {
            input,
            framing,
            message_bytes_max,
            buffer,
            filled: 0..0,
            scanned: 0,
            ended: false,
            decoded: Vec::new(),
            messages: Vec::new(),
            given: 0,
        }
    }

    /// The messages that are there, at least one; waits for input only where there is none.
    /// `None` at the end of the input.
    ///
    /// # Errors
    /// What is wrong with the next message; those before it were given out.
    pub fn next_batch(&mut self) -> Result<Option<Vec<&[u8]>>, Failure> {
        self.messages.clear();
        self.decoded.clear();
        loop {
            let wrong = self.cut();
            if !self.messages.is_empty() {
                break;
            }
            wrong?;
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
        self.given += self.messages.len() as u64;
        let bytes = if self.framing == Framing::Jsonl { &self.decoded } else { &self.buffer };
        Ok(Some(self.messages.iter().map(|message| &bytes[message.clone()]).collect()))
    }

    /// Cuts off every whole message that the buffer holds.
    fn cut(&mut self) -> Outcome {
        match self.framing {
            Framing::Line | Framing::Jsonl => self.cut_ended(b'\n'),
            Framing::Nul => self.cut_ended(0),
            Framing::Len32 => self.cut_counted(),
            Framing::Whole => self.cut_whole(),
            Framing::Raw => {
                self.take(self.filled.clone());
                Ok(())
            }
        }
    }

    fn cut_ended(&mut self, end: u8) -> Outcome {
        loop {
            let mut rest = &self.buffer[self.scanned..self.filled.end];
            let found = rest.skip_until(end).map_err(|error| Failure::of_input(&error))?;
            let next = self.scanned + found;
            let complete = found > 0 && self.buffer[next - 1] == end;
            if !complete {
                self.scanned = next;
                break;
            }
            self.give(self.filled.start..next - 1)?;
            self.filled.start = next;
            self.scanned = next;
        }
        let last = self.filled.clone();
        if self.ended && !last.is_empty() {
            // The last line needs no newline.
            self.give(last.clone())?;
            self.filled.start = last.end;
        }
        // A record of JSON is longer than its payload; what a payload may be is checked when it is decoded.
        let line_bytes_max = match self.framing {
            Framing::Jsonl => self.message_bytes_max.saturating_mul(6).saturating_add(1 << 10),
            _ => self.message_bytes_max,
        };
        self.within_limit(self.filled.len(), line_bytes_max)
    }

    fn cut_counted(&mut self) -> Outcome {
        while let Some(header) = self.buffer[self.filled.clone()].first_chunk::<4>() {
            let length = u32::from_le_bytes(*header) as usize;
            self.within_limit(length, self.message_bytes_max)?;
            let start = self.filled.start + 4;
            if self.filled.end - start < length {
                break;
            }
            self.take(start..start + length);
            self.filled.start = start + length;
        }
        if self.ended && !self.filled.is_empty() {
            return Err(self.wrong("standard input ends inside it"));
        }
        Ok(())
    }

    fn cut_whole(&mut self) -> Outcome {
        self.within_limit(self.filled.len(), self.message_bytes_max)?;
        if self.ended && self.given == 0 {
            self.messages.push(self.filled.clone());
            self.filled.start = self.filled.end;
        }
        Ok(())
    }

    /// Gives out one line: as it is, or what its JSON holds.
    fn give(&mut self, line: Range<usize>) -> Outcome {
        if self.framing != Framing::Jsonl {
            self.within_limit(line.len(), self.message_bytes_max)?;
            self.messages.push(line);
            return Ok(());
        }
        let start = self.decoded.len();
        record::read(&self.buffer[line], &mut self.decoded).map_err(|cause| self.wrong(&cause))?;
        self.within_limit(self.decoded.len() - start, self.message_bytes_max)?;
        self.messages.push(start..self.decoded.len());
        Ok(())
    }

    fn take(&mut self, message: Range<usize>) {
        if self.framing == Framing::Raw {
            if message.is_empty() {
                return;
            }
            self.filled.start = message.end;
        }
        self.messages.push(message);
    }

    fn within_limit(&self, length: usize, limit: usize) -> Outcome {
        if length <= limit {
            return Ok(());
        }
        let number = self.given + self.messages.len() as u64 + 1;
        Err(Failure::new(
            ErrorKind::TooLarge,
            format!("message {number} of standard input has {length} bytes or more, the limit is {limit}"),
        )
        .advise(
            "raise the limit on both sides with --max (a ring's and a queue's is its room: queue:NAME?capacity=4MiB), \
             or send a stream of bytes with --raw",
        ))
    }

    fn wrong(&self, cause: &str) -> Failure {
        let number = self.given + self.messages.len() as u64 + 1;
        Failure::new(
            ErrorKind::Mismatch,
            format!("message {number} of standard input is not of its framing: {cause}"),
        )
        .advise("the messages before it were sent; look at what writes standard input")
    }

    /// Reads once, into a buffer that has room.
    fn fill(&mut self) -> Outcome {
        if self.filled.start > 0 {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.scanned = self.scanned.saturating_sub(self.filled.start);
            self.filled = 0..self.filled.len();
        }
        if self.filled.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.filled.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| Failure::of_input(&error))?,
            }
        };
        self.filled.end += read;
        self.ended = read == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes in pieces of these sizes, then in large ones.
    struct Pieces {
        bytes: Vec<u8>,
        sizes: Vec<usize>,
    }

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let size = self.sizes.pop().unwrap_or(usize::MAX).min(self.bytes.len()).min(into.len());
            into[..size].copy_from_slice(&self.bytes[..size]);
            self.bytes.drain(..size);
            Ok(size)
        }
    }

    fn read_all(framing: Framing, input: Pieces, limit: usize) -> (Vec<Vec<u8>>, bool) {
        let mut reader = Reader::new(input, framing, limit);
        let mut messages = Vec::new();
        loop {
            match reader.next_batch() {
                Ok(Some(batch)) => messages.extend(batch.iter().map(|message| message.to_vec())),
                Ok(None) => return (messages, true),
                Err(_) => return (messages, false),
            }
        }
    }

    fn framed(framing: Framing, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            match framing {
                Framing::Len32 => bytes.extend_from_slice(&(message.len() as u32).to_le_bytes()),
                Framing::Jsonl => {
                    record::write(&mut bytes, 1, 2, record::Origin::default(), message).unwrap()
                }
                _ => {}
            }
            if framing != Framing::Jsonl {
                bytes.extend_from_slice(message);
            }
            match framing {
                Framing::Line => bytes.push(b'\n'),
                Framing::Nul => bytes.push(0),
                _ => {}
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn however_the_input_is_cut_the_messages_are_the_same(
            messages in prop::collection::vec(prop::collection::vec(1_u8..=9, 0..40), 0..20),
            sizes in prop::collection::vec(1_usize..20, 0..60),
        ) {
            for framing in [Framing::Line, Framing::Nul, Framing::Len32, Framing::Jsonl] {
                let input = Pieces { bytes: framed(framing, &messages), sizes: sizes.clone() };
                prop_assert_eq!(read_all(framing, input, 64), (messages.clone(), true));
            }
            let whole = Pieces { bytes: messages.concat(), sizes: sizes.clone() };
            prop_assert_eq!(read_all(Framing::Whole, whole, 4096), (vec![messages.concat()], true));
            let raw = Pieces { bytes: messages.concat(), sizes };
            prop_assert_eq!(read_all(Framing::Raw, raw, 16).0.concat(), messages.concat());
        }

        #[test]
        fn no_input_makes_it_panic_or_pass_the_limit(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            sizes in prop::collection::vec(1_usize..40, 0..20),
        ) {
            for framing in
                [Framing::Line, Framing::Nul, Framing::Len32, Framing::Jsonl, Framing::Whole, Framing::Raw]
            {
                let input = Pieces { bytes: bytes.clone(), sizes: sizes.clone() };
                let (messages, _) = read_all(framing, input, 32);
                prop_assert!(messages.iter().all(|message| message.len() <= 32));
            }
        }
    }

    #[test]
    fn messages_before_a_wrong_one_are_given_out() {
        let input = Pieces { bytes: b"\x01\0\0\0a\xff\xff\xff\xff".to_vec(), sizes: Vec::new() };
        assert_eq!(read_all(Framing::Len32, input, 32), (vec![b"a".to_vec()], false));
        let lines = Pieces { bytes: [&b"short\n"[..], &[b'x'; 33], b"\n"].concat(), sizes: Vec::new() };
        assert_eq!(read_all(Framing::Line, lines, 32), (vec![b"short".to_vec()], false));
    }
}
