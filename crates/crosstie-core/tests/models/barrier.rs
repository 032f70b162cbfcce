//! The barrier: behind it everyone sees what all have done before, one leads, and a dead party holds up nobody.

use crosstie_core::Deadline;
use crosstie_core::atomic::{AtomicU32, Ordering};
use crosstie_core::turns::barrier::{OnDeath, Passed, arrive};
use crosstie_core::turns::queued::Request;
use crosstie_core::wait::{Refused, Wait};
use crosstie_core::word::barrier::{Seat, mend};
use crosstie_core::word::head::Head;
use crosstie_core::word::waiting::Mode;

use super::participants::{Death, KEY, Me, Twin, World, head, id_of, play_until};
use super::scenes::{Dies, deaths, explore, spawn, together};

struct Barrier {
    head: Head,
    seats: Vec<Seat>,
    /// In which round each party was last, from 1.
    rounds: Vec<AtomicU32>,
    leaders: AtomicU32,
    on_death: OnDeath,
}

#[derive(Clone, Copy)]
struct Scene {
    parties: usize,
    rounds: u32,
    on_death: OnDeath,
    twin: Twin,
    preemptions: usize,
}

const TWO: Scene =
    Scene { parties: 2, rounds: 1, on_death: OnDeath::Break, twin: Twin::AsShipped, preemptions: 3 };
const AGAIN: Scene = Scene { rounds: 2, preemptions: 2, ..TWO };
const THREE: Scene = Scene { parties: 3, preemptions: 1, ..TWO };

/// Everybody is a party from the beginning.
fn barrier(scene: Scene) -> Barrier {
    let seats: Vec<_> = (0..scene.parties).map(|_| Seat::empty()).collect();
    for (index, seat) in seats.iter().enumerate() {
        seat.party.try_take(None, id_of(index)).unwrap();
    }
    Barrier {
        head: head(0, KEY),
        seats,
        rounds: (0..scene.parties).map(|_| AtomicU32::new(0)).collect(),
        leaders: AtomicU32::new(0),
        on_death: scene.on_death,
    }
}

fn come(it: &Barrier, me: &Me, deadline: Deadline) -> Result<Passed, Refused<()>> {
    let request = Request { mode: Mode::Arrival, ..Request::exclusive(deadline) };
    arrive(&it.head, &it.seats, it.on_death, me, me.me(), &request, || me.announce_change(&it.head))
}

/// Does something, and meets the others; answers whether all came.
fn meet(it: &Barrier, me: &Me, index: usize, round: u32, dies: Dies) -> bool {
    it.rounds[index].store(round, Ordering::Relaxed);
    let passed = come(it, me, Deadline::NEVER).unwrap();
    match passed {
        Passed::All { leads } => {
            it.leaders.fetch_add(u32::from(leads), Ordering::Relaxed);
            for (party, seen) in it.rounds.iter().enumerate() {
                let may_lack = it.on_death == OnDeath::Shrink && dies.is_some_and(|(who, _)| who == party);
                let seen = seen.load(Ordering::Relaxed);
                assert!(seen >= round || may_lack, "{party} is behind a barrier to which it has not come");
            }
            true
        }
        Passed::Broken(who) => {
            assert_eq!(who, dies.map(|(who, _)| id_of(who)), "told of one who did not die");
            assert_eq!(it.on_death, OnDeath::Break);
            false
        }
        Passed::Full => unreachable!("each has its seat"),
    }
}

fn meet_all(scene: Scene, dies: Dies) {
    explore(scene.preemptions, move || {
        let world = World::around(barrier(scene), scene.parties, scene.twin);
        together(&world, dies, move |it, me, index| {
            let _ = (1..=scene.rounds).all(|round| meet(it, me, index, round, dies));
        });
        let leaders = world.leaders.load(Ordering::Relaxed);
        assert!(leaders <= scene.rounds && (dies.is_some() || leaders == scene.rounds), "{leaders} lead");
    });
}

