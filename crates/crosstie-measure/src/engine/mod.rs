//! Two real processes exchange messages, and every payload is checked.
//!
//! The measuring process starts two sides, which are its own executable under a hidden subcommand,
//! each on a processor of its own. It tells them by one line of JSON what to do next, and each
//! answers by one line what it measured. A side that dies, hangs or sees a wrong payload ends the
//! measurement with an error; the sides end with the measuring process, whatever ends that.
//!
//! | module | holds |
//! |---|---|
//! | [`payload`] | what is sent, and the check of what arrives |
//! | [`exchange`] | what a lane can do, and the loops that time it |
//! | [`spec`] | the lines of JSON between the measuring process and its sides |
//! | [`worker`] | a process of our own that is told what to do, and answers |
//! | [`pair`] | the measuring process's view of two sides |
//! | [`lane`] | Crosstie's own ends, by address |
//! | [`queue`] | Crosstie's work queue as a lane |
//! | [`topic`] | Crosstie's topic as a lane |
//! | [`calls`] | calls as a lane |
//! | [`in_place`] | a ring's messages read where they lie |
//! | [`hand_over`] | messages lent in place, not copied |
//! | [`side`] | what runs in a side |
//! | [`scratch`] | a folder in shared memory that is gone when the run ends, however it ends |

pub mod calls;
pub mod exchange;
pub mod hand_over;
pub mod in_place;
pub mod lane;
pub mod pair;
pub mod payload;
pub mod queue;
pub mod scratch;
pub mod side;
pub mod spec;
pub mod topic;
pub mod worker;
