//! Handles: what C has of an object.
//!
//! A handle is a number that looks like a pointer and is never followed: it says a place in a table and how often that
//! place had been used before. So a handle that is closed, forged, or of another type is told as such, whatever it is.
//!
//! | file | holds |
//! |---|---|
//! | [`table`] | the places, and what is open in them |
//! | [`caller`] | who is inside a call now, and which turns each thread has |
//! | [`alone`] | what one thread at a time uses |
//! | [`recent`] | the locks that a thread took lately, and its shortest way to them |

pub mod alone;
pub mod caller;
pub mod recent;
pub mod table;

pub(crate) use alone::Alone;
pub(crate) use caller::Caller;
pub(crate) use table::{
    Body, OnWay, by_turn, close, close_inside, open, remember, take, with, without_handle,
};
