//! A FIFO: two processes that share nothing but a path.
//!
//! `cargo run --example fifo`
use std::{env, error::Error, process::Command};

use crosstie::{Receiver, Sender};

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(address) => send(&address),
        None => receive(),
    }
}

fn send(address: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Sender::<u32>::open(address)?; // waits until somebody receives
    for number in 1..=100 {
        tx.send(&number)?;
    }
    Ok(tx.close()?)
}

fn receive() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let address = format!("fifo:{}/numbers", folder.path().display());
    let mut sender = Command::new(env::current_exe()?).arg(&address).spawn()?;
    let numbers: Vec<_> = Receiver::<u32>::open(&address)?.into_iter().collect::<Result<_, _>>()?;
    assert!(sender.wait()?.success());
    assert_eq!(numbers, Vec::from_iter(1..=100));
    println!("fifo: {} numbers, none lost", numbers.len());
    Ok(())
}
