//! docs/format.md says what is really written: each table's example is made anew and compared.

#[path = "format/objects.rs"]
mod objects;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::UdpSocket;
use std::time::Duration;

use crosstie::Deadline;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::channel::ring::{RingOptions, RingReceiver, RingSender};
use crosstie::channel::topic::{TopicOptions, TopicReceiver, TopicSender};
use crosstie::channel::unnamed::Unnamed;
use crosstie::contract::SendMessages as _;
use crosstie::ledger::Domain;
use crosstie::os::unix::{UnixKind, UnixName, accept, listen, pair};
use crosstie::os::{clock, fifo};
use crosstie::transport::{self, Options, descriptor, udp, unixpacket};
use crosstie_core::layout::header::layout_hash;
use crosstie_core::layout::ledger::{SLOTS, SLOTS_OFFSET};
use crosstie_core::word::slot::SLOT_BYTES;

const DOCUMENT: &str = include_str!("../../../docs/format.md");

/// One row of a table: where, how long, and the bytes of the example; `None` differs from run to run.
struct Row {
    offset: usize,
    bytes: usize,
    example: Vec<Option<u8>>,
}

#[test]
fn every_table_has_bytes_that_a_test_makes() {
    let made = [
        "Header of every file",
        "A ring",
        "A queue",
        "A client of calls",
        "A server of calls",
        "A topic",
        "The ledger",
        "Who waits and holds",
        "A mutex with data",
        "A read-write lock with data",
        "A lock for what lies elsewhere",
        "A semaphore",
        "A counting semaphore",
        "A monitor",
        "A condition",
        "A barrier",
        "An event",
        "What is done once, with data",
        "Orders of locks",
        "What has no name",
        "Streams",
        "Packets",
        "FIFOs",
        "Datagrams",
    ];
    let tables = tables();
    let mut headings: Vec<_> = tables.keys().map(String::as_str).collect();
    let mut expected = made.to_vec();
    headings.sort_unstable();
    expected.sort_unstable();
    assert_eq!(headings, expected);
}

#[test]
fn a_ring_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = Domain::open(folder.path().join("d")).unwrap();
    let options = RingOptions { capacity_bytes: Some(4096), ..RingOptions::default() };
    let mut tx = RingSender::open(domain, "example", &options).unwrap();
    let mut rx = RingReceiver::open(domain, "example", &options).unwrap();
    tx.send(b"hi", soon()).unwrap();
    drop(rx.recv(soon()).unwrap());
    tx.send(b"hello", soon()).unwrap();
    drop(rx);
    let file = fs::read(folder.path().join("d/ring.example")).unwrap();
    compare("Header of every file", &file);
    compare("A ring", &file);
    let slots = domain.process_owner().unwrap();
    assert_eq!((slots.slot(), slots.generation()), (0, 1), "the example's owner");
}

#[test]
fn a_client_of_calls_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = folder.path().join("d");
    let options = crosstie::endpoint::Options { domain: Some(domain.clone()), ..Default::default() };
    let client = crosstie::Client::<str, str>::open_with("queue:example", &options).unwrap();
    let call = client.start("nobody is there", Default::default()).unwrap();
    let names = fs::read_dir(&domain).unwrap().map(|entry| entry.unwrap().file_name());
    let name =
        names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with("client.")).unwrap();
    let file = fs::read(domain.join(&name)).unwrap();
    compare("A client of calls", &file);
    assert_eq!(end_of("A client of calls"), file.len());
    let token = name.strip_prefix("client.example.").unwrap();
    assert!(token.len() == 16 && domain.join(format!("queue.example.replies.{token}")).exists());
    let description = DOCUMENT.lines().find_map(|line| line.strip_prefix("- client: `")).unwrap();
    let hash = layout_hash(description.trim_end_matches('`'));
    assert_eq!(file[24..32], hash.to_le_bytes(), "the layout's hash");
    drop(call);
}

