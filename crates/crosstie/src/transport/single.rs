//! A receiver with exactly one sender: what it was connected with.

use std::os::fd::BorrowedFd;

use crosstie_core::Deadline;

use super::inbound::{self, Inbound, Step};
use crate::contract::{Arrived, ReceiveMessages, RecvError};
use crate::error::{Error, ErrorKind};
use crate::os::unix::{self, Credentials};

/// How the messages ended, for every later call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    PeerDied,
    Breach,
}

/// The receiving end of one connection.
#[derive(Debug)]
pub struct SingleReceiver<C> {
    inbound: C,
    object: String,
    sender_pid: Option<u32>,
    end: Option<End>,
}

impl<C: Inbound> SingleReceiver<C> {
    pub(crate) fn new(inbound: C, object: String, sender_pid: Option<u32>) -> Self {
        Self { inbound, object, sender_pid, end: None }
    }

    pub(crate) fn inbound_mut(&mut self) -> &mut C {
        &mut self.inbound
    }

    /// Who made the other end, as the kernel saw it then; only on Unix sockets.
    ///
    /// # Errors
    /// `Unsupported` on anything else.
    pub fn peer(&self) -> Result<Credentials, Error> {
        unix::peer(self.inbound.descriptor()).map_err(|error| {
            Error::os("ask for the peer of", &self.object, error)
                .of_kind(ErrorKind::Unsupported)
                .because("only Unix sockets know who is at the other end")
        })
    }

    #[cold]
    fn ended(&self, end: End) -> RecvError {
        match end {
            End::Closed => RecvError::Closed,
            End::PeerDied => RecvError::PeerDied,
            End::Breach => Error::new("receive from", &self.object, ErrorKind::Corrupt)
                .because("what came before broke the protocol")
                .into(),
        }
    }

    #[cold]
    fn end(&mut self, end: End) -> RecvError {
        self.end = Some(end);
        self.ended(end)
    }
}

impl<C: Inbound> ReceiveMessages for SingleReceiver<C> {
    #[inline]
    fn recv(&mut self, deadline: Deadline) -> Result<Arrived<'_>, RecvError> {
        if let Some(end) = self.end {
            return Err(self.ended(end));
        }
        let range = loop {
            match self.inbound.step() {
                Ok(Step::Message(range)) => break range,
                Ok(Step::End) => return Err(self.end(End::Closed)),
                Ok(Step::Incomplete) => match self.inbound.fill(deadline) {
                    Ok(0) => return Err(self.end(End::PeerDied)),
                    Ok(_) => {}
                    Err(error) if inbound::is_gone(&error) => return Err(self.end(End::PeerDied)),
                    Err(error) => return Err(inbound::refusal(error, &self.object)),
                },
                Err(breach) => {
                    self.end = Some(End::Breach);
                    return Err(breach.report(&self.object));
                }
            }
        };
        Ok(Arrived { payload: self.inbound.message(range), sender_pid: self.sender_pid })
    }

    #[inline]
    fn recv_arrived(&mut self) -> Result<Arrived<'_>, RecvError> {
        if let Some(end) = self.end {
            return Err(self.ended(end));
        }
        let range = match self.inbound.step() {
            Ok(Step::Message(range)) => range,
            Ok(Step::Incomplete) => return Err(RecvError::Empty),
            Ok(Step::End) => return Err(self.end(End::Closed)),
            Err(breach) => {
                self.end = Some(End::Breach);
                return Err(breach.report(&self.object));
            }
        };
        Ok(Arrived { payload: self.inbound.message(range), sender_pid: self.sender_pid })
    }

    fn is_drained(&self) -> bool {
        self.inbound.is_drained()
    }

    fn message_bytes_max(&self) -> usize {
        self.inbound.limit()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.inbound.descriptor())
    }
}
