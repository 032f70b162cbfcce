//! A topic of messages from many publishers to many subscribers, each message to all, over memory that is
//! lent.
//!
//! | module | holds |
//! |---|---|
//! | [`slot`] | the word of a slot: whose message lies there, and in whose hands it is |
//! | [`control`] | the words that all share, and a subscriber's own |
//! | [`memory`] | the sizes of a topic, and what it asks of the memory it is lent |
//! | [`publisher`] | the sending end: claims a number, writes, commits; what the dead have left |
//! | [`subscriber`] | the receiving end: where it begins, what is next, what it has lost |

pub mod control;
pub mod memory;
pub mod publisher;
pub mod slot;
pub mod subscriber;
