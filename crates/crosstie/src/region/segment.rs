//! [`Segment`]: a file of shared memory that says what it is, checked before it is mapped.
//!
//! A segment appears whole or not at all: it is built without a name, its space is taken, its
//! content initialised, and only then does `linkat` give it the name. Whoever opens it checks
//! magic, version, kind, layout and sizes against the file's size, once, before mapping; afterwards
//! every bound comes from that private copy. A peer that writes into the header later changes
//! nothing. A peer that cuts the file off makes the next access SIGBUS: files of a tmpfs cannot be
//! sealed (HAZARDS H23); anonymous segments are.
#![expect(unsafe_code, reason = "turns checked offsets into references to atomics")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;

use crosstie_core::atomic::{AtomicU32, Ordering, fence};
use crosstie_core::layout::header::{
    Fault, HEADER_BYTES, Header, Kind, STATE_LIVE, STATE_OFFSET, STATE_REMOVED, VERSION,
};
use crosstie_core::layout::shared::{SharedLayout, is_inside};

use super::Directory;
use crate::error::{Error, ErrorKind, Result};
use crate::os::memory::{self, Mapping, MirroredMapping};
use crate::os::{directory as os, file_lock};

/// What a segment must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSpec {
    /// What it is: `Kind::new("ring")`.
    pub kind: Kind,
    /// Hash of its layout: `layout_hash("…")`.
    pub layout: u64,
    /// Bytes before the data: the 128 of the header, then the kind's control words. A multiple of
    /// the page, so that the data can be mapped alone.
    pub header_bytes: u64,
    /// Bytes of data.
    pub data_bytes: u64,
    /// Parameters of the kind.
    pub params: [u64; 4],
    /// What of these an existing segment may have otherwise.
    pub sizes: Sizes,
    /// How much of its space is taken when it is created.
    pub space: Space,
}

/// How much of a new segment's space is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// All of it.
    Whole,
    /// The header's; its users take the data's part by part, before they touch it.
    Header,
}

/// Whether an existing segment must have the very sizes and parameters of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// It must: others are a [`ErrorKind::Mismatch`] that names both.
    Exact,
    /// Whatever it has is taken; the caller reads them from [`Segment::header`].
    AsFound,
}

impl SegmentSpec {
    fn header(&self) -> Header {
        let Self { kind, layout, header_bytes, data_bytes, params, .. } = *self;
        Header { version: VERSION, state: STATE_LIVE, kind, layout, header_bytes, data_bytes, params }
    }
}

/// How often an opener that keeps removers out starts anew.
const TRIES_MAX: u32 = 3;

/// Who created what now has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Created {
    Here,
    Elsewhere,
}

/// A checked file of shared memory, mapped.
#[derive(Debug)]
pub struct Segment {
    mapping: Mapping,
    file: OwnedFd,
    header: Header,
    name: String,
}

impl Segment {
    /// Opens the segment `name` in `directory`, or creates it as `spec` says; `init` writes its
    /// content (zeroed before) while nobody else can see it.
    ///
    /// # Errors
    /// `Mismatch` for another version, kind, layout or size, `Corrupt` for garbage, both naming both
    /// sides; `NoSpace` with the sizes and the remedy; `NotPermitted`; what `init` returns.
    pub fn open_or_create(
        directory: &Directory,
        name: &str,
        spec: &SegmentSpec,
        init: impl Fn(&Self) -> Result<()>,
    ) -> Result<Self> {
        // Once to create it, once to find it.
        for _ in 0..2 {
            match Self::find(directory, name, spec)? {
                Found::Live(segment) => return Ok(segment),
                Found::Removed(_) => break,
                Found::Nothing => drop(Self::create(directory, name, spec, &init)?),
            }
        }
        let _held = lock(directory)?;
        for _ in 0..TRIES_MAX {
            match Self::find(directory, name, spec)? {
                Found::Live(segment) => return Ok(segment),
                Found::Removed(segment) => return Ok(segment.taken_back()),
                Found::Nothing => drop(Self::create(directory, name, spec, &init)?),
            }
        }
        Err(Error::new("open", directory.display(name), ErrorKind::Busy)
            .because("somebody removes it all the time, and not by `crosstie rm`")
            .advise("find out who, then try again"))
    }

