//! Operations that are wrong on purpose: the judge must find each of them out.
#![expect(
    unsafe_code,
    reason = "writes and reads a ring at the wrong time, which the safe interface forbids"
)]

use crosstie::Deadline;
use crosstie::channel::ring::{RingReceiver, RingSender};
use crosstie::os::single_step;

use crate::step::victim::Failure;

/// Says that the message is sent, then commits it.
pub fn report_then_commit(sender: &mut RingSender, message: &[u8]) -> Result<(), Failure> {
    let mut loan = sender.reserve(message.len(), Deadline::NEVER)?;
    loan.write_at(0, message);
    single_step::mark()?;
    loan.commit();
    Ok(())
}

/// Commits the message, then writes it.
pub fn commit_then_write(sender: &mut RingSender, message: &[u8]) -> Result<(), Failure> {
    let mut loan = sender.reserve(message.len(), Deadline::NEVER)?;
    let to = loan.as_mut_ptr();
    loan.commit();
    // SAFETY: the loan's bytes stay mapped as long as `sender`; that they are the receiver's by now
    // is the seeded fault, and they are only ever copied as bytes.
    unsafe { std::ptr::copy_nonoverlapping(message.as_ptr(), to, message.len()) };
    Ok(())
}

/// Acknowledges a message, then copies it.
pub fn acknowledge_then_copy(receiver: &mut RingReceiver, copy: &mut [u8]) -> Result<(), Failure> {
    let message = receiver.recv(Deadline::NEVER)?;
    let (from, length) = (message.as_ptr(), message.len().min(copy.len()));
    drop(message);
    // SAFETY: the message's bytes stay mapped as long as `receiver`; that the sender may overwrite
    // them by now is the seeded fault, and they are only ever copied as bytes.
    unsafe { std::ptr::copy_nonoverlapping(from, copy.as_mut_ptr(), length) };
    Ok(single_step::mark()?)
}
