//! Answers on standard output; notes for people on standard error.
//!
//! | file | holds |
//! |---|---|
//! | [`bar`] | how far something long is, on a terminal |
//! | [`data`] | what a verb answers |
//! | [`fold`] | lines as wide as who reads them can see |
//! | [`note`] | a line or a block of text |
//! | [`patience`] | a wait that says after two seconds what it waits for |

pub mod bar;
pub mod colour;
pub mod data;
pub mod fold;
pub mod note;
pub mod patience;
