//! Calls of one address: against a server of this machine, or against one that is there.

use crosstie::endpoint::{Address, Capabilities, Options, Place};
use crosstie::{Error, ErrorKind, Result, Server};

use super::patterns::{Phases, Want, measure};
use crate::bench::local::mechanism;
use crate::engine::calls::Caller;
use crate::engine::exchange::time_round_trips;
use crate::engine::pair::Answers;
use crate::engine::payload::Payloads;
use crate::engine::spec::Answer;
use crate::record::Row;

const SEED: u64 = 0x00C0_5571_E002;

/// Whether calls go through this address.
///
/// # Errors
/// `Usage` where they do not, or where the two sides could not know the place.
pub(super) fn check(address: &Address) -> Result<()> {
    let refused = |cause: &str, advice: &str| {
        Err(Error::new("measure calls", address.to_string(), ErrorKind::Usage).because(cause).advise(advice))
    };
    if !Capabilities::of(address.mechanism()).is_some_and(|caps| caps.carries_calls) {
        return refused(
            "it carries no calls",
            "take unix: unixpacket: tcp: fifo: queue: or ring:, or another --pattern",
        );
    }
    match address.place() {
        Place::Tcp(place) if place.port == 0 => {
            refused("both sides must know the port", "take a port from 1 to 65535")
        }
        Place::Descriptor(_) | Place::Standard => {
            refused("a descriptor of this process is not the other's", "name a place: unix:/path, queue:NAME")
        }
        _ => Ok(()),
    }
}

/// Measures calls to whoever serves at `address`: `bench ADDR --listen --pattern call`, or any server that answers what it is asked.
///
/// # Errors
/// Nobody serves there, or a reply is not the request.
pub fn against(address: &Address, want: &Want, options: &Options) -> Result<Row> {
    check(address)?;
    let payloads = Payloads::new(want.payload_bytes, SEED)?;
    let mut caller = Caller::new(&address.to_string(), options.clone(), payloads);
    caller.open()?;
    measure(&mut Alone(caller), mechanism(address), want)
}

/// Answers at `address` what it is asked; returns only with an error. `tell` hears that it serves.
///
/// # Errors
/// The address cannot be served at.
pub fn listen(address: &Address, options: &Options, tell: &mut dyn FnMut(&str)) -> Result<()> {
    check(address)?;
    let server = Server::<[u8], [u8]>::open_with(&address.to_string(), options)?;
    tell(&format!(
        "serving calls at {address}; measure with `crosstie bench {address} --connect --pattern call` (Ctrl-C ends)"
    ));
    server.serve(1, Ok)
}

/// The calling side alone: what the other does is not measured.
struct Alone(Caller);

impl Phases for Alone {
    fn round_trips(&mut self, count: u64) -> Result<Answers> {
        let client = time_round_trips(&mut self.0, count, None).map_err(|fault| *fault)?;
        Ok(Answers { client, server: Answer::default() })
    }

    fn one_way(&mut self, _count: u64) -> Result<Answers> {
        Err(Error::new("measure", "a call one way", ErrorKind::Unsupported))
    }

    fn syscalls_per_message(&mut self, _count: u64) -> Result<Option<f64>> {
        Ok(None)
    }

    fn syscalls_per_round_trip(&mut self, _count: u64) -> Result<Option<f64>> {
        Ok(None)
    }
}
