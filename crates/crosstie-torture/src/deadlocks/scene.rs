//! What processes do, step by step: known scenes and generated ones.

use crate::dice::Dice;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Mutex,
    RwLock,
    Lock,
    /// A semaphore with so many permits.
    Permits(u32),
}

/// One thing that a process takes; it gives everything back when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub object: usize,
    /// Of an `RwLock` or a `Lock`: beside others.
    pub shared: bool,
    /// Of a semaphore: how many permits.
    pub units: u32,
    /// For a command: what follows is done by a process that it runs.
    pub nested: bool,
}

/// A scene.
#[derive(Clone, Debug)]
pub struct Scene {
    pub objects: Vec<Kind>,
    /// What each process does.
    pub scripts: Vec<Vec<Step>>,
    /// Whose turn it is, again and again; who waits misses theirs, and who has done everything ends.
    pub order: Vec<usize>,
}

/// Takes `object` alone.
pub const fn alone(object: usize) -> Step {
    Step { object, shared: false, units: 1, nested: false }
}

const fn beside(object: usize) -> Step {
    Step { shared: true, ..alone(object) }
}

const fn permits(object: usize, units: u32) -> Step {
    Step { units, ..alone(object) }
}

const fn nested(step: Step) -> Step {
    Step { nested: true, ..step }
}

/// Scenes that everybody knows: what they are called, and whether there is a deadlock in them.
pub fn known() -> Vec<(&'static str, bool, Scene)> {
    let two = |kind, first: Vec<Step>, second: Vec<Step>| Scene {
        objects: vec![kind; 2],
        scripts: vec![first, second],
        order: vec![0, 1, 0, 1],
    };
    vec![
        ("two mutexes crosswise", true, two(Kind::Mutex, vec![alone(0), alone(1)], vec![alone(1), alone(0)])),
        (
            "two mutexes in one order",
            false,
            two(Kind::Mutex, vec![alone(0), alone(1)], vec![alone(0), alone(1)]),
        ),
        ("a ring of eight", true, ring(8, Kind::Mutex)),
        ("one mutex twice", true, two(Kind::Mutex, vec![alone(0), alone(0)], vec![])),
        (
            "two readers who both want to write",
            true,
            two(Kind::RwLock, vec![beside(0), alone(0)], vec![beside(0), alone(0)]),
        ),
        (
            "reading again behind a writer",
            true,
            Scene { order: vec![0, 1, 0], ..two(Kind::RwLock, vec![beside(0), beside(0)], vec![alone(0)]) },
        ),
        ("reading twice", false, two(Kind::Lock, vec![beside(0), beside(0)], vec![beside(0)])),
        (
            "half of the permits each",
            true,
            two(Kind::Permits(2), vec![permits(0, 1), permits(0, 1)], vec![permits(0, 1), permits(0, 1)]),
        ),
        (
            "a third has a permit and lives",
            false,
            Scene {
                objects: vec![Kind::Permits(3)],
                scripts: vec![
                    vec![permits(0, 1), permits(0, 1)],
                    vec![permits(0, 1), permits(0, 1)],
                    vec![permits(0, 1)],
                ],
                order: vec![2, 0, 1, 0, 1, 2],
            },
        ),
        (
            "two shells crosswise",
            true,
            two(
                Kind::Lock,
                vec![nested(alone(0)), nested(alone(1))],
                vec![nested(alone(1)), nested(alone(0))],
            ),
        ),
        (
            "a shell in a shell, in one order",
            false,
            two(
                Kind::Lock,
                vec![nested(alone(0)), nested(alone(1))],
                vec![nested(alone(0)), nested(alone(1))],
            ),
        ),
    ]
}

/// Each has one object and wants the next one's.
fn ring(processes: usize, kind: Kind) -> Scene {
    let script = |number: usize| vec![alone(number), alone((number + 1) % processes)];
    Scene {
        objects: vec![kind; processes],
        scripts: (0..processes).map(script).collect(),
        order: (0..processes).chain(0..processes).collect(),
    }
}

/// A scene of 2 to 8 processes.
pub fn generated(dice: &mut Dice) -> Scene {
    let below = |dice: &mut Dice, end: usize| usize::try_from(dice.below(end as u64)).unwrap_or(0);
    let processes = 2 + below(dice, 7);
    // Few objects for many: they meet.
    let objects: Vec<Kind> = (0..2 + below(dice, processes)).map(|_| kind(dice)).collect();
    let in_a_ring = dice.once_in(2);
    let mut scripts = Vec::new();
    for number in 0..processes {
        let steps = if in_a_ring { 2 } else { 1 + below(dice, 3) };
        let mut script = Vec::new();
        for at in 0..steps {
            let object = if in_a_ring { (number + at) % objects.len() } else { below(dice, objects.len()) };
            // What a command's starter has beside it is not the command's: nested steps come first.
            let may_nest = script.iter().all(|step: &Step| step.nested);
            script.push(step(dice, object, objects[object], may_nest));
        }
        scripts.push(script);
    }
    let order = (0..processes * 4).map(|_| below(dice, processes)).collect();
    Scene { objects, scripts, order }
}

fn kind(dice: &mut Dice) -> Kind {
    match dice.below(5) {
        0 => Kind::RwLock,
        1 => Kind::Lock,
        2 => Kind::Permits(1 + u32::try_from(dice.below(4)).unwrap_or(0)),
        _ => Kind::Mutex,
    }
}

fn step(dice: &mut Dice, object: usize, kind: Kind, may_nest: bool) -> Step {
    let may_nest = may_nest && matches!(kind, Kind::Lock | Kind::Permits(_));
    let units = match kind {
        Kind::Permits(total) => 1 + u32::try_from(dice.below(u64::from(total))).unwrap_or(0),
        _ => 1,
    };
    let shared = matches!(kind, Kind::RwLock | Kind::Lock) && dice.once_in(2);
    Step { object, shared, units, nested: may_nest && dice.once_in(3) }
}
