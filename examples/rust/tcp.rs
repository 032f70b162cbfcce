//! TCP: a server and a client, here on one machine, anywhere on a network.
//!
//! `cargo run --example tcp`. Neither encrypted nor authenticated.
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
    println!("tcp: hello was answered");
    Ok(questions.close()?)
}

fn serve() -> Result<(), Box<dyn Error>> {
    let listener = Listener::open("tcp:127.0.0.1:0")?; // any free port
    let mut client = Command::new(env::current_exe()?).arg(listener.address()).spawn()?;
    let (mut answers, questions) = listener.accept::<str, str>()?;
    for question in questions {
        answers.send(&question?.to_uppercase())?;
    }
    assert!(client.wait()?.success());
    Ok(())
}
