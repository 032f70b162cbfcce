//! Notes for people, on standard error.
//!
//! | file | holds |
//! |---|---|
//! | [`note`] | a line or a block of text |
//! | [`patience`] | a wait that says after two seconds what it waits for |

pub mod colour;
pub mod note;
pub mod patience;
