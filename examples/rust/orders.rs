//! The README's example: orders wait in shared memory until somebody takes them.
//!
//! `cargo run --example orders -- send`, then `cargo run --example orders -- receive`; in either
//! order, also at the same time.
use std::error::Error;

use crosstie::{Receiver, Sender};

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Order {
    number: u64,
    item: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("send") => send(),
        Some("receive") => receive(),
        _ => Err("say send or receive".into()),
    }
}

fn send() -> Result<(), Box<dyn Error>> {
    let mut tx = Sender::<Order>::open("ring:orders")?;
    for number in 1..=3 {
        tx.send(&Order { number, item: "tea".into() })?;
    }
    Ok(tx.close()?)
}

fn receive() -> Result<(), Box<dyn Error>> {
    for order in Receiver::<Order>::open("ring:orders")? {
        println!("{:?}", order?); // a sender that was killed is an Err, not the end
    }
    Ok(())
}
