//! The storm: processes take turns at random while others kill, stop, fork and replace them; what each
//! wrote down is judged.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | the command line |
//! | `things` | the objects of the storm, each with a number |
//! | `history` | who wanted, had and gave up what: written so that a kill anywhere leaves it readable |
//! | `player` | one thread: takes turns at random |
//! | `turn` | one turn at each object |
//! | [`worker`] | one process: its threads come and go, it forks, it executes itself anew |
//! | `weather` | who sends the signals, and replaces the dead |
//! | `closing` | the end of a round: everything is free, and comes back as it was |
//! | `watch` | who sleeps although nobody has what they want |
//! | `stays` | the history, as who was where from when to when |
//! | `judge` | what may be in a history, and what may not |
//! | `twin` | workers that are wrong on purpose |
//! | `report` | counts, and the closing object |

mod closing;
pub mod command;
mod history;
mod judge;
mod player;
mod report;
mod stays;
mod things;
mod turn;
mod twin;
mod watch;
mod weather;
pub mod worker;
