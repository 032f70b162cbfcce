//! A pipe: a parent sends to the child that it spawns.
//!
//! `cargo run --example pipe`
use std::{env, error::Error, process::Command};

use crosstie::Receiver;
use crosstie::endpoint::SpawnEnd as _;

fn main() -> Result<(), Box<dyn Error>> {
    match env::var("CROSSTIE_FD") {
        Ok(number) => child(&format!("fd:{number}")),
        Err(_) => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let (mut child, mut tx) = Command::new(env::current_exe()?).spawn_receiver::<u32>()?;
    for number in 1..=100 {
        tx.send(&number)?;
    }
    tx.close()?;
    assert!(child.wait()?.success());
    Ok(())
}

fn child(end: &str) -> Result<(), Box<dyn Error>> {
    let numbers: Vec<_> = Receiver::<u32>::open(end)?.into_iter().collect::<Result<_, _>>()?;
    assert_eq!(numbers, Vec::from_iter(1..=100));
    println!("pipe: {} numbers, none lost", numbers.len());
    Ok(())
}
