//! What child processes do: a script of steps, one word for each.

use std::io::{BufRead, Write};
use std::time::Duration;

use crosstie::Deadline;
use crosstie::OwnerId;
use crosstie::ledger::{Domain, Net};
use crosstie::os::process;
use crosstie::shareable::{Deque, Transactional};
use crosstie::sync::mutex::LockOwned;
use crosstie::sync::predicate::at_least;
use crosstie::sync::semaphore::AcquireOwned;
use crosstie::sync::{
    Barrier, Condvar, CountingSemaphore, Event, LockError, LockResult, Monitor, Mutex, MutexGuard, Once,
    OwnedMutexGuard, Policy, RwLock, Shared, lock_all, wait_any,
};

/// What a child has taken, by name.
type Guard = OwnedMutexGuard<u64, Shared<Mutex<u64>>>;

/// Plays the role of the environment, if there is one. Otherwise a test that has nothing to do.
#[test]
fn play() {
    let Ok(script) = std::env::var("CROSSTIE_TEST_ROLE") else { return };
    die_with_parent();
    let domain = Domain::open(std::env::var("CROSSTIE_DOMAIN").unwrap()).unwrap();
    domain.set_net(Net::Absent);
    say("tid", process::tid());
    let steps: Vec<&str> = script.split(';').map(str::trim).collect();
    run(domain, &steps, &mut Vec::new());
    say("done", "all");
}

/// Guards borrow from their mutex, so what follows a `lock` runs inside it.
fn run(domain: &'static Domain, steps: &[&str], owned: &mut Vec<Guard>) {
    let Some((step, rest)) = steps.split_first() else { return };
    let mut words = step.split(' ');
    let (verb, name) = (words.next().unwrap(), words.next().unwrap_or("m"));
    match verb {
        "lock" | "lock_for" | "try_lock" => {
            let mutex = open(domain, name);
            let taken = match verb {
                "lock" => mutex.lock(),
                "lock_for" => mutex.lock_for(Duration::from_millis(50)),
                _ => mutex.try_lock(),
            };
            let guard = tell(name, taken);
            return run_inside(domain, rest, owned, guard);
        }
        "fair" => drop(Mutex::<u64>::open_or_create_with(domain, name, Policy::Fair, || 0).unwrap()),
        "own" => {
            let guard = open(domain, name).lock_owned_until(Deadline::NEVER).unwrap();
            say("locked", format_args!("{name} clean"));
            owned.push(guard);
        }
        "add" => {
            let mutex = open(domain, name);
            for _ in 0..words.next().unwrap().parse::<u64>().unwrap() {
                *mutex.lock().unwrap() += 1;
            }
        }
        "acquire" => return acquire(domain, name, rest, owned),
        "process" => say("owner", domain.process_owner().unwrap().to_bits()),
        "give" => give(domain, name, words.next().unwrap().parse().unwrap()),
        "accept" => return accept(domain, name, rest, owned),
        "read" | "write" => return read_or_write(domain, (verb, name), rest, owned),
        "read_add" => {
            let lock = RwLock::<u64>::open_or_create_in(domain, name, || 0).unwrap();
            read_and_add(&lock, words.next().unwrap().parse().unwrap());
        }
        "produce" => produce(domain, name, words.next().unwrap().parse().unwrap()),
        "when" => when(domain, name, words.next().unwrap().parse().unwrap()),
        "enter" => return enter(domain, name, words.next(), rest, owned),
        "cross" => cross(domain, name, words.next().unwrap()),
        "await" => await_notification(domain, name, words.next().unwrap()),
        "meet" => meet(domain, name, words.next().unwrap().parse().unwrap()),
        "once" => {
            let once = Once::open_or_create_in(domain, name).unwrap();
            let _ = once.call(|_| {
                say("said", "at it");
                run(domain, rest, owned);
            });
        }
        "any" => any(domain, name, words.next().unwrap()),
        "both" => both(domain, name, words.next().unwrap(), words.next().unwrap().parse().unwrap()),
        "transact" => transact(domain, name),
        "wait_one" => wait_one(domain, name),
        "post" => CountingSemaphore::open_or_create_in(domain, name, 0).unwrap().post().unwrap(),
        "pause" => drop(std::io::stdin().lock().read_line(&mut String::new()).unwrap()),
        "say" => say("said", name),
        "abort" => process_ends(),
        other => panic!("no such step: {other}"),
    }
    run(domain, rest, owned);
}