    /// Creates the segment `name` in `directory`, as [`Segment::open_or_create`]: of several who do so at a time one has made it.
    ///
    /// # Errors
    /// `AlreadyExists`; as [`Segment::open_or_create`].
    pub fn create_new(
        directory: &Directory,
        name: &str,
        spec: &SegmentSpec,
        init: impl Fn(&Self) -> Result<()>,
    ) -> Result<Self> {
        // Nobody removes meanwhile: what is found behind the creation is what was created.
        let _held = lock(directory)?;
        let is_free = matches!(Self::find(directory, name, spec)?, Found::Nothing);
        if is_free
            && Self::create(directory, name, spec, &init)? == Created::Here
            && let Found::Live(segment) = Self::find(directory, name, spec)?
        {
            return Ok(segment);
        }
        Err(Error::new("create", directory.display(name), ErrorKind::AlreadyExists))
    }

    /// Opens the segment `name` in `directory`.
    ///
    /// # Errors
    /// `NotFound`; as [`Segment::open_or_create`].
    pub fn open(directory: &Directory, name: &str, spec: &SegmentSpec) -> Result<Self> {
        let not_found = || Err(Error::new("open", directory.display(name), ErrorKind::NotFound));
        match Self::find(directory, name, spec)? {
            Found::Live(segment) => return Ok(segment),
            Found::Removed(_) => {}
            Found::Nothing => return not_found(),
        }
        let _held = lock(directory)?;
        match Self::find(directory, name, spec)? {
            Found::Live(segment) => Ok(segment),
            Found::Removed(segment) => Ok(segment.taken_back()),
            Found::Nothing => not_found(),
        }
    }

