//! [`Site`]: where in a program something was taken or is waited for.
//!
//! A holder notes the address of its `std::panic::Location`, which costs one store; nobody resolves it
//! until somebody asks. Then it is read from that process' memory, in the way in which this process'
//! own locations are laid out; what does not look like a location is none.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::Location;
use std::sync::OnceLock;

use crate::os::process;

/// Words of a `Location`: the name's address and length, then line and column in one.
const WORDS: usize = 3;
/// Longer names are nonsense.
const NAME_BYTES_MAX: u64 = 512;

/// A place in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The source file, as the compiler was told it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// `src/worker.rs:77`
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Site {
    /// What a holder notes of `location`.
    #[inline]
    #[must_use]
    pub fn address_of(location: &'static Location<'static>) -> u64 {
        (&raw const *location).addr() as u64
    }

    /// The place that the process `pid` noted as `address`; `None` when it cannot be told: the process is
    /// gone, may not be looked into, or was built otherwise.
    #[must_use]
    pub fn read(pid: u32, address: u64) -> Option<Self> {
        if address == 0 || size_of::<Location<'_>>() != WORDS * 8 {
            return None;
        }
        static LAYOUT: OnceLock<Option<Layout>> = OnceLock::new();
        let layout = (*LAYOUT.get_or_init(Layout::of_this_program))?;
        let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
        let words = words_at(&memory, address)?;
        let bytes = words[layout.length];
        if bytes == 0 || bytes > NAME_BYTES_MAX {
            return None;
        }
        let mut file = vec![0; usize::try_from(bytes).ok()?];
        memory.read_exact_at(&mut file, words[layout.name]).ok()?;
        let file = String::from_utf8(file).ok().filter(|file| !file.contains(char::is_control))?;
        let line = (words[layout.place] >> layout.line_shift) & 0xFFFF_FFFF;
        Some(Self { file, line: u32::try_from(line).ok()? })
    }
}

/// In which word a `Location` has what: the compiler does not promise it, so it is looked up.
#[derive(Clone, Copy)]
struct Layout {
    name: usize,
    length: usize,
    place: usize,
    line_shift: u32,
}

impl Layout {
    fn of_this_program() -> Option<Self> {
        let sample = Location::caller();
        let own = File::open(format!("/proc/{}/mem", process::pid())).ok()?;
        let words = words_at(&own, Site::address_of(sample))?;
        let at = |wanted: u64| words.iter().position(|&word| word == wanted);
        let (line, column) = (u64::from(sample.line()), u64::from(sample.column()));
        let name = at(sample.file().as_ptr().addr() as u64)?;
        // The name's length comes with a closing zero in newer compilers.
        let length = at(sample.file().len() as u64)?;
        let (place, line_shift) = match at(line | (column << 32)) {
            Some(place) => (place, 0),
            None => (at(column | (line << 32))?, 32),
        };
        Some(Self { name, length, place, line_shift })
    }
}

/// The words of the location at `address`.
fn words_at(memory: &File, address: u64) -> Option<[u64; WORDS]> {
    let mut bytes = [0; WORDS * 8];
    memory.read_exact_at(&mut bytes, address).ok()?;
    let (words, _) = bytes.as_chunks();
    let mut words = words.iter().map(|&word| u64::from_ne_bytes(word));
    Some(std::array::from_fn(|_| words.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_this_program_is_read_back() {
        let here = Location::caller();
        match Site::read(process::pid(), Site::address_of(here)) {
            Some(site) => assert_eq!((site.file.as_str(), site.line), (here.file(), here.line())),
            None => println!(
                "SKIPPED: this process may not read its own /proc/PID/mem, or locations are laid out otherwise"
            ),
        }
    }

    #[test]
    fn what_is_no_place_is_none() {
        let nonsense = [7_u64; 8];
        let address = nonsense.as_ptr().addr() as u64;
        for address in [0, 1, u64::MAX, address] {
            assert_eq!(Site::read(process::pid(), address), None);
        }
    }
}
