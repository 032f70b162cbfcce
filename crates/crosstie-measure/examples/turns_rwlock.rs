//! Read what all processes of the user share, and change it: many readers or one writer.

use crosstie::sync::RwLock;

fn main() -> crosstie::Result<()> {
    let limit = RwLock::<u64>::open_or_create("limit", || 10)?;
    println!("{}", *limit.read()?);
    *limit.write()? += 1;
    Ok(())
}
