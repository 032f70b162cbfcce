//! Opening and removing topics.

use std::sync::Arc;

use crosstie_core::queue::member::Part;
use crosstie_core::ring::spsc::Corrupt;

use super::layout::{self, MEMBERS_OFFSET, SLOTS_OFFSET};
use super::memory::Cells;
use super::options::TopicOptions;
use crate::channel::membership::{self, KeptBy, Membership};
use crate::error::{Error, Result};
use crate::ledger::Domain;
use crate::region::Segment;

/// Opens or makes the topic `name` and takes a seat in it for this process.
pub(super) fn enter(
    domain: &'static Domain,
    name: &str,
    options: &TopicOptions,
    part: Part,
) -> Result<Membership<Cells>> {
    Membership::enter(domain, &object(name), part, || {
        let spec = layout::spec(layout::wanted(name, options)?);
        let mut segment = Segment::open_or_create(domain.directory(), &file_name(name), &spec, |_| Ok(()))?;
        let geometry = layout::found(name, segment.header())?;
        layout::check(name, options, geometry)?;
        if part == Part::Receiver {
            segment.make_readable(SLOTS_OFFSET)?;
        }
        let segment = Arc::new(segment);
        let cells = Cells::new(&segment, geometry);
        Ok((segment, cells))
    })
}

/// Opens the topic `name`, which must be there, without taking part in it.
pub(super) fn look_into(domain: &'static Domain, name: &str) -> Result<Cells> {
    let spec = layout::spec(layout::wanted(name, &TopicOptions::default())?);
    let segment = Segment::open(domain.directory(), &file_name(name), &spec)?;
    let geometry = layout::found(name, segment.header())?;
    Ok(Cells::new(&Arc::new(segment), geometry))
}

/// Removes the topic `name` from `domain`, with what it keeps.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound); [`Busy`](crate::ErrorKind::Busy) while a living process has an end of it.
///
/// # Examples
/// ```
/// use crosstie::channel::topic::{self, TopicOptions, TopicSender};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let sender = TopicSender::open(domain, "ticks", &TopicOptions::default())?;
/// assert_eq!(topic::remove(domain, "ticks").unwrap_err().kind(), crosstie::ErrorKind::Busy);
/// drop(sender);
/// topic::remove(domain, "ticks")?;
/// # Ok::<(), crosstie::Error>(())
/// ```
pub fn remove(domain: &'static Domain, name: &str) -> Result<()> {
    let spec = layout::spec(layout::wanted(name, &TopicOptions::default())?);
    membership::remove(domain, &file_name(name), &spec, KeptBy::Anybody, |segment| {
        layout::found(name, segment.header()).ok().map(|_| MEMBERS_OFFSET)
    })
}

pub(super) fn object(name: &str) -> String {
    format!("topic:{name}")
}

fn file_name(name: &str) -> String {
    format!("topic.{name}")
}

/// The error for bytes in the topic that break its protocol.
pub(super) fn corrupt(name: &str, fault: Corrupt) -> Error {
    membership::corrupt(&object(name), fault)
}
