//! The receiving end of datagrams.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use crosstie_core::Deadline;

use super::super::inbound::refusal;
use super::super::{Options, tcp};
use super::sender::is_nobody;
use super::tally::Tally;
use super::{ACK, BYE, DATA, END, HEADER_BYTES, HELLO, Header, MESSAGE_BYTES_MAX};
use crate::contract::{Arrived, Losses, ReceiveMessages, RecvError};
use crate::error::Result;
use crate::os::message_socket::MessageSocket;
use crate::os::udp::{self, DATAGRAM_BYTES_MAX};

/// How many senders that have ended are remembered, to answer their repeated end marks.
const ENDED_MAX: usize = 1024;
/// How many senders that have not ended are kept; one more parts with the one heard from the longest
/// ago, which may have been killed: nothing says so.
const SENDERS_MAX: usize = 4096;
/// How many senders parted with are remembered, so that one that was only silent goes on where it was.
const PARTED_MAX: usize = 4096;

/// One sender that has not ended.
#[derive(Debug)]
struct Sender {
    tally: Tally,
    from: Option<SocketAddr>,
    /// When it was heard last, counted in datagrams.
    turn: u64,
}

/// The receiving end of datagrams, for any number of senders.
///
/// The messages end when at least one sender came and all have said that they are done; a sender
/// that died is not noticed. Receiving again then waits for the next senders.
#[derive(Debug)]
pub struct UdpReceiver {
    socket: MessageSocket,
    object: String,
    limit: usize,
    room: Box<[u8]>,
    senders: HashMap<u64, Sender>,
    turn: u64,
    /// Senders that have ended, oldest first.
    ended: VecDeque<u64>,
    /// Senders parted with, oldest first, and the number before which all of theirs is accounted for.
    parted: VecDeque<(u64, u64)>,
    losses: Losses,
    has_come: bool,
    last_from: Option<SocketAddr>,
    /// Of a client that hears one server only: the network says when it is gone.
    is_client: bool,
    owner_pid: u32,
}

