//! What strangers send on streams.

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;

use crosstie::Deadline;
use crosstie::contract::{ReceiveMessages, RecvError, SendMessages};
use crosstie::os::unix::{UnixKind, UnixName};
use crosstie::transport::{Options, descriptor, fifo, tcp, unix};

use crate::judge::{Folder, Watchdog};

const PREAMBLE: [u8; 8] = [0xC7, b'T', b'I', b'E', b's', 1, 0, 0];
/// The longest length that is no mark.
const LENGTH: u32 = u32::MAX - 2;

/// One whole message, then a header that claims 4 GiB.
fn four_gib() -> Vec<u8> {
    let mut bytes = PREAMBLE.to_vec();
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(b"ok");
    bytes.extend(LENGTH.to_le_bytes());
    bytes
}

fn is_refused(rx: &mut impl ReceiveMessages) {
    assert_eq!(rx.recv(Deadline::NEVER).unwrap().payload, b"ok");
    let refused = rx.recv(Deadline::NEVER).unwrap_err();
    let RecvError::TooLarge { length, limit } = refused else { panic!("{refused}") };
    assert_eq!((length, limit), (LENGTH as usize, 64 << 20));
    let text = refused.to_string();
    assert!(text.contains("4294967293") && text.contains("67108864"), "{text}");
}

#[test]
fn a_length_of_four_gib_is_too_large_on_every_stream_and_what_came_before_is_delivered() {
    let _watchdog = Watchdog::new();
    let folder = Folder::new();
    let (read, write) = std::io::pipe().unwrap();
    File::from(std::os::fd::OwnedFd::from(write)).write_all(&four_gib()).unwrap();
    is_refused(&mut descriptor::receiver(read.into(), &Options::default()).unwrap());

    let name = UnixName::Path(folder.path().join("s"));
    let mut rx = unix::receiver(&name, &Options::default()).unwrap();
    let tx = crosstie::os::unix::connect(&name, UnixKind::Stream).unwrap();
    File::from(tx).write_all(&four_gib()).unwrap();
    is_refused(&mut rx);

    let mut rx = tcp::receiver("127.0.0.1:0", &Options::default()).unwrap();
    let mut tx = TcpStream::connect(rx.address().trim_start_matches("tcp:")).unwrap();
    tx.write_all(&four_gib()).unwrap();
    is_refused(&mut rx);
}

#[test]
fn a_fifos_batch_keeps_the_receivers_limit_and_goes_on_behind_what_is_too_large() {
    let _watchdog = Watchdog::new();
    let folder = Folder::new();
    let path = folder.path().join("f");
    let small = Options { message_bytes_max: 4, ..Options::default() };
    let mut rx = fifo::receiver(&path, &small).unwrap();
    let mut tx = fifo::sender(&path, &Options::default()).unwrap();
    assert_eq!(tx.send_batch(&[b"one", b"too large", b"two"], Deadline::NEVER).unwrap(), 3);
    assert_eq!(rx.recv(Deadline::NEVER).unwrap().payload, b"one");
    assert!(matches!(rx.recv(Deadline::NEVER), Err(RecvError::TooLarge { length: 9, limit: 4 })));
    assert_eq!(rx.recv(Deadline::NEVER).unwrap().payload, b"two");
}

/// A claim within the limit reserves what came, not what is claimed.
#[test]
fn a_claimed_gigabyte_that_does_not_come_costs_no_memory() {
    const CLAIM: u32 = 1 << 30;
    let (read, write) = std::io::pipe().unwrap();
    let mut bytes = PREAMBLE.to_vec();
    bytes.extend(CLAIM.to_le_bytes());
    File::from(std::os::fd::OwnedFd::from(write)).write_all(&bytes).unwrap();
    let options = Options { message_bytes_max: 2 << 30, ..Options::default() };
    let before = virtual_bytes();
    let mut rx = descriptor::receiver(read.into(), &options).unwrap();
    assert!(matches!(rx.recv(Deadline::NEVER), Err(RecvError::PeerDied)));
    assert!(virtual_bytes() < before + u64::from(CLAIM) / 2);
}

fn virtual_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}
