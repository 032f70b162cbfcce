//! Named objects: made whole, checked when opened, removed only when nobody has them open.
//!
//! | offset in the file | holds |
//! |---|---|
//! | 0 | the segment's header; parameters: shape, layout, parameter of the shape, bytes |
//! | 128 | length of the description, then the description: what the object is, in words |
//! | 4096 | the object, which begins with a `Head` |
//!
//! Whoever has an object open keeps a byte of its file locked beside the others who do; a remover
//! has to have that byte alone. The kernel drops the lock when the last descriptor of the opener goes,
//! whatever ends it.
#![expect(unsafe_code, reason = "writes an object into memory that nobody else sees yet")]

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crosstie_core::layout::header::{Header, Kind, layout_hash};
use crosstie_core::layout::shared::is_inside;
use crosstie_core::word::head::Head;

use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::ledger::objects::OBJECT_OFFSET;
use crate::os::file_lock;
use crate::region::{Segment, SegmentSpec, Sizes, Space, removal};

const LAYOUT: u64 = layout_hash("object 3: description @128, object @4096: head 128 bytes, then by shape");
const DESCRIPTION_OFFSET: u64 = 128;
const DESCRIPTION_BYTES_MAX: usize = 2048;
/// The byte that openers lock; beyond any file's end.
const OPEN_BYTE: u64 = 1 << 40;
/// How often an opener starts anew because the object was removed under it.
const TRIES_MAX: u32 = 64;

/// What can be a named object.
///
/// # Safety
/// The type is `#[repr(C)]` and begins with a [`Head`], which [`Object::head`] answers. It may be moved
/// bytewise before it is used, has no drop glue, and is valid and safe to use whatever bytes
/// others write into it, as `Shareable` says.
pub unsafe trait Object: Send + Sync + Sized + 'static {
    /// Its family, by which its file is named: `lock`.
    const KIND: &'static str;
    /// What it is within its family.
    const SHAPE: u64;
    /// Hash of what it holds.
    const LAYOUT: u64;
    /// Where its fields lie, as offsets and bytes: what is between them is never written, so that no byte of its
    /// maker's memory gets into the file.
    const PARTS: &'static [(usize, usize)] = &[(0, size_of::<Self>())];

    /// What it is, in words.
    fn describe() -> String;

    /// What one made with `parameter` is, in words.
    fn describe_parameter(parameter: u64) -> String {
        parameter.to_string()
    }

    /// What it begins with.
    fn head(&self) -> &Head;

    /// Gives it, before anybody else sees it, the tag of its domain and a key for each queue that it has.
    fn place(&self, tag: u64, next_key: &mut dyn FnMut() -> u64) {
        self.head().place(tag, next_key());
    }
}

/// How an object is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The parameter of its shape, for a new one.
    pub(super) parameter: u64,
    /// Whether an existing one must have the same.
    pub(super) exact: bool,
}

/// Opens the object `name` of `domain`, or makes it.
///
/// # Errors
/// `Usage` for a name that is none; `Mismatch` when it is of another type or parameter, both named;
/// as [`Segment::open_or_create`].
pub(super) fn open_or_create<O: Object>(
    domain: &'static Domain,
    name: &str,
    wanted: Wanted,
    make: impl FnOnce() -> O,
) -> Result<Shared<O>> {
    check_name("open", object_name::<O>(name), name)?;
    let init = Init::new(domain, make);
    enter(domain, name, wanted, |spec| {
        Segment::open_or_create(domain.directory(), &file_name::<O>(name), spec, |segment| {
            init.write(segment)
        })
    })
}

/// Makes the object `name` of `domain`: of several who do so at a time one has made it.
///
/// # Errors
/// `AlreadyExists`; as [`open_or_create`].
pub(super) fn create<O: Object>(
    domain: &'static Domain,
    name: &str,
    wanted: Wanted,
    make: impl FnOnce() -> O,
) -> Result<Shared<O>> {
    check_name("create", object_name::<O>(name), name)?;
    let init = Init::new(domain, make);
    enter(domain, name, wanted, |spec| {
        Segment::create_new(domain.directory(), &file_name::<O>(name), spec, |segment| init.write(segment))
    })
}

