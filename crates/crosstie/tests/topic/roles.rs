//! The child's side.

use std::io::{Read, Write};
use std::path::Path;

use crosstie::Deadline;
use crosstie::channel::topic::{Mode, TopicReceiver, TopicSender};
use crosstie::ledger::{Domain, Net};

use super::stage::{DOMAIN, ROLE, of_mode, publish};

fn say(word: &str) {
    println!("{word}");
    std::io::stdout().flush().unwrap();
}

fn await_end() {
    let _ = std::io::stdin().read(&mut [0]);
}

/// Not a test of its own: plays the role that the parent asks for.
#[test]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let domain = Domain::open(Path::new(&std::env::var(DOMAIN).unwrap())).unwrap();
    domain.set_net(Net::Absent);
    let options = of_mode(Mode::Lossless);
    match role.as_str() {
        "subscribe and never read" => {
            let _receiver = TopicReceiver::open(domain, "t", &options).unwrap();
            say("ready");
            await_end();
        }
        "publish three and write a fourth" => {
            let mut sender = TopicSender::open(domain, "t", &options).unwrap();
            publish(&mut sender, 0..3);
            let mut loan = sender.reserve(100, Deadline::NOW).unwrap();
            loan.write_at(0, &[9; 50]);
            say("ready");
            await_end();
        }
        other => panic!("no role {other}"),
    }
}
