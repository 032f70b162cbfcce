//! Messages to standard output; notes and progress to standard error.

pub mod note;