/// How a new object is written.
struct Init<O, M> {
    domain: &'static Domain,
    /// What makes it, then what was made.
    made: RefCell<Made<O, M>>,
}

enum Made<O, M> {
    NotYet(M),
    Object(O),
    Failed,
}

impl<O: Object, M: FnOnce() -> O> Init<O, M> {
    fn new(domain: &'static Domain, make: M) -> Self {
        Self { domain, made: RefCell::new(Made::NotYet(make)) }
    }

    fn write(&self, segment: &Segment) -> Result<()> {
        let mut made = self.made.borrow_mut();
        // A second try, after another opener was first and removed it again, writes the same object.
        let object = match std::mem::replace(&mut *made, Made::Failed) {
            Made::NotYet(make) => make(),
            Made::Object(object) => object,
            Made::Failed => return Err(Error::new("create", segment.name(), ErrorKind::Failed)),
        };
        *made = Made::Object(write_new(self.domain, segment, object)?);
        Ok(())
    }
}

/// Opens the object `name` of `domain`.
///
/// # Errors
/// `NotFound`; as [`open_or_create`].
pub(super) fn open<O: Object>(domain: &'static Domain, name: &str, wanted: Wanted) -> Result<Shared<O>> {
    check_name("open", object_name::<O>(name), name)?;
    enter(domain, name, wanted, |spec| Segment::open(domain.directory(), &file_name::<O>(name), spec))
}

/// The kinds of objects: `lock:NAME`, `sem:NAME` …
pub const KINDS: [&str; 8] = ["lock", "sem", "count", "monitor", "cond", "barrier", "once", "event"];

/// Removes the object `kind:name` from `domain`.
///
/// # Errors
/// `Usage` for a name that is none, and for what is none of [`KINDS`]; `NotFound`; `Busy` while a living process has it open, or somebody owns it or
/// waits for it.
pub fn remove(domain: &'static Domain, kind: &str, name: &str) -> Result<()> {
    check_name("remove", format!("{kind}:{name}"), name)?;
    if !KINDS.contains(&kind) {
        // Its file is laid out otherwise, so nobody who uses it would be seen.
        return Err(Error::new("remove", format!("{kind}:{name}"), ErrorKind::Usage)
            .because(format!("{kind} is no kind of object"))
            .advise(format!("these are: {}; `crosstie rm` removes channels too", KINDS.join(" "))));
    }
    let spec = SegmentSpec { kind: Kind::new(kind), ..spec(0, [0; 4]) };
    removal::remove(domain.directory(), &format!("{kind}.{name}"), &spec, |segment| {
        let is_alone = file_lock::try_lock_byte(segment.file(), OPEN_BYTE).unwrap_or(false);
        (!is_alone).then(|| "this process or another has it open".to_owned())
    })
}

