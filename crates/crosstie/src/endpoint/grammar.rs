//! Reads an [`Address`] from text, and says which part of a wrong one is wrong.

use super::address::{Address, HostPort, Place};
use super::options::{FULL_WORDS, MODE_WORDS, Overrides, SENDERS_WORDS, WAIT_WORDS};
use super::{size, suggest};
use crate::channel::topic::Start;
use crate::error::{Error, ErrorKind, Result};
use crate::os::name;
use std::time::Duration;

/// The mechanisms that an address can name now, in the order of the help.
const MECHANISMS: [&str; 10] =
    ["ring", "queue", "topic", "unix", "unixpacket", "fifo", "tcp", "udp", "fd", "pipe"];

/// What people call a mechanism elsewhere, and its name here.
const OTHER_NAMES: [(&str, &str); 15] = [
    ("shm", "ring"),
    ("shmem", "ring"),
    ("memory", "ring"),
    ("uds", "unix"),
    ("local", "unix"),
    ("ipc", "unix"),
    ("seqpacket", "unixpacket"),
    ("mkfifo", "fifo"),
    ("named-pipe", "fifo"),
    ("tcp4", "tcp"),
    ("tcp6", "tcp"),
    ("file", "fifo"),
    ("pubsub", "topic"),
    ("pub", "topic"),
    ("sub", "topic"),
];

/// Reads one address.
pub(super) fn read(text: &str) -> Result<Address> {
    Reader { text }.address()
}

