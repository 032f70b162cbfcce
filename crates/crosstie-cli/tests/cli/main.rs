//! The command `crosstie`, driven as a user drives it: what it writes, and with which code it ends.

mod advise;
mod framing;
mod machine;
mod region;
mod talk;
mod wrong;
