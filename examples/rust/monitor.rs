//! A monitor: the bounded buffer whose order of waits cannot be wrong, because to wait inside is to be outside.
//!
//! `cargo run --example monitor`
use std::{env, error::Error, process::Command};

use crosstie::shareable::Deque;
use crosstie::sync::Monitor;

const PLACES: usize = 2;
const ITEMS: u64 = 5;

type Buffer = Monitor<Deque<u64, PLACES>>;

fn main() -> Result<(), Box<dyn Error>> {
    let buffer = Buffer::open_or_create("buffer", Deque::new)?;
    if env::args().nth(1).is_some() {
        return Ok(produce(&buffer)?);
    }
    let mut producer = Command::new(env::current_exe()?).arg("produce").spawn()?;
    consume(&buffer)?;
    assert!(producer.wait()?.success());
    Ok(())
}

fn produce(buffer: &Buffer) -> crosstie::Result<()> {
    for item in 0..ITEMS {
        let mut inside = buffer.wait_while(|inside| inside.len() == PLACES)?;
        inside.push_back(item).expect("a place is free");
    }
    Ok(())
}

fn consume(buffer: &Buffer) -> crosstie::Result<()> {
    for _ in 0..ITEMS {
        let mut inside = buffer.wait_while(|inside| inside.is_empty())?;
        println!("consumed {}", inside.pop_front().expect("an item is there"));
    }
    Ok(())
}
