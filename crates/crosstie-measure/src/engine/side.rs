//! What runs in a side: open the lane, then do what each line of standard input says.

use std::path::Path;

use crosstie::os::{affinity, parent};
use crosstie::{Error, ErrorKind, Result};

use super::calls::{Answerer, Caller};
use super::exchange::{Exchange, Fault, Play, time_arrivals, time_round_trips, time_whole};
use super::hand_over::HandOver;
use super::in_place::InPlace;
use super::lane::{self, RingIn, RingOut};
use super::payload::Payloads;
use super::queue;
use super::spec::{Answer, Command, Lane, Role, SideSpec, Wait};
use super::topic;
use super::worker::{Conversation, unreadable};
use crate::floor::bare_loop::open as bare_loop;
use crate::floor::bare_ring::{BareReceiver, BareSender, Cut, Direction};
use crate::floor::cache_line::CacheLine;
use crate::floor::futex_wake::FutexWake;
use crate::floor::lines::SharedLines;

/// Opens a side's ends of a [`Lane::Foreign`], of this name and with this folder.
pub type OpenForeign = fn(&SideSpec, &str, &Path) -> Result<Box<dyn Play>>;

/// What an executable answers that knows no foreign lane.
///
/// # Errors
/// Always.
pub fn no_foreign(_: &SideSpec, way: &str, _: &Path) -> Result<Box<dyn Play>> {
    Err(Error::new("open a lane", way, ErrorKind::Unsupported).because("this executable does not know it"))
}

/// Runs the side that `spec` describes until the measuring process hangs up.
///
/// # Errors
/// The specification cannot be read, or the measuring process is gone: nobody is left to answer to.
pub fn run(spec: &str, foreign: OpenForeign) -> Result<()> {
    let spec: SideSpec = serde_json::from_str(spec)
        .map_err(|error| unreadable("a side's specification", &error.to_string()))?;
    let mut parent = Conversation::on_standard_error()?;
    let mut play = match prepare(&spec, foreign) {
        Ok(play) => {
            parent.answer(&Answer::default())?;
            play
        }
        Err(error) => return parent.answer(&failed(&error)),
    };
    while let Some(command) = parent.next_command()? {
        match perform(play.as_mut(), spec.role, command) {
            Ok(answer) => parent.answer(&answer)?,
            Err(fault) => return parent.answer(&failed(&fault)),
        }
    }
    Ok(())
}

fn prepare(spec: &SideSpec, foreign: OpenForeign) -> Result<Box<dyn Play>> {
    let refused = |error| Error::os("start a side", "this process", error);
    parent::end_with_parent(spec.parent).map_err(refused)?;
    if let Some(processor) = spec.processor {
        affinity::pin_thread(processor).map_err(refused)?;
    }
    let payloads = || Payloads::new(spec.payload_bytes, spec.seed);
    let (there, back) = (Direction::There, Direction::Back);
    Ok(match &spec.lane {
        Lane::Crosstie { link, wait, domain: Some(domain), capacity_bytes } => {
            let room = (*capacity_bytes, spec.payload_bytes);
            let (sender, receiver) = lane::rings(link.ends(spec.role), domain.clone(), *wait, room)?;
            let outbound = RingOut::new(sender);
            let inbound = RingIn::new(receiver, spec.payload_bytes);
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::HandOver { link, domain, capacity_bytes } => {
            let room = (Some(*capacity_bytes), spec.payload_bytes);
            let ends = lane::rings(link.ends(spec.role), domain.clone(), Wait::Spin, room)?;
            Box::new(HandOver::new(ends, spec.payload_bytes))
        }
        Lane::InPlace { link, domain, capacity_bytes } => {
            let room = (Some(*capacity_bytes), spec.payload_bytes);
            let (sender, receiver) = lane::rings(link.ends(spec.role), domain.clone(), Wait::Spin, room)?;
            let (outbound, inbound) = (RingOut::new(sender), InPlace::new(receiver));
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::Queue { domain, wait, places } => {
            let (outbound, inbound) = queue::ends(spec.role, domain, (*wait, *places), spec.payload_bytes)?;
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::Topic { domain, wait, places } => {
            let (outbound, inbound) = topic::ends(spec.role, domain, (*wait, *places), spec.payload_bytes)?;
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::Calls { address, domain, wait } => {
            let options = lane::options_of_calls(domain.clone(), *wait, spec.payload_bytes);
            match spec.role {
                Role::Client => Box::new(Caller::new(address, options, payloads()?)),
                Role::Server => Box::new(Answerer::open(address, &options, payloads()?)?),
            }
        }
        Lane::Foreign { way, folder } => foreign(spec, way, folder)?,
        Lane::Crosstie { link, domain: None, .. } => {
            let (outbound, inbound) = lane::open(link.ends(spec.role), &lane::options(spec.payload_bytes))?;
            Box::new(Exchange { outbound, inbound, payloads: payloads()?, sequence: 0 })
        }
        Lane::BareLoop { link } => bare_loop::open(link, spec.role, payloads()?)?,
        Lane::CacheLine { path } => Box::new(CacheLine::new(SharedLines::open(Path::new(path))?)),
        Lane::FutexWake { path } => Box::new(FutexWake::new(SharedLines::open(Path::new(path))?)),
        Lane::BareRing { path, capacity_bytes } => {
            let cut = Cut::of(*capacity_bytes, spec.payload_bytes);
            let (out, r#in) = if spec.role == Role::Client { (there, back) } else { (back, there) };
            let path = Path::new(path);
            Box::new(Exchange {
                outbound: BareSender::new(SharedLines::open(path)?, cut, out)?,
                inbound: BareReceiver::new(SharedLines::open(path)?, cut, r#in)?,
                payloads: payloads()?,
                sequence: 0,
            })
        }
    })
}

/// What a side of this role does at a command.
///
/// # Errors
/// As [`Play::ask`].
pub fn perform(play: &mut dyn Play, role: Role, command: Command) -> std::result::Result<Answer, Fault> {
    match (command, role) {
        (Command::RoundTrips { count, interval_ns }, Role::Client) => {
            time_round_trips(play, count, interval_ns)
        }
        (Command::RoundTrips { count, .. }, Role::Server) => time_whole(&mut || play.answer(count), count),
        (Command::OneWay { count, burden }, Role::Client) => {
            time_whole(&mut || play.produce(count, burden), count)
        }
        (Command::OneWay { count, burden }, Role::Server) => time_arrivals(play, count, burden),
    }
}

fn failed(error: &Error) -> Answer {
    Answer { failure: Some((error.kind().id().to_owned(), error.to_string())), ..Answer::default() }
}
