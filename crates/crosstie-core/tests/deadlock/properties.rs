//! What holds of every scene.

use crosstie_core::OwnerId;
use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};
use proptest::prelude::*;

use crate::oracle::{Flaw, deadlocked, played_out};
use crate::scene::{Scene, shipped};

fn claims() -> impl Strategy<Value = Claim> {
    prop_oneof![
        Just(Claim::Exclusive),
        Just(Claim::Shared),
        (0..4_u32, 1..4_u32).prop_map(|(need, total)| Claim::Units { need, total }),
    ]
}

/// Scenes of few objects, so that members meet; of an object some may hold units and others all of it.
fn scenes(members: usize, keys: u64, tickets: u64) -> impl Strategy<Value = Scene> {
    let blocked = prop::collection::vec((0..keys, claims(), 0..4_u64, 0..tickets), 1..=members);
    let held =
        prop::collection::vec((0..members as u32 + 1, 0..keys, any::<bool>(), 0..3_u32), 0..3 * members);
    (blocked, held).prop_map(|(blocked, held)| {
        let blocked = (0..).zip(blocked).map(|(slot, (key, claim, queue, ticket))| Blocked {
            id: OwnerId::new(slot, 1),
            // Distinct, but for the unknown ones.
            ticket: if ticket == 0 { 0 } else { ticket * 100 + u64::from(slot) },
            key,
            claim,
            queue,
        });
        let held =
            held.into_iter().map(|(member, key, exclusive, units)| Held { member, key, exclusive, units });
        Scene { blocked: blocked.collect(), held: held.collect() }
    })
}

/// Mutexes alone, each held by one: the scenes that have long cycles.
fn mutexes(members: usize) -> impl Strategy<Value = Scene> {
    let keys = members as u64 + 1;
    let owners = prop::collection::vec(0..members as u32 + 1, members + 1);
    (prop::collection::vec(0..keys, members), owners).prop_map(|(waits, owners)| {
        let scene = waits.into_iter().fold(Scene::new(), |scene, key| scene.waits(key, Claim::Exclusive));
        let held = (0..).zip(owners).map(|(key, member)| Held { member, key, exclusive: true, units: 0 });
        Scene { held: held.collect(), ..scene }
    })
}

