//! The machine's own limits: what no mechanism can beat here.
//!
//! | module | holds |
//! |---|---|
//! | [`lines`] | cache lines in a file that both sides map |
//! | [`cache_line`] | one line there and back, both spinning |
//! | [`futex_wake`] | two processes wake each other, both sleeping |
//! | [`bare_ring`] | a ring with an in-line header as commit and nothing else |
//! | [`bare_loop`] | reads and writes on the kernel's mechanisms and nothing else |
//! | [`memcpy`] | copying between two buffers of one process |

pub mod bare_loop;
pub mod bare_ring;
pub mod cache_line;
pub mod futex_wake;
pub mod lines;
pub mod memcpy;
