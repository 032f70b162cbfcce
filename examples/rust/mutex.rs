//! A mutex around data in shared memory, whose owner is killed halfway: the next one is told, and mends them.
//!
//! `cargo run --example mutex`
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, error::Error, thread};

use crosstie::Shareable;
use crosstie::sync::{LockError, Mutex};

/// Together they are 100, except halfway through a transfer.
#[derive(Shareable)]
#[repr(C)]
struct Accounts {
    one: u64,
    other: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let accounts = Mutex::open_or_create("accounts", || Accounts { one: 100, other: 0 })?;
    if env::args().nth(1).is_some() {
        return Ok(begin(&accounts)?);
    }
    let mut child = Command::new(env::current_exe()?).arg("begin").stdout(Stdio::piped()).spawn()?;
    BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut String::new())?;
    child.kill()?;
    child.wait()?;
    Ok(mend(&accounts)?)
}

fn begin(accounts: &Mutex<Accounts>) -> crosstie::Result<()> {
    let mut accounts = accounts.lock()?;
    accounts.one -= 30;
    println!("halfway");
    thread::sleep(Duration::MAX);
    Ok(())
}

fn mend(accounts: &Mutex<Accounts>) -> crosstie::Result<()> {
    let guard = match accounts.lock() {
        Err(LockError::Abandoned(mut guard)) => {
            println!("its owner died halfway: {} + {}", guard.one, guard.other);
            guard.other = 100 - guard.one;
            guard.mark_mended();
            guard
        }
        other => other?,
    };
    println!("mended: {} + {}", guard.one, guard.other);
    Ok(())
}
