//! A thread that blocks and a task that awaits, at the two ends of a ring.
//!
//! ```sh
//! cargo run --features tokio --example async_ring
//! ```

use crosstie::contract::RecvError;
use crosstie::endpoint::{AsyncReceiver, Options, Receiver, Sender};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    let mut receiver = AsyncReceiver::new(Receiver::<u32>::open_with("ring:numbers", &options)?)?;
    let mut sender = Sender::<u32>::open_with("ring:numbers", &options)?;
    let blocking = std::thread::spawn(move || (0..3).try_for_each(|number| sender.send(&number)));
    loop {
        match receiver.recv().await {
            Ok(number) => println!("{number}"),
            Err(RecvError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    blocking.join().expect("the sender does not panic")?;
    Ok(())
}
