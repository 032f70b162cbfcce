//! The operations that are swept, and their broken twins.

use std::sync::LazyLock;

use super::case::{Act, Beside, Case, Dead};
use super::thing::{Thing, Way};
use super::twin::Twin;
use crate::step::fault::Fault;

/// Every operation that is swept.
pub fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let mut cases = Vec::new();
        for thing in [Thing::FairMutex, Thing::FastMutex] {
            add_all(&mut cases, thing, Way::Alone, Way::Alone);
            add_of_dead_owner(&mut cases, thing);
            add(&mut cases, thing, Way::Owned, Way::Alone, OWNED);
        }
        add(&mut cases, Thing::StoringMutex, Way::Alone, Way::Alone, TURNS);
        add(&mut cases, Thing::StoringMutex, Way::Alone, Way::Alone, &[OUTWAIT, CHANGE]);
        add(&mut cases, Thing::StoringMutex, Way::Owned, Way::Alone, &[GIVE]);
        add_of_dead_owner(&mut cases, Thing::StoringMutex);
        add(&mut cases, Thing::TestingMutex, Way::Alone, Way::Alone, &[GIVE, GIVE_TO_SLEEPER]);
        add(&mut cases, Thing::StoringRwLock, Way::One, Way::Alone, TURNS);
        add(&mut cases, Thing::StoringRwLock, Way::Alone, Way::One, BESIDE_READERS);
        add(&mut cases, Thing::TestingRwLock, Way::One, Way::Alone, &[GIVE, GIVE_TO_SLEEPER]);
        for thing in [Thing::RwLock, Thing::Lock] {
            add_all(&mut cases, thing, Way::Alone, Way::Alone);
            add(&mut cases, thing, Way::Alone, Way::One, BESIDE_READERS);
            add(&mut cases, thing, Way::One, Way::Alone, TURNS);
            add_of_dead_owner(&mut cases, thing);
        }
        add_all(&mut cases, Thing::Semaphore, Way::One, Way::Two);
        add(&mut cases, Thing::Semaphore, Way::Two, Way::Two, TURNS);
        add(&mut cases, Thing::Semaphore, Way::Two, Way::One, BESIDE_READERS);
        add(&mut cases, Thing::Semaphore, Way::Owned, Way::Two, OWNED);
        add(&mut cases, Thing::Semaphore, Way::Two, Way::Two, &[TAKE.behind(Dead::Owner)]);
        for way in [Way::One, Way::Two, Way::Owned] {
            add(&mut cases, Thing::Semaphore, way, Way::Two, &[TRANSFER, TRANSFER_BESIDE_SLEEPER]);
        }
        add(&mut cases, Thing::Semaphore, Way::Owned, Way::Two, &[ACCEPT]);
        add_all(&mut cases, Thing::All, Way::Alone, Way::Alone);
        add_of_dead_owner(&mut cases, Thing::All);
        let unowned =
            [Thing::Counting, Thing::Event, Thing::Condvar, Thing::Monitor, Thing::ExactMonitor, Thing::Any];
        for thing in unowned {
            add(&mut cases, thing, Way::Alone, Way::Alone, TURNS);
            add(&mut cases, thing, Way::Alone, Way::Alone, &[TRY, TRY_HELD, OUTWAIT]);
        }
        add(&mut cases, Thing::Lock, Way::Command, Way::Alone, OWNED);
        add(&mut cases, Thing::Semaphore, Way::Command, Way::Two, OWNED);
        cases.extend(TWINS.iter().map(twin));
        cases
    });
    &CASES
}

/// One situation, without the thing.
#[derive(Clone, Copy)]
struct Situation {
    act: Act,
    beside: Beside,
    dead: Dead,
}

impl Situation {
    const fn new(act: Act, beside: Beside) -> Self {
        Self { act, beside, dead: Dead::Nobody }
    }

    const fn behind(self, dead: Dead) -> Self {
        Self { dead, ..self }
    }
}

const OPEN: Situation = Situation::new(Act::Open, Beside::Nobody);
const TRY: Situation = Situation::new(Act::Try, Beside::Awake);
const TRY_HELD: Situation = Situation::new(Act::TryHeld, Beside::Awake);
const TAKE: Situation = Situation::new(Act::Take, Beside::Awake);
const OUTWAIT: Situation = Situation::new(Act::Outwait, Beside::Behind);
const CHANGE: Situation = Situation::new(Act::Change, Beside::Awake);
const DROP: Situation = Situation::new(Act::Drop, Beside::Awake);
const GIVE: Situation = Situation::new(Act::Give, Beside::Awake);
const GIVE_TO_SLEEPER: Situation = Situation::new(Act::Give, Beside::Ahead);

