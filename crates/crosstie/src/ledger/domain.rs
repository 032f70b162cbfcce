//! [`Domain`]: the directory and its ledger, opened once a process.

use std::path::{Path, PathBuf};

use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::layout::header::Kind;
use crosstie_core::layout::ledger::{
    LAYOUT, LedgerWords, SLOTS, SLOTS_OFFSET, SLOTS_TOTAL_BYTES, WORDS_OFFSET,
};
use crosstie_core::word::slot::{SLOT_BYTES, Slot};

use super::local::Local;
use super::order::Noting;
use super::published::Published;
use crate::error::{Error, ErrorKind, Result};
use crate::os::directory::Stat;
use crate::os::session::AtLogout;
use crate::os::{account, directory as os, memory, process, random, session};
use crate::region::segment::no_room;
use crate::region::{Directory, Segment, SegmentSpec, Sizes, Space};

/// The ledger's name in the domain's directory.
pub(super) const LEDGER_FILE: &str = "ledger";

const SPEC: SegmentSpec = SegmentSpec {
    kind: Kind::new("ledger"),
    layout: LAYOUT,
    header_bytes: SLOTS_OFFSET as u64,
    data_bytes: SLOTS_TOTAL_BYTES as u64,
    params: [SLOTS as u64, SLOT_BYTES as u64, 0, 0],
    sizes: Sizes::Exact,
    space: Space::Header,
};

/// The domains that this process has opened, the latest first.
static OPENED: Published<Domain> = Published::nothing();

/// Whose domain a process enters beside its own user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// Nobody's.
    None,
    /// Those that were made for a group to which it belongs.
    OfGroup,
}

/// A directory whose objects share one ledger: everyone in it sees who takes part and that they
/// live.
///
/// Opened once a process and kept for its life: the kernel marks words in it when a thread ends, so
/// it is never unmapped.
///
/// # Examples
/// ```
/// use crosstie::ledger::Domain;
/// let directory = tempfile::tempdir().unwrap();
/// let domain = Domain::open(directory.path().join("domain"))?;
/// let me = domain.thread_owner()?;
/// assert!(domain.is_alive(me));
/// assert_eq!(domain.identity(me).unwrap().pid, std::process::id());
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Debug)]
pub struct Domain {
    directory: Directory,
    name: String,
    segment: Segment,
    ledger: Stat,
    /// What the ledger said when it was opened.
    tag: u64,
    pub(super) local: Published<Local>,
    pub(super) net_absent: AtomicU32,
    /// There if the order in which locks are taken is noted.
    pub(super) noting: Published<Noting>,
    /// Slots whose space this process knows to be taken.
    backed: AtomicU32,
    before: Option<&'static Domain>,
}

