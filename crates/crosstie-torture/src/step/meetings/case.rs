//! The operations that are swept, and their broken twins.

use std::path::Path;

use crosstie::ledger::Domain;
use crosstie::sync::barrier::OnDeath;

use super::stage::MeetingStage;
use super::thing::Thing;
use crate::step::fault::Fault;
use crate::step::scene::{Operation, Predecessor, Stage, Watched};
use crate::step::victim::Failure;

/// What the victim does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Comes to a barrier first, and sleeps until the other comes.
    ComeFirst,
    /// Comes to a barrier where the other sleeps.
    ComeLast,
    /// Sets an event for which somebody sleeps.
    Set,
    /// Waits for an event; somebody else does, too.
    AwaitEvent,
    /// Makes what is made once, from its call on.
    Make,
    /// Ends the making, for which somebody sleeps.
    EndMaking,
    /// Waits for somebody who is making it.
    AwaitMaking,
}

/// What is wrong with a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Leaves the barrier instead of coming.
    Leaves,
    /// Breaks the barrier although nobody has died.
    Breaks,
    /// Sets the event and wakes nobody.
    WakesNobody,
    /// Says that it is made before it is.
    SaysDoneEarly,
    /// Makes it, and says that it is not made.
    ForgetsDone,
}

/// One operation in one situation.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub thing: Thing,
    pub act: Act,
    pub twin: Option<(Twin, Fault)>,
}

impl Case {
    const fn new(name: &'static str, thing: Thing, act: Act) -> Self {
        Self { name, thing, act, twin: None }
    }

    const fn twin(self, twin: Twin, fault: Fault) -> Self {
        Self { twin: Some((twin, fault)), ..self }
    }

    pub fn is(&self, twin: Twin) -> bool {
        self.twin.is_some_and(|(is, _)| is == twin)
    }

    /// Whether somebody sleeps when the operation starts, for what it brings about.
    pub fn has_sleeper(&self) -> bool {
        matches!(self.act, Act::ComeLast | Act::Set | Act::EndMaking)
    }
}

const BREAK: Thing = Thing::Barrier(OnDeath::Break);
const SHRINK: Thing = Thing::Barrier(OnDeath::Shrink);

/// Every operation that is swept.
pub const CASES: &[Case] = &[
    Case::new("barrier: come first", BREAK, Act::ComeFirst),
    Case::new("barrier: come last", BREAK, Act::ComeLast),
    Case::new("shrinking barrier: come first", SHRINK, Act::ComeFirst),
    Case::new("shrinking barrier: come last", SHRINK, Act::ComeLast),
    Case::new("event that stays: set, a sleeper", Thing::Event, Act::Set),
    Case::new("event that stays: wait, before another", Thing::Event, Act::AwaitEvent),
    Case::new("once: make", Thing::Once, Act::Make),
    Case::new("once: end the making, a sleeper", Thing::Once, Act::EndMaking),
    Case::new("once: wait for who makes it", Thing::Once, Act::AwaitMaking),
    Case::new("twin: a party that leaves instead of coming", BREAK, Act::ComeLast)
        .twin(Twin::Leaves, Fault::Hang),
    Case::new("twin: a party that breaks the barrier", BREAK, Act::ComeLast)
        .twin(Twin::Breaks, Fault::Ending),
    Case::new("twin: a setter that wakes nobody", Thing::Event, Act::Set)
        .twin(Twin::WakesNobody, Fault::Hang),
    Case::new("twin: a maker that is done before it is", Thing::Once, Act::Make)
        .twin(Twin::SaysDoneEarly, Fault::Torn),
    Case::new("twin: a maker that forgets that it is done", Thing::Once, Act::Make)
        .twin(Twin::ForgetsDone, Fault::Doubled),
];

/// Where an object begins in its file, and how much of it operations change.
const OBJECT_OFFSET: u64 = 4096;
const OBJECT_BYTES: usize = 256;

impl Operation for Case {
    fn name(&self) -> &str {
        self.name
    }

    fn twin(&self) -> Option<Fault> {
        self.twin.map(|(_, fault)| fault)
    }

    fn predecessor(&self) -> Predecessor {
        Predecessor::None
    }

    fn watched(&self, _folder: &Path, object: &str) -> Vec<Watched> {
        let file = format!("{}.{object}", self.thing.kind()).into();
        vec![Watched { file, offset: OBJECT_OFFSET, bytes: OBJECT_BYTES }]
    }

    fn set(&self, domain: &'static Domain, object: &str) -> Result<Box<dyn Stage + '_>, Failure> {
        Ok(Box::new(MeetingStage::set(self, domain, object)?))
    }
}