const TRANSFER: Situation = Situation::new(Act::Transfer, Beside::Awake);
const TRANSFER_BESIDE_SLEEPER: Situation = Situation::new(Act::Transfer, Beside::Ahead);
const ACCEPT: Situation = Situation::new(Act::Accept, Beside::Awake);

/// To take and to give, with and without others.
const TURNS: &[Situation] = &[
    TAKE,
    Situation::new(Act::Await, Beside::Nobody),
    Situation::new(Act::Await, Beside::Ahead),
    Situation::new(Act::Await, Beside::Behind),
    GIVE,
    GIVE_TO_SLEEPER,
    GIVE_TO_SLEEPER.behind(Dead::Waiter),
];
/// What is of interest where the others share, and so do not sleep behind one of them.
const BESIDE_READERS: &[Situation] = &[
    Situation::new(Act::Await, Beside::Nobody),
    Situation::new(Act::Await, Beside::Behind),
    GIVE_TO_SLEEPER,
];
const OWNED: &[Situation] = &[TAKE, Situation::new(Act::Await, Beside::Behind), GIVE_TO_SLEEPER];

fn add_all(cases: &mut Vec<Case>, thing: Thing, way: Way, others: Way) {
    add(cases, thing, way, others, &[OPEN, TRY, TRY_HELD]);
    add(cases, thing, way, others, TURNS);
    add(cases, thing, way, others, &[OUTWAIT, CHANGE, DROP]);
}

/// What a dead owner left half changed.
fn add_of_dead_owner(cases: &mut Vec<Case>, thing: Thing) {
    let mut behind = vec![TRY.behind(Dead::Owner), TAKE.behind(Dead::Owner)];
    if thing != Thing::Lock {
        // A lock without data tells the next owner, and then it is over.
        behind.push(CHANGE.behind(Dead::Owner));
    }
    add(cases, thing, Way::Alone, Way::Alone, &behind);
}

fn add(cases: &mut Vec<Case>, thing: Thing, way: Way, others: Way, situations: &[Situation]) {
    cases.extend(situations.iter().map(|situation| case(thing, way, others, *situation)));
}

fn case(thing: Thing, way: Way, others: Way, situation: Situation) -> Case {
    let Situation { act, beside, dead } = situation;
    let name =
        format!("{}: {}{}{}", said(thing, way), act_of(act), said_of(beside, act, others), said_dead(dead));
    Case { name, thing, act, way, others, beside, dead, twin: None }
}

fn said(thing: Thing, way: Way) -> String {
    let thing = match thing {
        Thing::FairMutex => "fair mutex",
        Thing::FastMutex => "fast mutex",
        Thing::StoringMutex => "mutex given up by a store",
        Thing::TestingMutex => "mutex that may be given up by a store next",
        Thing::RwLock => "rwlock",
        Thing::StoringRwLock => "rwlock whose readers end by a store",
        Thing::TestingRwLock => "rwlock whose readers may end by a store next",
        Thing::Lock => "lock",
        Thing::Semaphore => "semaphore",
        Thing::Counting => "counting semaphore",
        Thing::Event => "event",
        Thing::Condvar => "condition",
        Thing::Monitor => "monitor",
        Thing::Any => "any of two",
        Thing::All => "both of two",
        Thing::ExactMonitor => "exact monitor",
    };
    let way = match way {
        Way::Alone => "",
        Way::One => " (one)",
        Way::Two => " (two)",
        Way::Owned => " (process)",
        Way::Command => " (command)",
    };
    format!("{thing}{way}")
}

fn act_of(act: Act) -> &'static str {
    match act {
        Act::Open => "open",
        Act::Try => "try",
        Act::TryHeld => "try what is held",
        Act::Take => "take",
        Act::Await => "wait and get it",
        Act::Outwait => "wait in vain",
        Act::Give => "give",
        Act::Transfer => "transfer",
        Act::Accept => "accept",
        Act::Change => "take, change, give",
        Act::Drop => "drop the handle",
    }
}

fn said_of(beside: Beside, act: Act, others: Way) -> String {
    let other = match others {
        Way::One => " one",
        Way::Two => " two",
        _ => "",
    };
    match (beside, act) {
        (Beside::Nobody | Beside::Awake, _) => String::new(),
        (Beside::Ahead, Act::Give | Act::Transfer) => format!(", a sleeper{other}"),
        (Beside::Ahead | Beside::Deaf, _) => format!(", behind another{other}"),
        (Beside::Behind, _) => format!(", before another{other}"),
    }
}

