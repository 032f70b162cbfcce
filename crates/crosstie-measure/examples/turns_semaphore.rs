//! At most two at a time, whoever dies: permits that have owners.

use crosstie::sync::Semaphore;

fn main() -> crosstie::Result<()> {
    let gpus = Semaphore::open_or_create("gpu", 2)?;
    let permit = gpus.acquire()?;
    println!("GPU {}", permit.index());
    Ok(())
}
