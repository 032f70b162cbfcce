//! Messages, jobs and calls of a side.

use crosstie::call::{Call, CallError, Refusal};
use crosstie::contract::{RecvError, SendError};
use crosstie::endpoint::{JobTicket, Outcome};
use crosstie::{Client, ErrorKind, Receiver, Sender, Server};

use super::actor::{Refused, Said, Thing, deadline, unknown};

impl From<SendError> for Refused {
    fn from(refusal: SendError) -> Self {
        Self::new(refusal.kind(), refusal)
    }
}

impl From<RecvError> for Refused {
    fn from(refusal: RecvError) -> Self {
        Self::new(refusal.kind(), refusal)
    }
}

impl From<CallError> for Refused {
    fn from(refusal: CallError) -> Self {
        Self::new(refusal.kind(), refusal)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn not_open<T>(end: Option<T>) -> Result<T, Refused> {
    end.ok_or_else(|| Refused::new(ErrorKind::Usage, "it was closed"))
}

pub struct Sends(Option<Sender<[u8]>>);

impl Sends {
    pub fn open(address: &str) -> Result<Self, Refused> {
        Ok(Self(Some(Sender::open(address)?)))
    }
}

impl Thing for Sends {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "send" => {
                not_open(self.0.as_mut())?.send(words.first().map_or(&b""[..], |word| word.as_bytes()))?
            }
            "close" => not_open(self.0.take())?.close()?,
            _ => return Err(unknown(verb)),
        }
        Ok(String::new())
    }
}

/// All in one: opened, sent, closed.
pub fn put(address: &str, words: &[&str]) -> Said {
    let mut sender = Sender::<[u8]>::open(address)?;
    sender.send(words.first().map_or(&b""[..], |word| word.as_bytes()))?;
    sender.close()?;
    Ok(String::new())
}

pub struct Receives {
    receiver: Receiver<[u8]>,
    job: Option<JobTicket>,
}

impl Receives {
    pub fn open(address: &str) -> Result<Self, Refused> {
        Ok(Self { receiver: Receiver::open(address)?, job: None })
    }

    fn settle(&mut self, outcome: Outcome) -> Said {
        let ticket = self.job.take().ok_or_else(|| Refused::new(ErrorKind::Usage, "no job is in hand"))?;
        self.receiver.settle(ticket, outcome)?;
        Ok(String::new())
    }
}

impl Thing for Receives {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "recv" => Ok(text(&self.receiver.recv_until(deadline(words.first())?)?)),
            "job" => {
                let (message, ticket) = self.receiver.take_job(deadline(words.first())?)?;
                let said = format!("{} {}", ticket.deliveries(), text(&message));
                self.job = Some(ticket);
                Ok(said)
            }
            "done" => self.settle(Outcome::Done),
            "fail" => self.settle(Outcome::Failed),
            "close" => Ok(String::new()),
            _ => Err(unknown(verb)),
        }
    }
}

pub struct Calls(Client<[u8], [u8]>);

impl Calls {
    pub fn open(address: &str) -> Result<Self, Refused> {
        Ok(Self(Client::open(address)?))
    }
}

impl Thing for Calls {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        match verb {
            "call" => {
                let request = words.get(1).map_or(&b""[..], |word| word.as_bytes());
                Ok(text(&self.0.call_until(request, deadline(words.first())?)?))
            }
            "close" => Ok(String::new()),
            _ => Err(unknown(verb)),
        }
    }
}

pub struct Answers {
    server: Server<[u8], [u8]>,
    in_hand: Vec<Call<[u8], [u8]>>,
}

impl Answers {
    pub fn open(address: &str) -> Result<Self, Refused> {
        Ok(Self { server: Server::open(address)?, in_hand: Vec::new() })
    }
}

impl Thing for Answers {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said {
        if verb == "close" {
            return Ok(String::new());
        }
        let call = self.server.receive()?;
        let asked = text(call.request());
        let word = words.first().copied().unwrap_or("");
        match verb {
            "answer" => call.reply(word.as_bytes())?,
            "refuse" => call.refuse(&Refusal::new(word)),
            "hold" => self.in_hand.push(call),
            _ => return Err(unknown(verb)),
        }
        Ok(asked)
    }
}