fn said_dead(dead: Dead) -> &'static str {
    match dead {
        Dead::Nobody => "",
        Dead::Owner => ", of a dead owner",
        Dead::Waiter => " behind a dead one",
    }
}

/// What is wrong, where, and what the judge must find.
const TWINS: &[(&str, Twin, Fault, Thing, Way, Situation)] = &[
    (
        "an object named before it is whole",
        Twin::NamesFirst,
        Fault::TakeOver,
        Thing::FairMutex,
        Way::Alone,
        OPEN,
    ),
    (
        "a taker that takes it from the living",
        Twin::TakesFromTheLiving,
        Fault::Doubled,
        Thing::FairMutex,
        Way::Alone,
        Situation::new(Act::Await, Beside::Nobody),
    ),
    (
        "a taker that names itself late",
        Twin::NamesItselfLate,
        Fault::Hang,
        Thing::FairMutex,
        Way::Alone,
        TAKE,
    ),
    ("a taker that notes nothing", Twin::NotesNothing, Fault::Note, Thing::FairMutex, Way::Alone, TAKE),
    ("a taker that lowers the token", Twin::LowersToken, Fault::Token, Thing::FairMutex, Way::Alone, TAKE),
    ("a taker that counts a death", Twin::CountsDeath, Fault::Counters, Thing::FairMutex, Way::Alone, TAKE),
    ("a taker that claims a slot by hand", Twin::ClaimsSlot, Fault::Slot, Thing::FairMutex, Way::Alone, TAKE),
    (
        "an unlock that wakes nobody",
        Twin::WakesNobody,
        Fault::Hang,
        Thing::FairMutex,
        Way::Alone,
        GIVE_TO_SLEEPER,
    ),
    (
        "a giver that notifies nobody",
        Twin::WakesNobody,
        Fault::Hang,
        Thing::Condvar,
        Way::Alone,
        GIVE_TO_SLEEPER,
    ),
    ("a post that wakes nobody", Twin::WakesNobody, Fault::Hang, Thing::Any, Way::Alone, GIVE_TO_SLEEPER),
    ("a giver that keeps one of two", Twin::KeepsOne, Fault::Hang, Thing::All, Way::Alone, GIVE_TO_SLEEPER),
    (
        "a change that looks for nobody",
        Twin::WakesNobody,
        Fault::Hang,
        Thing::ExactMonitor,
        Way::Alone,
        GIVE_TO_SLEEPER,
    ),
    (
        "a store that wakes nobody",
        Twin::WakesNobody,
        Fault::Hang,
        Thing::StoringMutex,
        Way::Alone,
        GIVE_TO_SLEEPER,
    ),
    (
        "a reader's store that wakes nobody",
        Twin::WakesNobody,
        Fault::Hang,
        Thing::StoringRwLock,
        Way::One,
        GIVE_TO_SLEEPER,
    ),
    ("an unlock that forgets the note", Twin::KeepsNote, Fault::Note, Thing::FairMutex, Way::Alone, GIVE),
    ("a release that loses a permit", Twin::LosesPermit, Fault::Lost, Thing::Semaphore, Way::One, GIVE),
    (
        "a transfer that names the receiver late",
        Twin::TransfersInTwoSteps,
        Fault::Lost,
        Thing::Semaphore,
        Way::One,
        TRANSFER,
    ),
    ("a post that counts twice", Twin::GivesTwice, Fault::Doubled, Thing::Counting, Way::Alone, GIVE),
    ("a write behind the unlock", Twin::WritesOutside, Fault::Torn, Thing::FairMutex, Way::Alone, CHANGE),
    (
        "a mending that mends nothing",
        Twin::MendsNothing,
        Fault::Ending,
        Thing::FairMutex,
        Way::Alone,
        CHANGE.behind(Dead::Owner),
    ),
    ("an unlock that tells a death", Twin::CriesWolf, Fault::Ending, Thing::FairMutex, Way::Alone, GIVE),
    (
        "a waiter that watches nobody",
        Twin::Survivor,
        Fault::Hang,
        Thing::FairMutex,
        Way::Alone,
        Situation::new(Act::Give, Beside::Deaf),
    ),
];

fn twin(&(name, twin, fault, thing, way, situation): &(&str, Twin, Fault, Thing, Way, Situation)) -> Case {
    let others = if thing == Thing::Semaphore { Way::One } else { Way::Alone };
    let case = case(thing, way, others, situation);
    Case { name: format!("twin: {name}"), twin: Some((twin, fault)), ..case }
}