/// Stops a server when it is dropped.
struct StopsAtEnd<'a>(&'a crosstie::call::Stopper);

impl Drop for StopsAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[test]
fn a_server_of_calls_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = folder.path().join("d");
    let options = crosstie::endpoint::Options { domain: Some(domain.clone()), ..Default::default() };
    let server = crosstie::Server::<str, str>::open_with("ring:example", &options).unwrap();
    let stop = server.stopper();
    let sign_of = || {
        let names = fs::read_dir(&domain).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with("server."))
    };
    std::thread::scope(|scope| {
        scope.spawn(|| server.serve(1, Ok::<String, _>).unwrap());
        let client = crosstie::Client::<str, str>::open_with("ring:example", &options).unwrap();
        assert_eq!(client.call("is it there?").unwrap(), "is it there?");
        // Whatever fails below: the server ends, and the failure is told.
        let _stops = StopsAtEnd(&stop);
        let name = sign_of().unwrap();
        let read = || fs::read(domain.join(&name)).unwrap();
        // The reply comes before its worker is written down as free.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(2);
        while std::panic::catch_unwind(|| compare("A server of calls", &read())).is_err() {
            assert!(std::time::Instant::now() < until, "the server's bytes are others");
        }
        let file = read();
        assert_eq!(end_of("A server of calls"), file.len());
        assert_eq!(name.len(), "server.".len() + 16);
        let description = DOCUMENT.lines().find_map(|line| line.strip_prefix("- server: `")).unwrap();
        let hash = layout_hash(description.trim_end_matches('`'));
        assert_eq!(file[24..32], hash.to_le_bytes(), "the layout's hash");
    });
    drop((server, stop));
    assert_eq!(sign_of(), None, "taken down with the server");
}

#[test]
fn a_queue_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = Domain::open(folder.path().join("d")).unwrap();
    let options = QueueOptions { places: Some(2), capacity_bytes: Some(1024), ..QueueOptions::default() };
    let mut tx = QueueSender::open(domain, "example", &options).unwrap();
    let rx = QueueReceiver::open(domain, "example", &options).unwrap();
    tx.send(b"hi", soon()).unwrap();
    rx.recv(soon()).unwrap().done().unwrap();
    tx.send(b"hello", soon()).unwrap();
    let held = rx.recv(soon()).unwrap();
    tx.send(&[b'x'; 200], soon()).unwrap();
    let file = fs::read(folder.path().join("d/queue.example")).unwrap();
    drop(held);
    compare("A queue", &file);
    assert_eq!(end_of("A queue"), file.len());
    let params: Vec<_> =
        file[48..80].chunks(8).map(|word| u64::from_le_bytes(*word.first_chunk().unwrap())).collect();
    assert_eq!(params, [2, 1, 3, 0]);
    let description = DOCUMENT.lines().find_map(|line| line.strip_prefix("- queue: `")).unwrap();
    let written = u64::from_le_bytes(*file[24..].first_chunk().unwrap());
    assert_eq!(layout_hash(description.trim_end_matches('`')), written);
}

#[test]
fn a_topic_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = Domain::open(folder.path().join("d")).unwrap();
    let options = TopicOptions { places: Some(2), message_bytes_max: Some(48), ..TopicOptions::default() };
    let mut tx = TopicSender::open(domain, "example", &options).unwrap();
    let mut rx = TopicReceiver::open(domain, "example", &options).unwrap();
    tx.send(b"hi", soon()).unwrap();
    drop(rx.recv(soon()).unwrap());
    tx.send(b"hello", soon()).unwrap();
    let file = fs::read(folder.path().join("d/topic.example")).unwrap();
    compare("A topic", &file);
    assert_eq!(end_of("A topic"), file.len());
    let params: Vec<_> =
        file[48..80].chunks(8).map(|word| u64::from_le_bytes(*word.first_chunk().unwrap())).collect();
    assert_eq!(params, [1, 2, 48, 0]);
    let description = DOCUMENT.lines().find_map(|line| line.strip_prefix("- topic: `")).unwrap();
    let written = u64::from_le_bytes(*file[24..].first_chunk().unwrap());
    assert_eq!(layout_hash(description.trim_end_matches('`')), written);
}