impl Domain {
    /// The domain of `$CROSSTIE_DOMAIN`, else this user's own, `/dev/shm/crosstie-<uid>`.
    ///
    /// # Errors
    /// As [`Domain::open`]; `Busy` when this user's own would be created although processes of its
    /// predecessor live, whose files were deleted under them (logind's RemoveIPC).
    pub fn open_default() -> Result<&'static Self> {
        if let Some(path) = path_of_environment() {
            return Self::open(path);
        }
        let path = Self::default_path();
        if let Some(open) = opened(|domain| domain.directory.path() == path && domain.has_name()) {
            return Ok(open);
        }
        refuse_second_world(&path)?;
        // Anybody may create a directory of that name: nobody asked for theirs.
        Self::open_with(path, Others::None)
    }

    /// Where [`Domain::open_default`] looks.
    ///
    /// # Errors
    /// `Usage` where `$CROSSTIE_DOMAIN` is no path from the root on.
    pub fn chosen_path() -> Result<PathBuf> {
        path_of_environment().map_or_else(|| Ok(Self::default_path()), from_root)
    }

    /// Where this user's own domain is: `/dev/shm/crosstie-<uid>`.
    #[must_use]
    pub fn default_path() -> PathBuf {
        PathBuf::from(format!("{}/crosstie-{}", memory::POSIX_DIRECTORY, process::effective_uid()))
    }

    /// Opens the domain in the directory `path`, and creates both where they are missing: for this user
    /// alone. One that was made for a group ([`Domain::create_shared`]) opens for all its members.
    ///
    /// # Errors
    /// `Usage` for a path that does not begin at the root: each process would look for it below its own working directory.
    /// `NotPermitted` when the directory belongs to another user or others may enter it, and it was not
    /// made for a group of this process; `Mismatch` and `Corrupt` as [`Segment::open_or_create`];
    /// `NoSpace`.
    pub fn open(path: impl Into<PathBuf>) -> Result<&'static Self> {
        Self::open_with(path.into(), Others::OfGroup)
    }

    /// Creates a domain that the members of `group` share, given by its name or number, and opens it.
    ///
    /// Whoever is in the group can use everything in it, remove it, and disturb the others as far as
    /// any participant can. Nobody else can enter, root without that group neither.
    ///
    /// # Errors
    /// `AlreadyExists`; `NotFound` for a group that does not exist; `NotPermitted` for one that this
    /// process is not in; as [`Domain::open`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::ledger::Domain;
    /// use crosstie::os::process;
    /// let folder = tempfile::tempdir().unwrap();
    /// let own_group = process::effective_gid().to_string();
    /// let domain = Domain::create_shared(folder.path().join("team"), &own_group)?;
    /// assert!(domain.directory().is_shared());
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn create_shared(path: impl Into<PathBuf>, group: &str) -> Result<&'static Self> {
        let path = from_root(path.into())?;
        let gid = account::gid_of(group).map_err(|error| {
            Error::os("create domain for group", group, error).advise("`getent group` lists them")
        })?;
        Directory::create_shared(&path, gid)?;
        Self::open(path)
    }

    fn open_with(path: PathBuf, others: Others) -> Result<&'static Self> {
        // In one form, however it was written.
        let path = from_root(path)?;
        let path = std::path::absolute(&path)
            .map_err(|error| Error::os("open domain", path.display().to_string(), error))?;
        if let Some(open) = opened(|domain| domain.directory.path() == path && domain.has_name()) {
            return Ok(open);
        }
        let directory = open_directory(&path)?;
        check_owner(&directory, others)?;
        let name = path.display().to_string();
        let segment =
            Segment::open_or_create(&directory, LEDGER_FILE, &SPEC, give_tag).map_err(|error| match error
                .kind()
            {
                ErrorKind::Corrupt | ErrorKind::Mismatch => error.advise(format!(
                    "use the version that made it, or end all that use the domain and remove it: rm -r {name}"
                )),
                _ => error,
            })?;
        let ledger =
            os::stat(segment.file()).map_err(|error| Error::os("open domain", name.as_str(), error))?;
        let domain = Self::keep(directory, name, segment, ledger);
        domain.end_former_boot()?;
        domain.note_lock_order_if_asked()?;
        Ok(domain)
    }

    /// The domain that this process has opened whose objects carry `tag`.
    pub(super) fn of_tag(tag: u64) -> Option<&'static Self> {
        opened(|domain| domain.tag == tag)
    }

    /// The number that names this domain in its objects; never 0.
    #[must_use]
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// What becomes of the domain when its user logs out for the last time; elsewhere than in /dev/shm,
    /// nothing ([`AtLogout::NothingRemoved`]).
    ///
    /// # Errors
    /// The C library's, when it cannot say who the user is.
    pub fn at_logout(&self) -> Result<AtLogout> {
        if !self.directory.path().starts_with(memory::POSIX_DIRECTORY) {
            return Ok(AtLogout::NothingRemoved);
        }
        let uid = self.directory.stat().uid;
        let name =
            account::user_name(uid).map_err(|error| Error::os("look up user", uid.to_string(), error))?;
        Ok(session::at_logout(Path::new("/"), uid, &name.unwrap_or_else(|| uid.to_string().into())))
    }

    /// Its directory, where its objects have their names.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Its path, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its name still leads to its ledger.
    #[must_use]
    pub fn has_name(&self) -> bool {
        self.segment.is_live() && !self.leads_elsewhere()
    }

    /// Whether who looks for the domain under its name finds another one, or none: its files were
    /// deleted, or its directory was moved. What cannot be looked at counts as there.
    pub(super) fn leads_elsewhere(&self) -> bool {
        match os::stat_at(&self.directory.path().join(LEDGER_FILE)) {
            Ok(found) => !found.is_same_file(&self.ledger),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }

    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(super) fn words(&self) -> &LedgerWords {
        // invariant: SPEC's sizes were checked at open, and the words' offset and size are constants inside.
        self.segment.shared(WORDS_OFFSET).expect("the counters lie in the header")
    }

    /// The slot `number`, if it is in use; its space is taken.
    pub(crate) fn slot(&'static self, number: u32) -> Option<&'static Slot> {
        // Relaxed: a bound that this process checked itself; the memory behind it is the kernel's.
        if number >= self.backed.load(Ordering::Relaxed) {
            let promised = self.words().slots_backed();
            // A peer may have written any number: take the space ourselves before we touch it.
            if number >= promised || self.reserve_slots(promised).is_err() {
                return None;
            }
        }
        let offset = SLOTS_OFFSET + usize::try_from(number).ok()?.checked_mul(SLOT_BYTES)?;
        self.segment.shared(offset).ok()
    }

    /// The slots in use, with their numbers.
    pub(super) fn slots(&'static self) -> impl Iterator<Item = (u32, &'static Slot)> {
        (0..self.words().slots_backed()).filter_map(|number| Some((number, self.slot(number)?)))
    }

    /// Takes the space of the first `count` slots.
    pub(super) fn reserve_slots(&self, count: u32) -> Result<()> {
        let bytes = u64::from(count) * SLOT_BYTES as u64;
        memory::reserve(self.segment.file(), SLOTS_OFFSET as u64, bytes)
            .map_err(|error| no_room(self.segment.file(), &self.name, bytes, error))?;
        // Relaxed: as in `slot`.
        self.backed.fetch_max(count, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps the domain for the life of the process, unless another thread has opened it meanwhile.
    fn keep(directory: Directory, name: String, segment: Segment, ledger: Stat) -> &'static Self {
        let mut domain = Self {
            directory,
            name,
            // A damaged ledger's 0 must not be taken for the heap.
            tag: segment.shared::<LedgerWords>(WORDS_OFFSET).map_or(1, |words| words.tag().max(1)),
            segment,
            ledger,
            local: Published::nothing(),
            net_absent: AtomicU32::new(0),
            noting: Published::nothing(),
            backed: AtomicU32::new(0),
            before: None,
        };
        if let Some(open) = opened(|open| open.ledger.is_same_file(&domain.ledger)) {
            return open;
        }
        let latest = OPENED.get();
        domain.before = latest;
        let kept: &'static Self = Box::leak(Box::new(domain));
        if OPENED.replace(latest, kept) {
            return kept;
        }
        // Another thread opened a domain first, maybe this one. Ours was shown to nobody: it stays
        // unused, unless that other one is gone again.
        Self::open(kept.directory.path()).unwrap_or(kept)
    }
}

/// Gives a new ledger the number by which its objects name it.
fn give_tag(segment: &Segment) -> Result<()> {
    let tag = random::word().map_err(|error| Error::os("create", segment.name(), error))?;
    segment.shared::<LedgerWords>(WORDS_OFFSET)?.set_tag(tag.max(1));
    Ok(())
}

/// The domain of this process that `is_it`.
fn opened(is_it: impl Fn(&Domain) -> bool) -> Option<&'static Domain> {
    let mut next = OPENED.get();
    while let Some(domain) = next {
        if is_it(domain) {
            return Some(domain);
        }
        next = domain.before;
    }
    None
}

/// What `$CROSSTIE_DOMAIN` says.
fn path_of_environment() -> Option<PathBuf> {
    std::env::var_os("CROSSTIE_DOMAIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The path, unless it depends on a working directory: processes that mean the same domain would each be in one of their own.
fn from_root(path: PathBuf) -> Result<PathBuf> {
    if path.is_absolute() {
        return Ok(path);
    }
    let full = std::path::absolute(&path).unwrap_or_else(|_| Path::new("/dev/shm").join(&path));
    Err(Error::new("open domain", path.display().to_string(), ErrorKind::Usage)
        .because("it begins at no root, so processes with other working directories would not meet there")
        .advise(format!("name it in full, in $CROSSTIE_DOMAIN or where it was named: {}", full.display())))
}

fn open_directory(path: &Path) -> Result<Directory> {
    match Directory::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match os::create_private(path) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(no_place(path, error));
                }
                _ => {}
            }
            Directory::open(path)
        }
        Err(_) if path.is_symlink() => {
            let name = path.display().to_string();
            Err(Error::new("open domain", name, ErrorKind::NotPermitted)
                .because("it is a symbolic link, and whoever made it could lead everyone elsewhere")
                .advise("name the folder itself: --domain or CROSSTIE_DOMAIN"))
        }
        other => other,
    }
}

