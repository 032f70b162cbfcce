//! `mq_open(3)`: the kernel's message queue, many to many.
#![expect(unsafe_code, reason = "calls the C library")]

use std::ffi::CString;
use std::io;

use crate::succeeded;

/// The most messages that the kernel lets anybody queue without asking.
const MESSAGES: libc::c_long = 10;

/// A POSIX message queue.
#[derive(Debug)]
pub struct PosixMessageQueue {
    descriptor: libc::mqd_t,
    /// Of its maker, who removes it.
    name: Option<CString>,
}

impl PosixMessageQueue {
    /// Makes the queue `name`, which begins with a slash, for messages of `payload_bytes`; removed when
    /// what is answered is dropped.
    ///
    /// # Errors
    /// `EEXIST`, `EINVAL`: larger than the kernel allows, `EMFILE`.
    pub fn create(name: &str, payload_bytes: usize) -> io::Result<Self> {
        let name = CString::new(name)?;
        // SAFETY: all zero is a value of this struct of integers.
        let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
        attributes.mq_maxmsg = MESSAGES;
        attributes.mq_msgsize = libc::c_long::try_from(payload_bytes).map_err(io::Error::other)?;
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
        // SAFETY: the name ends with 0, and the attributes outlive the call.
        let descriptor = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, &raw mut attributes) };
        Ok(Self { descriptor: succeeded(descriptor)?, name: Some(name) })
    }

    /// Opens what [`PosixMessageQueue::create`] made.
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn open(name: &str) -> io::Result<Self> {
        let name = CString::new(name)?;
        // SAFETY: the name ends with 0.
        let descriptor = unsafe { libc::mq_open(name.as_ptr(), libc::O_RDWR) };
        Ok(Self { descriptor: succeeded(descriptor)?, name: None })
    }

    /// Sends a message; waits for room.
    ///
    /// # Errors
    /// `EMSGSIZE`.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        // SAFETY: the message is readable for its length.
        succeeded(unsafe { libc::mq_send(self.descriptor, message.as_ptr().cast(), message.len(), 0) })?;
        Ok(())
    }

    /// Receives a message into `room`, as large as the queue's messages at least; answers its length.
    ///
    /// # Errors
    /// `EMSGSIZE`.
    pub fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the room is writable for its length.
        let length = unsafe {
            libc::mq_receive(self.descriptor, room.as_mut_ptr().cast(), room.len(), std::ptr::null_mut())
        };
        usize::try_from(length).map_err(|_| io::Error::last_os_error())
    }
}

impl Drop for PosixMessageQueue {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this value's own.
        unsafe { libc::mq_close(self.descriptor) };
        if let Some(name) = &self.name {
            // SAFETY: the name ends with 0.
            unsafe { libc::mq_unlink(name.as_ptr()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received_and_the_name_goes_with_its_maker() {
        let name = format!("/crosstie-peers-{}", std::process::id());
        let Ok(made) = PosixMessageQueue::create(&name, 16) else {
            return println!("SKIPPED: this machine has no POSIX message queues");
        };
        PosixMessageQueue::open(&name).unwrap().send(b"hello").unwrap();
        let mut room = [0; 16];
        assert_eq!(made.receive(&mut room).unwrap(), 5);
        assert_eq!(&room[..5], b"hello");
        drop(made);
        assert!(PosixMessageQueue::open(&name).is_err());
    }
}
