//! Request and reply over an address, for C.
//!
//! | file | holds |
//! |---|---|
//! | [`client`] | who calls, and waits for the reply |
//! | [`pending`] | a call whose reply is asked for later, or never |
//! | [`reply`] | what a call was answered |
//! | [`server`] | who takes calls |
//! | [`in_hand`] | a call that is to be answered: what its caller wants, its reply, its refusal |

pub mod client;
pub mod in_hand;
pub mod pending;
pub mod reply;
pub mod server;
