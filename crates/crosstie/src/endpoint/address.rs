//! [`Address`]: where a message goes or comes from, the same words in every language.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::open;
use super::options::{Options, Overrides};
use crate::channel::queue::QueueOptions;
use crate::channel::ring::Senders;
use crate::error::{Error, Result};
use crate::ledger::Domain;

/// The mechanism and the place on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// `pipe:`, a connected pair, for parent and child: made by [`crate::endpoint::pair`].
    Pipe,
    /// `fifo:/path`, a named pipe.
    Fifo(PathBuf),
    /// `unix:/path` or `unix:@name` (abstract: no file), a stream socket.
    Unix(String),
    /// `unixpacket:/path` or `unixpacket:@name`, a socket that keeps packets apart.
    UnixPacket(String),
    /// `ring:NAME`, shared memory, one sender to one receiver.
    Ring(String),
    /// `queue:NAME`, or the bare name: shared memory, many to many, each message to one.
    Queue(String),
    /// `topic:NAME`, shared memory, many to many, each message to all.
    Topic(String),
    /// `tcp:host:port`.
    Tcp(HostPort),
    /// `udp:host:port`.
    Udp(HostPort),
    /// `fd:3`, a descriptor that this process inherited.
    Descriptor(i32),
    /// `-`, standard input or standard output.
    Standard,
}

/// A host and a port: `localhost:9000`, `127.0.0.1:9000`, `[::1]:9000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// 0 lets a receiver take any free port.
    pub port: u16,
}

/// A parsed address: a [`Place`], and the options that stood after its `?`.
///
/// Grammar: `fifo:/p` `unix:/p` `unix:@name` `unixpacket:/p` `ring:NAME` `queue:NAME` `topic:NAME`
/// `tcp:host:port` `udp:host:port` `fd:3` `-`, then perhaps `?max=64MiB&capacity=1MiB&wait=spin`;
/// of a ring also `senders=turns`: senders then wait for their turn, instead of being refused while another sends. An address has no
/// escapes: options begin at the first `?`. A bare `NAME` is `queue:NAME`.
///
/// # Examples
/// ```
/// use crosstie::endpoint::{Address, Place};
/// let address: Address = "ring:jobs?capacity=1MiB".parse()?;
/// assert_eq!(address.place(), &Place::Ring("jobs".into()));
/// assert_eq!(address.to_string(), "ring:jobs?capacity=1MiB");
///
/// let error = "unxi:/run/x.sock".parse::<Address>().unwrap_err();
/// assert!(error.to_string().contains("did you mean unix:/run/x.sock?"));
/// # Ok::<(), crosstie::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub(super) place: Place,
    pub(super) overrides: Overrides,
}

impl Address {
    /// The mechanism and the place on it.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The option `key` that stands after its `?`, in the words of an address; `None` if it is not given.
    ///
    /// # Examples
    /// ```
    /// let address: crosstie::endpoint::Address = "topic:ticks?mode=lossy".parse()?;
    /// assert_eq!(address.option("mode").as_deref(), Some("lossy"));
    /// assert_eq!(address.option("places"), None);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[must_use]
    pub fn option(&self, key: &str) -> Option<String> {
        self.options().find_map(|(given, value)| (given == key).then_some(value))
    }

    /// The options that stand after its `?`, each with its value in the words of an address, in the order of the alphabet.
    ///
    /// # Examples
    /// ```
    /// let address: crosstie::endpoint::Address = "queue:jobs?places=8&lease=2s".parse()?;
    /// let given: Vec<_> = address.options().collect();
    /// assert_eq!(given, [("lease", "2000ms".to_owned()), ("places", "8".to_owned())]);
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    pub fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.overrides.given()
    }

    /// The same options at another place.
    pub(crate) fn at(&self, place: Place) -> Self {
        Self { place, overrides: self.overrides }
    }

    /// The same address without the limit on messages that it may carry.
    pub(crate) fn without_limit(mut self) -> Self {
        self.overrides.message_bytes_max = None;
        self
    }

    /// Whether senders of a ring take turns.
    pub(crate) fn senders(&self, options: &Options) -> Senders {
        self.overrides.over(options).senders
    }

    /// The domain of an address in shared memory, and how an end of a queue is opened there.
    pub(crate) fn queue_options(&self, options: &Options) -> Result<(&'static Domain, QueueOptions)> {
        let options = self.overrides.over(options);
        Ok((open::domain(&options)?, open::queue_options(&options)))
    }

    /// The mechanism's name: `"ring"`, `"fifo"`, …; `"-"` for standard input and output.
    ///
    /// # Examples
    /// ```
    /// let address: crosstie::endpoint::Address = "tcp:[::1]:9000".parse()?;
    /// assert_eq!(address.mechanism(), "tcp");
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[must_use]
    pub fn mechanism(&self) -> &'static str {
        match &self.place {
            Place::Pipe => "pipe",
            Place::Fifo(_) => "fifo",
            Place::Unix(_) => "unix",
            Place::UnixPacket(_) => "unixpacket",
            Place::Ring(_) => "ring",
            Place::Queue(_) => "queue",
            Place::Topic(_) => "topic",
            Place::Tcp(_) => "tcp",
            Place::Udp(_) => "udp",
            Place::Descriptor(_) => "fd",
            Place::Standard => "-",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Standard => f.write_str("-")?,
            Place::Pipe => f.write_str("pipe:")?,
            Place::Fifo(path) => write!(f, "fifo:{}", path.display())?,
            Place::Unix(name)
            | Place::UnixPacket(name)
            | Place::Ring(name)
            | Place::Queue(name)
            | Place::Topic(name) => {
                write!(f, "{}:{name}", self.mechanism())?;
            }
            Place::Tcp(place) | Place::Udp(place) => write!(f, "{}:{place}", self.mechanism())?,
            Place::Descriptor(number) => write!(f, "fd:{number}")?,
        }
        self.overrides.fmt(f)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        super::grammar::read(text)
    }
}
