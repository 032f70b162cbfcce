//! UDP: a server and a client; a datagram may be lost, and then the client asks again.
//!
//! `cargo run --example udp`. Neither encrypted nor authenticated.
use std::{env, error::Error, process::Command, time::Duration};

use crosstie::Deadline;
use crosstie::contract::{ReceiveMessages as _, RecvError};
use crosstie::endpoint::{Options, connect};
use crosstie::transport::udp;

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(address) => ask(&address),
        None => serve(),
    }
}

fn ask(address: &str) -> Result<(), Box<dyn Error>> {
    let (mut questions, mut answers) = connect::<str, str>(address, &Options::default())?;
    for _ in 0..5 {
        questions.send("hello")?;
        match answers.recv_for(Duration::from_secs(1)) {
            Ok(answer) => {
                assert_eq!(answer, "HELLO");
                println!("udp: hello was answered");
                return Ok(questions.close()?);
            }
            Err(RecvError::TimedOut) => {} // the question or the answer is lost
            Err(error) => return Err(error.into()),
        }
    }
    Err("no answer".into())
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mut server = udp::Listener::bind("127.0.0.1:0", &Default::default())?; // any free port
    let mut client = Command::new(env::current_exe()?).arg(server.address()).spawn()?;
    loop {
        let answer = match server.recv(Deadline::NEVER) {
            Ok(question) => question.payload.to_ascii_uppercase(),
            Err(RecvError::Closed) => break,
            Err(error) => return Err(error.into()),
        };
        server.answer(&answer, Deadline::NEVER)?;
    }
    assert!(client.wait()?.success());
    Ok(())
}