#[test]
fn what_has_no_name_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = Domain::open(folder.path().join("d")).unwrap();
    let made = Unnamed::make(domain, "example", 8, &["", ".more"]).unwrap();
    let file = fs::read(made.path()).unwrap();
    compare("What has no name", &file);
    assert_eq!(end_of("What has no name"), file.len());
    let text = |at: usize| {
        let length = u64::from_le_bytes(*file[at..].first_chunk().unwrap());
        String::from_utf8(file[at + 8..][..usize::try_from(length).unwrap()].to_vec()).unwrap()
    };
    assert!(text(128).starts_with(&format!("example made by {}", std::process::id())));
    assert_eq!(text(2560), format!("unnamed-{0}\nunnamed-{0}.more", made.token()));
    assert!(made.path().ends_with(&format!("/unnamed.{}", made.token())));
    let description = DOCUMENT.lines().find_map(|line| line.strip_prefix("- unnamed: `")).unwrap();
    let written = u64::from_le_bytes(*file[24..].first_chunk().unwrap());
    assert_eq!(layout_hash(description.trim_end_matches('`')), written);
}

#[test]
fn a_ledger_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let domain = Domain::open(folder.path().join("d")).unwrap();
    assert_eq!(domain.process_owner().unwrap().slot(), 0);
    let file = fs::read(folder.path().join("d/ledger")).unwrap();
    compare("The ledger", &file);
    assert_eq!(file.len(), SLOTS_OFFSET + SLOTS as usize * SLOT_BYTES);
    assert!(DOCUMENT.contains("4,096 slots of 1,024 bytes") && (SLOTS, SLOT_BYTES) == (4096, 1024));
    for kind in ["ring", "ledger"] {
        let name = if kind == "ring" { "ring" } else { "ledger 6" };
        let description = DOCUMENT.lines().find_map(|line| line.strip_prefix(&format!("- {kind}: `{name}:")));
        let description = format!("{name}:{}", description.unwrap().trim_end_matches('`'));
        let written = match kind {
            "ledger" => u64::from_le_bytes(*file[24..].first_chunk().unwrap()),
            _ => u64::from_le_bytes(*bytes_of("Header of every file", 24).first_chunk().unwrap()),
        };
        assert_eq!(layout_hash(&description), written, "{description}");
    }
}

#[test]
fn a_stream_is_what_the_document_says() {
    let (theirs, ours) = pair(UnixKind::Stream).unwrap();
    let mut tx = descriptor::sender(ours, &Options::default()).unwrap();
    tx.send(b"hi", soon()).unwrap();
    tx.send(b"", soon()).unwrap();
    drop(tx);
    let mut written = Vec::new();
    File::from(theirs).read_to_end(&mut written).unwrap();
    compare("Streams", &written);
}

#[test]
fn packets_are_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = UnixName::Path(folder.path().join("s"));
    let listener = listen(&at, UnixKind::Packet).unwrap();
    let mut tx = unixpacket::sender(&at, &Options::default()).unwrap();
    let mut socket = File::from(accept(&listener).unwrap());
    tx.send(b"hi", soon()).unwrap();
    assert_eq!(tx.send_batch(&[b"a", b"bc"], soon()).unwrap(), 2);
    tx.close().unwrap();
    let written = packets(4, |packet| socket.read(packet).unwrap());
    compare("Packets", &written);
}

#[test]
fn packets_in_a_fifo_are_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    fifo::make(&path).unwrap();
    let mut reader = File::from(fifo::open_to_read(&path).unwrap());
    let mut tx = transport::fifo::sender(&path, &Options::default()).unwrap();
    tx.send(b"hi", soon()).unwrap();
    tx.close().unwrap();
    let written = packets(3, |packet| reader.read(packet).unwrap());
    compare("FIFOs", &written);
}