/// Why there can be no domain at `path`, as it comes up in containers.
fn no_place(path: &Path, error: std::io::Error) -> Error {
    let kind = error.kind();
    let error = Error::os("create domain", path.display().to_string(), error);
    match kind {
        std::io::ErrorKind::ReadOnlyFilesystem => error.advise(
            "mount it for writing, in a container `--tmpfs /dev/shm:rw`, or name another tmpfs: CROSSTIE_DOMAIN",
        ),
        std::io::ErrorKind::NotFound => error.advise(
            "create the folder above it; where there is no /dev/shm, mount a tmpfs there, in a container \
             `--tmpfs /dev/shm:rw`, or name another one: CROSSTIE_DOMAIN",
        ),
        _ => error,
    }
}

/// Looks after opening, so that what was checked is what is used (HAZARDS H23).
fn check_owner(directory: &Directory, others: Others) -> Result<()> {
    let name = directory.path().display().to_string();
    let (stat, us) = (directory.stat(), process::effective_uid());
    let refused =
        |cause: String| Error::new("open domain", name.as_str(), ErrorKind::NotPermitted).because(cause);
    if directory.is_shared() && (stat.uid == us || others == Others::OfGroup) {
        let is_member =
            process::is_in_group(stat.gid).map_err(|error| Error::os("open domain", name.as_str(), error))?;
        return if stat.uid == us || is_member {
            Ok(())
        } else {
            Err(refused(format!("it is shared by group {}, to which this process does not belong", stat.gid))
                .advise(format!("act for that group: `sudo -g '#{}' …`, `sg`, `newgrp`", stat.gid)))
        };
    }
    if stat.uid != us {
        return Err(refused(format!("it belongs to user {}, this process acts for user {us}", stat.uid))
            .advise(format!(
                "act as that user (`sudo -u '#{}' …`), use a domain of your own, or have one made for a group \
                 (`crosstie domain create PATH --group G`)",
                stat.uid
            )));
    }
    if stat.mode & 0o077 != 0 {
        // A folder that was never a domain has a mode of its own for a reason.
        let remedy = if directory.path().join(LEDGER_FILE).exists() {
            format!("chmod 700 {name}")
        } else {
            "name a folder that does not exist yet, or an empty one of mode 0700".to_owned()
        };
        return Err(refused(format!("other users may enter it (mode {:04o})", stat.mode)).advise(format!(
            "{remedy}; for a group, have one made: `crosstie domain create PATH --group G`"
        )));
    }
    Ok(())
}

/// Refuses to create a default domain while processes live in one of the same name whose files
/// were deleted: they and newcomers would never meet.
fn refuse_second_world(path: &Path) -> Result<()> {
    let ledger = path.join(LEDGER_FILE);
    if ledger.exists() {
        return Ok(());
    }
    let left = process::pids_with_removed_file_mapped(&ledger.display().to_string()).unwrap_or_default();
    let Some(first) = left.first() else { return Ok(()) };
    let others = left.len() - 1;
    Err(Error::new("create domain", path.display().to_string(), ErrorKind::Busy)
        .because(format!(
            "its files were deleted, but process {first} and {others} others still use them: they would not see \
             who comes now (logind deletes a user's files in /dev/shm at the last logout)"
        ))
        .advise("end those processes, then keep it from happening again with `loginctl enable-linger`"))
}
