//! [`Messages`]: a receiver as an iterator.

use std::borrow::BorrowMut;
use std::marker::PhantomData;

use super::message::Message;
use super::receiver::Receiver;
use crate::contract::RecvError;

/// The messages of a [`Receiver`], each a `Result`; ends after a clean end, and after the first
/// error behind which nothing can follow.
///
/// On a ring a message is acknowledged when the next one is asked for, or when the iteration is
/// dropped, but not while panicking: what a killed receiver had in hand comes again.
///
/// Made by iterating over a `Receiver`, or over a `&mut Receiver` that is used again afterwards.
#[derive(Debug)]
pub struct Messages<T: Message + ?Sized, R: BorrowMut<Receiver<T>> = Receiver<T>> {
    receiver: R,
    ended: bool,
    message: PhantomData<fn() -> T::Owned>,
}

impl<T: Message + ?Sized> IntoIterator for Receiver<T> {
    type Item = Result<T::Owned, RecvError>;
    type IntoIter = Messages<T>;

    fn into_iter(self) -> Messages<T> {
        Messages { receiver: self, ended: false, message: PhantomData }
    }
}

impl<'a, T: Message + ?Sized> IntoIterator for &'a mut Receiver<T> {
    type Item = Result<T::Owned, RecvError>;
    type IntoIter = Messages<T, &'a mut Receiver<T>>;

    fn into_iter(self) -> Self::IntoIter {
        Messages { receiver: self, ended: false, message: PhantomData }
    }
}

impl<T: Message + ?Sized, R: BorrowMut<Receiver<T>>> Iterator for Messages<T, R> {
    type Item = Result<T::Owned, RecvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.receiver.borrow_mut().recv_next();
        // A message of another type is passed over, and what was overwritten; behind every other error nothing follows.
        self.ended = !matches!(next, Ok(_) | Err(RecvError::Malformed(_) | RecvError::Overrun { .. }));
        match next {
            Err(RecvError::Closed) => None,
            next => Some(next),
        }
    }
}

impl<T: Message + ?Sized, R: BorrowMut<Receiver<T>>> std::iter::FusedIterator for Messages<T, R> {}

impl<T: Message + ?Sized, R: BorrowMut<Receiver<T>>> Drop for Messages<T, R> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.receiver.borrow_mut().acknowledge_held();
        }
    }
}
