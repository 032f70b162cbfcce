//! A counter in shared memory that two processes raise: without a semaphore they lose some, with one none.
//!
//! `cargo run --example counter`
use std::{env, error::Error, process, process::Command, thread};

use crosstie::region::Region;
use crosstie::sync::{Semaphore, object};

const TURNS: u64 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().collect();
    match &arguments[1..] {
        [name, way] => Ok(raise(name, way == "with")?),
        _ => ["without", "with"].into_iter().try_for_each(start_two),
    }
}

fn raise(name: &str, takes_turns: bool) -> crosstie::Result<()> {
    let counter = Region::open(name)?;
    let one_at_a_time = Semaphore::open_or_create(&name[1..], 1)?;
    for _ in 0..TURNS {
        let _permit = if takes_turns { Some(one_at_a_time.acquire()?) } else { None };
        let mut count = [0; 8];
        counter.read_at(0, &mut count)?;
        thread::yield_now(); // here the other one reads the same number
        let next = u64::from_le_bytes(count) + 1;
        counter.write_at(0, &next.to_le_bytes())?;
    }
    Ok(())
}

fn start_two(way: &str) -> Result<(), Box<dyn Error>> {
    let name = format!("/counter-{way}-{}", process::id());
    let counter = Region::create(&name, 8)?;
    let start = || Command::new(env::current_exe()?).args([&name, way]).spawn();
    for mut child in [start()?, start()?] {
        assert!(child.wait()?.success());
    }
    let mut count = [0; 8];
    counter.read_at(0, &mut count)?;
    Region::unlink(&name)?;
    object::remove(crosstie::ledger::Domain::open_default()?, "sem", &name[1..])?;
    let (count, all) = (u64::from_le_bytes(count), 2 * TURNS);
    println!("{way} a semaphore: {all} times raised, {} lost", all - count);
    Ok(())
}
