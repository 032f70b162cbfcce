//! Take turns: a lock with its data, permits, and a monitor, by name, for every process of the user.

use crosstie::Shareable;
use crosstie::shareable::Deque;
use crosstie::sync::predicate::at_least;
use crosstie::sync::{Monitor, Mutex, Semaphore};

#[derive(Default, Shareable)]
#[repr(C)]
struct Stock {
    count: u64,
}

fn main() -> crosstie::Result<()> {
    let stock = Mutex::<Stock>::open_or_create("stock", Stock::default)?; // any process of the user
    stock.lock_or_repair(|stock, _who_died| *stock = Stock::default())?.count += 1;

    let gpu = Semaphore::open_or_create("gpu", 2)?;
    let permit = gpu.acquire()?; // comes back by itself when this process is killed
    println!("GPU {}", permit.index());

    let jobs = Monitor::<Deque<u64, 8>>::open_or_create("jobs", Deque::new)?;
    jobs.enter()?.push_back(7).unwrap();
    let job = jobs.wait_while(|jobs| jobs.is_empty())?.pop_front(); // no notify to forget
    println!("job {job:?}, {} in stock", stock.lock()?.count);

    jobs.enter()?.push_back(8).unwrap();
    let job = jobs.wait_when(|jobs| at_least(jobs, 1))?.pop_front(); // nobody is woken in vain
    println!("job {job:?}");
    Ok(())
}
