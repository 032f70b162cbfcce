//! From an address to the mechanism behind it.

use std::os::fd::OwnedFd;

use super::address::{Address, Place};
use super::mechanism::{RecvEnd, SendEnd};
use super::message::Message;
use super::options::Options;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::channel::queue::{QueueOptions, QueueReceiver, QueueSender, options::CREDIT};
use crate::channel::ring::{RingOptions, RingReceiver, RingSender, Senders};
use crate::channel::topic::{TopicOptions, TopicReceiver, TopicSender};
use crate::contract::{MESSAGE_BYTES_MAX, ReceiveMessages, SendMessages};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Domain;
use crate::os::inherited;
use crate::os::unix::UnixName;
use crate::transport;

/// A pipe as its two ends, for two threads, or for a parent and a child that it spawns.
///
/// # Errors
/// When no descriptor is left.
///
/// # Examples
/// ```
/// let (mut tx, mut rx) = crosstie::pair::<str>()?;
/// tx.send("hello")?;
/// assert_eq!(rx.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pair<T: Message + ?Sized>() -> Result<(Sender<T>, Receiver<T>)> {
    let (sender, receiver) = transport::pipe::pair(&transport::Options::default())?;
    let (sender, receiver) = (kernel_sender(sender), kernel_receiver(receiver));
    Ok((Sender::from_end(sender, "pipe"), Receiver::from_end(receiver, "pipe")))
}

pub(super) fn kernel_sender(end: impl SendMessages + 'static) -> SendEnd {
    SendEnd::Kernel(Box::new(end))
}

pub(super) fn kernel_receiver(end: impl ReceiveMessages + 'static) -> RecvEnd {
    RecvEnd::Kernel(Box::new(end))
}

pub(super) fn sender(address: &Address, options: &Options) -> Result<SendEnd> {
    let options = address.overrides.over(options);
    let kernel = kernel_options(&options);
    Ok(match address.place() {
        Place::Pipe => return Err(pair_only(address)),
        Place::Tcp(place) | Place::Udp(place) if place.port == 0 => return Err(no_port(address)),
        Place::Fifo(path) => kernel_sender(transport::fifo::sender(path, &kernel)?),
        Place::Unix(name) => kernel_sender(transport::unix::sender(&unix_name(name), &kernel)?),
        Place::UnixPacket(name) => kernel_sender(transport::unixpacket::sender(&unix_name(name), &kernel)?),
        Place::Tcp(place) => kernel_sender(transport::tcp::sender(&place.to_string(), &kernel)?),
        Place::Udp(place) => kernel_sender(transport::udp::sender(&place.to_string(), &kernel)?),
        Place::Descriptor(number) => {
            kernel_sender(transport::descriptor::sender_as(inherit(*number)?, address.to_string(), &kernel)?)
        }
        Place::Standard => {
            let output = own(address, inherited::duplicate(1))?;
            kernel_sender(transport::descriptor::sender_as(output, address.to_string(), &kernel)?)
        }
        Place::Ring(name) => {
            let (domain, ring) = (domain(&options)?, ring_options(&options));
            SendEnd::Ring(match options.senders {
                Senders::One => RingSender::open(domain, name, &ring)?,
                Senders::Turns => RingSender::open_in_turn(domain, name, &ring, options.open_deadline)?,
            })
        }
        Place::Queue(name) => {
            SendEnd::Queue(Box::new(QueueSender::open(domain(&options)?, name, &queue_options(&options))?))
        }
        Place::Topic(name) => {
            SendEnd::Topic(Box::new(TopicSender::open(domain(&options)?, name, &topic_options(&options))?))
        }
    })
}

