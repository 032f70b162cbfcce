//! [`Unnamed`]: what nobody can open by a name: memory, and queues, for those who were given a handle. Gone with its last
//! participant, and swept where that one was killed.
//!
//! | offset in the file `unnamed.TOKEN` | holds |
//! |---|---|
//! | 0 | the segment's header |
//! | 128 | length of the description, then the description: what it is and who made it, in words |
//! | 2560 | length of the list, then the names of the queues that go with it, a line each |
//! | 4096 | its memory |
//!
//! # Who takes part
//! Whoever has it keeps one byte of the file locked beside the others who do (an open file description lock, as those who have a
//! lock or an event open, docs/decisions/0011). The kernel drops that with the last descriptor of the description, whatever ends
//! the process: no number of a process is compared, so none can be taken for another's, in whatever PID namespace. The maker has
//! the byte before the file has its name. A child of fork takes part by what it inherits.
//!
//! # Who removes it
//! Whoever leaves, and whoever makes another one: they need the byte alone. While they have it nobody can join; then the queues go,
//! then the file, so that one who is killed on the way leaves the rest to the next. What is removed has to stand in the list and to
//! bear the file's own token: a queue that somebody named is never among it.

use std::cell::Cell;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::ptr::NonNull;

use crosstie_core::layout::header::{Kind, layout_hash};

use super::membership::KeptBy;
use super::queue;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::os::{directory, file_lock, name, process, random};
use crate::region::{Segment, SegmentSpec, Sizes, Space, removal};

/// Its kind, as `crosstie ls` has it: `unnamed:4711-9f86d081884c7d65`.
pub const KIND: &str = "unnamed";
const DESCRIPTION_OFFSET: u64 = 128;
const DESCRIPTION_BYTES_MAX: usize = 1024;
const QUEUES_OFFSET: u64 = 2560;
const QUEUES_BYTES_MAX: usize = 1024;
const MEMORY_OFFSET: u64 = 4096;
/// The byte that participants lock; beyond any file's end.
const PARTICIPANTS_BYTE: u64 = 1 << 40;

/// Something without a name, as one participant has it; dropped, it takes no part any more. Ends of its queues that its process
/// has open then do not keep it, those of other processes do.
///
/// # Death
/// Of a participant: nothing for the others. Of the last one: what is left goes when another one is made, or by
/// `crosstie doctor --fix`. A token that is still on its way then leads to nothing.
///
/// # Cost
/// Making and joining: some system calls, and one for each other one of the domain.
///
/// # Examples
/// ```
/// use crosstie::ErrorKind;
/// use crosstie::channel::unnamed::Unnamed;
/// # let folder = tempfile::tempdir().unwrap();
/// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
/// let made = Unnamed::make(domain, "table of squares", 4096, &[""])?;
/// assert_eq!(made.memory().1, 4096);
/// assert_eq!(made.queue(), format!("unnamed-{}", made.token()));
///
/// let joined = Unnamed::join(domain, made.token())?;      // in any other process
/// let token = made.token().to_owned();
/// drop(made);
/// drop(joined);
/// assert_eq!(Unnamed::join(domain, &token).unwrap_err().kind(), ErrorKind::NotFound);
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Debug)]
pub struct Unnamed {
    domain: &'static Domain,
    token: String,
    /// There until it leaves.
    segment: Option<Segment>,
}

