//! One protocol word a file: states, invariants, transitions, orderings, death.
//!
//! | word | says |
//! |---|---|
//! | [`barrier`] | the parties of a barrier, and which have come |
//! | [`bias`] | whose a lock inside of one process is by habit |
//! | [`call`] | whether a caller still waits for a call, and how many of its replies it took |
//! | [`carry`] | the notification that a participant carries from a condition to its mutex |
//! | [`changes`] | that a participant is about to change what others wait for |
//! | [`choice`] | whose turn it is among those who wait for what data say |
//! | [`counting`] | a value that anyone may raise |
//! | [`giving`] | how a mutex, or a reader's cell, is given up while nobody waits |
//! | [`head`] | what every object on which processes take turns begins with |
//! | [`holds`] | what a participant holds |
//! | `light` | the quick side of a fence that the kernel makes for both |
//! | [`mutex`] | who owns a mutex, and what its owner must do for those who wait |
//! | [`occupant`] | who occupies a slot |
//! | [`owner`] | who: slot number and generation in one 64-bit value |
//! | [`permits`] | permits of a semaphore, each with its owner |
//! | [`queueing`] | whether somebody queues |
//! | [`role`] | one end of a channel: who holds it, and how the last holder left |
//! | [`slot`] | that a participant lives, and whose turn it is to clean up after it |
//! | [`ticket`] | in which order waits were published |
//! | [`waiting`] | what a participant waits for |

pub mod barrier;
pub mod bias;
pub mod call;
pub mod carry;
pub mod changes;
pub mod choice;
pub mod counting;
pub mod giving;
pub mod head;
pub mod holds;
pub(crate) mod light;
pub mod mutex;
pub mod occupant;
pub mod owner;
pub mod permits;
pub mod queueing;
pub mod role;
pub mod slot;
pub mod ticket;
pub mod waiting;