#[test]
fn datagrams_are_what_the_document_says() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let target = socket.local_addr().unwrap().to_string();
    let sending = std::thread::spawn(move || {
        let mut tx = udp::sender(&target, &Options::default()).unwrap();
        tx.send(b"hi", soon()).unwrap();
        tx.close().unwrap();
    });
    let mut from = None;
    let mut receive = |packet: &mut [u8]| {
        let (length, sender) = socket.recv_from(packet).unwrap();
        from = Some(sender);
        length
    };
    let asked = packets(2, &mut receive);
    assert!(asked.chunks(24).all(|hello| hello[6..] == [0; 18]), "two hellos of no session");
    let written = packets(3, &mut receive);
    let mut acknowledgement = written[written.len() - 24..].to_vec();
    acknowledgement[6] = 3;
    socket.send_to(&acknowledgement, from.unwrap()).unwrap();
    sending.join().unwrap();
    compare("Datagrams", &written);
}

/// So many packets, one behind the other.
fn packets(count: usize, mut receive: impl FnMut(&mut [u8]) -> usize) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut packet = [0; 4096];
        let length = receive(&mut packet);
        all.extend_from_slice(&packet[..length]);
    }
    all
}

fn soon() -> Deadline {
    clock::deadline_in(Duration::from_secs(20))
}

/// Compares what was written with the rows of the table below `heading`.
fn compare(heading: &str, written: &[u8]) {
    let rows = &tables()[heading];
    let mut at = rows[0].offset;
    for Row { offset, bytes, example } in rows {
        assert_eq!(*offset, at, "{heading}: the rows have a gap");
        assert_eq!(*bytes, example.len(), "{heading}, offset {offset}: the example's length");
        for (index, expected) in example.iter().enumerate() {
            let found = written.get(at + index).copied();
            assert!(found.is_some(), "{heading}: only {} bytes were written", written.len());
            if expected.is_some() {
                assert_eq!(found, *expected, "{heading}: the byte at {}", at + index);
            }
        }
        at += bytes;
    }
    let describes_all = ["Streams", "Packets", "FIFOs", "Datagrams"].contains(&heading);
    assert!(!describes_all || at == written.len(), "{heading}: {} bytes were written", written.len());
}

/// Where the table below `heading` ends.
fn end_of(heading: &str) -> usize {
    tables()[heading].last().map_or(0, |row| row.offset + row.bytes)
}

/// The example's bytes of one row.
fn bytes_of(heading: &str, offset: usize) -> Vec<u8> {
    let tables = tables();
    let row = tables[heading].iter().find(|row| row.offset == offset).unwrap();
    row.example.iter().map(|byte| byte.unwrap()).collect()
}

/// The tables that have examples, by the heading above them.
fn tables() -> BTreeMap<String, Vec<Row>> {
    let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut heading = "";
    for line in DOCUMENT.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            heading = title;
        }
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [offset, bytes, _, example] = cells[..] else { continue };
        let (Ok(offset), Ok(bytes)) = (offset.parse(), bytes.parse()) else { continue };
        let example = bytes_in(example.trim_matches('`'));
        tables.entry(heading.to_owned()).or_default().push(Row { offset, bytes, example });
    }
    tables
}

/// Reads `68 69 .. ×54`: bytes, `..` for any byte, `×` repeats the last one.
fn bytes_in(example: &str) -> Vec<Option<u8>> {
    let mut bytes = Vec::new();
    for word in example.split_whitespace() {
        match (word, word.strip_prefix('×')) {
            ("..", _) => bytes.push(None),
            (_, Some(count)) => {
                let last = *bytes.last().unwrap();
                bytes.extend(vec![last; count.parse::<usize>().unwrap() - 1]);
            }
            (hex, None) => bytes.push(Some(u8::from_str_radix(hex, 16).unwrap())),
        }
    }
    bytes
}