fn acquire(domain: &'static Domain, name: &str, rest: &[&str], owned: &mut Vec<Guard>) {
    let gate = crosstie::sync::Semaphore::open_in(domain, name).unwrap();
    let permit = gate.acquire();
    say_outcome(name, &permit.as_ref().map(|permit| permit.index()));
    run_beside(domain, rest, owned, permit);
}

/// Takes a permit and transfers it to the process of these bits.
fn give(domain: &'static Domain, name: &str, to: u64) {
    let gate = crosstie::sync::Semaphore::open_in(domain, name).unwrap();
    gate.acquire().unwrap().transfer_to(OwnerId::from_bits(to).unwrap()).unwrap();
}

/// The rest of a script with a permit that was transferred to this process.
fn accept(domain: &'static Domain, name: &str, rest: &[&str], owned: &mut Vec<Guard>) {
    let gate = crosstie::sync::Semaphore::open_in(domain, name).unwrap();
    let permit = gate.accept().unwrap().expect("something was transferred");
    say("accepted", permit.index());
    run_beside(domain, rest, owned, permit);
}

fn read_or_write(domain: &'static Domain, (verb, name): (&str, &str), rest: &[&str], owned: &mut Vec<Guard>) {
    let lock = RwLock::<u64>::open_or_create_in(domain, name, || 0).unwrap();
    if verb == "read" {
        let guard = lock.read();
        say_outcome(name, &guard.as_ref().map(|guard| **guard));
        run_beside(domain, rest, owned, guard);
    } else {
        let guard = lock.write();
        say_outcome(name, &guard.as_ref().map(|guard| **guard));
        run_beside(domain, rest, owned, guard);
    }
}

fn say_outcome<T: std::fmt::Debug, G>(name: &str, outcome: &Result<T, &LockError<G>>)
where
    LockError<G>: std::fmt::Display,
{
    match outcome {
        Ok(what) => say("locked", format_args!("{name} clean {what:?}")),
        Err(refusal) => say(
            "locked",
            format_args!("{name} {} {}", refusal.kind().id(), refusal.to_string().replace('\n', "|")),
        ),
    }
}

fn produce(domain: &'static Domain, name: &str, items: u64) {
    let buffer = Monitor::<Deque<u64, 4>>::open_or_create_in(domain, name, Deque::new).unwrap();
    for item in 1..=items {
        let mut inside = buffer.wait_while(|queue| queue.is_full()).unwrap();
        inside.push_back(item).unwrap();
    }
}

/// Waits inside until there are `least` or more, and takes them.
fn when(domain: &'static Domain, name: &str, least: u64) {
    let count = Monitor::<u64>::open_or_create_in(domain, name, || 0).unwrap();
    let mut inside = count.wait_when(|count| at_least(count, least));
    say_outcome(name, &inside.as_ref().map(|inside| **inside));
    if let Ok(inside) = &mut inside {
        **inside -= least;
    }
}

/// The rest of a script inside a monitor, with what it counts raised by `more`, if that is said.
fn enter(domain: &'static Domain, name: &str, more: Option<&str>, rest: &[&str], owned: &mut Vec<Guard>) {
    let count = Monitor::<u64>::open_or_create_in(domain, name, || 0).unwrap();
    let mut inside = count.enter().unwrap();
    if let Some(more) = more {
        *inside += more.parse::<u64>().unwrap();
    }
    say("inside", name);
    run_beside(domain, rest, owned, inside);
}

/// Raises what two monitors count, leaves the first, and stays in the second.
fn cross(domain: &'static Domain, one: &str, other: &str) {
    let (one, other) =
        [one, other].map(|name| Monitor::<u64>::open_or_create_in(domain, name, || 0).unwrap()).into();
    let (mut first, mut second) = (one.enter().unwrap(), other.enter().unwrap());
    (*first, *second) = (*first + 1, *second + 1);
    drop(first);
    say("inside", "the second");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}

