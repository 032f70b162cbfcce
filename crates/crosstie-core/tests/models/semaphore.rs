//! The semaphore: never two with one permit, all that are asked for or none, and none lost with who had it.

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::queued::Request;
use crosstie_core::turns::semaphore::{acquire, gave_back, has_waiters, try_take_first};
use crosstie_core::wait::{Wait, Wake};
use crosstie_core::word::head::Head;
use crosstie_core::word::permits::Permit;
use crosstie_core::word::waiting::Mode;

use super::participants::{KEY, Me, Twin, World, head, id_of};
use super::scenes::{Dies, deaths, explore, together};

struct Semaphore {
    head: Head,
    permits: [Permit; 2],
    /// Who is inside under each permit, from 1; 0 = nobody.
    inside: [AtomicU32; 2],
    /// The last fencing number of each.
    numbers: [AtomicU32; 2],
}

fn semaphore(permits: u32) -> Semaphore {
    let zeros = || [AtomicU32::new(0), AtomicU32::new(0)];
    Semaphore {
        head: head(permits, KEY),
        permits: [Permit::free(), Permit::free()],
        inside: zeros(),
        numbers: zeros(),
    }
}

/// Takes `count` permits as the library does.
fn take(it: &Semaphore, me: &Me, count: u32) -> Vec<(u32, u64)> {
    if count == 1
        && let Some(taken) = try_take_first(&it.head, &it.permits, me.me())
    {
        return vec![taken];
    }
    let mut taken = vec![(0, 0); count as usize];
    let total = it.head.patience_us();
    let request = Request { mode: Mode::Units, need: count, total, ..Request::exclusive(Deadline::NEVER) };
    acquire(&it.head, &it.permits, me, me.me(), &request, &mut taken).unwrap();
    taken
}

type Give = fn(&Semaphore, &Me, &[(u32, u64)]);

/// Gives them back as the library does.
fn give(it: &Semaphore, me: &Me, taken: &[(u32, u64)]) {
    for (index, _) in taken {
        it.permits[*index as usize].give_back(me.me());
    }
    if has_waiters(&it.head) {
        gave_back(&it.head, me);
    }
}

/// A twin: asks whether somebody waits, then gives back.
fn look_and_give(it: &Semaphore, me: &Me, taken: &[(u32, u64)]) {
    let is_awaited = has_waiters(&it.head);
    for (index, _) in taken {
        it.permits[*index as usize].give_back(me.me());
    }
    if is_awaited {
        gave_back(&it.head, me);
    }
}

/// Under each permit is nobody but who has it, or one that died there.
fn turn(it: &Semaphore, me: &Me, index: usize, count: u32, give: Give) {
    let taken = take(it, me, count);
    for (permit, number) in &taken {
        let (permit, number) = (*permit as usize, u32::try_from(*number).unwrap());
        let before = it.inside[permit].load(Ordering::Relaxed);
        let is_dead = || !me.is_alive(id_of(before as usize - 1));
        assert!(before == 0 || is_dead(), "two have one permit");
        it.inside[permit].store(index as u32 + 1, Ordering::Relaxed);
        let last = it.numbers[permit].load(Ordering::Relaxed);
        assert!(last < number, "the fencing number falls from {last} to {number}");
        it.numbers[permit].store(number, Ordering::Relaxed);
    }
    me.step();
    for (permit, _) in &taken {
        it.inside[*permit as usize].store(0, Ordering::Relaxed);
    }
    give(it, me, &taken);
}

/// How many each wants of how many permits, with how many preemptions.
#[derive(Clone, Copy)]
struct Scene {
    permits: u32,
    wants: &'static [u32],
    preemptions: usize,
    twin: Twin,
    give: Give,
}

/// One permit, two who want it.
const ONE: Scene = Scene { permits: 1, wants: &[1, 1], preemptions: 3, twin: Twin::AsShipped, give };
/// Two permits: two who want one each, and one who wants both.
const BOTH: Scene = Scene { permits: 2, wants: &[1, 2, 1], preemptions: 2, ..ONE };
const THREE: Scene = Scene { wants: &[1, 1, 1], preemptions: 2, ..ONE };

fn take_turns(scene: Scene, dies: Dies) {
    explore(scene.preemptions, move || {
        let world = World::around(semaphore(scene.permits), scene.wants.len(), scene.twin);
        together(&world, dies, move |it, me, index| turn(it, me, index, scene.wants[index], scene.give));
        let is_held = |permit: &Permit| {
            permit.owner().is_some_and(|owner| dies.is_none_or(|(who, _)| id_of(who) != owner))
        };
        assert!(!world.permits.iter().any(is_held), "held by one who is done");
    });
}

const POINTS: &[&str] = &["semaphore.took-one", "semaphore.gave-back"];

#[test]
fn two_take_turns_at_one_permit() {
    take_turns(ONE, None);
}

#[test]
fn one_who_wants_both_has_both_or_none() {
    take_turns(BOTH, None);
}

/// It holds, waits, or gives back; what it had is to be had.
#[test]
fn one_killed_at_any_step_takes_no_permit_along() {
    for dies in deaths(0, 14, POINTS) {
        take_turns(ONE, dies);
    }
}

#[test]
fn one_who_wants_both_and_is_killed_at_any_step_holds_up_nobody() {
    for dies in deaths(1, 14, POINTS) {
        take_turns(Scene { preemptions: 1, ..BOTH }, dies);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_a_killed_holder_takes_its_permit_along() {
    for dies in deaths(0, 14, POINTS) {
        take_turns(Scene { twin: Twin::WatchesNobody, ..ONE }, dies);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_who_is_ahead_a_killed_waiter_takes_the_wake_along() {
    for dies in deaths(1, 14, &[]) {
        take_turns(Scene { twin: Twin::WatchesNobody, ..THREE }, dies);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_looks_for_waiters_before_it_gives_back_misses_who_has_just_come() {
    take_turns(Scene { give: look_and_give, ..ONE }, None);
}
