//! Everybody who listens hears every tick, and whoever comes late asks for the last ones.
//!
//! `cargo run --example topic -- listen` in as many terminals as you like, then
//! `cargo run --example topic -- tick`.
use std::error::Error;

use crosstie::{Receiver, Sender};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("tick") => tick(),
        Some("listen") => listen("topic:ticks"),
        Some("catch-up") => listen("topic:ticks?from=last:2"),
        _ => Err("say tick, listen or catch-up".into()),
    }
}

fn tick() -> Result<(), Box<dyn Error>> {
    let mut ticks = Sender::<u64>::open("topic:ticks")?;
    for number in 1..=3 {
        ticks.send(&number)?;
    }
    Ok(ticks.close()?)
}

fn listen(address: &str) -> Result<(), Box<dyn Error>> {
    for number in Receiver::<u64>::open(address)? {
        println!("tick {}", number?);
    }
    Ok(())
}