impl Unnamed {
    /// Makes one of `bytes` bytes of memory, zeroed; `what` says in a word what it is. `queues` are the ends of the names that its
    /// queues may have ([`Unnamed::queue`]); who opens the first end of one makes it. Sweeps what the dead have left.
    ///
    /// # Errors
    /// `NoSpace` with sizes and remedy; `Usage` for names that are none, or too many.
    pub fn make(domain: &'static Domain, what: &str, bytes: u64, queues: &[&str]) -> Result<Self> {
        sweep(domain);
        let number = random::word().map_err(|error| Error::os("make", what, error))?;
        let token = format!("{}-{number:016x}", process::pid());
        let names: Vec<_> = queues.iter().map(|end| format!("{}{end}", queue_name(&token))).collect();
        for queue in &names {
            name::check(queue).map_err(|reason| usage(what, reason.to_string()))?;
        }
        let list = names.join("\n");
        if list.len() > QUEUES_BYTES_MAX {
            return Err(usage(what, format!("{} queues are too many", names.len())));
        }
        let description = format!("{what} made by {}", maker());
        // Taken before anybody can find the file, and kept until the descriptor of its name has the byte.
        let first = Cell::new(None);
        let spec = SegmentSpec { data_bytes: bytes, ..SPEC };
        let segment = Segment::open_or_create(domain.directory(), &file_name(&token), &spec, |segment| {
            let failed = |error| Error::os("make", segment.name(), error);
            let own = segment.file().try_clone_to_owned().map_err(failed)?;
            file_lock::try_share_byte(own.as_fd(), PARTICIPANTS_BYTE).map_err(failed)?;
            let file = File::from(own);
            write_text(&file, DESCRIPTION_OFFSET, &description).map_err(failed)?;
            write_text(&file, QUEUES_OFFSET, &list).map_err(failed)?;
            first.set(Some(OwnedFd::from(file)));
            Ok(())
        })?;
        Self::keep(domain, token, segment)
    }

    /// Takes part in the one of `token`.
    ///
    /// # Errors
    /// `NotFound` once its last participant has ended; `Usage` for a token that is none; as [`Segment::open`].
    pub fn join(domain: &'static Domain, token: &str) -> Result<Self> {
        name::check(token).map_err(|reason| usage(&whole_name(token), reason.to_string()))?;
        let segment = Segment::open(domain.directory(), &file_name(token), &SPEC)
            .map_err(|error| if error.kind() == ErrorKind::NotFound { ended(token) } else { error })?;
        Self::keep(domain, token.to_owned(), segment)
    }

    fn keep(domain: &'static Domain, token: String, segment: Segment) -> Result<Self> {
        let is_kept = file_lock::try_share_byte(segment.file(), PARTICIPANTS_BYTE)
            .map_err(|error| Error::os("open", segment.name(), error))?;
        // Who removes it has the byte alone, then marks; who joins has it beside others, then looks.
        if !is_kept || !segment.is_live() {
            return Err(ended(&token));
        }
        Ok(Self { domain, token, segment: Some(segment) })
    }

    /// What others join it by.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// In which domain it is.
    #[must_use]
    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// What the names of its queues begin with.
    #[must_use]
    pub fn queue(&self) -> String {
        queue_name(&self.token)
    }

    /// Its file, for messages.
    #[must_use]
    pub fn path(&self) -> String {
        self.domain.directory().display(&file_name(&self.token))
    }

    /// Its memory: address and bytes, valid as long as this value. Others write it at any time: use atomics or volatile accesses,
    /// never references to plain bytes.
    #[must_use]
    pub fn memory(&self) -> (NonNull<u8>, usize) {
        let (offset, segment) = (MEMORY_OFFSET as usize, self.segment.as_ref());
        let (base, len) = segment.map_or((NonNull::dangling(), offset), |it| (it.base(), it.len()));
        // invariant: a segment of SPEC has its header's bytes, so that its memory begins inside of it, or at its end.
        (NonNull::new(base.as_ptr().wrapping_add(offset)).unwrap_or(base), len.saturating_sub(offset))
    }
}

/// Takes no part any more; the last one removes it.
impl Drop for Unnamed {
    fn drop(&mut self) {
        // First, so that of two who leave at a time the later finds nobody.
        drop(self.segment.take());
        // What is still used, or removed by another, is well; what cannot be removed the next one sweeps.
        let _ = remove_unless(self.domain, &self.token, KeptBy::Others);
    }
}

/// Removes the one of `token` with its queues and what waits in them, unless somebody takes part.
///
/// # Errors
/// `NotFound`; `Busy` while a living process has it, or an end of one of its queues; `Usage` for a token that is none.
pub fn remove(domain: &'static Domain, token: &str) -> Result<()> {
    remove_unless(domain, token, KeptBy::Anybody)
}

fn remove_unless(domain: &'static Domain, token: &str, kept_by: KeptBy) -> Result<()> {
    let whole = whole_name(token);
    name::check(token).map_err(|reason| usage(&whole, reason.to_string()))?;
    let failed = |error| Error::os("remove", whole.as_str(), error);
    let file = File::from(directory::open_in(domain.directory().as_fd(), &file_name(token)).map_err(failed)?);
    if !file_lock::try_lock_byte(file.as_fd(), PARTICIPANTS_BYTE).map_err(failed)? {
        return Err(Error::new("remove", whole, ErrorKind::Busy).because("a living process has it"));
    }
    for queue in queues_of(&file, token) {
        match queue::remove_unless(domain, &queue, kept_by) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.of_object(whole)),
            _ => {}
        }
    }
    removal::remove(domain.directory(), &file_name(token), &SPEC, |_| None)
}

