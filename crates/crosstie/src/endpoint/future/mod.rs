//! Ends as futures, in a tokio runtime (feature `tokio`).
//!
//! An async end is a blocking one whose descriptor the runtime watches: nothing is looked at again and again, no thread waits, and the other
//! end need not know. Both kinds mix, and each turns into the other.
//!
//! | file | holds |
//! |---|---|
//! | `receiver` | [`AsyncReceiver`]: `recv().await`, a `Stream` |
//! | `sender` | [`AsyncSender`]: `send().await`, a `Sink` |

mod receiver;
mod sender;

pub use receiver::AsyncReceiver;
pub use sender::AsyncSender;