    /// Publishes a new segment under `name`, unless somebody else was first: that it answers. It is opened once more by
    /// its name, so that /proc/PID/maps shows that name.
    fn create(
        directory: &Directory,
        name: &str,
        spec: &SegmentSpec,
        init: &impl Fn(&Self) -> Result<()>,
    ) -> Result<Created> {
        let segment = Self::build(directory, name, spec, init)?;
        match memory::publish(segment.file.as_fd(), directory.as_fd(), name) {
            Ok(()) => Ok(Created::Here),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Elsewhere),
            Err(error) => Err(Error::os("create", directory.display(name), error)),
        }
    }

    /// Takes back the mark of a remover that was killed before it unlinked. Only under the
    /// directory's lock: there nobody else marks or unlinks, so a mark is an unfinished removal.
    fn taken_back(self) -> Self {
        self.revive();
        self
    }

    /// Creates a segment without a name, of a fixed size for ever: pass its [`Segment::file`] on.
    ///
    /// # Errors
    /// `NoSpace`; what `init` returns.
    pub fn anonymous(name: &str, spec: &SegmentSpec, init: impl Fn(&Self) -> Result<()>) -> Result<Self> {
        let failed = |error| Error::os("create", name, error);
        let file = memory::memfd(name, total_bytes(spec, name)?).map_err(failed)?;
        memory::seal_size(file.as_fd()).map_err(failed)?;
        Self::fill(file, name.to_owned(), spec, init)
    }

    /// Opens the segment behind a descriptor that somebody passed.
    ///
    /// # Errors
    /// As [`Segment::open_or_create`].
    pub fn from_file(file: OwnedFd, name: &str, spec: &SegmentSpec) -> Result<Self> {
        Self::check(file, name.to_owned(), spec)
    }

    /// What its header said when it was opened; trusted, because it was checked and copied.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The path or name that it was opened by, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is mapped; valid for [`Segment::len`] bytes as long as the segment.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.mapping.base()
    }

    /// Bytes mapped: header and data.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a segment has at least its header")]
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Takes from this mapping the right to write what lies from `offset` on, a multiple of the page.
    ///
    /// # Errors
    /// The kernel's.
    pub fn make_readable(&mut self, offset: usize) -> Result<()> {
        self.mapping.make_readable(offset).map_err(|error| Error::os("map", self.name.as_str(), error))
    }

    /// The file behind it.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The value at `offset` bytes from the start, shared with every process that maps the segment.
    ///
    /// # Errors
    /// `Corrupt` when it would not lie inside, aligned: a caller's offset from private, checked
    /// values never is.
    pub fn shared<T: SharedLayout>(&self, offset: usize) -> Result<&T> {
        if !is_inside(offset, size_of::<T>(), align_of::<T>(), self.len()) {
            return Err(Error::new("use", self.name.as_str(), ErrorKind::Corrupt)
                .because(format!("offset {offset} lies outside its {} bytes", self.len())));
        }
        let value = self.base().as_ptr().wrapping_add(offset).cast::<T>();
        // SAFETY: inside the mapping and aligned (checked above; a mapping starts at a page), alive
        // as long as `self`, and T may be written by others (SharedLayout).
        Ok(unsafe { &*value })
    }

    /// Maps `bytes` bytes from `offset` on twice in adjacent addresses; both multiples of the page.
    ///
    /// # Errors
    /// `Corrupt` when they would not lie inside; `NoSpace` without address space.
    pub fn map_mirrored(&self, offset: u64, bytes: usize) -> Result<MirroredMapping> {
        let end = offset.checked_add(bytes as u64).filter(|&end| end <= self.len() as u64);
        if end.is_none() {
            return Err(Error::new("map", self.name.as_str(), ErrorKind::Corrupt)
                .because(format!("{bytes} bytes at {offset} lie outside its {} bytes", self.len())));
        }
        MirroredMapping::shared(self.file.as_fd(), offset, bytes)
            .map_err(|error| Error::os("map", self.name.as_str(), error))
    }

    /// Whether the segment's name still leads to it, as far as its state says.
    ///
    /// Register as a user first, then ask (HAZARDS H22): a remover marks first, then looks for users.
    #[must_use]
    pub fn is_live(&self) -> bool {
        // SeqCst: the opener writes its `registration`, then reads `state`; the remover in `retire`
        // writes `state`, then reads the `registration`: at least one of them sees the other.
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence.
        self.state().load(Ordering::Relaxed) == STATE_LIVE
    }

    /// Whether any name leads to the file.
    #[must_use]
    pub fn has_name(&self) -> bool {
        os::stat(self.file.as_fd()).is_ok_and(|stat| stat.links > 0)
    }

    /// Marks the segment as removed; whoever registers from now on will see it. Under the directory's
    /// lock, as [`Segment::revive`].
    pub(super) fn retire(&self) {
        // Relaxed: publishes nothing; the fence below orders it before the look at the users.
        self.state().store(STATE_REMOVED, Ordering::Relaxed);
        // SeqCst: `state` is written before, the users' `registration` is read after; see `is_live`.
        fence(Ordering::SeqCst);
    }

    /// Takes [`Segment::retire`] back.
    pub(super) fn revive(&self) {
        // Release: whoever sees it live again sees all before.
        self.state().store(STATE_LIVE, Ordering::Release);
    }

    fn state(&self) -> &AtomicU32 {
        let state = self.base().as_ptr().wrapping_add(STATE_OFFSET).cast::<u32>();
        // SAFETY: the header lies in every segment's mapping, the offset is a multiple of 4, and
        // all accesses through the mapping are atomic.
        unsafe { AtomicU32::from_ptr(state) }
    }

    /// What `name` leads to now.
    pub(super) fn find(directory: &Directory, name: &str, spec: &SegmentSpec) -> Result<Found> {
        let file = match os::open_in(directory.as_fd(), name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(Error::os("open", directory.display(name), error)),
        };
        let segment = Self::check(file, directory.display(name), spec)?;
        Ok(if segment.is_live() { Found::Live(segment) } else { Found::Removed(segment) })
    }

    /// What the header of the segment `name` in `directory` says, checked as [`Segment::open`] checks it; maps nothing.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt`, `Mismatch` as [`Segment::open`].
    pub fn header_in(directory: &Directory, name: &str, spec: &SegmentSpec) -> Result<Header> {
        let name_shown = directory.display(name);
        let file = os::open_in(directory.as_fd(), name)
            .map_err(|error| Error::os("open", name_shown.as_str(), error))?;
        Self::read_header(&File::from(file), &name_shown, spec).map(|(header, _)| header)
    }

    /// Checks a file against `spec`, then maps it.
    fn check(file: OwnedFd, name: String, spec: &SegmentSpec) -> Result<Self> {
        let failed = |error| Error::os("open", name.as_str(), error);
        let file = File::from(file);
        let (header, stat) = Self::read_header(&file, &name, spec)?;
        let file = OwnedFd::from(file);
        take_holes(file.as_fd(), &name, &stat, spec.space, header.header_bytes)?;
        let len = usize::try_from(stat.bytes).map_err(|_| refused(&name, Fault::Nonsense))?;
        let mapping = Mapping::shared(file.as_fd(), 0, len).map_err(failed)?;
        Ok(Self { mapping, file, header, name })
    }

    /// Reads a file's header and checks it against `spec`.
    fn read_header(file: &File, name: &str, spec: &SegmentSpec) -> Result<(Header, os::Stat)> {
        let failed = |error| Error::os("open", name, error);
        let refused = |fault| refused(name, fault);
        let stat = os::stat(file.as_fd()).map_err(failed)?;
        if !stat.is_regular {
            return Err(refused(Fault::NotASegment)
                .advise(format!("it is no regular file: remove it with rm {name}")));
        }
        if stat.bytes < HEADER_BYTES as u64 {
            return Err(refused(Fault::NotASegment));
        }
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(failed)?;
        let header = Header::read(&bytes, stat.bytes).map_err(refused)?;
        let wanted = spec.header();
        header.check_kind(&wanted).map_err(refused)?;
        if spec.sizes == Sizes::Exact {
            header.check_sizes(&wanted).map_err(refused)?;
        }
        Ok((header, stat))
    }

    fn build(
        directory: &Directory,
        name: &str,
        spec: &SegmentSpec,
        init: impl Fn(&Self) -> Result<()>,
    ) -> Result<Self> {
        let object = directory.display(name);
        let total = total_bytes(spec, &object)?;
        let file = memory::unnamed_file(directory.as_fd(), directory.file_mode()).map_err(|error| {
            Error::os("create", object.as_str(), error)
                .advise("keep the domain in a tmpfs such as /dev/shm that you may write to")
        })?;
        let taken = match spec.space {
            Space::Whole => total,
            Space::Header => spec.header_bytes,
        };
        memory::reserve(file.as_fd(), 0, taken)
            .and_then(|()| memory::set_file_bytes(file.as_fd(), total))
            .map_err(|error| {
                let is_limited = error.kind() == io::ErrorKind::FileTooLarge;
                no_room(directory.as_fd(), &object, if is_limited { total } else { taken }, error)
            })?;
        Self::fill(file, object, spec, init)
    }

    fn fill(
        file: OwnedFd,
        name: String,
        spec: &SegmentSpec,
        init: impl Fn(&Self) -> Result<()>,
    ) -> Result<Self> {
        let header = spec.header();
        let file = File::from(file);
        file.write_all_at(&header.to_bytes(), 0)
            .map_err(|error| Error::os("create", name.as_str(), error))?;
        let segment = Self::check(file.into(), name, spec)?;
        init(&segment)?;
        Ok(segment)
    }
}

