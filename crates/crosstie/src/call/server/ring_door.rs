//! [`RingDoor`]: a pair of rings, with one client at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::frame::Head;
use super::super::refusal::Refusal;
use super::conversation::Conversation;
use super::desk::{Desk, End};
use crate::Deadline;
use crate::channel::ring::RingBell;
use crate::contract::RecvError;
use crate::endpoint::{Receiver, Sender};
use crate::error::{Error, ErrorKind};

/// Where the client of a pair of rings comes in.
pub(super) struct RingDoor {
    guest: Mutex<Guest>,
    bell: Option<RingBell>,
}

struct Guest {
    receiver: Option<Receiver<[u8]>>,
    /// The client that is there, or was there last.
    conversation: Arc<Conversation>,
    scratch: Vec<u8>,
    /// The rings' own bytes are not what they must be.
    is_broken: bool,
}

impl RingDoor {
    /// Both rings, and the longest request, in bytes.
    pub(super) fn new(sender: Sender<[u8]>, mut receiver: Receiver<[u8]>, request_bytes_max: usize) -> Self {
        let bell = receiver.bell();
        let conversation = Conversation::on_ring(sender, request_bytes_max);
        let guest = Mutex::new(Guest {
            receiver: Some(receiver),
            conversation,
            scratch: Vec::new(),
            is_broken: false,
        });
        Self { guest, bell }
    }

    fn lock(&self) -> MutexGuard<'_, Guest> {
        self.guest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attend(&self, desk: &Desk, deadline: Deadline) -> Result<bool, RecvError> {
        let guest = &mut *self.lock();
        let Some(mut receiver) = guest.receiver.take() else { return Ok(false) };
        let came = guest.take_in(desk, &mut receiver, deadline);
        // Bytes that are broken bring nobody any more.
        if !guest.is_broken {
            guest.receiver = Some(receiver);
        }
        came
    }

    pub(super) fn ring_bell(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    pub(super) fn close(&self) {
        // A stream that stands at the door keeps its end until it leaves.
        if let Ok(mut guest) = self.guest.try_lock() {
            guest.receiver = None;
        }
    }
}

impl Guest {
    /// Takes in one frame, or the client's end.
    fn take_in(
        &mut self,
        desk: &Desk,
        receiver: &mut Receiver<[u8]>,
        deadline: Deadline,
    ) -> Result<bool, RecvError> {
        let heard = match receiver.recv_bytes_until(deadline) {
            Ok(payload) => match Head::read(payload.bytes(&mut self.scratch)) {
                Ok((head, body)) => {
                    if matches!(head, Head::Hello(_)) {
                        // What the one before still waits for goes nowhere.
                        let next = self.conversation.succeed();
                        desk.end(&std::mem::replace(&mut self.conversation, next), None);
                    }
                    desk.hear(&self.conversation, head, body)
                }
                Err(text) => Err(text),
            },
            Err(RecvError::Empty | RecvError::TimedOut) => return Ok(false),
            Err(RecvError::Closed | RecvError::PeerDied) => {
                desk.end(&self.conversation, None);
                return Ok(true);
            }
            Err(error) => {
                self.is_broken = true;
                desk.end(&self.conversation, None);
                desk.end_for_good(End::Broken);
                return Err(error);
            }
        };
        heard.map(|()| true).map_err(|text| {
            let error = Error::new("receive from", &desk.object, ErrorKind::Corrupt).because(text);
            let refusal = Refusal::of_kind(ErrorKind::Corrupt, error.to_string());
            desk.end(&self.conversation, Some(&refusal));
            error.into()
        })
    }
}
