//! Messages → standard output, written before they are acknowledged.

use std::fs::File;
use std::io::Write as _;

use crosstie::ErrorKind;
use crosstie::endpoint::Payload;
use crosstie::os::{clock, inherited};

use super::{Framing, record};
use crate::ends::Sink;
use crate::exit::{Failure, Outcome};

/// From this much on the buffer is written, and a payload is not copied into it.
const WRITE_BYTES: usize = 256 << 10;

/// Frames messages and writes many at a time.
pub struct Writer {
    output: File,
    framing: Framing,
    buffer: Vec<u8>,
    payload: Vec<u8>,
    /// Messages put in so far.
    count: u64,
}

impl Writer {
    /// A writer to standard output.
    ///
    /// # Errors
    /// If standard output is closed.
    pub fn to_standard_output(framing: Framing) -> Result<Self, Failure> {
        let output = inherited::duplicate(1).map_err(|error| Failure::of_output(&error))?;
        Ok(Self { output: output.into(), framing, buffer: Vec::new(), payload: Vec::new(), count: 0 })
    }

    fn put_plain(&mut self, payload: &Payload<'_>) -> Outcome {
        match payload.private() {
            Some(bytes) if bytes.len() >= WRITE_BYTES / 4 => {
                self.flush()?;
                self.output.write_all(bytes).map_err(|error| Failure::of_output(&error))
            }
            _ => {
                payload.append_to(&mut self.buffer);
                Ok(())
            }
        }
    }

    fn put_ended(&mut self, payload: &Payload<'_>, end: u8, named: &str, instead: &str) -> Outcome {
        let start = self.buffer.len();
        payload.append_to(&mut self.buffer);
        if self.buffer[start..].contains(&end) {
            self.buffer.truncate(start);
            return Err(Failure::new(
                ErrorKind::Mismatch,
                format!(
                    "message {} of {} bytes contains {named}, which this framing cannot carry",
                    self.count,
                    payload.len()
                ),
            )
            .advise(format!("receive with {instead}")));
        }
        self.buffer.push(end);
        Ok(())
    }
}

impl Sink for Writer {
    fn put(&mut self, payload: &Payload<'_>) -> Outcome {
        self.count += 1;
        match self.framing {
            Framing::Line => self.put_ended(payload, b'\n', "a newline", "-0, --len32, --jsonl or --raw"),
            Framing::Nul => self.put_ended(payload, 0, "a NUL", "--len32, --jsonl or --raw"),
            Framing::Len32 => {
                let length = u32::try_from(payload.len()).map_err(|_| {
                    Failure::new(ErrorKind::TooLarge, "a message above 4 GiB has no 4-byte length")
                        .advise("take --raw")
                })?;
                self.buffer.extend_from_slice(&length.to_le_bytes());
                self.put_plain(payload)
            }
            Framing::Whole | Framing::Raw => self.put_plain(payload),
            Framing::Jsonl => {
                self.payload.clear();
                payload.append_to(&mut self.payload);
                record::write(
                    &mut self.buffer,
                    self.count,
                    clock::wall_ns(),
                    record::Origin { pid: payload.sender_pid(), number: payload.number() },
                    &self.payload,
                )
                .map_err(|error| Failure::of_output(&error.into()))
            }
        }
    }

    fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_BYTES
    }

    fn flush(&mut self) -> Outcome {
        let written = self.output.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| Failure::of_output(&error))
    }
}
