//! Taking a segment's name away, without ever taking somebody else's.
//!
//! The hazard (H22): an opener finds the file; the remover finds no user and unlinks; the opener
//! registers. Now two objects answer to one name. And a remover that is late unlinks the new one.
//! The mend: the remover marks first, then looks for users; an opener registers first, then looks
//! at the mark; both with a full fence between, so at least one of them sees the other. And a name
//! is unlinked only under the directory's lock, after it was seen to lead to the marked file.

use std::io;
use std::os::fd::AsFd;

use super::segment::{self, Segment};
use super::{Directory, SegmentSpec, Sizes};
use crate::error::{Error, ErrorKind, Result};
use crate::os::directory as os;
use crosstie_core::layout::header::{HEADER_BYTES, Header, STATE_REMOVED};

/// Removes the segment `name` from `directory` unless `in_use` says who uses it.
///
/// # Errors
/// `NotFound`; `Busy` with what `in_use` answers; `Mismatch` or `Corrupt` when it is not what
/// `spec` says: then nothing is removed.
pub fn remove(
    directory: &Directory,
    name: &str,
    spec: &SegmentSpec,
    in_use: impl FnOnce(&Segment) -> Option<String>,
) -> Result<()> {
    let held = segment::lock(directory)?;
    let any_size = SegmentSpec { sizes: Sizes::AsFound, ..*spec };
    let segment = Segment::open(directory, name, &any_size)?;
    if !segment.retire() {
        return Err(Error::new("remove", directory.display(name), ErrorKind::NotFound));
    }
    if let Some(users) = in_use(&segment) {
        segment.revive();
        return Err(Error::new("remove", directory.display(name), ErrorKind::Busy).because(users));
    }
    unlink_if_same(directory, name, &segment)?;
    drop(held);
    Ok(())
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

/// Unlinks what a remover marked and did not live to unlink.
pub(super) fn finish(directory: &Directory, name: &str) -> Result<()> {
    let held = segment::lock(directory)?;
    let failed = |error| Error::os("remove", directory.display(name), error);
    let file = match os::open_in(directory.as_fd(), name) {
        Ok(file) => std::fs::File::from(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = [0; HEADER_BYTES];
    let read = std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0);
    let file_bytes = os::stat(file.as_fd()).map_err(failed)?.bytes;
    // Under the lock nobody else marks or unlinks: a mark seen now is an unfinished removal.
    let is_removed =
        read.is_ok() && Header::read(&bytes, file_bytes).is_ok_and(|header| header.state == STATE_REMOVED);
    if is_removed {
        os::unlink_in(directory.as_fd(), name).map_err(failed)?;
    }
    drop(held);
    Ok(())
}
