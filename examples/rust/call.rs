//! Request and reply: a server with two workers, and a client that calls it.
//!
//! `cargo run --example call`
use std::{env, error::Error, process::Command, thread};

use crosstie::{Client, Server};

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(address) => ask(&address),
        None => serve(),
    }
}

fn ask(address: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::<str, u32>::open(address)?;
    let mut letters = 0;
    for word in ["three", "little", "words"] {
        letters += client.call(word)?;
    }
    println!("call: 3 calls, {letters} letters");
    Ok(())
}

fn serve() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let address = format!("unix:{}/lengths", folder.path().display());
    let server = Server::<str, u32>::open(&address)?;
    let mut client = Command::new(env::current_exe()?).arg(&address).spawn()?;
    let stop = server.stopper();
    let client = thread::spawn(move || {
        let status = client.wait();
        stop.stop();
        status
    });
    server.serve(2, |word| Ok(word.len() as u32))?;
    assert!(client.join().expect("the client was waited for")?.success());
    Ok(())
}
