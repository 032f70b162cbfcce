//! Mappings with a checked format, named or anonymous; and raw POSIX shared memory.
//!
//! | module | holds |
//! |---|---|
//! | [`directory`] | the open directory in which segments have their names |
//! | [`segment`] | a file that says what it is, checked before it is mapped |
//! | [`removal`] | taking a name away without taking somebody else's |
//! | [`posix`] | memory exactly as C's `shm_open` sees it |

pub mod directory;
pub mod posix;
pub mod removal;
pub mod segment;

pub use crosstie_core::layout::header::VERSION as FORMAT_VERSION;
pub use directory::Directory;
pub use posix::Region;
pub use segment::{Segment, SegmentSpec, Sizes, Space};
