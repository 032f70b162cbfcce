//! [`Intake`]: the receiving end of an address.

use crosstie::ErrorKind;
use crosstie::contract::{Losses, RecvError};
use crosstie::endpoint::{Address, Payload, Place, Receiver};

use super::place::waited_for;
use crate::args::{EndFlags, Globals};
use crate::exit::{Failure, Outcome};
use crate::output::note;
use crate::output::patience::Patience;

/// Where received messages go.
pub trait Sink {
    /// Takes one message in; it need not be safe before [`Sink::flush`].
    ///
    /// # Errors
    /// If this message cannot be taken; those before it can still be flushed.
    fn put(&mut self, payload: &Payload<'_>) -> Outcome;

    /// Whether it wants to be flushed before the next message.
    fn is_full(&self) -> bool;

    /// Makes safe what was taken in.
    ///
    /// # Errors
    /// If that fails; then nothing since the last flush may be acknowledged.
    fn flush(&mut self) -> Outcome;
}

/// Why there are no more messages.
pub enum End {
    /// Every sender said that it is done.
    Clean,
    /// The time that was set has passed: the receiver ends in order, and nothing broke.
    Late(Failure),
    /// Anything else.
    Failed(Failure),
}

/// Through which ends of all senders it goes on, where others can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoesOnAfter {
    /// None.
    Nothing,
    /// Clean ones.
    CleanEnds,
    /// Clean ones and deaths.
    AnyEnd,
}

/// The receiving end of an address, with the user's patience.
pub struct Intake<'a> {
    address: &'a Address,
    receiver: Receiver,
    globals: &'a Globals,
    patience: Patience<'a>,
    goes_on_after: GoesOnAfter,
    /// What ended the last batch, after its messages.
    pending: Option<End>,
    /// The first sender, or message, that was passed over.
    passed_over: Option<Failure>,
    passed_over_count: u64,
}

/// So many of those that are passed over are told one by one: a port may get any number of them.
const TOLD_MAX: u64 = 16;

