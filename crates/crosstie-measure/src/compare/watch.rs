//! Who is told how the run goes on.

use crate::record::{Row, Turns};

/// Hears how the run goes on; says nothing by default.
pub trait Watch {
    /// A stage begins: `done` of `all` parts of the run are over.
    fn stage(&mut self, what: &str, done: usize, all: usize) {
        let _ = (what, done, all);
    }

    /// A row has its first figures; further repetitions make them steadier.
    fn row(&mut self, row: &Row) {
        let _ = row;
    }

    /// A way to take turns has its first figures; further repetitions make them steadier.
    fn turns(&mut self, turns: &Turns) {
        let _ = turns;
    }

    /// Something that the reader of the figures should know.
    fn note(&mut self, what: &str) {
        let _ = what;
    }
}

/// Hears and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {}
