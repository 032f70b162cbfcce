//! The command `crosstie`, driven as a user drives it: what it writes, and with which code it ends.

mod advise;
mod calls;
mod chains;
mod codes;
mod demo;
mod domain;
mod force;
mod framing;
mod ill;
mod machine;
mod order;
mod posix;
mod queue;
mod region;
mod remove;
mod ring;
mod see;
mod shell;
mod signals;
mod stalled;
mod streams;
mod talk;
mod topic;
mod turns;
mod wrong;
mod wrong_turns;
