//! Wait inside for what another process will change: nobody has to notify.

use crosstie::sync::Monitor;

fn main() -> crosstie::Result<()> {
    let stock = Monitor::<u64>::open_or_create("stock", || 0)?;
    *stock.enter()? += 1;
    *stock.wait_until(|stock| *stock > 0)? -= 1;
    Ok(())
}
