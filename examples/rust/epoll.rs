//! One thread waits for two rings at once, in an `epoll` of its own, and uses no processor time meanwhile.
//!
//! ```sh
//! cargo run --example epoll
//! ```

use crosstie::Deadline;
use crosstie::contract::{Readiness, RecvError};
use crosstie::endpoint::{Options, Receiver, Sender};
use crosstie::os::poll::Poller;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let options = Options { domain: Some(folder.path().join("domain")), ..Options::default() };
    let names = ["ring:left", "ring:right"];

    let poller = Poller::new()?;
    let mut receivers = Vec::new();
    for (key, name) in (0..).zip(names) {
        let mut receiver = Receiver::<str>::open_with(name, &options)?;
        poller.add(receiver.pollable()?, key)?;
        receivers.push(receiver);
    }
    let senders = names.map(|name| {
        let options = options.clone();
        std::thread::spawn(move || {
            Sender::<str>::open_with(name, &options)?
                .send(name)
                .map_err(Box::<dyn std::error::Error + Send + Sync>::from)
        })
    });

    let mut open = receivers.len();
    while open > 0 {
        let mut is_armed = true;
        for receiver in &mut receivers {
            match receiver.try_recv() {
                Ok(message) => println!("{message} has sent"),
                Err(RecvError::Closed) => open -= 1,
                Err(RecvError::Empty) if receiver.arm()? == Readiness::Armed => continue,
                Err(RecvError::Empty) => {}
                Err(error) => return Err(error.into()),
            }
            is_armed = false;
        }
        if is_armed {
            poller.wait(Deadline::NEVER, &mut Vec::new())?;
        }
    }
    for sender in senders {
        sender.join().expect("no sender panics").map_err(|error| error.to_string())?;
    }
    Ok(())
}
