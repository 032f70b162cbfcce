//! [`Gathered`]: events and counting semaphores for which one thread waits together; [`Standing`]: its place in their queues, when
//! it sleeps on descriptors.

use std::panic::Location;
use std::task::Waker;

use crosstie_core::Deadline;
use crosstie_core::turns::any::{self, Ahead, Place, Source};
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::Seen;
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::{ANY_MAX, Mode};

use super::taker::Taker;
use super::wait_any::Waitable;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::keeper::Attended;
use crate::ledger::{Domain, Me};

/// Objects for which the calling thread waits together.
pub(crate) struct Gathered<'a> {
    pub(super) taker: Taker,
    pub(super) sources: Vec<Source<'a>>,
    first: &'a Head,
    pub(super) request: Request,
}

impl<'a> Gathered<'a> {
    /// `sources` for the calling thread, which waits at `site`.
    ///
    /// # Errors
    /// `Usage` for none, for more than 7, or for objects of different domains; without a place in the ledger.
    pub(crate) fn new(
        sources: &[&'a dyn Waitable],
        deadline: Deadline,
        site: &'static Location<'static>,
    ) -> Result<Self> {
        let sources: Vec<Source<'_>> = sources.iter().map(|source| source.source()).collect();
        let (tag, first) = same_domain(&sources)?;
        let taker = Taker::thread_at(tag, deadline, site)?;
        for source in &sources {
            taker.name(source.head);
        }
        let request = taker.request(Mode::Any, 1, 1);
        Ok(Self { taker, first, sources, request })
    }

    /// In which domain they are.
    pub(super) fn domain(&self) -> &'static Domain {
        self.taker.domain()
    }

    /// What the first of them begins with.
    pub(super) fn first(&self) -> &'a Head {
        self.first
    }

    /// Passes the source of this index if somebody may who does not queue.
    pub(crate) fn passes_at_once(&self, index: usize) -> bool {
        self.sources.get(index).is_some_and(|source| any::pass_at_once(&[*source], &self.taker.me).is_some())
    }

    /// Queues the calling thread up at all of them, to sleep on descriptors: the process's keeper listens for it.
    ///
    /// # Errors
    /// When the thread that keeps the process's slot cannot be started.
    pub(crate) fn queue_up(&self) -> Result<Standing<'_>> {
        let me = &self.taker.me;
        let keeper = me.domain.keeper_slot()?;
        me.slot.set_keeper(Some(keeper));
        let place = Place::enter(&self.sources, me, &self.request);
        Ok(Standing { me, place, ahead: [None; ANY_MAX], seen: None })
    }
}

/// The calling thread in the queues of several objects.
pub(crate) struct Standing<'a> {
    me: &'a Me,
    place: Option<Place<'a, Me>>,
    ahead: Ahead,
    /// What stood still while it looked.
    seen: Option<Seen<'a>>,
}

impl Standing<'_> {
    /// Begins a look at all of them.
    pub(crate) fn begin_look(&mut self) {
        self.seen = self.place.as_ref().map(Place::observe);
        self.ahead = [None; ANY_MAX];
    }

    /// Passes the source of this index if it lets the caller, behind [`Standing::begin_look`].
    pub(crate) fn passes(&mut self, index: usize) -> bool {
        self.place.as_ref().is_some_and(|place| place.passes(index, &mut self.ahead))
    }

    /// After a look at all of them: has `waker` called when to look again; `None` if that is now. The answer also says whether to
    /// look again soon in any case.
    ///
    /// # Errors
    /// When this process has no part in the domain any more.
    pub(crate) fn attend(&self, waker: &Waker) -> Result<Option<(Attended, IsCrowded)>> {
        let Some(seen) = &self.seen else { return Ok(None) };
        let lives: Vec<_> = self.ahead.iter().flatten().copied().chain(seen.changers()).collect();
        let attended = self.me.domain.attend(self.me.slot, seen, &lives, Deadline::NEVER, waker)?;
        Ok(attended.map(|attended| (attended, IsCrowded(seen.is_crowded))))
    }
}

/// Whether more had changes under way than are watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsCrowded(pub(crate) bool);

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        // Behind the end of the wait: who finds it until then calls the keeper.
        self.place = None;
        self.me.slot.set_keeper(None);
    }
}

/// The tag of the domain of all of `sources`, and what the first begins with.
pub(super) fn same_domain<'a>(sources: &[Source<'a>]) -> Result<(u64, &'a Head)> {
    let Some(first) = sources.first().filter(|_| sources.len() <= ANY_MAX) else {
        let cause = format!("{} objects, it waits for 1 to {ANY_MAX}", sources.len());
        return Err(usage(cause, "wait in several threads, or let one event stand for several"));
    };
    let tags = sources.iter().map(|source| source.head.tag()).filter(|&tag| tag != 0);
    let tag = tags.clone().next().unwrap_or(0);
    if tags.clone().any(|other| other != tag) {
        return Err(usage("the objects are of different domains".to_owned(), "open them in one domain"));
    }
    Ok((tag, first.head))
}

fn usage(cause: String, advice: &str) -> Error {
    Error::new("wait", "any of several", ErrorKind::Usage).because(cause).advise(advice)
}
