//! Taking a segment's name away, without ever taking somebody else's.
//!
//! The hazard (H22): an opener finds the file; the remover finds no user and unlinks; the opener
//! registers. Now two objects answer to one name. And a remover that is late unlinks the new one.
//! The mend: the remover marks first, then looks for users; an opener registers first, then looks
//! at the mark; both with a full fence between, so at least one of them sees the other. And a name
//! is unlinked only under the directory's lock, after it was seen to lead to the marked file.
//!
//! A remover that is killed between its mark and what follows has removed nothing: somebody may use
//! the segment, so who meets the mark next, under the lock, takes it back ([`Segment::open_or_create`]).

use std::io;
use std::os::fd::AsFd;

use crosstie_core::crash_point;

use super::segment::{self, Found, Segment};
use super::{Directory, SegmentSpec, Sizes, Space};
use crate::error::{Error, ErrorKind, Result};
use crate::os::directory as os;

/// Removes the segment `name` from `directory` unless `in_use` says who uses it, which may look at
/// the header's part alone. A file that is no segment as `spec` says goes too: nobody can enter it,
/// and who has it mapped keeps it.
///
/// # Errors
/// `NotFound`; `Busy` with what `in_use` answers; `Corrupt` for what is no regular file.
pub fn remove(
    directory: &Directory,
    name: &str,
    spec: &SegmentSpec,
    in_use: impl Fn(&Segment) -> Option<String>,
) -> Result<()> {
    let _held = segment::lock(directory)?;
    let any_size = SegmentSpec { sizes: Sizes::AsFound, space: Space::Header, ..*spec };
    let segment = match Segment::find(directory, name, &any_size) {
        Ok(Found::Live(segment) | Found::Removed(segment)) => segment,
        Ok(Found::Nothing) => {
            return Err(Error::new("remove", directory.display(name), ErrorKind::NotFound));
        }
        Err(refusal) => return unlink_unsound(directory, name, refusal),
    };
    let busy = |users| {
        segment.revive();
        Err(Error::new("remove", directory.display(name), ErrorKind::Busy).because(users))
    };
    // Before the mark too: it would turn away whoever comes to those who are there.
    if let Some(users) = in_use(&segment) {
        return busy(users);
    }
    crash_point!("remove.unused");
    segment.retire();
    crash_point!("remove.marked");
    if let Some(users) = in_use(&segment) {
        return busy(users);
    }
    unlink_if_same(directory, name, &segment)
}

fn unlink_if_same(directory: &Directory, name: &str, segment: &Segment) -> Result<()> {
    let failed = |error| Error::os("remove", directory.display(name), error);
    let marked = os::stat(segment.file()).map_err(failed)?;
    match os::stat_in(directory.as_fd(), name) {
        Ok(named) if named.is_same_file(&marked) => os::unlink_in(directory.as_fd(), name).map_err(failed),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Unlinks the file that was refused as unsound; other refusals stand.
fn unlink_unsound(directory: &Directory, name: &str, refusal: Error) -> Result<()> {
    let failed = |error| Error::os("remove", directory.display(name), error);
    let is_unsound = matches!(refusal.kind(), ErrorKind::Corrupt | ErrorKind::Mismatch);
    if is_unsound && os::stat_in(directory.as_fd(), name).map_err(failed)?.is_regular {
        return os::unlink_in(directory.as_fd(), name).map_err(failed);
    }
    Err(refusal)
}
