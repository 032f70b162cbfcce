//! Scenes: participants that act at once, one of whom may be killed, in every interleaving.

use std::sync::Arc;

use loom::thread::{self, JoinHandle};

use super::participants::{Death, Me, World, play_until};

/// Explores every interleaving of `scene` with at most so many preemptions.
pub fn explore(preemptions: usize, scene: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(scene);
}

/// Who is killed, and where.
pub type Dies = Option<(usize, Death)>;

/// All participants act at once, number 0 in the calling thread; returns when all have ended.
pub fn together<O, A>(world: &Arc<World<O>>, dies: Dies, act: A)
where
    O: Send + Sync + 'static,
    A: Fn(&O, &Me, usize) + Copy + Send + 'static,
{
    let others: Vec<_> = (1..world.participants())
        .map(|index| spawn(world, index, dies, move |object, me| act(object, me, index)))
        .collect();
    play_until(world, 0, death_of(0, dies), |me| act(world, me, 0));
    for other in others {
        other.join().unwrap();
    }
}

/// The participant `index` acts in a thread of its own.
pub fn spawn<O, A>(world: &Arc<World<O>>, index: usize, dies: Dies, act: A) -> JoinHandle<()>
where
    O: Send + Sync + 'static,
    A: FnOnce(&O, &Me) + Send + 'static,
{
    let world = world.clone();
    thread::spawn(move || play_until(&world, index, death_of(index, dies), |me| act(&world, me)))
}

fn death_of(index: usize, dies: Dies) -> Option<Death> {
    dies.filter(|(who, _)| *who == index).map(|(_, death)| death)
}

/// The participant `who` dies at each of the first `steps`, and at each of the crash points `names`.
pub fn deaths(who: usize, steps: u32, names: &'static [&'static str]) -> impl Iterator<Item = Dies> {
    let at_points = names.iter().map(|name| Death::AtPoint(name));
    (1..=steps).map(Death::AtStep).chain(at_points).map(move |death| Some((who, death)))
}
