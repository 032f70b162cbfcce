//! iceoryx2: publish and subscribe in shared memory, messages lent in place.
//!
//! Driven as its own `benchmarks/publish-subscribe`: a service of `[u8]` for each direction with one publisher, one
//! subscriber and no history, `loan_slice_uninit`, `send`, and `receive` over and over until there is a sample.
//! Its benchmark has a buffer of one sample that overflows; messages that must not be lost need a buffer that does
//! not, and a publisher that tries until it has delivered, so these are here.
//!
//! `iceoryx2` copies each message out, as a receiver that keeps it must; `iceoryx2-lent` reads it where it lies.
#![deny(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use crosstie::Result;
use crosstie_measure::engine::exchange::{Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::spec::SideSpec;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use peers_side::{broken, exchange, refused, tag, until_there, ways};

const PEER: &str = "iceoryx2";
/// Samples that a subscriber has room for.
const BUFFER: usize = 64;

fn main() -> ExitCode {
    set_log_level(LogLevel::Fatal);
    peers_side::run(open)
}

fn open(spec: &SideSpec, way: &str, folder: &Path) -> Result<Box<dyn Play>> {
    let [to, from] = ways(spec.role);
    let node = node(folder).map_err(|error| refused(PEER, error))?;
    let ends = publisher(&node, to, spec.payload_bytes).and_then(|out| Ok((out, subscriber(&node, from)?)));
    let (publisher, subscriber) = ends.map_err(|error| refused(PEER, error))?;
    let outbound = Out { publisher, service: service(&node, to).map_err(|error| refused(PEER, error))? };
    until_there(|| if outbound.has_subscriber() { Ok(()) } else { Err("nobody subscribes") })
        .map_err(|error| refused(PEER, error))?;
    let inbound = In { subscriber, _node: node };
    if way.ends_with("-lent") {
        return exchange(spec, outbound, Lent { inbound });
    }
    exchange(spec, outbound, Copied { inbound, private: vec![0; spec.payload_bytes] })
}

type Failed = Box<dyn std::error::Error>;
type Service = iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [u8], ()>;

/// A node whose files are this run's own.
fn node(folder: &Path) -> std::result::Result<Node<ipc::Service>, Failed> {
    let mut config = Config::default();
    config.global.prefix = FileName::new(tag(folder).as_bytes())?;
    config.global.set_root_path(&iceoryx2::prelude::Path::new(folder.as_os_str().as_encoded_bytes())?);
    Ok(NodeBuilder::new().config(&config).create::<ipc::Service>()?)
}

fn service(node: &Node<ipc::Service>, name: &str) -> std::result::Result<Service, Failed> {
    let name = ServiceName::new(name)?;
    let service = || {
        node.service_builder(&name)
            .publish_subscribe::<[u8]>()
            .max_publishers(1)
            .max_subscribers(1)
            .history_size(0)
            .subscriber_max_buffer_size(BUFFER)
            .enable_safe_overflow(false)
            .open_or_create()
    };
    Ok(until_there(service)?)
}

fn publisher(
    node: &Node<ipc::Service>,
    name: &str,
    payload_bytes: usize,
) -> std::result::Result<Publisher<ipc::Service, [u8], ()>, Failed> {
    let publisher = service(node, name)?
        .publisher_builder()
        .initial_max_slice_len(payload_bytes)
        .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
        .create()?;
    Ok(publisher)
}

fn subscriber(
    node: &Node<ipc::Service>,
    name: &str,
) -> std::result::Result<Subscriber<ipc::Service, [u8], ()>, Failed> {
    Ok(service(node, name)?.subscriber_builder().create()?)
}

struct Out {
    publisher: Publisher<ipc::Service, [u8], ()>,
    service: Service,
}

impl Out {
    fn has_subscriber(&self) -> bool {
        self.service.dynamic_config().number_of_subscribers() > 0
    }
}

impl Outbound for Out {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        let sample = self.publisher.loan_slice_uninit(message.len()).map_err(|error| broken(PEER, error))?;
        let delivered = sample.write_from_slice(message).send().map_err(|error| broken(PEER, error))?;
        if delivered == 1 { Ok(()) } else { Err(broken(PEER, "nobody subscribes")) }
    }
}

struct In {
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    /// Its files are there as long as it is.
    _node: Node<ipc::Service>,
}

impl In {
    #[inline]
    fn receive<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        loop {
            match self.subscriber.receive() {
                Ok(Some(sample)) => return Ok(take(sample.payload())),
                Ok(None) => std::hint::spin_loop(),
                Err(error) => return Err(broken(PEER, error)),
            }
        }
    }
}

struct Copied {
    inbound: In,
    private: Vec<u8>,
}

impl Inbound for Copied {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let private = &mut self.private;
        let length = self.inbound.receive(|message| {
            let length = message.len().min(private.len());
            private[..length].copy_from_slice(&message[..length]);
            length
        })?;
        Ok(read(&self.private[..length]))
    }
}

struct Lent {
    inbound: In,
}

impl Inbound for Lent {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        self.inbound.receive(read)
    }
}
