//! What children do.

use std::path::Path;

use crosstie::Deadline;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::ledger::{Domain, Net};

use super::stage::{DOMAIN, ROLE};

/// Not a test of its own: plays the role that the parent asks for.
#[test]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let domain = Domain::open(Path::new(&std::env::var(DOMAIN).unwrap())).unwrap();
    domain.set_net(Net::Absent);
    let options = QueueOptions::default();
    match role.as_str() {
        "hold one" => {
            let receiver = QueueReceiver::open(domain, "q", &options).unwrap();
            let job = receiver.recv(Deadline::NEVER).unwrap();
            hold();
            job.done().unwrap();
        }
        "hold ten" => {
            let receiver = QueueReceiver::open(domain, "q", &options).unwrap();
            for _ in 0..10 {
                receiver.recv_held(Deadline::NEVER).unwrap();
            }
            hold();
        }
        "send three and write a fourth" => {
            let mut sender = QueueSender::open(domain, "q", &options).unwrap();
            for n in 0..3_u8 {
                sender.send(&[n; 100], Deadline::NEVER).unwrap();
            }
            let mut loan = sender.reserve(1000, Deadline::NEVER).unwrap();
            loan.write_at(0, &[0xEE; 1000]);
            hold();
        }
        "be a sender" => {
            let _sender = QueueSender::open(domain, "q", &options).unwrap();
            hold();
        }
        other => panic!("no role {other}"),
    }
}

/// Says that it is ready, and stays so until its input ends.
fn hold() {
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