pub(super) fn receiver(address: &Address, options: &Options) -> Result<RecvEnd> {
    let options = address.overrides.over(options);
    let kernel = kernel_options(&options);
    Ok(match address.place() {
        Place::Pipe => return Err(pair_only(address)),
        Place::Fifo(path) => kernel_receiver(transport::fifo::receiver(path, &kernel)?),
        Place::Unix(name) => kernel_receiver(transport::unix::receiver(&unix_name(name), &kernel)?),
        Place::UnixPacket(name) => {
            kernel_receiver(transport::unixpacket::receiver(&unix_name(name), &kernel)?)
        }
        Place::Tcp(place) => kernel_receiver(transport::tcp::receiver(&place.to_string(), &kernel)?),
        Place::Udp(place) => kernel_receiver(transport::udp::receiver(&place.to_string(), &kernel)?),
        Place::Descriptor(number) => kernel_receiver(transport::descriptor::receiver_as(
            inherit(*number)?,
            address.to_string(),
            &kernel,
        )?),
        Place::Standard => {
            let input = own(address, inherited::duplicate(0))?;
            kernel_receiver(transport::descriptor::receiver_as(input, address.to_string(), &kernel)?)
        }
        Place::Ring(name) => {
            RecvEnd::Ring(RingReceiver::open(domain(&options)?, name, &ring_options(&options))?)
        }
        Place::Queue(name) => {
            RecvEnd::Queue(Box::new(QueueReceiver::open(domain(&options)?, name, &queue_options(&options))?))
        }
        Place::Topic(name) => {
            RecvEnd::Topic(Box::new(TopicReceiver::open(domain(&options)?, name, &topic_options(&options))?))
        }
    })
}

pub(super) fn kernel_options(options: &Options) -> transport::Options {
    transport::Options { message_bytes_max: options.message_bytes_max, deadline: options.open_deadline }
}

fn ring_options(options: &Options) -> RingOptions {
    RingOptions {
        capacity_bytes: options.capacity_bytes,
        message_bytes_max: options.message_bytes_max,
        wait: options.wait,
    }
}

pub(super) fn queue_options(options: &Options) -> QueueOptions {
    QueueOptions {
        places: options.places,
        capacity_bytes: options.capacity_bytes,
        deliveries_max: options.deliveries_max,
        lease: options.lease,
        message_bytes_max: options.message_bytes_max,
        full: options.full,
        credit: options.credit.unwrap_or(CREDIT),
        wait: options.wait,
    }
}

fn topic_options(options: &Options) -> TopicOptions {
    TopicOptions {
        mode: options.mode,
        places: options.places,
        // The general limit asks for nothing: a topic has room for its longest message in every place.
        message_bytes_max: Some(options.message_bytes_max).filter(|&bytes| bytes != MESSAGE_BYTES_MAX),
        start: options.start.unwrap_or_default(),
        wait: options.wait,
    }
}

pub(super) fn domain(options: &Options) -> Result<&'static Domain> {
    match &options.domain {
        Some(path) => Domain::open(path),
        None => Domain::open_default(),
    }
}

pub(super) fn unix_name(name: &str) -> UnixName {
    match name.strip_prefix('@') {
        Some(name) => UnixName::Abstract(name.into()),
        None => UnixName::Path(name.into()),
    }
}

pub(super) fn inherit(number: i32) -> Result<OwnedFd> {
    inherited::duplicate(number).map_err(|error| {
        Error::os("open", format!("fd:{number}"), error)
            .of_kind(ErrorKind::NotFound)
            .advise("the parent must leave the descriptor open, as the shell does with 3>file")
    })
}

fn own(address: &Address, fd: std::io::Result<OwnedFd>) -> Result<OwnedFd> {
    fd.map_err(|error| {
        Error::os("open", address.to_string(), error)
            .advise("open it, as the shell does with <file and >file")
    })
}

fn no_port(address: &Address) -> Error {
    Error::new("open", address.to_string(), ErrorKind::Usage)
        .because("port 0 lets the kernel choose, for a receiver")
        .advise("write the port that the receiver says it listens on")
}

fn pair_only(address: &Address) -> Error {
    Error::new("open", address.to_string(), ErrorKind::Usage)
        .because("a pipe has no name that another process could open")
        .advise("make it as a pair (crosstie::pair), in a shell write a | b with the address -, or take fifo:/path")
}