impl<'a> Intake<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// As [`Receiver::open_with`].
    pub fn open(address: &'a Address, flags: &EndFlags, globals: &'a Globals) -> Result<Self, Failure> {
        let patience = Patience::new(globals, flags.timeout);
        let receiver = Receiver::open_at(address, &flags.options(address, globals, patience.deadline())?)?;
        if let (Place::Tcp(asked) | Place::Udp(asked), Some(chosen)) = (address.place(), receiver.address())
            && asked.port == 0
        {
            note::line(globals, &format!("listening on {chosen}"));
        }
        Ok(Self {
            address,
            receiver,
            globals,
            patience,
            goes_on_after: GoesOnAfter::Nothing,
            pending: None,
            passed_over: None,
            passed_over_count: 0,
        })
    }

    /// Goes on when all senders have ended, where others can come.
    pub fn going_on_after(mut self, ends: GoesOnAfter) -> Self {
        if !matches!(self.address.place(), Place::Descriptor(_) | Place::Standard) {
            self.goes_on_after = ends;
        }
        self
    }

    /// Waits for a message, puts it and what else is there into `sink`, at most `most` messages,
    /// flushes it, and acknowledges them; answers how many.
    ///
    /// # Errors
    /// Why there are no more; what came before is flushed and acknowledged.
    pub fn take(&mut self, most: u64, sink: &mut impl Sink) -> Result<u64, End> {
        if let Some(end) = self.pending.take() {
            return Err(end);
        }
        self.patience.begin();
        let mut batch = self.receiver.batch(self.patience.deadline());
        let mut taken = 0;
        let mut refused = None;
        let stopped = loop {
            if taken == most || sink.is_full() {
                break RecvError::Empty;
            }
            let put = match batch.take() {
                Ok(payload) => sink.put(&payload),
                Err(error) => break error,
            };
            if let Err(failure) = put {
                batch.put_back();
                refused = Some(failure);
                break RecvError::Empty;
            }
            taken += 1;
        };
        if let Err(failure) = sink.flush() {
            return Err(End::Failed(match self.address.place() {
                Place::Ring(_) => failure.advise("what was not written is still in the ring: receive again"),
                Place::Queue(_) => {
                    failure.advise("what was not written is still in the queue: receive again")
                }
                _ => failure,
            }));
        }
        batch.acknowledge();
        let end = match refused {
            Some(failure) => Some(End::Failed(failure)),
            None => self.judge(stopped).err(),
        };
        match end {
            Some(end) if taken == 0 => Err(end),
            end => {
                self.pending = end;
                if taken > 0 {
                    self.patience.hush();
                }
                Ok(taken)
            }
        }
    }

    /// Whether it goes on after what ended a batch.
    fn judge(&mut self, stopped: RecvError) -> Result<(), End> {
        let address = self.address;
        match stopped {
            RecvError::Empty => Ok(()),
            // It was told; what follows is not lost.
            error @ RecvError::Overrun { .. } => {
                note::line(self.globals, Failure::of_recv(address, error).text());
                Ok(())
            }
            RecvError::Closed if self.goes_on_after != GoesOnAfter::Nothing => Ok(()),
            RecvError::PeerDied if self.goes_on_after == GoesOnAfter::AnyEnd => Ok(()),
            RecvError::Closed => Err(End::Clean),
            RecvError::TimedOut
                if self.patience.goes_on(|| waited_for("a sender", address, self.globals)) =>
            {
                Ok(())
            }
            RecvError::TimedOut => Err(End::Late(
                Failure::of_recv(address, RecvError::TimedOut)
                    .advise(format!("send one: crosstie send {address}")),
            )),
            error if self.others_are_served_after(&error) => {
                self.pass_over(Failure::of_recv(address, error));
                Ok(())
            }
            error => Err(End::Failed(Failure::of_recv(address, error))),
        }
    }

    /// Whether an error is about one sender, or one message, of many.
    fn others_are_served_after(&self, error: &RecvError) -> bool {
        let has_many = matches!(
            self.address.place(),
            Place::Fifo(_) | Place::Unix(_) | Place::UnixPacket(_) | Place::Tcp(_) | Place::Udp(_)
        );
        has_many && matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::Corrupt | ErrorKind::TooLarge)
    }

    fn pass_over(&mut self, failure: Failure) {
        self.passed_over_count += 1;
        if self.passed_over_count <= TOLD_MAX {
            let last =
                if self.passed_over_count == TOLD_MAX { "; more are passed over in silence" } else { "" };
            note::line(
                self.globals,
                &format!("{}; passed over, the others are served on{last}", failure.text()),
            );
        }
        self.passed_over.get_or_insert(failure);
    }

    /// At a clean end: the first sender, or message, that was passed over.
    ///
    /// # Errors
    /// That failure, if there was one.
    pub fn verdict(&mut self) -> Outcome {
        let count = self.passed_over_count;
        match self.passed_over.take() {
            None => Ok(()),
            Some(first) if count == 1 => {
                Err(first.advise("it was passed over; the others were served whole"))
            }
            Some(first) => Err(first.advise(format!(
                "this and {} more were passed over; the others were served whole",
                count - 1
            ))),
        }
    }

    /// Ends so that the senders are told a death.
    pub fn break_off(self) {
        self.receiver.break_off();
    }

    /// Says what the mechanism knows to be lost, where it can lose at all.
    pub fn tell_losses(&self) {
        let Losses { lost, duplicated, reordered } = self.receiver.losses();
        let address = self.address;
        if let Place::Topic(_) = address.place()
            && lost > 0
        {
            note::line(
                self.globals,
                &format!("{address}: {lost} messages were overwritten before they were read"),
            );
        }
        if let Place::Udp(_) = address.place() {
            note::line(
                self.globals,
                &format!("{address}: {lost} lost, {duplicated} duplicated, {reordered} reordered"),
            );
        }
    }
}