/// Receives at `target`, as `host:port`; port 0 lets the kernel choose (see
/// [`UdpReceiver::address`]).
///
/// # Errors
/// `Busy` when another process has the port, `NotFound` when the host does not resolve or is not
/// this machine.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::contract::{ReceiveMessages, SendMessages};
/// use crosstie::transport::{Options, udp};
///
/// let mut rx = udp::receiver("127.0.0.1:0", &Options::default())?;
/// let target = rx.address().trim_start_matches("udp:").to_owned();
/// let sending = std::thread::spawn(move || -> Result<(), crosstie::contract::SendError> {
///     let mut tx = udp::sender(&target, &Options::default())?;
///     tx.send(b"hello", Deadline::NEVER)?;
///     tx.close()
/// });
/// assert_eq!(rx.recv(Deadline::NEVER)?.payload, b"hello");
/// assert!(rx.recv(Deadline::NEVER).is_err(), "the end");
/// assert_eq!(rx.losses().lost, 0);
/// sending.join().expect("no panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receiver(target: &str, options: &Options) -> Result<UdpReceiver> {
    let object = format!("udp:{target}");
    let mut refused = None;
    for address in tcp::resolve("listen on", &object, target)? {
        match udp::bind(address).and_then(|fd| Ok((crate::os::tcp::local_address(&fd)?, fd))) {
            Ok((chosen, fd)) => {
                return Ok(UdpReceiver::on(MessageSocket::new(fd), format!("udp:{chosen}"), options));
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let refused = refused.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into());
    Err(tcp::bind_refusal(refused, &object))
}

impl UdpReceiver {
    pub(super) fn on(socket: MessageSocket, object: String, options: &Options) -> Self {
        Self {
            socket,
            object,
            limit: options.message_bytes_max.min(MESSAGE_BYTES_MAX),
            room: vec![0; DATAGRAM_BYTES_MAX - HEADER_BYTES].into_boxed_slice(),
            senders: HashMap::new(),
            turn: 0,
            ended: VecDeque::new(),
            parted: VecDeque::new(),
            losses: Losses::default(),
            has_come: false,
            last_from: None,
            is_client: false,
            owner_pid: std::process::id(),
        }
    }

    /// The receiving half of a client.
    pub(super) fn of_client(mut self) -> Self {
        self.is_client = true;
        self
    }

    /// The address that it receives at, with the port that the kernel chose: `udp:127.0.0.1:40123`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.object
    }

    pub(super) fn socket(&self) -> &MessageSocket {
        &self.socket
    }

    /// Where the last message came from.
    pub(super) fn last_from(&self) -> Option<SocketAddr> {
        self.last_from
    }

    /// The length of the next message, which is in the room.
    fn next(&mut self, deadline: Deadline) -> Result<usize, RecvError> {
        let mut is_refused = false;
        loop {
            let mut header = [0; HEADER_BYTES];
            let until = if is_refused { Deadline::NOW } else { deadline };
            let received = match self.socket.recv(&mut header, &mut self.room, until) {
                Ok(received) => received,
                // Nobody is there who takes what this end sent; what came before that is first.
                Err(error) if is_nobody(&error) => {
                    is_refused = self.is_client;
                    continue;
                }
                Err(error) => match refusal(error, &self.object) {
                    RecvError::Empty if is_refused => return Err(RecvError::PeerDied),
                    other => return Err(other),
                },
            };
            let header = Header::of_datagram(&header, received.length).map_err(|b| b.report(&self.object))?;
            let length = received.length - HEADER_BYTES;
            match header.kind {
                DATA if length > self.limit => {
                    return Err(RecvError::TooLarge { length, limit: self.limit });
                }
                DATA if self.is_new(header, received.from) => {
                    self.last_from = received.from;
                    return Ok(length);
                }
                HELLO if header.session != 0 => drop(self.sender(header.session, received.from)),
                END => {
                    let is_last = self.end(header);
                    self.answer(ACK, header, received.from);
                    if is_last {
                        return Err(RecvError::Closed);
                    }
                }
                _ => {}
            }
        }
    }

    /// The sender of `session`, which it makes known if it is new; `None` if it has ended.
    fn sender(&mut self, session: u64, from: Option<SocketAddr>) -> Option<&mut Sender> {
        self.turn += 1;
        let turn = self.turn;
        if !self.senders.contains_key(&session) {
            if self.ended.contains(&session) {
                return None;
            }
            let known = self.parted.iter().position(|(parted, _)| *parted == session);
            let next = known.and_then(|at| self.parted.remove(at)).map_or(0, |(_, next)| next);
            if self.senders.len() >= SENDERS_MAX {
                self.part_with_the_most_silent();
            }
            self.has_come = true;
            self.senders.insert(session, Sender { tally: Tally::from_number(next), from, turn });
        }
        let sender = self.senders.get_mut(&session)?;
        sender.turn = turn;
        Some(sender)
    }

    /// Makes room for one more sender. What the one parted with lost so far is counted.
    #[cold]
    fn part_with_the_most_silent(&mut self) {
        let most_silent = self.senders.iter().min_by_key(|(_, sender)| sender.turn);
        let Some(session) = most_silent.map(|(session, _)| *session) else { return };
        let Some(sender) = self.senders.remove(&session) else { return };
        add(&mut self.losses, sender.tally.losses(0));
        remember(&mut self.parted, PARTED_MAX, (session, sender.tally.next()));
    }

    /// Whether it is to be delivered: not the second of its number, nor of a sender that has ended,
    /// whose losses were told.
    fn is_new(&mut self, header: Header, from: Option<SocketAddr>) -> bool {
        self.sender(header.session, from).is_some_and(|sender| sender.tally.arrive(header.number))
    }

    /// A sender is done; answers whether it was the last.
    fn end(&mut self, header: Header) -> bool {
        if self.sender(header.session, None).is_none() {
            return false;
        }
        let Some(sender) = self.senders.remove(&header.session) else { return false };
        add(&mut self.losses, sender.tally.losses(header.number));
        remember(&mut self.ended, ENDED_MAX, header.session);
        let is_last = self.senders.is_empty() && self.has_come;
        self.has_come &= !is_last;
        is_last
    }

    /// Whether its end is to be told when it is dropped: not while panicking, nor in a child of fork,
    /// whose parent's it is (H6).
    pub(super) fn ends_on_drop(&self) -> bool {
        !std::thread::panicking() && self.owner_pid == std::process::id()
    }

    fn answer(&self, kind: u16, header: Header, to: Option<SocketAddr>) {
        let answer = Header { kind, ..header }.to_bytes();
        let answer = [IoSlice::new(&answer)];
        // Lost, it is asked for again.
        let _ = match to {
            Some(to) => self.socket.send_to(&answer, to, Deadline::NOW),
            None => self.socket.send(&answer, Deadline::NOW),
        };
    }
}

/// Puts the latest behind the others; the oldest of more than `max` is forgotten.
fn remember<T>(latest: &mut VecDeque<T>, max: usize, one: T) {
    latest.push_back(one);
    if latest.len() > max {
        latest.pop_front();
    }
}

fn add(sum: &mut Losses, more: Losses) {
    sum.lost = sum.lost.saturating_add(more.lost);
    sum.duplicated = sum.duplicated.saturating_add(more.duplicated);
    sum.reordered = sum.reordered.saturating_add(more.reordered);
}

impl ReceiveMessages for UdpReceiver {
    fn recv(&mut self, deadline: Deadline) -> Result<Arrived<'_>, RecvError> {
        let length = self.next(deadline)?;
        Ok(Arrived { payload: &self.room[..length], sender_pid: None })
    }

    fn address(&self) -> Option<&str> {
        Some(&self.object)
    }

    fn message_bytes_max(&self) -> usize {
        self.limit
    }

    /// Exact for senders that have ended; of the others, what their latest message shows. Of 4,096
    /// senders that have not ended, one more takes the place of the one heard from the longest ago:
    /// should that one go on after 4,096 others were parted with, what it had sent counts as lost.
    fn losses(&self) -> Losses {
        let mut losses = self.losses;
        self.senders.values().for_each(|sender| add(&mut losses, sender.tally.losses(0)));
        losses
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl Drop for UdpReceiver {
    fn drop(&mut self) {
        if !self.ends_on_drop() {
            return;
        }
        for (session, sender) in &self.senders {
            self.answer(BYE, Header { kind: BYE, session: *session, number: 0 }, sender.from);
        }
    }
}
