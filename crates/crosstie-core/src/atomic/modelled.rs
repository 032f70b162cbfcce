//! loom's atomics, one ordering of which a run of the models can weaken without a build.
//!
//! `cargo xtask weaken` says by `CROSSTIE_WEAKEN` what it wants of a run:
//!
//! | value | the run |
//! |---|---|
//! | `sites` | tells each place of the code that does something to an atomic, once: `reached FILE:LINE:COLUMN` |
//! | `FILE:LINE:COLUMN:ARGUMENT:ORDERING` | has that ordering there, and tells once that it got there |
//!
//! A place is where the operation's name begins, an argument its number from 0. What is told goes to the process's
//! standard error, past what the test harness keeps to itself.

use std::collections::HashSet;
use std::io::Write as _;
use std::panic::Location;
use std::sync::{Mutex, OnceLock, PoisonError};

use loom::sync::atomic as modelled;
pub use loom::sync::atomic::Ordering;

/// What `CROSSTIE_WEAKEN` asks for.
enum Wish {
    Nothing,
    Sites,
    Weaker { file: String, line: u32, column: u32, argument: u32, to: Ordering },
}

fn wish() -> &'static Wish {
    static WISH: OnceLock<Wish> = OnceLock::new();
    WISH.get_or_init(|| match std::env::var("CROSSTIE_WEAKEN") {
        Err(_) => Wish::Nothing,
        Ok(text) if text == "sites" => Wish::Sites,
        // invariant: `cargo xtask weaken` writes it, for models alone.
        Ok(text) => parse(&text).expect("CROSSTIE_WEAKEN is FILE:LINE:COLUMN:ARGUMENT:ORDERING"),
    })
}

fn parse(text: &str) -> Option<Wish> {
    let mut parts = text.split(':');
    let file = parts.next()?.to_owned();
    let [line, column, argument] =
        [parts.next()?, parts.next()?, parts.next()?].map(|part| part.parse().ok());
    let to = parts.next()?;
    // Relaxed, Acquire, Release, AcqRel: the names of orderings, which order nothing here.
    let known = [Ordering::Relaxed, Ordering::Acquire, Ordering::Release, Ordering::AcqRel];
    let to = known.into_iter().find(|known| format!("{known:?}") == to)?;
    Some(Wish::Weaker { file, line: line?, column: column?, argument: argument?, to })
}

/// The ordering that this run has as argument `number` of the caller's caller.
#[track_caller]
fn ordered(number: u32, written: Ordering) -> Ordering {
    match wish() {
        Wish::Nothing => written,
        Wish::Sites => {
            tell(Location::caller());
            written
        }
        Wish::Weaker { file, line, column, argument, to } => {
            let place = Location::caller();
            let is_there = (place.line(), place.column(), number) == (*line, *column, *argument);
            if !is_there || place.file() != file {
                return written;
            }
            tell(place);
            *to
        }
    }
}

/// Tells once that the run got to `place`.
fn tell(place: &'static Location<'static>) {
    // A place may have several addresses, which then are told one by one.
    static TOLD: Mutex<Option<HashSet<usize>>> = Mutex::new(None);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.get_or_insert_default().insert(std::ptr::from_ref(place).addr()) {
        // Nobody reads it if it cannot be written.
        let _ = writeln!(std::io::stderr(), "reached {place}");
    }
}

/// loom's fence.
#[track_caller]
pub fn fence(order: Ordering) {
    modelled::fence(ordered(0, order));
}

/// A compiler fence has no counterpart in loom; a model takes the stronger thread fence.
#[track_caller]
pub fn compiler_fence(order: Ordering) {
    modelled::fence(ordered(0, order));
}

macro_rules! read_modify_write {
    ($integer:ty: $($operation:ident)*) => {$(
        /// As the standard library's.
        #[track_caller]
        pub fn $operation(&self, value: $integer, order: Ordering) -> $integer {
            self.0.$operation(value, ordered(1, order))
        }
    )*};
}

macro_rules! atomic {
    ($name:ident, $integer:ty) => {
        /// loom's.
        #[derive(Debug, Default)]
        pub struct $name(modelled::$name);

        impl $name {
            /// As the standard library's, but not `const`.
            #[track_caller]
            #[must_use]
            pub fn new(value: $integer) -> Self {
                Self(modelled::$name::new(value))
            }

            /// As the standard library's.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $integer {
                self.0.load(ordered(0, order))
            }

            /// As the standard library's.
            #[track_caller]
            pub fn store(&self, value: $integer, order: Ordering) {
                self.0.store(value, ordered(1, order));
            }

            read_modify_write! { $integer: swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min }

            /// As the standard library's.
            ///
            /// # Errors
            /// What was found instead.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                self.0.compare_exchange(current, new, ordered(2, success), ordered(3, failure))
            }

            /// As the standard library's.
            ///
            /// # Errors
            /// What was found, and `change` did not answer to.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                change: impl FnMut($integer) -> Option<$integer>,
            ) -> Result<$integer, $integer> {
                self.0.fetch_update(ordered(0, set), ordered(1, fetch), change)
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
