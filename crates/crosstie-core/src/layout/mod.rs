//! Offsets, headers, and checks of bytes that others wrote.
//!
//! | module | holds |
//! |---|---|
//! | [`header`] | the first 128 bytes of every segment, and what may be wrong with them |
//! | [`ledger`] | what a ledger holds beside its slots |
//! | [`orders`] | in which order locks were taken |
//! | [`reports`] | the deadlocks that were ended last |
//! | [`shared`] | which types may lie in memory that other processes write |

pub mod header;
pub mod ledger;
pub mod orders;
pub mod reports;
pub mod shared;
