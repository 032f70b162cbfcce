//! `demo philosophers`: five processes, five forks, and each needs the two beside it.

use std::time::Duration;

use crosstie::os::clock;
use crosstie::sync::{Barrier, LockError, Mutex, OnDeath, Semaphore};
use crosstie::{Deadline, ErrorKind};

use super::drawing::{circle, encode, links};
use super::role::{Role, refused};
use super::stage::{Stage, claim, say, since};
use crate::exit::{Failure, Outcome};

const PHILOSOPHERS: u32 = 5;
/// How long a meal takes.
const MEAL: Duration = Duration::from_micros(200);

/// What all of them did.
struct Evening {
    meals: u64,
    deadlocks: u64,
    first_circle: String,
    took: String,
}

pub fn tell(stage: &Stage) -> Outcome {
    say("Five philosophers sit at a round table, a fork between each two. To eat, one needs both forks.\n")?;

    say("1. Each takes the left fork first, then the right one; all five have their left fork:\n")?;
    let naive = evening(stage, "left-first", 3)?;
    say(circle(&links(&naive.first_circle)))?;
    say("\n   That is a deadlock of five. It was told to the last who asked, which put its fork back.")?;
    say(format!("   {} meals eaten. A deadlock was found and broken: {}.\n", naive.meals, naive.deadlocks))?;

    say("2. Everyone takes the fork of the lower number first:\n")?;
    let ordered = evening(stage, "in-order", 100)?;
    say(format!(
        "   {} meals in {}, {} deadlocks: no circle can close.\n",
        ordered.meals, ordered.took, ordered.deadlocks
    ))?;

    say(
        "3. Left fork first again, but a waiter lets at most four sit down (a semaphore of four permits):\n",
    )?;
    let seated = evening(stage, "with-waiter", 100)?;
    say(format!(
        "   {} meals in {}, {} deadlocks: who sits beside the empty chair can always eat.",
        seated.meals, seated.took, seated.deadlocks
    ))?;

    claim(naive.deadlocks > 0, "that taking the left fork first ends in a deadlock")?;
    claim(links(&naive.first_circle).len() == PHILOSOPHERS as usize, "that the whole circle is named")?;
    claim(naive.meals == 3 * u64::from(PHILOSOPHERS), "that everyone eats after it was broken")?;
    claim(ordered.deadlocks + seated.deadlocks == 0, "that a deadlock can be prevented")?;
    claim(ordered.meals + seated.meals == 200 * u64::from(PHILOSOPHERS), "that everyone eats")
}

fn evening(stage: &Stage, way: &str, meals: u32) -> Result<Evening, Failure> {
    let began = clock::now_ns();
    let actors =
        (0..PHILOSOPHERS).map(|seat| stage.actor(&format!("philosopher-{seat}"), &[&way, &seat, &meals]));
    let mut actors = actors.collect::<Result<Vec<_>, _>>()?;
    let mut evening = Evening { meals: 0, deadlocks: 0, first_circle: String::new(), took: String::new() };
    for actor in &mut actors {
        let told = actor.says("ate")?;
        let mut words = told.splitn(3, ' ');
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        evening.meals += number();
        evening.deadlocks += number();
        // The first deadlock is that of all five; what may follow is shorter.
        let told = words.next().unwrap_or_default();
        if told.len() > evening.first_circle.len() {
            evening.first_circle = told.to_owned();
        }
    }
    evening.took = clock::in_words(since(began));
    Ok(evening)
}

pub fn play(role: &mut Role) -> Outcome {
    let (way, seat, wanted): (String, u32, u64) = (role.next()?, role.next()?, role.next()?);
    let fork = |number: u32| Mutex::<u64>::open_or_create_in(role.domain, &format!("fork-{number}"), || 0);
    let (left, right) = (fork(seat)?, fork((seat + 1) % PHILOSOPHERS)?);
    let crosses = way == "in-order" && seat + 1 == PHILOSOPHERS;
    let (first, second) = if crosses { (&right, &left) } else { (&left, &right) };
    let chairs = Semaphore::open_or_create_in(role.domain, "chairs", PHILOSOPHERS - 1)?;
    let all_have_one = Barrier::open_or_create_in(role.domain, "all-have-one", PHILOSOPHERS, OnDeath::Break)?;
    let (mut meals, mut deadlocks, mut circle) = (0, 0, String::new());
    let mut has_met = way != "left-first";
    while meals < wanted {
        let chair = if way == "with-waiter" { Some(chairs.acquire().map_err(refused)?) } else { None };
        let in_hand = first.lock().map_err(refused)?;
        if !has_met {
            has_met = true;
            meet(&all_have_one)?;
        }
        match second.lock() {
            Ok(mut other) => {
                *other += 1;
                std::thread::sleep(MEAL);
                meals += 1;
            }
            Err(LockError::Deadlock(told)) => {
                deadlocks += 1;
                if circle.is_empty() {
                    circle = encode(&told);
                }
            }
            Err(refusal) => return Err(refused(refusal)),
        }
        drop(in_hand);
        drop(chair);
    }
    role.say("ate", format!("{meals} {deadlocks} {circle}"))
}

fn meet(all: &Barrier) -> Outcome {
    let met = all.wait_until(Deadline::NEVER);
    met.map(|_leads| ()).map_err(|error| Failure::new(ErrorKind::Failed, format!("meet: {error}")))
}
