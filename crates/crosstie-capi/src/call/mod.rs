//! Request and reply over an address, for C.
//!
//! | file | holds |
//! |---|---|
//! | [`client`] | who calls, and waits for the reply |
//! | [`pending`] | a call whose reply is asked for later, or never |
//! | [`reply`] | what a call was answered |
//! | [`replies`] | many replies to one call, as they come |
//! | [`server`] | who takes calls |
//! | [`in_hand`] | a call that is to be answered: what its caller wants, its reply, its refusal |
//! | [`stream`] | many replies to it |

pub mod client;
pub mod in_hand;
pub mod pending;
pub mod replies;
pub mod reply;
pub mod server;
pub mod stream;