/// Removes from `domain` what has no name and no participant any more; answers what: `unnamed:TOKEN`.
///
/// # Cost
/// A look at each name of the domain, and a system call or two for each that is one of these.
pub fn sweep(domain: &'static Domain) -> Vec<String> {
    let entries = std::fs::read_dir(domain.directory().path()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let tokens = names.filter_map(|name| Some(name.strip_prefix(KIND)?.strip_prefix('.')?.to_owned()));
    let is_left = |token: &String| UnnamedState::of(domain, token).is_ok_and(|state| !state.is_used);
    // One that another was faster to remove, or has joined meanwhile, is not told of.
    let removed = tokens.filter(is_left).filter(|token| remove(domain, token).is_ok());
    removed.map(|token| whole_name(&token)).collect()
}

/// What can be told of one by who takes no part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnnamedState {
    pub(crate) description: String,
    pub(crate) is_used: bool,
}

impl UnnamedState {
    pub(crate) fn of(domain: &'static Domain, token: &str) -> Result<Self> {
        let file_name = file_name(token);
        Segment::header_in(domain.directory(), &file_name, &SPEC)?;
        let failed = |error| Error::os("open", whole_name(token), error);
        let file = File::from(directory::open_in(domain.directory().as_fd(), &file_name).map_err(failed)?);
        let is_used = file_lock::is_byte_locked(file.as_fd(), PARTICIPANTS_BYTE).map_err(failed)?;
        let text = read_text(&file, DESCRIPTION_OFFSET, DESCRIPTION_BYTES_MAX);
        Ok(Self { description: text.chars().filter(|c| !c.is_control()).collect(), is_used })
    }
}

const SPEC: SegmentSpec = SegmentSpec {
    kind: Kind::new(KIND),
    layout: layout_hash("unnamed: description @128, queues @2560, memory @4096"),
    header_bytes: MEMORY_OFFSET,
    data_bytes: 0,
    params: [0; 4],
    sizes: Sizes::AsFound,
    space: Space::Whole,
};

/// `4711 python3`: for who looks, nothing is decided by it.
fn maker() -> String {
    let pid = process::pid();
    let name = process::task(pid, pid).map(|first| first.command).unwrap_or_default();
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    format!("{pid} {}", String::from_utf8_lossy(name)).trim_end().to_owned()
}

fn file_name(token: &str) -> String {
    format!("{KIND}.{token}")
}

fn whole_name(token: &str) -> String {
    format!("{KIND}:{token}")
}

fn queue_name(token: &str) -> String {
    format!("{KIND}-{token}")
}

fn usage(object: &str, reason: String) -> Error {
    Error::new("make", object, ErrorKind::Usage).because(reason)
}

fn ended(token: &str) -> Error {
    Error::new("open", whole_name(token), ErrorKind::NotFound)
        .because("its last participant has ended, and it went with that one")
        .advise("keep it open until whoever is given it has opened it")
}

/// The queues that go with the file of `token`.
fn queues_of(file: &File, token: &str) -> Vec<String> {
    let own = queue_name(token);
    let is_own =
        |name: &&str| name.strip_prefix(&own).is_some_and(|end| end.is_empty() || end.starts_with('.'));
    let list = read_text(file, QUEUES_OFFSET, QUEUES_BYTES_MAX);
    list.lines().filter(is_own).map(str::to_owned).collect()
}

fn write_text(file: &File, offset: u64, text: &str) -> std::io::Result<()> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    file.write_all_at(&bytes, offset)
}

/// A text of at most `max` bytes; what cannot be read is empty.
fn read_text(file: &File, offset: u64, max: usize) -> String {
    let mut length = [0; 8];
    if file.read_exact_at(&mut length, offset).is_err() {
        return String::new();
    }
    let mut text = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(0).min(max)];
    if file.read_exact_at(&mut text, offset + 8).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&text).into_owned()
}
