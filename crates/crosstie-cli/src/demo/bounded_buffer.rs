//! `demo bounded-buffer`: producers and consumers.

use crosstie::os::clock;
use crosstie::shareable::Deque;
use crosstie::sync::{CountingSemaphore, Monitor, Mutex, Shared};

use super::role::{Role, refused};
use super::stage::{Stage, claim, say, since};
use crate::exit::{Failure, Outcome};

const ROOM: usize = 8;
const PRODUCERS: u64 = 3;
const CONSUMERS: u64 = 3;
/// Items of one producer, and as many for one consumer.
const ITEMS: u64 = 1_000;

type Items = Deque<u64, ROOM>;

pub fn tell(stage: &Stage) -> Outcome {
    say(format!(
        "{PRODUCERS} producers put {ITEMS} numbered items each into a buffer with room for {ROOM}; \
         {CONSUMERS} consumers take them out.\n"
    ))?;
    say("1. With two counting semaphores (free places, items) and a mutex, as in the textbook:\n")?;
    through(stage, "semaphores")?;
    say("\n2. With a monitor: wait while it is full, wait while it is empty, and nobody has to notify:\n")?;
    through(stage, "monitor")
}

/// Passes all items through the buffer, and counts each.
fn through(stage: &Stage, way: &str) -> Outcome {
    let total = PRODUCERS * ITEMS;
    let began = clock::now_ns();
    let mut producers = Vec::new();
    let mut consumers = Vec::new();
    for number in 0..PRODUCERS {
        producers.push(stage.actor("producer", &[&way, &(number * ITEMS)])?);
    }
    for _ in 0..CONSUMERS {
        consumers.push(stage.actor("consumer", &[&way])?);
    }
    let mut counts = vec![0_u64; usize::try_from(total).unwrap_or(0)];
    let mut shares = Vec::new();
    for consumer in &mut consumers {
        let took = consumer.says("took")?;
        let items: Vec<usize> = took.split(',').filter_map(|item| item.parse().ok()).collect();
        shares.push(items.len().to_string());
        for item in items {
            if let Some(count) = counts.get_mut(item) {
                *count += 1;
            }
        }
    }
    let mut waits = 0_u64;
    for producer in &mut producers {
        waits += producer.says("waited")?.parse::<u64>().unwrap_or(0);
    }
    let took = clock::in_words(since(began));
    let lost = counts.iter().filter(|&&count| count == 0).count();
    let doubled = counts.iter().filter(|&&count| count > 1).count();
    say(format!("   {total} items in {took}: {lost} lost, {doubled} doubled"))?;
    say(format!(
        "   the consumers took {}; a producer found the buffer full {waits} times",
        shares.join(" + ")
    ))?;
    claim(lost == 0 && doubled == 0, "that every item comes out once")
}

/// The two ways to a bounded buffer.
enum Buffer {
    Semaphores {
        free: Shared<CountingSemaphore>,
        full: Shared<CountingSemaphore>,
        items: Shared<Mutex<Items>>,
    },
    Monitor(Shared<Monitor<Items>>),
}

impl Buffer {
    fn open(role: &Role, way: &str) -> Result<Self, Failure> {
        let domain = role.domain;
        if way == "monitor" {
            return Ok(Self::Monitor(Monitor::open_or_create_in(domain, "buffer", Items::new)?));
        }
        let room = u32::try_from(ROOM).unwrap_or(u32::MAX);
        Ok(Self::Semaphores {
            free: CountingSemaphore::open_or_create_in(domain, "free", room)?,
            full: CountingSemaphore::open_or_create_in(domain, "full", 0)?,
            items: Mutex::open_or_create_in(domain, "buffer", Items::new)?,
        })
    }

    /// Puts an item in; answers whether it found the buffer full.
    fn put(&self, item: u64) -> Result<bool, Failure> {
        match self {
            Self::Semaphores { free, full, items } => {
                let was_full = free.try_wait().is_err();
                if was_full {
                    free.wait().map_err(refused)?;
                }
                let is_put = items.lock().map_err(refused)?.push_back(item).is_ok();
                claim(is_put, "that there is a place for who waited for one")?;
                full.post()?;
                Ok(was_full)
            }
            Self::Monitor(buffer) => {
                let mut items = buffer.enter().map_err(refused)?;
                let was_full = items.is_full();
                if was_full {
                    items = items.wait_while(|items| items.is_full()).map_err(refused)?;
                }
                claim(items.push_back(item).is_ok(), "that there is a place for who waited for one")?;
                Ok(was_full)
            }
        }
    }

    fn take(&self) -> Result<u64, Failure> {
        let item = match self {
            Self::Semaphores { free, full, items } => {
                full.wait().map_err(refused)?;
                let item = items.lock().map_err(refused)?.pop_front();
                free.post()?;
                item
            }
            Self::Monitor(buffer) => {
                buffer.wait_while(|items| items.is_empty()).map_err(refused)?.pop_front()
            }
        };
        claim(item.is_some(), "that there is an item for who waited for one")?;
        Ok(item.unwrap_or(u64::MAX))
    }
}

pub fn play(role: &mut Role) -> Outcome {
    let way: String = role.next()?;
    let buffer = Buffer::open(role, &way)?;
    if role.name == "producer" {
        let from: u64 = role.next()?;
        let mut waits = 0;
        for item in from..from + ITEMS {
            waits += u64::from(buffer.put(item)?);
        }
        return role.say("waited", waits);
    }
    let items = (0..PRODUCERS * ITEMS / CONSUMERS).map(|_| buffer.take().map(|item| item.to_string()));
    role.say("took", items.collect::<Result<Vec<_>, _>>()?.join(","))
}