/// Nobody is a party before it comes; the last is killed. If it never was a party, another comes in its place.
fn meet_newcomer(parties: usize, twin: Twin, dies: Dies, preemptions: usize) {
    let scene = Scene { parties, twin, ..TWO };
    explore(preemptions, move || {
        let empty = Barrier { seats: (0..parties).map(|_| Seat::empty()).collect(), ..barrier(scene) };
        let world = World::around(empty, parties + 1, twin);
        let comes =
            |index| spawn(&world, index, dies, move |it: &Barrier, me| _ = come(it, me, Deadline::NEVER));
        let others: Vec<_> = (0..parties - 1).map(comes).collect();
        comes(parties - 1).join().unwrap();
        if world.seats.iter().all(|seat| seat.party.owner() != Some(id_of(parties - 1))) {
            play_until(&world, parties, None, |me| _ = come(&world, me, Deadline::NEVER));
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

/// One comes and gives up at once or soon: either both have met, or neither has.
fn give_up(deadline: Deadline) {
    explore(3, move || {
        let world = World::around(barrier(TWO), 2, Twin::AsShipped);
        let other = spawn(&world, 1, None, |it: &Barrier, me| {
            if come(it, me, Deadline::at_ns(1 << 40)).is_ok() {
                it.leaders.fetch_add(1, Ordering::Relaxed);
            }
        });
        play_until(&world, 0, None, |me| {
            if come(&world, me, deadline).is_ok() {
                world.leaders.fetch_add(1, Ordering::Relaxed);
            }
        });
        other.join().unwrap();
        assert_ne!(world.leaders.load(Ordering::Relaxed), 1, "one has met somebody who has not come");
    });
}

/// Two meet and leave; a third, who gets a seat behind them or none, has met nobody.
fn come_too_late() {
    explore(2, || {
        let world = World::around(barrier(TWO), 3, Twin::AsShipped);
        let meet_and_leave = |it: &Barrier, me: &Me| {
            assert!(matches!(come(it, me, Deadline::NEVER), Ok(Passed::All { .. })));
            it.seats.iter().for_each(|seat| seat.party.give_back(me.me()));
        };
        let others = [0, 1].map(|index| spawn(&world, index, None, meet_and_leave));
        play_until(&world, 2, None, |me| {
            let passed = come(&world, me, Deadline::NOW);
            assert!(!matches!(passed, Ok(Passed::All { .. })), "it has met somebody who has left");
        });
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// A party comes and is killed, and another gets its seat: until that one comes, nobody else passes.
fn come_after_a_dead_party(on_death: OnDeath) {
    explore(1, move || {
        let empty =
            Barrier { seats: vec![Seat::empty(), Seat::empty()], ..barrier(Scene { on_death, ..TWO }) };
        let world = World::around(empty, 3, Twin::AsShipped);
        let dies = Some((0, Death::AtPoint("barrier.arrived")));
        let first = spawn(&world, 0, dies, |it: &Barrier, me| _ = come(it, me, Deadline::NEVER));
        first.join().unwrap();
        let left = world.seats.iter().find(|seat| seat.party.owner() == Some(id_of(0))).unwrap();
        if on_death == OnDeath::Break {
            // As a reset does.
            left.party.give_back(id_of(0));
        }
        left.party.try_take(left.party.owner(), id_of(1)).unwrap();
        play_until(&world, 2, None, |me| {
            let passed = come(&world, me, Deadline::NOW);
            assert!(!matches!(passed, Ok(Passed::All { .. })), "it has met somebody who has not come");
        });
        play_until(&world, 1, None, |me| _ = come(&world, me, Deadline::NOW));
    });
}

/// Two wait for a third, which is dead: one breaks the barrier and makes it whole, while the other may be asleep.
fn break_and_mend() {
    explore(1, || {
        let world = World::around(barrier(THREE), 3, Twin::AsShipped);
        spawn(&world, 2, Some((2, Death::AtStep(1))), |_, me| _ = me.step()).join().unwrap();
        let come_and_mend = |it: &Barrier, me: &Me| {
            let passed = come(it, me, Deadline::NEVER).unwrap();
            assert!(matches!(passed, Passed::Broken(_)), "{passed:?} where one never came");
            it.seats.iter().for_each(|seat| seat.party.give_back(id_of(2)));
            mend(&it.head.word);
            // Whoever comes to it now finds it whole, and goes.
            it.seats.iter().for_each(|seat| seat.party.give_back(me.me()));
        };
        let other = spawn(&world, 1, None, move |it: &Barrier, me| {
            let passed = come(it, me, Deadline::at_ns(1 << 40));
            assert!(!matches!(passed, Ok(Passed::All { .. })), "it has met one who never came");
        });
        play_until(&world, 0, None, |me| come_and_mend(&world, me));
        other.join().unwrap();
    });
}

const POINTS: &[&str] = &["barrier.arrived", "barrier.ended"];
const NEWCOMER_POINTS: &[&str] = &["barrier.seated", "barrier.arrived", "barrier.ended"];

#[test]
fn two_meet_and_meet_again() {
    meet_all(TWO, None);
    meet_all(AGAIN, None);
}

#[test]
fn who_comes_for_the_first_time_is_not_let_through_by_those_before_it() {
    come_too_late();
}

#[test]
fn who_gets_the_seat_of_one_that_came_and_died_has_not_come() {
    come_after_a_dead_party(OnDeath::Break);
    come_after_a_dead_party(OnDeath::Shrink);
}

#[test]
fn who_sleeps_while_it_is_broken_and_made_whole_has_met_nobody() {
    break_and_mend();
}

#[test]
fn three_meet() {
    meet_all(THREE, None);
}

/// Who has not come breaks it, who has come counts; nobody waits for the dead.
#[test]
fn a_party_killed_at_any_step_breaks_it_or_has_come() {
    for dies in deaths(1, 12, POINTS) {
        meet_all(TWO, dies);
        meet_all(THREE, dies);
    }
}

#[test]
fn a_shrinking_barrier_goes_on_without_a_party_killed_at_any_step() {
    for dies in deaths(1, 12, POINTS) {
        meet_all(Scene { on_death: OnDeath::Shrink, ..AGAIN }, dies);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_the_parties_a_dead_one_is_awaited_for_ever() {
    for dies in deaths(1, 12, POINTS) {
        meet_all(Scene { twin: Twin::WatchesNobody, ..TWO }, dies);
    }
}

#[test]
fn a_newcomer_killed_at_any_step_holds_up_nobody() {
    for dies in deaths(1, 10, NEWCOMER_POINTS) {
        meet_newcomer(2, Twin::AsShipped, dies, 1);
    }
    for dies in deaths(2, 0, NEWCOMER_POINTS) {
        meet_newcomer(3, Twin::AsShipped, dies, 0);
    }
}

#[test]
fn who_gives_up_has_not_come_or_has_met_the_others() {
    give_up(Deadline::NOW);
    give_up(Deadline::at_ns(1 << 40));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_newcomer_that_announces_nothing_is_killed_with_the_wake() {
    for dies in deaths(1, 10, NEWCOMER_POINTS) {
        meet_newcomer(2, Twin::AnnouncesNothing, dies, 2);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_last_party_that_tells_nobody_leaves_the_others_asleep() {
    meet_all(Scene { twin: Twin::NudgesNobody, ..TWO }, None);
}