/// The error for a header that is not as it must be.
fn refused(name: &str, fault: Fault) -> Error {
    let kind = if fault.is_corruption() { ErrorKind::Corrupt } else { ErrorKind::Mismatch };
    Error::new("open", name, kind)
        .because(fault.to_string())
        .advise("use the same version and parameters, or remove it with `crosstie rm`")
}

/// What a name leads to.
pub(super) enum Found {
    Live(Segment),
    /// Marked by a remover, who may have been killed before it unlinked.
    Removed(Segment),
    Nothing,
}

fn total_bytes(spec: &SegmentSpec, object: &str) -> Result<u64> {
    let in_range = |total: &u64| i64::try_from(*total).is_ok() && usize::try_from(*total).is_ok();
    spec.header_bytes.checked_add(spec.data_bytes).filter(in_range).ok_or_else(|| {
        Error::new("create", object, ErrorKind::TooLarge)
            .because(format!("{} + {} bytes exceed any file", spec.header_bytes, spec.data_bytes))
    })
}

/// Takes the space that a file lacks because it is a copy with holes: touching one while the file
/// system is full would raise SIGBUS.
fn take_holes(file: BorrowedFd<'_>, name: &str, stat: &os::Stat, space: Space, header: u64) -> Result<()> {
    if stat.taken_bytes >= stat.bytes {
        return Ok(());
    }
    let wanted = match space {
        Space::Whole => stat.bytes,
        Space::Header => header,
    };
    memory::reserve(file, 0, wanted).map_err(|error| no_room(file, name, wanted, error))
}

/// There was no room for `wanted` bytes: says how much there is.
pub(crate) fn no_room(fd: BorrowedFd<'_>, object: &str, wanted: u64, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let is_limited = error.kind() == io::ErrorKind::FileTooLarge;
    let error = Error::os("create", object, error);
    if is_limited {
        return error
            .because(format!("it needs {wanted} bytes, more than this process's files may have"))
            .advise("raise the limit: `ulimit -f unlimited`, in a service `LimitFSIZE=infinity`");
    }
    match os::room(fd) {
        Ok((total, free)) if full => error
            .because(format!("it needs {wanted} bytes; of the file system's {total} bytes {free} are free"))
            .advise(
                "remove what is unused, use a smaller object, or enlarge it: `mount -o remount,size=1G /dev/shm`, \
                 in a container `--shm-size=1g`",
            ),
        _ => error,
    }
}

/// Holds the directory against others who remove or replace a name in it.
pub(crate) fn lock(directory: &Directory) -> Result<OwnedFd> {
    let failed = |error| Error::os("lock directory", directory.path().display().to_string(), error);
    // A description of its own, so that threads of one process exclude each other too.
    let own = os::open_again(directory.as_fd()).map_err(failed)?;
    file_lock::lock_whole(own.as_fd()).map_err(failed)?;
    Ok(own)
}
