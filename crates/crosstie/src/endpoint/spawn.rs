//! [`SpawnEnd`]: a child gets its end of a pipe or of a socket pair.

use std::process::{Child, Command};

use super::message::Message;
use super::open::{kernel_receiver, kernel_sender};
use super::receiver::Receiver;
use super::sender::Sender;
use crate::error::Result;
use crate::transport::{Options, spawn};

/// Spawns a [`Command`] that gets one end: the child opens the address `fd:N`, where N is what
/// `CROSSTIE_FD` says in its environment. No other descriptor of ours stays open in it.
///
/// The command is consumed, so that the child alone has its end, and its death is told.
///
/// # Examples
/// ```
/// use crosstie::endpoint::SpawnEnd as _;
/// let mut shell = std::process::Command::new("bash");
/// shell.args(["-c", "exec cat <&$CROSSTIE_FD >&$CROSSTIE_FD"]); // sends back what it gets
/// let (mut child, mut tx, mut rx) = shell.spawn_connected::<str, str>()?;
/// tx.send("hello")?;
/// assert_eq!(rx.recv()?, "hello");
/// tx.close()?;
/// assert!(child.wait()?.success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SpawnEnd: Sized {
    /// Spawns a child that receives, through a pipe, what the answer's sender sends.
    ///
    /// # Errors
    /// When there is no such program, or no descriptor is left.
    fn spawn_receiver<T: Message + ?Sized>(self) -> Result<(Child, Sender<T>)>;

    /// Spawns a child that sends, through a pipe, what the answer's receiver receives.
    ///
    /// # Errors
    /// As [`SpawnEnd::spawn_receiver`].
    fn spawn_sender<T: Message + ?Sized>(self) -> Result<(Child, Receiver<T>)>;

    /// Spawns a child that sends and receives, through a pair of sockets: it opens its address as a
    /// sender and as a receiver.
    ///
    /// # Errors
    /// As [`SpawnEnd::spawn_receiver`].
    fn spawn_connected<S: Message + ?Sized, R: Message + ?Sized>(
        self,
    ) -> Result<(Child, Sender<S>, Receiver<R>)>;
}

impl SpawnEnd for Command {
    fn spawn_receiver<T: Message + ?Sized>(self) -> Result<(Child, Sender<T>)> {
        let (child, sender) = spawn::with_receiver(self, &Options::default())?;
        Ok((child, Sender::from_end(kernel_sender(sender), "pipe")))
    }

    fn spawn_sender<T: Message + ?Sized>(self) -> Result<(Child, Receiver<T>)> {
        let (child, receiver) = spawn::with_sender(self, &Options::default())?;
        Ok((child, Receiver::from_end(kernel_receiver(receiver), "pipe")))
    }

    fn spawn_connected<S: Message + ?Sized, R: Message + ?Sized>(
        self,
    ) -> Result<(Child, Sender<S>, Receiver<R>)> {
        let (child, (sender, receiver)) = spawn::with_connection(self, &Options::default())?;
        let (sender, receiver) = (kernel_sender(sender), kernel_receiver(receiver));
        Ok((child, Sender::from_end(sender, "unix"), Receiver::from_end(receiver, "unix")))
    }
}
