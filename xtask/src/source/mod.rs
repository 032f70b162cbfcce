//! Rust text as the rules read it: what is code, what is comment, what is test.
//!
//! Textual on purpose: no dependency, no build, a second for the whole tree. It knows exactly as
//! much Rust as this project writes.
//!
//! | file | holds |
//! |---|---|
//! | [`lexer`] | splits a text into code, comments and tokens |
//! | [`mod@file`] | one file: lines, tokens, test regions, the comments that argue for a line |
//! | [`paths`] | every path that code names, `use` trees flattened |
//! | [`tree`] | the project's files |

pub mod file;
pub mod lexer;
pub mod paths;
pub mod tree;

pub use file::Source;
pub use tree::Tree;
