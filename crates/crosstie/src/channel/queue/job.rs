//! [`Job`]: a message in hand.

use crosstie_core::queue::consumer::Claim;
use crosstie_core::queue::end::Fate;

use super::receiver::QueueReceiver;
use crate::error::{Error, ErrorKind, Result};

/// A message in hand: [`Job::done`] acknowledges it; dropped without that, also by a panic, it is
/// delivered again.
///
/// It lies in memory that others could write if they broke the protocol, so its bytes are copied
/// out, or read through a raw pointer, never through a `&[u8]` (docs/memory-model.md).
///
/// # Death
/// Killed with it in hand: it is delivered again to another receiver, flagged, unless it was delivered
/// as often as the queue allows: then it is a dead letter.
#[must_use = "a job that is dropped is delivered again"]
pub struct Job<'a> {
    receiver: &'a QueueReceiver,
    claim: Claim,
    is_over: bool,
}

impl<'a> Job<'a> {
    pub(super) fn new(receiver: &'a QueueReceiver, claim: Claim) -> Self {
        Self { receiver, claim, is_over: false }
    }

    /// The job of `receiver` that [`Job::into_claim`] let go of.
    pub(crate) fn of(receiver: &'a QueueReceiver, claim: Claim) -> Self {
        Self::new(receiver, claim)
    }

    /// Lets go of it: it stays in hand of the receiver, without a guard.
    pub(crate) fn into_claim(mut self) -> Claim {
        self.is_over = true;
        self.claim
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.claim.length as usize
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claim.length == 0
    }

    /// How often it was delivered, this time included.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        u32::from(self.claim.deliveries)
    }

    /// Whether it was delivered before: somebody may have done it, or half of it.
    #[must_use]
    pub fn is_redelivered(&self) -> bool {
        self.claim.deliveries > 1
    }

    /// Copies the message into the front of `into`, as much as fits; answers how many bytes.
    #[inline]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        let n = self.len().min(into.len());
        self.receiver.read(&self.claim, &mut into[..n]);
        n
    }

    /// Replaces the contents of `into` by the message; allocates only when it must grow.
    pub fn copy_into(&self, into: &mut Vec<u8>) {
        into.resize(self.len(), 0);
        self.copy_to(into);
    }

    /// A private copy of the message.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut copy = Vec::new();
        self.copy_into(&mut copy);
        copy
    }

    /// The first byte of the message, valid for reads of [`Job::len`] bytes until the drop.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.receiver.address(&self.claim)
    }

    /// Says that the job is done: it is never delivered again.
    ///
    /// # Errors
    /// [`Lost`](ErrorKind::Lost) if it was taken away because its lease had run out: another receiver has
    /// it, or has done it.
    #[inline]
    pub fn done(mut self) -> Result<()> {
        self.is_over = true;
        if self.receiver.finish(self.claim) { Ok(()) } else { Err(self.lost()) }
    }

    /// Says that the job failed: it is delivered again, or is a dead letter if it was delivered as often
    /// as the queue allows. Dropping it does the same.
    ///
    /// # Errors
    /// As [`Job::done`]; [`Corrupt`](ErrorKind::Corrupt).
    pub fn fail(self) -> Result<()> {
        self.give_back(Fate::Again)
    }

    /// Says that nobody can do the job: it is a dead letter at once.
    ///
    /// # Errors
    /// As [`Job::fail`].
    pub fn reject(self) -> Result<()> {
        self.give_back(Fate::Dead)
    }

    fn give_back(mut self, fate: Fate) -> Result<()> {
        self.is_over = true;
        if self.receiver.return_job(self.claim, fate)? { Ok(()) } else { Err(self.lost()) }
    }

    #[cold]
    fn lost(&self) -> Error {
        Error::new("finish a job of", self.receiver.object(), ErrorKind::Lost)
            .because("its lease ran out, and it was given to another receiver")
            .advise("open the queue with a longer lease, or do less per job")
    }
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("len", &self.len()).field("deliveries", &self.deliveries()).finish()
    }
}

impl Drop for Job<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_over {
            // A corrupt queue says so to the next call.
            let _ = self.receiver.return_job(self.claim, Fate::Again);
        }
    }
}
