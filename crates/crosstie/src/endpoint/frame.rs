//! A message as those receive it who look into its bytes: calls, whose frames are messages.

use super::mechanism::RecvEnd;
use super::message::Message;
use super::payload::{Lent, Payload};
use super::receiver::Receiver;
use crate::Deadline;
use crate::contract::RecvError;

impl<T: Message + ?Sized> Receiver<T> {
    /// The bytes of the next message, where they lie or copied into `scratch`; it is acknowledged by
    /// [`Receiver::acknowledge_held`], which is due before the next. Waits for it until `deadline`.
    #[inline]
    pub(crate) fn recv_frame<'s>(
        &'s mut self,
        scratch: &'s mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<&'s [u8], RecvError> {
        let payload = match &mut self.end {
            RecvEnd::Ring(end) => {
                end.recv_held(deadline)?.copy_into(scratch);
                return Ok(scratch);
            }
            RecvEnd::Kernel(end) => return Ok(end.recv(deadline)?.payload),
            RecvEnd::Queue(end) => Payload::new(Lent::Held(end.recv_held(deadline)?)),
            RecvEnd::Topic(end) => Payload::new(Lent::Topic(end.recv_held(deadline)?)),
        };
        scratch.clear();
        payload.append_to(scratch);
        Ok(scratch)
    }
}