fn agrees_with_what_is_played_out(scene: &Scene) -> Result<(), TestCaseError> {
    let set = deadlocked(scene, Flaw::None);
    for me in 0..scene.blocked.len() as u32 {
        let (told, truth) = (shipped(scene, me), played_out(scene, me, Flaw::None));
        prop_assert_eq!(told.verdict, truth.verdict, "of {}", me);
        prop_assert_eq!(&told.component, &truth.component, "of {}", me);
        prop_assert_eq!(told.cycle.len(), truth.cycle.len(), "of {}", me);
        if let Some(&first) = told.cycle.first() {
            prop_assert_eq!(first, me);
            for (at, &from) in told.cycle.iter().enumerate() {
                let to = told.cycle[(at + 1) % told.cycle.len()];
                prop_assert!(
                    scene.is_kept_by(from as usize, to as usize, &set),
                    "{} does not wait for {}",
                    from,
                    to
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_answer_is_the_one_that_every_order_of_events_gives(scene in scenes(7, 4, 4)) {
        agrees_with_what_is_played_out(&scene)?;
    }

    #[test]
    fn one_object_with_a_long_queue_is_judged_as_every_order_of_events_says(scene in scenes(7, 1, 9)) {
        agrees_with_what_is_played_out(&scene)?;
    }

    #[test]
    fn mutexes_are_judged_as_every_order_of_events_says(scene in mutexes(9)) {
        agrees_with_what_is_played_out(&scene)?;
    }

    #[test]
    fn all_of_a_component_name_the_same_victim_whatever_order_they_read_in(
        (scene, order) in scenes(12, 5, 3)
            .prop_flat_map(|scene| {
                let order: Vec<u32> = (0..scene.blocked.len() as u32).collect();
                (Just(scene), Just(order).prop_shuffle())
            }),
    ) {
        let place = |member: u32| order.iter().position(|&other| other == member).map_or(member, |at| at as u32);
        let mut other = Scene {
            blocked: order.iter().map(|&member| scene.blocked[member as usize]).collect(),
            held: scene.held.iter().map(|held| Held { member: place(held.member), ..*held }).collect(),
        };
        other.held.reverse();
        for me in 0..scene.blocked.len() as u32 {
            let (here, there) = (shipped(&scene, me), shipped(&other, place(me)));
            let mut component: Vec<_> = here.component.iter().map(|&member| place(member)).collect();
            component.sort_unstable();
            prop_assert_eq!(component, there.component);
            match (here.verdict, there.verdict) {
                (Verdict::Deadlock { victim }, Verdict::Deadlock { victim: same }) => {
                    prop_assert_eq!(place(victim), same);
                    for &member in &here.component {
                        prop_assert_eq!(shipped(&scene, member).verdict, here.verdict);
                        prop_assert!(scene.blocked[member as usize].ticket <= scene.blocked[victim as usize].ticket);
                    }
                }
                (one, another) => prop_assert_eq!(one, another),
            }
        }
    }

    /// Why it suffices that each asks once, after it has published its wait, and that the highest ticket
    /// gives up: whoever comes last and is free leaves nobody deadlocked. Claims of more units than
    /// there are wait for nobody and are left out.
    #[test]
    fn when_each_asks_as_it_comes_nobody_stays_deadlocked_and_only_who_came_last_gives_up(scene in scenes(7, 4, 1)) {
        let mut present = Scene::new();
        for (newcomer, blocked) in scene.blocked.iter().enumerate() {
            let me = present.blocked.len() as u32;
            let claim = match blocked.claim {
                Claim::Units { need, total } => Claim::Units { need: need.min(total), total },
                claim => claim,
            };
            present.blocked.push(Blocked { ticket: newcomer as u64 + 1, claim, ..*blocked });
            let of_newcomer = scene.held.iter().filter(|held| held.member as usize == newcomer);
            present.held.extend(of_newcomer.map(|held| Held { member: me, ..*held }));
            match shipped(&present, me).verdict {
                Verdict::Deadlock { victim } => {
                    prop_assert_eq!(victim, me);
                    present.blocked.pop();
                    present.held.retain(|held| held.member != me);
                }
                verdict => prop_assert_eq!(verdict, Verdict::Free),
            }
            prop_assert!(!deadlocked(&present, Flaw::None).contains(&true));
        }
    }

    #[test]
    fn one_more_at_the_end_of_a_queue_who_holds_nothing_changes_no_answer(scene in scenes(7, 4, 4), key in 0..4_u64) {
        let mut more = scene.clone();
        let id = OwnerId::new(99, 1);
        more.blocked.push(Blocked { id, ticket: 1, key, claim: Claim::Exclusive, queue: 99 });
        more.held.retain(|held| (held.member as usize) < scene.blocked.len());
        for me in 0..scene.blocked.len() as u32 {
            prop_assert_eq!(shipped(&scene, me), shipped(&more, me));
        }
    }

    #[test]
    fn any_input_and_any_length_of_workspace_is_borne(
        blocked in prop::collection::vec((any::<u16>(), any::<u64>(), 0..5_u64, 0..3_u32, any::<[u32; 2]>(), 0..3_u64), 0..40),
        held in prop::collection::vec((0..50_u32, 0..5_u64, any::<bool>(), any::<u32>()), 0..80),
        me in 0..45_u32,
        missing in 0..400_usize,
    ) {
        let blocked: Vec<_> = blocked.into_iter().map(|(slot, ticket, key, kind, [need, total], queue)| Blocked {
            id: OwnerId::new(u32::from(slot) % 5, 1),
            ticket,
            key: key.wrapping_sub(2),
            claim: match kind { 0 => Claim::Exclusive, 1 => Claim::Shared, _ => Claim::Units { need, total } },
            queue: queue.wrapping_sub(1),
        }).collect();
        let held: Vec<_> = held.into_iter().map(|(member, key, exclusive, units)| Held {
            member: if member == 49 { u32::MAX } else { member },
            key: key.wrapping_sub(2),
            exclusive,
            units,
        }).collect();
        let whole = workspace_len(blocked.len(), held.len());
        for length in [whole, whole.saturating_sub(missing)] {
            let mut workspace = vec![u32::MAX; length];
            let answer = judge(&blocked, &held, me, &mut workspace);
            prop_assert!(answer.component.iter().chain(answer.cycle).all(|&member| (member as usize) < blocked.len()));
            prop_assert_eq!(answer.cycle.is_empty(), answer.component.is_empty());
            prop_assert_eq!(answer.component.is_empty(), matches!(answer.verdict, Verdict::Free | Verdict::Behind));
        }
    }
}
