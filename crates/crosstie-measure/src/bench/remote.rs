//! The other side is `bench ADDR --listen` somewhere: a real network.
//!
//! One two-way connection carries both the messages that are measured and, between the phases, two
//! lines of JSON: what is asked for, and what the listening side saw.

use serde::{Deserialize, Serialize};

use crosstie::endpoint::{Address, Ends, Listener, Options, Place, connect};
use crosstie::{Error, ErrorKind, Result};

use super::calls;
use super::local::mechanism;
use super::patterns::{Pattern, Phases, Want, measure};
use crate::engine::exchange::{
    Exchange, Fault, Inbound, Outbound, Play, time_arrivals, time_round_trips, time_whole,
};
use crate::engine::lane::{AddressReceiver, AddressSender};
use crate::engine::pair::Answers;
use crate::engine::payload::Payloads;
use crate::engine::spec::{Answer, Burden, Command};
use crate::record::Row;

/// What is asked of the listening side; the name tells one version from another.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    schema: String,
    payload_bytes: usize,
    command: Command,
}

const SCHEMA: &str = "crosstie.bench/1";
const SEED: u64 = 0x00C0_5571_E001;

type Connection = Exchange<AddressSender, AddressReceiver>;

/// Measures against whoever listens at `address`.
///
/// # Errors
/// Nobody listens there, something else listens there, or a payload arrived changed.
pub fn against(address: &Address, want: &Want, options: &Options) -> Result<Row> {
    if want.pattern == Some(Pattern::Call) {
        return calls::against(address, want, options);
    }
    refuse_lossy(address)?;
    let ends: Ends<[u8], [u8]> = connect(&address.to_string(), options)?;
    let connection = exchange(ends, want.payload_bytes)?;
    measure(&mut Client { connection, payload_bytes: want.payload_bytes }, mechanism(address), want)
}

/// Listens at `address` and serves one client after the other; `tell` hears how each ended. Returns
/// only with an error.
///
/// # Errors
/// The address cannot be listened at.
pub fn listen(address: &Address, options: &Options, tell: &mut dyn FnMut(&str)) -> Result<()> {
    refuse_lossy(address)?;
    let listener = Listener::open_with(&address.to_string(), options)?;
    tell(&format!("listening at {address}; measure with `crosstie bench {address} --connect` (Ctrl-C ends)"));
    loop {
        let ends: Ends<[u8], [u8]> = listener.accept()?;
        match serve(ends) {
            Ok(()) => tell("a client is done"),
            Err(fault) => tell(&format!("a client ended: {fault}")),
        }
    }
}

fn refuse_lossy(address: &Address) -> Result<()> {
    if matches!(address.place(), Place::Tcp(_) | Place::Unix(_) | Place::UnixPacket(_)) {
        return Ok(());
    }
    Err(Error::new("measure", address.to_string(), ErrorKind::Unsupported)
        .because("only connections in both directions that lose nothing are measured against a listener")
        .advise("take tcp:, unix: or unixpacket:"))
}

fn exchange((sender, receiver): Ends<[u8], [u8]>, payload_bytes: usize) -> Result<Connection> {
    Ok(Exchange {
        outbound: AddressSender::new(sender),
        inbound: AddressReceiver::lossless(receiver),
        payloads: Payloads::new(payload_bytes, SEED)?,
        sequence: 0,
    })
}

/// Serves a client until it ends.
fn serve(ends: Ends<[u8], [u8]>) -> Result<(), Fault> {
    let mut connection = exchange(ends, crate::engine::payload::PAYLOAD_BYTES_MIN)?;
    loop {
        let request: Request = match connection.inbound.receive(read_json) {
            Ok(request) => request?,
            Err(fault) if fault.kind() == ErrorKind::Closed => return Ok(()),
            Err(fault) => return Err(fault),
        };
        if request.schema != SCHEMA {
            return Err(unreadable(&format!("the client speaks {}, this is {SCHEMA}", request.schema)));
        }
        connection.payloads = Payloads::new(request.payload_bytes, SEED)?;
        connection.sequence = 0;
        send_json(&mut connection.outbound, &Answer::default())?;
        let answer = match request.command {
            Command::RoundTrips { count, .. } => time_whole(&mut || connection.answer(count), count),
            Command::OneWay { count, burden } => time_arrivals(&mut connection, count, burden),
        }?;
        send_json(&mut connection.outbound, &answer)?;
    }
}

/// The measuring side of a connection.
struct Client {
    connection: Connection,
    payload_bytes: usize,
}

impl Client {
    fn perform(&mut self, command: Command) -> Result<Answers, Fault> {
        let connection = &mut self.connection;
        let request = Request { schema: SCHEMA.to_owned(), payload_bytes: self.payload_bytes, command };
        send_json(&mut connection.outbound, &request)?;
        let _ready: Answer = connection.inbound.receive(read_json)??;
        connection.sequence = 0;
        let client = match command {
            Command::RoundTrips { count, interval_ns } => time_round_trips(connection, count, interval_ns),
            Command::OneWay { count, burden } => time_whole(&mut || connection.produce(count, burden), count),
        }?;
        let server: Answer = connection.inbound.receive(read_json)??;
        Ok(Answers { client, server })
    }
}

impl Phases for Client {
    fn round_trips(&mut self, count: u64) -> Result<Answers> {
        self.perform(Command::RoundTrips { count, interval_ns: None }).map_err(|fault| *fault)
    }

    fn one_way(&mut self, count: u64) -> Result<Answers> {
        self.perform(Command::OneWay { count, burden: Burden::None }).map_err(|fault| *fault)
    }

    fn syscalls_per_message(&mut self, _count: u64) -> Result<Option<f64>> {
        Ok(None)
    }

    fn syscalls_per_round_trip(&mut self, _count: u64) -> Result<Option<f64>> {
        Ok(None)
    }
}

fn send_json(outbound: &mut impl Outbound, what: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_vec(what).map_err(|error| unreadable(&error.to_string()))?;
    outbound.send(&text)
}

fn read_json<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> Fault {
    Box::new(
        Error::new("measure", "the other side", ErrorKind::Mismatch)
            .because(why)
            .advise("start `crosstie bench ADDR --listen` of the same version there"),
    )
}
