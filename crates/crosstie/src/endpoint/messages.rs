//! [`Messages`]: a receiver as an iterator.

use super::message::Message;
use super::receiver::Receiver;
use crate::contract::RecvError;

/// The messages of a [`Receiver`], each a `Result`; ends after a clean end, and after the first
/// error behind which nothing can follow.
#[derive(Debug)]
pub struct Messages<T: Message + ?Sized> {
    receiver: Receiver<T>,
    ended: bool,
}

impl<T: Message + ?Sized> IntoIterator for Receiver<T> {
    type Item = Result<T::Owned, RecvError>;
    type IntoIter = Messages<T>;

    fn into_iter(self) -> Messages<T> {
        Messages { receiver: self, ended: false }
    }
}

impl<T: Message + ?Sized> Iterator for Messages<T> {
    type Item = Result<T::Owned, RecvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.receiver.recv();
        // A message of another type is passed over; behind every other error nothing follows.
        self.ended = !matches!(next, Ok(_) | Err(RecvError::Malformed(_)));
        match next {
            Err(RecvError::Closed) => None,
            next => Some(next),
        }
    }
}

impl<T: Message + ?Sized> std::iter::FusedIterator for Messages<T> {}
