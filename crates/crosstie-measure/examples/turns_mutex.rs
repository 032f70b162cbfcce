//! Raise a counter that every process of the user shares: a mutex with the data that it protects.

use crosstie::sync::Mutex;

fn main() -> crosstie::Result<()> {
    let visits = Mutex::<u64>::open_or_create("visits", || 0)?;
    *visits.lock_or_repair(|_count, _who_died| ())? += 1;
    Ok(())
}
