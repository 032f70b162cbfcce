//! The textbook's semaphore: one posts, another waits.

use crosstie::sync::CountingSemaphore;

fn main() -> crosstie::Result<()> {
    let full = CountingSemaphore::open_or_create("full", 0)?;
    full.post()?;
    full.wait()?;
    Ok(())
}
