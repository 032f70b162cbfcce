//! What may lie in memory that processes share, and containers of fixed capacity for it.
//!
//! | module | holds |
//! |---|---|
//! | [`promise`] | [`Shareable`]: what a type promises, and who does |
//! | [`deque`] | [`Deque`]: a queue of at most N |
//! | [`list`] | [`List`]: a vector of at most N |
//! | [`measured`] | [`Measured`]: what can be compared with a number |
//! | [`transactional`] | [`Transactional`]: a value that changes whole or not at all |
//! | [`text`] | [`Text`]: at most N bytes of UTF-8 |

pub mod deque;
pub mod list;
pub mod measured;
pub mod promise;
pub mod text;
pub mod transactional;

pub use crosstie_derive::Shareable;
pub use deque::Deque;
pub use list::List;
pub use measured::{Measured, Number};
pub use promise::Shareable;
pub use text::{Text, TooLong};
pub use transactional::{Transaction, Transactional};