/// Removes the object `kind:name` from `domain` if no living process has it open and it holds nothing: a free lock
/// without data, a barrier, a condition. Answers whether it did.
///
/// What holds data, a count, a number of permits, what was done, or an owner's death that nobody was told of, stays.
///
/// # Errors
/// The kernel's.
pub fn remove_unused(domain: &'static Domain, kind: &str, name: &str) -> Result<bool> {
    if !matches!(kind, "lock" | "barrier" | "cond") {
        return Ok(false);
    }
    let spec = SegmentSpec { kind: Kind::new(kind), ..spec(0, [0; 4]) };
    let removed = removal::remove(domain.directory(), &format!("{kind}.{name}"), &spec, |segment| {
        let is_alone = file_lock::try_lock_byte(segment.file(), OPEN_BYTE).unwrap_or(false);
        (!is_alone || !holds_nothing(segment, kind)).then(|| "it is used".to_owned())
    });
    match removed {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn holds_nothing(segment: &Segment, kind: &str) -> bool {
    // The header's part alone may be mapped: the file has the words too.
    let Ok(file) = segment.file().try_clone_to_owned().map(File::from) else { return false };
    let mut head = [0_u8; 40];
    let is_read = file.read_exact_at(&mut head, OBJECT_OFFSET).is_ok();
    let has_owner = head[..8] != [0; 8];
    let has_mark = head[32..36] != [0; 4];
    is_read && (kind != "lock" || segment.header().params[0] == super::lock::SHAPE && !has_owner && !has_mark)
}

fn enter<O: Object>(
    domain: &'static Domain,
    name: &str,
    wanted: Wanted,
    find: impl Fn(&SegmentSpec) -> Result<Segment>,
) -> Result<Shared<O>> {
    let spec = spec_of::<O>(wanted);
    for _ in 0..TRIES_MAX {
        let segment = find(&spec).map_err(|error| named_object::<O>(error, name))?;
        check::<O>(&segment, name, wanted)?;
        if is_kept(&segment).map_err(|error| Error::os("open", object_name::<O>(name), error))? {
            return Shared::new(domain, segment, object_name::<O>(name));
        }
        std::thread::yield_now();
    }
    Err(Error::new("open", object_name::<O>(name), ErrorKind::Busy)
        .because("it was removed and created again all the time")
        .advise("try again"))
}

/// The object `name` of `domain`, to be looked at: it may be removed meanwhile.
///
/// # Errors
/// As [`open`].
pub(crate) fn look_into<O: Object>(domain: &'static Domain, name: &str) -> Result<Shared<O>> {
    let wanted = Wanted { parameter: 0, exact: false };
    check_name("open", object_name::<O>(name), name)?;
    let segment = Segment::open(domain.directory(), &file_name::<O>(name), &spec_of::<O>(wanted))?;
    check::<O>(&segment, name, wanted)?;
    Shared::new(domain, segment, object_name::<O>(name))
}

/// Keeps the object in `segment` from being removed as long as the segment is open; false if it is removed already.
fn is_kept(segment: &Segment) -> std::io::Result<bool> {
    // A remover has the byte alone, then marks; an opener has it beside others, then looks.
    Ok(file_lock::try_share_byte(segment.file(), OPEN_BYTE)? && segment.is_live())
}

/// Opens the object `kind:name` of `domain`, whatever its shape: its head lies at [`OBJECT_OFFSET`].
///
/// # Errors
/// `NotFound`; `Busy` while it is being removed; as [`Segment::open`].
pub(super) fn open_any_shape(domain: &'static Domain, kind: &str, name: &str) -> Result<Segment> {
    let whole = format!("{kind}:{name}");
    check_name("open", whole.clone(), name)?;
    let spec = SegmentSpec { kind: Kind::new(kind), ..spec(0, [0; 4]) };
    let segment = Segment::open(domain.directory(), &format!("{kind}.{name}"), &spec)?;
    if !is_kept(&segment).map_err(|error| Error::os("open", whole.as_str(), error))? {
        return Err(Error::new("open", whole, ErrorKind::Busy).because("it is being removed"));
    }
    Ok(segment)
}

/// Checks the file of the object `kind:name` of `domain` as far as that needs no type.
///
/// # Errors
/// `NotFound`; `Corrupt` and `Mismatch` as whoever opens it gets them.
pub(crate) fn check_file(domain: &'static Domain, kind: &str, name: &str) -> Result<()> {
    let whole = format!("{kind}:{name}");
    check_name("open", whole.clone(), name)?;
    let spec = SegmentSpec { kind: Kind::new(kind), ..spec(0, [0; 4]) };
    let header = Segment::header_in(domain.directory(), &format!("{kind}.{name}"), &spec)?;
    if is_whole(&header) {
        return Ok(());
    }
    Err(Error::new("open", whole.as_str(), ErrorKind::Mismatch)
        .because("its header says two sizes of what it holds")
        .advise(format!("remove it: crosstie rm {whole}")))
}

/// Whether the sizes that an object's header says agree with one another.
fn is_whole(header: &Header) -> bool {
    header.header_bytes == OBJECT_OFFSET && header.data_bytes == header.params[3]
}

/// Compares what was found with what is wanted, beyond kind and version.
fn check<O: Object>(segment: &Segment, name: &str, wanted: Wanted) -> Result<()> {
    let header = segment.header();
    let bytes = size_of::<O>() as u64;
    let refused = |cause: String| {
        let remove =
            format!("use the same in all programs, or remove it: crosstie rm {}", object_name::<O>(name));
        Err(Error::new("open", object_name::<O>(name), ErrorKind::Mismatch).because(cause).advise(remove))
    };
    let [shape, layout, parameter, size] = header.params;
    let is_sound = is_whole(header) && size == bytes;
    if (shape, layout) != (O::SHAPE, O::LAYOUT) || !is_sound {
        let [found, asked] = [description(segment), O::describe()];
        let how = if found == asked {
            " as another version of Crosstie, or of its fields, lays it out"
        } else {
            ""
        };
        return refused(format!("it is {found}{how}, asked for was {asked}"));
    }
    if wanted.exact && parameter != wanted.parameter {
        let [found, wanted] = [parameter, wanted.parameter].map(O::describe_parameter);
        return refused(format!("it is {found}, asked for was {wanted}"));
    }
    Ok(())
}

/// Writes a new object and its description; answers the object once more, for another try.
fn write_new<O: Object>(domain: &'static Domain, segment: &Segment, object: O) -> Result<O> {
    let failed = |error| Error::os("create", segment.name(), error);
    object.place(domain.tag(), &mut || domain.next_key());
    let mut text = O::describe();
    let end = (0..=DESCRIPTION_BYTES_MAX).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(end);
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    let file = File::from(segment.file().try_clone_to_owned().map_err(failed)?);
    file.write_all_at(&bytes, DESCRIPTION_OFFSET).map_err(failed)?;
    let place = segment.base().as_ptr().wrapping_add(OBJECT_OFFSET as usize);
    let made = (&raw const object).cast::<u8>();
    for &(offset, bytes) in O::PARTS {
        assert!(is_inside(offset, bytes, 1, size_of::<O>()), "a part of the object");
        // SAFETY: `enter` made the segment with size_of::<O>() bytes of data from OBJECT_OFFSET on, and a part lies
        // inside; nobody else sees it yet; an Object may be moved bytewise (its contract).
        unsafe {
            std::ptr::copy_nonoverlapping(made.wrapping_add(offset), place.wrapping_add(offset), bytes);
        }
    }
    Ok(object)
}

/// What the object says that it is, as its file has it.
pub(crate) fn description(segment: &Segment) -> String {
    let unknown = || "of a type that it does not say".to_owned();
    let Ok(file) = segment.file().try_clone_to_owned().map(File::from) else { return unknown() };
    let mut length = [0; 8];
    if file.read_exact_at(&mut length, DESCRIPTION_OFFSET).is_err() {
        return unknown();
    }
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(0).min(DESCRIPTION_BYTES_MAX);
    let mut text = vec![0; length];
    if length == 0 || file.read_exact_at(&mut text, DESCRIPTION_OFFSET + 8).is_err() {
        return unknown();
    }
    String::from_utf8_lossy(&text).chars().filter(|c| !c.is_control()).collect()
}

fn spec(bytes: u64, params: [u64; 4]) -> SegmentSpec {
    SegmentSpec {
        kind: Kind::new("object"),
        layout: LAYOUT,
        header_bytes: OBJECT_OFFSET,
        data_bytes: bytes,
        params,
        sizes: Sizes::AsFound,
        space: Space::Whole,
    }
}

fn spec_of<O: Object>(wanted: Wanted) -> SegmentSpec {
    let bytes = size_of::<O>() as u64;
    let params = [O::SHAPE, O::LAYOUT, wanted.parameter, bytes];
    SegmentSpec { kind: Kind::new(O::KIND), ..spec(bytes, params) }
}

fn object_name<O: Object>(name: &str) -> String {
    format!("{}:{name}", O::KIND)
}

/// What is not there, or is there already, is told as the object that was asked for.
fn named_object<O: Object>(error: Error, name: &str) -> Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::AlreadyExists => error.of_object(object_name::<O>(name)),
        _ => error,
    }
}

fn file_name<O: Object>(name: &str) -> String {
    format!("{}.{name}", O::KIND)
}

fn check_name(operation: &'static str, object: String, name: &str) -> Result<()> {
    crate::os::name::check(name).map_err(|reason| {
        Error::new(operation, object, ErrorKind::Usage)
            .because(reason.to_string())
            .advise("a name has 1 to 200 of the characters A-Z a-z 0-9 . _ -")
    })
}
