//! Processes of other PID, user, mount and time namespaces, as in containers, share a domain, or are
//! told that they do not.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | the command line |
//! | `wrapper` | how to get into a namespace |
//! | `stage` | a domain, and who plays in it behind which namespaces |
//! | `scenes` | what must hold, scene by scene, and the broken twins |
//! | `report` | counts, and the closing object |

pub mod command;
mod report;
mod scenes;
mod stage;
mod wrapper;
