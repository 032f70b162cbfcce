//! One at a time at something that is not in shared memory: a lock without data, the shell's too.

use crosstie::sync::Lock;

fn main() -> crosstie::Result<()> {
    let printer = Lock::open_or_create("printer")?;
    let _turn = printer.lock()?;
    println!("one at a time");
    Ok(())
}
