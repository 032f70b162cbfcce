//! [`Shared`]: a handle to a named object, which every process of the domain can open.
#![expect(unsafe_code, reason = "answers a reference into the segment that it keeps mapped")]

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use crosstie_core::layout::shared::is_inside;

use super::object::Object;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::ledger::objects::OBJECT_OFFSET;
use crate::region::Segment;

/// A named object that this process has open: `Shared<Mutex<Stock>>`. It derefs to the object.
///
/// A clone is another handle to the same object. The object stays when all handles are gone: it is
/// removed by `crosstie rm`, or by [`remove`](super::object::remove).
///
/// # Death
/// Handles keep nothing alive and hold nothing: what a killed process had open it has no more.
///
/// # Examples
/// ```
/// use crosstie::ledger::Domain;
/// use crosstie::sync::Mutex;
/// # let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let visits = Mutex::<u64>::open_or_create_in(domain, "visits", || 0)?;
/// *visits.lock()? += 1;
/// let again = Mutex::<u64>::open_or_create_in(domain, "visits", || 0)?;
/// assert_eq!(*again.lock()?, 1);
/// # Ok::<(), crosstie::Error>(())
/// ```
pub struct Shared<O: Object> {
    /// Inside the segment, which `inside` keeps mapped.
    object: NonNull<O>,
    inside: Arc<Inside>,
}

// SAFETY: an Object is Sync (its trait), and all that a handle gives out is a shared reference to it.
unsafe impl<O: Object> Send for Shared<O> {}

// SAFETY: as for Send, a shared handle gives out what any handle gives out.
unsafe impl<O: Object> Sync for Shared<O> {}

struct Inside {
    /// Kept mapped.
    _segment: Segment,
    domain: &'static Domain,
    name: String,
}

impl<O: Object> Shared<O> {
    /// A handle to the object in `segment`, which holds it from [`OBJECT_OFFSET`] on.
    pub(super) fn new(domain: &'static Domain, segment: Segment, name: String) -> Result<Self> {
        let offset = OBJECT_OFFSET as usize;
        if !is_inside(offset, size_of::<O>(), align_of::<O>(), segment.len()) {
            return Err(Error::new("open", name, ErrorKind::Corrupt)
                .because(format!("its file has {} bytes", segment.len())));
        }
        let object = segment.base().as_ptr().wrapping_add(offset).cast::<O>();
        // invariant: a mapping begins behind the first page, and ends before the last.
        let object = NonNull::new(object).expect("a mapped address");
        Ok(Self { object, inside: Arc::new(Inside { _segment: segment, domain, name }) })
    }

    /// The domain in which it has its name.
    #[must_use]
    pub fn domain(&self) -> &'static Domain {
        self.inside.domain
    }

    /// Its kind and name: `lock:stock`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inside.name
    }
}

impl<O: Object> Deref for Shared<O> {
    type Target = O;

    #[inline]
    fn deref(&self) -> &O {
        // SAFETY: `new` checked that the object lies inside the mapping, aligned; the segment lives as
        // long as `self`; whatever bytes others write, an Object stays valid (its contract).
        unsafe { self.object.as_ref() }
    }
}

impl<O: Object> Clone for Shared<O> {
    fn clone(&self) -> Self {
        Self { object: self.object, inside: Arc::clone(&self.inside) }
    }
}

impl<O: Object> fmt::Debug for Shared<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.inside.name).finish()
    }
}
