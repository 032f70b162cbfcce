//! Descriptors that travel over a Unix socket together with bytes.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use crosstie_core::Deadline;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

use super::poll::{self, Interest};

/// As many descriptors as one write carries at most.
pub const DESCRIPTORS_MAX: usize = 253;

const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX));

/// Writes bytes with descriptors beside their first; answers how many bytes went out, at least one.
///
/// # Errors
/// `WouldBlock` when there is no room and `deadline` is [`Deadline::NOW`], `TimedOut` when it passed
/// first, `InvalidInput` above [`DESCRIPTORS_MAX`]; else what the kernel answers.
pub fn send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    descriptors: &[BorrowedFd<'_>],
    deadline: Deadline,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    loop {
        match rustix::net::sendmsg(socket, slices, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(count) => return Ok(count),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => poll::wait_or_fail(socket, Interest::Writable, deadline)?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads what is there, at least one byte, and appends the descriptors that came with it, all
/// close-on-exec; 0 is the end.
///
/// # Errors
/// As [`send`]; `InvalidData` when the kernel had to drop descriptors, because this process may have
/// no more (those that came are closed).
pub fn recv(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    descriptors: &mut VecDeque<OwnedFd>,
    deadline: Deadline,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(bytes)];
    let received = loop {
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        match rustix::net::recvmsg(socket, &mut slices, &mut control, flags) {
            Ok(received) => break received,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => poll::wait_or_fail(socket, Interest::Readable, deadline)?,
            Err(error) => return Err(error.into()),
        }
    };
    let before = descriptors.len();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            descriptors.extend(came);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        descriptors.truncate(before);
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "not all descriptors that came could be taken",
        ));
    }
    Ok(received.bytes)
}
