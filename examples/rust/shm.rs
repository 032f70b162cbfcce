//! A ring in shared memory: two processes that share nothing but a name.
//!
//! `cargo run --example shm`
use std::{env, error::Error, process, process::Command};

use crosstie::channel::ring;
use crosstie::ledger::Domain;
use crosstie::{Receiver, Sender};

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(address) => send(&address),
        None => receive(),
    }
}

fn send(address: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Sender::<u32>::open(address)?; // waits for nobody: what is sent stays in the ring
    for number in 1..=100 {
        tx.send(&number)?;
    }
    Ok(tx.close()?)
}

fn receive() -> Result<(), Box<dyn Error>> {
    let name = format!("numbers-{}", process::id());
    let address = format!("ring:{name}");
    let mut sender = Command::new(env::current_exe()?).arg(&address).spawn()?;
    let numbers: Vec<_> = Receiver::<u32>::open(&address)?.into_iter().collect::<Result<_, _>>()?;
    assert!(sender.wait()?.success());
    assert_eq!(numbers, Vec::from_iter(1..=100));
    ring::remove(Domain::open_default()?, &name)?; // it would outlive both of us
    println!("shm: {} numbers, none lost", numbers.len());
    Ok(())
}