/// Reads one address; knows the whole text, so that every error can show it.
struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn wrong(&self, cause: impl Into<String>, advice: impl Into<String>) -> Error {
        Error::new("read address", format!("{:?}", self.text), ErrorKind::Usage).because(cause).advise(advice)
    }

    fn address(&self) -> Result<Address> {
        let (place, options) = match self.text.split_once('?') {
            Some((place, options)) => (place, Some(options)),
            None => (self.text, None),
        };
        if let Some(control) = place.chars().find(|c| c.is_control()) {
            return Err(self.wrong(format!("it contains the control character {control:?}"), "leave it out"));
        }
        let place = self.place(place)?;
        let overrides = match options {
            Some(options) => self.options(&place, options)?,
            None => Overrides::default(),
        };
        Ok(Address { place, overrides })
    }

    fn place(&self, place: &'a str) -> Result<Place> {
        if place == "-" {
            return Ok(Place::Standard);
        }
        let Some((mechanism, rest)) = place.split_once(':') else {
            return self.without_mechanism(place);
        };
        match mechanism {
            "pipe" if rest.is_empty() => Ok(Place::Pipe),
            "pipe" => Err(self.wrong(
                format!("a pipe has no name, but {rest:?} follows pipe:"),
                format!("for a pipe with a name take fifo:{rest}"),
            )),
            "fifo" => Ok(Place::Fifo(self.path(mechanism, rest)?.into())),
            "unix" => Ok(Place::Unix(self.socket(mechanism, rest)?)),
            "unixpacket" => Ok(Place::UnixPacket(self.socket(mechanism, rest)?)),
            "ring" => Ok(Place::Ring(self.name(rest)?)),
            "queue" => Ok(Place::Queue(self.name(rest)?)),
            "topic" => Ok(Place::Topic(self.name(rest)?)),
            "tcp" => Ok(Place::Tcp(self.host_port(mechanism, rest)?)),
            "udp" => Ok(Place::Udp(self.host_port(mechanism, rest)?)),
            "fd" => self.descriptor(rest),
            _ => Err(self.unknown(mechanism, rest)),
        }
    }

    fn without_mechanism(&self, place: &str) -> Result<Place> {
        if place.is_empty() {
            return Err(self.wrong(
                "it is empty",
                "write for example ring:jobs, unix:/run/x.sock or tcp:127.0.0.1:9000",
            ));
        }
        if place.contains('/') {
            return Err(self.wrong(
                "a path alone does not say by which mechanism",
                format!("did you mean unix:{place} or fifo:{place}?"),
            ));
        }
        if MECHANISMS.contains(&place) {
            return Err(
                self.wrong(format!("the colon after {place} is missing"), format!("did you mean {place}:…?"))
            );
        }
        self.name(place).map(Place::Queue)
    }

    fn unknown(&self, mechanism: &str, rest: &str) -> Error {
        let lower = mechanism.to_ascii_lowercase();
        if lower == "posix" {
            return self.wrong(
                "posix: is a semaphore, over which nothing is sent",
                format!("did you mean crosstie post posix:{rest}, or wait posix:{rest}?"),
            );
        }
        let other = OTHER_NAMES.iter().find(|(theirs, _)| *theirs == lower).map(|&(_, ours)| ours);
        let advice = match other.or_else(|| suggest::near(&lower, &MECHANISMS)) {
            Some(name) => format!("did you mean {name}:{rest}?"),
            None if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) => {
                format!("did you mean tcp:{mechanism}:{rest}?")
            }
            None => format!("the mechanisms are {}", MECHANISMS.map(|name| format!("{name}:")).join(" ")),
        };
        self.wrong(format!("there is no mechanism {:?}", format!("{mechanism}:")), advice)
    }

    fn path(&self, mechanism: &str, rest: &str) -> Result<String> {
        if rest.is_empty() {
            return Err(self.wrong(
                format!("the path after {mechanism}: is missing"),
                format!("write for example {mechanism}:/tmp/x"),
            ));
        }
        Ok(rest.to_owned())
    }

    fn socket(&self, mechanism: &str, rest: &str) -> Result<String> {
        if rest == "@" {
            return Err(
                self.wrong("the name after @ is missing", format!("write for example {mechanism}:@jobs"))
            );
        }
        self.path(mechanism, rest)
    }

    fn name(&self, name: &str) -> Result<String> {
        match name::check(name) {
            Ok(()) => Ok(name.to_owned()),
            Err(error) => {
                Err(self.wrong(error.to_string(), "a name has 1 to 200 of the characters A-Z a-z 0-9 . _ -"))
            }
        }
    }

    fn host_port(&self, mechanism: &str, rest: &str) -> Result<HostPort> {
        let example = format!("write for example {mechanism}:127.0.0.1:9000 or {mechanism}:[::1]:9000");
        if let Some(rest) = rest.strip_prefix("//") {
            return Err(self.wrong("an address is no URL", format!("did you mean {mechanism}:{rest}?")));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let Some((host, port)) = bracketed.split_once(']') else {
                    return Err(self.wrong("the closing bracket ] of the host is missing", example));
                };
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(self.wrong(format!("{host:?} in brackets is no IPv6 address"), example));
                }
                (host, port.strip_prefix(':'))
            }
            None => match rest.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty() {
            return Err(self.wrong(
                "the host is empty",
                format!("write {mechanism}:127.0.0.1:PORT for this machine, {mechanism}:0.0.0.0:PORT to listen on every network"),
            ));
        }
        if host.contains(':') && !rest.starts_with('[') {
            return Err(self.wrong("an IPv6 address stands in brackets", example));
        }
        if let Some(wrong) = host.chars().find(|c| c.is_whitespace() || "/@[]".contains(*c)) {
            return Err(self.wrong(format!("{wrong:?} cannot be in a host's name"), example));
        }
        let Some(port) = port else {
            return Err(self.wrong("the port is missing", example));
        };
        if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.wrong(format!("the port {port:?} is no number"), example));
        }
        let port = port.parse().map_err(|_| {
            self.wrong(format!("the port {port} is out of range"), "ports go from 0 to 65535")
        })?;
        Ok(HostPort { host: host.to_owned(), port })
    }

    fn descriptor(&self, rest: &str) -> Result<Place> {
        let plain = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
        match rest.parse::<i32>() {
            Ok(number) if plain => Ok(Place::Descriptor(number)),
            _ => Err(self.wrong(
                format!("{rest:?} is no descriptor's number"),
                "write the number that the parent left open, as in fd:3",
            )),
        }
    }

    fn options(&self, place: &Place, options: &str) -> Result<Overrides> {
        let mut overrides = Overrides::default();
        for option in options.split('&') {
            let (key, value) = option.split_once('=').ok_or_else(|| {
                self.wrong(
                    format!("the option {option:?} has no value"),
                    "options are written key=value, joined by &",
                )
            })?;
            self.check_option(place, key)?;
            if self.option(&mut overrides, key, value)? {
                return Err(self.wrong(format!("the option {key} is given twice"), "give it once"));
            }
        }
        Ok(overrides)
    }

    /// Whether the mechanism has the option.
    fn check_option(&self, place: &Place, key: &str) -> Result<()> {
        let has_it = match key {
            "max" => true,
            "wait" => matches!(place, Place::Ring(_) | Place::Queue(_) | Place::Topic(_)),
            "capacity" => matches!(place, Place::Ring(_) | Place::Queue(_)),
            "senders" => matches!(place, Place::Ring(_)),
            "places" => matches!(place, Place::Queue(_) | Place::Topic(_)),
            "deliveries" | "lease" | "full" | "credit" => matches!(place, Place::Queue(_)),
            "mode" | "from" => matches!(place, Place::Topic(_)),
            _ => return Err(self.unknown_option(key)),
        };
        if has_it {
            return Ok(());
        }
        let of = match key {
            "wait" => "ring:, queue: and topic:",
            "capacity" => "ring: and queue:",
            "places" => "queue: and topic:",
            "mode" | "from" => "topic:",
            "senders" => "ring:",
            _ => "queue:",
        };
        Err(self.wrong(format!("{key} is an option of {of} only"), "leave it out"))
    }

    /// Reads one option; answers whether it was given before.
    fn option(&self, overrides: &mut Overrides, key: &str, value: &str) -> Result<bool> {
        let bytes = || size::parse(value).map_err(|error| self.wrong(format!("{key}: {error}"), ""));
        Ok(match key {
            "max" => overrides.message_bytes_max.replace(bytes()?).is_some(),
            "capacity" => overrides.capacity_bytes.replace(bytes()?).is_some(),
            "places" => overrides.places.replace(self.number(key, value)?).is_some(),
            "deliveries" => overrides.deliveries_max.replace(self.number(key, value)?).is_some(),
            "credit" => overrides.credit.replace(self.number(key, value)?).is_some(),
            "lease" => overrides.lease.replace(self.lease(value)?).is_some(),
            "wait" => overrides.wait.replace(self.word(key, value, &WAIT_WORDS)?).is_some(),
            "senders" => overrides.senders.replace(self.word(key, value, &SENDERS_WORDS)?).is_some(),
            "mode" => overrides.mode.replace(self.word(key, value, &MODE_WORDS)?).is_some(),
            "from" => overrides.start.replace(self.start(value)?).is_some(),
            "full" => overrides.full.replace(self.word(key, value, &FULL_WORDS)?).is_some(),
            _ => return Err(self.unknown_option(key)),
        })
    }

    fn number<N: std::str::FromStr>(&self, key: &str, value: &str) -> Result<N> {
        let is_plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        value.parse().ok().filter(|_| is_plain).ok_or_else(|| {
            self.wrong(
                format!("{key}: {value:?} is no number, or too large"),
                format!("write for example {key}=3"),
            )
        })
    }

    fn start(&self, value: &str) -> Result<Start> {
        Start::from_word(value).ok_or_else(|| {
            self.wrong(
                format!("from: {value:?} is no place to begin"),
                "from is oldest, newest, a number, or last:N for the last N",
            )
        })
    }

    fn lease(&self, value: &str) -> Result<Duration> {
        let (number, unit_ms) = match value.strip_suffix("ms") {
            Some(number) => (number, 1),
            None => (value.strip_suffix('s').unwrap_or(value), 1000),
        };
        let ms = self.number::<u64>("lease", number)?.checked_mul(unit_ms);
        ms.map(Duration::from_millis).ok_or_else(|| {
            self.wrong(format!("lease: {value:?} is too large"), "write for example lease=30s")
        })
    }

    fn word<T: Copy>(&self, key: &str, value: &str, words: &[(&str, T)]) -> Result<T> {
        let found = words.iter().find(|(word, _)| *word == value);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format!("{value:?} is no way for {key}"), format!("{key} is {}", known.join(", ")))
        })
    }

    fn unknown_option(&self, key: &str) -> Error {
        let known = [
            "max",
            "capacity",
            "wait",
            "senders",
            "places",
            "deliveries",
            "lease",
            "full",
            "credit",
            "mode",
            "from",
        ];
        let advice = match suggest::near(key, &known) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("the options are {}; a path with a ? cannot be in an address", known.join(", ")),
        };
        self.wrong(format!("there is no option {key:?}"), advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> String {
        match read(text) {
            Ok(address) => panic!("{text} was taken for {address:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Usage);
                error.to_string()
            }
        }
    }

    #[test]
    fn every_mechanism_has_its_address() {
        for text in [
            "-",
            "pipe:",
            "fd:3",
            "fifo:/tmp/p",
            "fifo:here",
            "unix:/run/x.sock",
            "unix:@jobs",
            "unixpacket:/x",
            "ring:jobs.v1-2_3",
            "tcp:localhost:9000",
            "tcp:[::1]:9000",
            "udp:127.0.0.1:0",
            "ring:a?capacity=1MiB",
            "ring:a?capacity=1MiB&max=1000&senders=turns&wait=spin",
            "tcp:h:1?max=64KiB",
            "queue:jobs",
            "queue:a?capacity=1MiB&credit=4&deliveries=5&full=drop&lease=30000ms&max=1000&places=64&wait=block",
            "topic:ticks",
            "topic:a?from=last:3&max=48&mode=lossy&places=64&wait=spin",
            "topic:a?from=oldest&mode=latest",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("jobs").unwrap(), read("queue:jobs").unwrap());
        assert_eq!(read("jobs?lease=30s").unwrap(), read("queue:jobs?lease=30000ms").unwrap());
    }

    #[test]
    fn an_error_says_which_part_is_wrong_and_what_was_meant() {
        for (text, cause) in [
            ("", "it is empty"),
            ("job s", "' ' is not allowed"),
            ("queue", "the colon after queue is missing"),
            ("queue:", "the name is empty"),
            ("topic:a?from=first", "from is oldest, newest, a number, or last:N"),
            ("topic:a?mode=fast", "mode is lossless, lossy, latest"),
            ("topic:a?credit=1", "an option of queue: only"),
            ("queue:a?mode=lossy", "an option of topic: only"),
            ("pubsub:a", "did you mean topic:a?"),
            ("unxi:/run/x", "did you mean unix:/run/x?"),
            ("UNIX:/run/x", "did you mean unix:/run/x?"),
            ("shm:jobs", "did you mean ring:jobs?"),
            ("tpc:h:1", "did you mean tcp:h:1?"),
            ("/run/x.sock", "did you mean unix:/run/x.sock or fifo:/run/x.sock?"),
            ("127.0.0.1:9000", "did you mean tcp:127.0.0.1:9000?"),
            ("localhost:9000", "did you mean tcp:localhost:9000?"),
            ("ring", "the colon after ring is missing"),
            ("ring:", "the name is empty"),
            ("ring:a/b", "'/' is not allowed"),
            ("ring:..", "directory"),
            ("ring:Ä", "'Ä' is not allowed"),
            ("fifo:", "the path after fifo: is missing"),
            ("unix:@", "the name after @ is missing"),
            ("pipe:x", "take fifo:x"),
            ("fd:three", "no descriptor's number"),
            ("fd:-1", "no descriptor's number"),
            ("tcp:9000", "the port is missing"),
            ("tcp::9000", "the host is empty"),
            ("tcp:h:", "the port \"\" is no number"),
            ("tcp:h:http", "the port \"http\" is no number"),
            ("tcp:h:65536", "the port 65536 is out of range"),
            ("tcp:::1:9000", "stands in brackets"),
            ("tcp:[::1:9000", "closing bracket"),
            ("tcp:[::1]", "the port is missing"),
            ("tcp:[h]:1", "no IPv6 address"),
            ("tcp://h:1", "did you mean tcp:h:1?"),
            ("udp:a b:1", "' ' cannot be in a host's name"),
            ("ring:a?max", "has no value"),
            ("ring:a?max=many", "max: read size"),
            ("ring:a?capcity=1", "did you mean capacity?"),
            ("ring:a?foo=1", "the options are max, "),
            ("foo:a", "the mechanisms are ring: "),
            ("ring:a?wait=sleep", "wait is block, spin, adaptive"),
            ("ring:a?senders=many", "senders is one, turns"),
            ("queue:a?senders=turns", "an option of ring: only"),
            ("queue:a?full=overwrite", "full is block, error, drop"),
            ("queue:a?places=many", "is no number"),
            ("queue:a?deliveries=256", "too large"),
            ("queue:a?lease=-1s", "is no number"),
            ("ring:a?places=4", "an option of queue: and topic: only"),
            ("ring:a?max=1&max=2", "given twice"),
            ("tcp:h:1?capacity=1", "an option of ring: and queue: only"),
            ("fifo:/p?x", "has no value"),
            ("unix:/a\nb", "control character"),
        ] {
            let said = said(text);
            assert!(said.contains(cause), "{text:?} says {said:?}, not {cause:?}");
        }
        assert!(said(&format!("ring:{}", "x".repeat(201))).contains("201 bytes"));
        assert!(read(&format!("ring:{}", "x".repeat(200))).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_displayed_is_read_back(
            text in "(ring|queue|topic|unix|unixpacket|fifo|tcp|udp|fd|pipe|-)?:?(@|/|\\[::1\\]:)?[a-z0-9.:/_-]{0,12}(\\?(max|capacity)=[0-9]{1,5}[KMk]?(&wait=spin)?)?"
        ) {
            if let Ok(address) = read(&text) {
                prop_assert_eq!(read(&address.to_string()).unwrap(), address);
            }
        }
    }
}
