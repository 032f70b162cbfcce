//! Crosstie for C and C++: the header `include/crosstie.h` is made from these files, `docs/c.md` begins with ten lines.
//!
//! Every function answers a [`crosstie_status`]: 0, or a negative number of the one error table. What went wrong in
//! words stands in a [`crosstie_error`] of the caller's. Whatever C hands in, a handle of `NULL`, one that is closed, one of
//! another type, one from before a fork, is answered by a status; and so is a bug in here: no panic crosses.
//!
//! | module | holds |
//! |---|---|
//! | [`handle`] | what C has of an object: a number in a pointer's clothes, checked with every call |
//! | [`status`] | statuses and [`crosstie_error`]; no panic crosses |
//! | [`options`] | structs that may grow: their first field is their size |
//! | [`place`] | names, texts and domains as C hands them in |
//! | [`version`] | which version this is, and whether a header fits |
//! | [`time`] | deadlines |
//! | [`turn`] | what who takes a turn is told |
//! | [`wall`] | what every function with a handle does |
//! | [`mod@lock`] | the lock that `crosstie lock NAME` takes |
//! | [`semaphore`], [`counter`] | permits with owners; the textbook's semaphore without |
//! | [`condition`], [`monitor`] | waiting under a lock; data, lock and conditions in one |
//! | [`event`], [`barrier`], [`once`] | set or not; all wait for all; done once |
//! | [`region`] | raw shared memory |
//! | [`channel`] | messages to and from an address |
//! | [`call`] | request and reply |
//! | [`list`] | who has what and who waits |
#![deny(unsafe_code)]
#![expect(non_camel_case_types, reason = "types are named as C programs name them")]

pub mod barrier;
pub mod call;
pub mod channel;
pub mod condition;
pub mod counter;
pub mod event;
pub mod handle;
pub mod list;
pub mod lock;
pub mod monitor;
pub mod once;
pub mod options;
pub mod place;
pub mod region;
pub mod semaphore;
pub mod status;
pub mod time;
pub mod turn;
pub mod version;
pub mod wall;

pub use status::{crosstie_error, crosstie_status};