fn await_notification(domain: &'static Domain, name: &str, mutex: &str) {
    let condition = Condvar::open_or_create_in(domain, name).unwrap();
    let mutex = open(domain, mutex);
    let guard = condition.wait(mutex.lock().unwrap());
    say_outcome("m", &guard.as_ref().map(|guard| **guard));
}

fn any(domain: &'static Domain, event: &str, semaphore: &str) {
    let event = Event::open_in(domain, event).unwrap();
    let semaphore = CountingSemaphore::open_or_create_in(domain, semaphore, 0).unwrap();
    wait_any(&[&*event, &*semaphore]).unwrap();
}

fn both(domain: &'static Domain, one: &str, other: &str, turns: u64) {
    let (one, other) = (open(domain, one), open(domain, other));
    for _ in 0..turns {
        let (mut one, mut other) = lock_all((&*one, &*other)).unwrap();
        *one += 1;
        *other += 1;
    }
}

/// Commits for ever; says so once it has begun.
fn transact(domain: &'static Domain, name: &str) {
    let cell = Mutex::<Transactional<[u64; 64]>>::open_or_create_in(domain, name, || unreachable!()).unwrap();
    let mut has_said = false;
    loop {
        let mut guard = cell.lock_or_repair(|_, _| ()).unwrap();
        guard.update(|value| value.iter_mut().for_each(|word| *word += 1));
        drop(guard);
        if !has_said {
            say("said", "at it");
            has_said = true;
        }
    }
}

fn wait_one(domain: &'static Domain, name: &str) {
    let outcome = CountingSemaphore::open_or_create_in(domain, name, 0).unwrap().wait();
    say_outcome(name, &outcome.as_ref().map(|()| 0));
}

fn meet(domain: &'static Domain, name: &str, turns: u64) {
    let barrier = Barrier::open_in(domain, name).unwrap();
    for _ in 0..turns {
        barrier.wait().unwrap();
    }
}

fn read_and_add(lock: &RwLock<u64>, turns: u64) {
    for turn in 0..turns {
        if turn % 4 == 0 {
            *lock.write().unwrap() += 1;
        } else {
            let guard = lock.read().unwrap();
            let before = *guard;
            std::thread::yield_now();
            assert_eq!(before, *guard, "written while it was read");
        }
    }
}

/// The rest of a script, until its own `unlock`, with something held.
fn run_beside<G>(domain: &'static Domain, rest: &[&str], owned: &mut Vec<Guard>, guard: G) {
    run_inside(domain, rest, owned, guard);
}

fn run_inside<G>(domain: &'static Domain, rest: &[&str], owned: &mut Vec<Guard>, guard: G) {
    let mut depth = 1;
    let end = rest.iter().position(|step| {
        let takes = ["lock ", "acquire ", "read ", "write ", "enter ", "accept "]
            .iter()
            .any(|verb| step.contains(verb));
        depth += i32::from(takes) - i32::from(*step == "unlock");
        depth == 0
    });
    match end {
        Some(at) => {
            run(domain, &rest[..at], owned);
            drop(guard);
            run(domain, &rest[at + 1..], owned);
        }
        None => run(domain, rest, owned),
    }
}

fn tell<'a>(name: &str, taken: LockResult<MutexGuard<'a, u64>>) -> Option<MutexGuard<'a, u64>> {
    match taken {
        Ok(guard) => {
            say("locked", format_args!("{name} clean"));
            Some(guard)
        }
        Err(refusal) => {
            say(
                "locked",
                format_args!("{name} {} {}", refusal.kind().id(), refusal.to_string().replace('\n', "|")),
            );
            refusal.into_guard().ok()
        }
    }
}

fn open(domain: &'static Domain, name: &str) -> Shared<Mutex<u64>> {
    Mutex::<u64>::open_or_create_in(domain, name, || 0).unwrap()
}

fn process_ends() -> ! {
    std::process::abort()
}

pub fn say(key: &str, words: impl std::fmt::Display) {
    println!("@{key} {words}");
    std::io::stdout().flush().unwrap();
}

fn die_with_parent() {
    if let Ok(parent) = std::env::var("CROSSTIE_TEST_PARENT") {
        crosstie::os::parent::end_with_parent(parent.parse().unwrap()).unwrap();
    }
}
