//! [`Outlet`]: the sending end of an address.

use crosstie::ErrorKind;
use crosstie::contract::SendError;
use crosstie::endpoint::{Address, Place, Sender};

use super::place::{domain, waited_for};
use super::told::Told;
use crate::args::{EndFlags, Globals};
use crate::exit::{Failure, Outcome};
use crate::output::patience::Patience;

/// The lock at which senders of `address` stand in line, where they take turns.
fn turns_at(address: &Address) -> Option<String> {
    match address.place() {
        Place::Ring(name) if address.option("senders").as_deref() == Some("turns") => {
            Some(format!("lock:ring.{name}"))
        }
        _ => None,
    }
}

/// The sending end of an address, with the user's patience.
pub struct Outlet<'a> {
    address: &'a Address,
    sender: Sender,
    globals: &'a Globals,
    patience: Patience<'a>,
}

impl<'a> Outlet<'a> {
    /// Opens it; waits for the receiver where the mechanism needs one.
    ///
    /// # Errors
    /// As [`Sender::open_with`].
    pub fn open(address: &'a Address, flags: &EndFlags, globals: &'a Globals) -> Result<Self, Failure> {
        let mut patience = Patience::new(globals, flags.timeout);
        // Who gave up its place in the line to tell of its wait would be the last in it.
        let line = turns_at(address);
        let _told = match &line {
            Some(line) => {
                patience.hush();
                Some(Told::begin(globals, domain(globals)?, line.clone()))
            }
            None => None,
        };
        let sender = loop {
            match Sender::open_at(address, &flags.options(address, globals, patience.deadline())?) {
                Ok(sender) => break sender,
                Err(error) if error.kind() == ErrorKind::TimedOut && line.is_none() => {
                    if !patience.goes_on(|| waited_for("a receiver", address, globals)) {
                        return Err(
                            Failure::from(error).advise(format!("start one: crosstie recv {address}"))
                        );
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Self { address, sender, globals, patience: Patience::new(globals, flags.timeout) })
    }

    /// The largest message that it sends, in bytes.
    pub fn message_bytes_max(&self) -> usize {
        self.sender.message_bytes_max()
    }

    /// Sends all of `messages`, in order.
    ///
    /// # Errors
    /// The first that could not be sent; those before it were.
    pub fn send(&mut self, messages: &[&[u8]]) -> Outcome {
        let mut rest = messages;
        while !rest.is_empty() {
            self.patience.begin();
            let sent = loop {
                match self.sender.send_batch(rest, self.patience.deadline()) {
                    Err(SendError::TimedOut) => {
                        let (address, globals) = (self.address, self.globals);
                        let has_receiver = self.sender.has_receiver() != Some(false);
                        let (awaited, advice) = if has_receiver {
                            (
                                "room, the receiver takes nothing",
                                "the messages before it were sent; the receiver takes none".to_owned(),
                            )
                        } else {
                            (
                                "a receiver, it is full and has none",
                                format!(
                                    "{address} is full and has no receiver; start one: crosstie recv {address}"
                                ),
                            )
                        };
                        if !self.patience.goes_on(|| waited_for(awaited, address, globals)) {
                            return Err(Failure::of_send(address, SendError::TimedOut).advise(advice));
                        }
                    }
                    Err(SendError::HeldUp(error)) => {
                        let (address, globals, by) = (self.address, self.globals, error.to_string());
                        let awaited = format!("a subscriber to read ({by})");
                        if !self.patience.goes_on(|| waited_for(&awaited, address, globals)) {
                            return Err(error.into());
                        }
                    }
                    sent => break sent.map_err(|error| Failure::of_send(self.address, error))?,
                }
            };
            rest = &rest[sent..];
        }
        Ok(())
    }

    /// Tells the receiver a clean end, and waits until it has taken everything, where that can be told.
    ///
    /// # Errors
    /// If it cannot be told, or if the receiver ended before it took everything.
    pub fn close(mut self) -> Outcome {
        self.patience.begin();
        loop {
            let (address, globals) = (self.address, self.globals);
            match self.sender.deliver(self.patience.deadline()) {
                Ok(()) => return Ok(()),
                // A datagram's receiver that ended cleanly is all that is ever known of it.
                Err(SendError::Closed) if matches!(address.place(), Place::Udp(_)) => return Ok(()),
                Err(SendError::TimedOut) => {
                    let awaited = "the receiver to take what was sent";
                    if !self.patience.goes_on(|| waited_for(awaited, address, globals)) {
                        return Err(Failure::of_send(address, SendError::TimedOut)
                            .advise("everything was sent; the receiver has not taken all of it"));
                    }
                }
                Err(error) => return Err(Failure::of_send(address, error)),
            }
        }
    }

    /// Ends so that the receiver is told a death.
    pub fn break_off(self) {
        self.sender.break_off();
    }
}
