//! `demo readers-writers`: many read together, one writes, and no writer waits for ever.

use std::time::Duration;

use crosstie::Shareable;
use crosstie::os::clock;
use crosstie::sync::{Mutex, RwLock};

use super::role::{Role, refused};
use super::stage::{Stage, claim, say, since};
use crate::exit::Outcome;

const READERS: u64 = 4;
const WRITERS: u64 = 2;
const READS: u64 = 150;
const WRITES: u64 = 50;
/// How long a read and a write take.
const INSIDE: Duration = Duration::from_millis(1);

/// Who is inside, counted by those who are.
#[derive(Default, Shareable)]
#[repr(C)]
struct Inside {
    readers: u64,
    writers: u64,
    readers_most: u64,
    began_reads: u64,
    clashes: u64,
}

pub fn tell(stage: &Stage) -> Outcome {
    say(format!(
        "{READERS} readers and {WRITERS} writers share two numbers that a writer keeps equal; each read and"
    ))?;
    say("each write takes 1 ms.\n")?;
    let began = clock::now_ns();
    let mut actors = Vec::new();
    for _ in 0..READERS {
        actors.push(stage.actor("reader", &[])?);
    }
    for _ in 0..WRITERS {
        actors.push(stage.actor("writer", &[])?);
    }
    let (mut unequal, mut waited_ns, mut overtaken) = (0, 0, 0);
    for actor in &mut actors {
        let told = actor.says("done")?;
        let mut words = told.split(' ').filter_map(|word| word.parse::<u64>().ok());
        unequal += words.next().unwrap_or(1);
        waited_ns = waited_ns.max(words.next().unwrap_or(0));
        overtaken = overtaken.max(words.next().unwrap_or(0));
    }
    let took = since(began);
    let numbers = RwLock::<[u64; 2]>::open_or_create_in(stage.domain(), "numbers", || [0, 0])?;
    let written = numbers.read().map_err(refused)?[0];
    let inside = Mutex::<Inside>::open_or_create_in(stage.domain(), "inside", Inside::default)?;
    let inside = inside.lock().map_err(refused)?;
    say(format!("  reads                                   {:>6}", inside.began_reads))?;
    say(format!("  writes                                  {written:>6}"))?;
    say(format!("  read at once, at most                   {:>6}", inside.readers_most))?;
    say(format!("  somebody inside beside a writer         {:>6}", inside.clashes))?;
    say(format!("  reads that found the numbers unequal    {unequal:>6}"))?;
    say(format!(
        "  longest wait of a writer                {:>6}",
        clock::in_words(Duration::from_nanos(waited_ns))
    ))?;
    say(format!("  reads that began during one such wait   {overtaken:>6}, at most"))?;
    let alone = INSIDE * u32::try_from(READERS * READS + WRITERS * WRITES).unwrap_or(0);
    say(format!(
        "\nOne after the other this takes {} at least; here it took {}.",
        clock::in_words(alone),
        clock::in_words(took)
    ))?;
    say(
        "Readers and writers take turns in phases: a writer waits for the readers of one phase and the writers",
    )?;
    say("before it, a reader for one writer; so neither can keep the other out for ever.")?;
    claim(inside.clashes == 0 && unequal == 0, "that nobody is inside beside a writer")?;
    claim(inside.readers_most > 1, "that several read at once")?;
    claim(
        written == WRITERS * WRITES && inside.began_reads == READERS * READS,
        "that everybody had their turns",
    )
}

pub fn play(role: &mut Role) -> Outcome {
    let numbers = RwLock::<[u64; 2]>::open_or_create_in(role.domain, "numbers", || [0, 0])?;
    let inside = Mutex::<Inside>::open_or_create_in(role.domain, "inside", Inside::default)?;
    if role.name == "reader" {
        let mut unequal = 0_u64;
        for _ in 0..READS {
            let read = numbers.read().map_err(refused)?;
            let mut seen = inside.lock().map_err(refused)?;
            seen.readers += 1;
            seen.began_reads += 1;
            seen.readers_most = seen.readers_most.max(seen.readers);
            seen.clashes += u64::from(seen.writers > 0);
            drop(seen);
            std::thread::sleep(INSIDE);
            unequal += u64::from(read[0] != read[1]);
            inside.lock().map_err(refused)?.readers -= 1;
        }
        return role.say("done", format!("{unequal} 0 0"));
    }
    let (mut waited_most, mut overtaken_most) = (Duration::ZERO, 0);
    for _ in 0..WRITES {
        let before = inside.lock().map_err(refused)?.began_reads;
        let began = clock::now_ns();
        let mut written = numbers.write().map_err(refused)?;
        waited_most = waited_most.max(since(began));
        let mut seen = inside.lock().map_err(refused)?;
        overtaken_most = overtaken_most.max(seen.began_reads - before);
        seen.writers += 1;
        seen.clashes += u64::from(seen.writers > 1 || seen.readers > 0);
        drop(seen);
        written[0] += 1;
        std::thread::sleep(INSIDE);
        written[1] += 1;
        inside.lock().map_err(refused)?.writers -= 1;
    }
    role.say("done", format!("0 {} {overtaken_most}", waited_most.as_nanos()))
}
