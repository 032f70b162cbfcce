//! Calls as a lane: what the client asks the server answers as it is, and both check it.

use crosstie::endpoint::Options;
use crosstie::{Client, Result, Server};

use super::exchange::{Fault, Play, RoundTrip, not_what_was_sent};
use super::lane::fault;
use super::payload::Payloads;
use crosstie::os::clock;

/// The side that calls. It opens its client with the first call: until then nobody serves.
pub struct Caller {
    address: String,
    options: Options,
    client: Option<Client<[u8], [u8]>>,
    payloads: Payloads,
    sequence: u64,
}

impl Caller {
    /// A side that will call a server at `address`.
    #[must_use]
    pub fn new(address: &str, options: Options, payloads: Payloads) -> Self {
        Self { address: address.to_owned(), options, client: None, payloads, sequence: 0 }
    }

    /// Opens the client now.
    ///
    /// # Errors
    /// Nobody serves there.
    pub fn open(&mut self) -> Result<()> {
        self.client = Some(Client::open_with(&self.address, &self.options)?);
        Ok(())
    }
}

impl Play for Caller {
    fn ask(&mut self) -> std::result::Result<Option<RoundTrip>, Fault> {
        if self.client.is_none() {
            self.open().map_err(Box::new)?;
        }
        let Some(client) = &self.client else { return Ok(None) };
        let due = self.sequence;
        self.sequence += 1;
        let request = self.payloads.message(due);
        let asked_ns = clock::now_ns();
        let reply = client.call(request);
        let answered_ns = clock::now_ns();
        let reply = reply.map_err(|error| fault("call", error.kind(), &error))?;
        match self.payloads.verify(&reply) {
            Some(number) if number == due => Ok(Some(RoundTrip { asked_ns, answered_ns })),
            other => Err(not_what_was_sent(other, due)),
        }
    }

    fn answer(&mut self, _count: u64) -> std::result::Result<(), Fault> {
        Ok(())
    }
}

/// The side that serves.
pub struct Answerer {
    server: Server<[u8], [u8]>,
    payloads: Payloads,
    sequence: u64,
    /// The request that was answered last.
    request: Vec<u8>,
}

impl Answerer {
    /// Serves at `address`.
    ///
    /// # Errors
    /// The address cannot be opened.
    pub fn open(address: &str, options: &Options, payloads: Payloads) -> Result<Self> {
        let server = Server::open_with(address, options)?;
        Ok(Self { server, payloads, sequence: 0, request: Vec::new() })
    }
}

impl Play for Answerer {
    fn ask(&mut self) -> std::result::Result<Option<RoundTrip>, Fault> {
        Ok(None)
    }

    fn answer(&mut self, count: u64) -> std::result::Result<(), Fault> {
        for due in self.sequence..self.sequence + count {
            let call = self.server.receive().map_err(|error| fault("receive", error.kind(), &error))?;
            let kept = &mut self.request;
            let answered = call.answer(|request| {
                kept.clone_from(&request);
                Ok(request)
            });
            answered.map_err(|error| fault("answer", error.kind(), &error))?;
            match self.payloads.verify(&self.request) {
                Some(number) if number == due => {}
                other => return Err(not_what_was_sent(other, due)),
            }
        }
        self.sequence += count;
        Ok(())
    }
}
