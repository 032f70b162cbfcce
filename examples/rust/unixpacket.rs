//! A Unix socket that keeps packets: a server and a client on one machine, each speaks and listens.
//!
//! `cargo run --example unixpacket`
use std::{env, error::Error, process::Command};

use crosstie::endpoint::{Listener, Options, connect};

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(address) => ask(&address),
        None => serve(),
    }
}

fn ask(address: &str) -> Result<(), Box<dyn Error>> {
    let (mut questions, mut answers) = connect::<str, str>(address, &Options::default())?;
    questions.send("hello")?;
    assert_eq!(answers.recv()?, "HELLO");
    println!("unixpacket: hello was answered");
    Ok(questions.close()?)
}

fn serve() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let address = format!("unixpacket:{}/server", folder.path().display());
    let listener = Listener::open(&address)?;
    let mut client = Command::new(env::current_exe()?).arg(&address).spawn()?;
    let (mut answers, questions) = listener.accept::<str, str>()?;
    for question in questions {
        answers.send(&question?.to_uppercase())?;
    }
    assert!(client.wait()?.success());
    Ok(())
}
