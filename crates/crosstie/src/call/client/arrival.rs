//! What a frame of the server's means for the calls in flight.

use crosstie_core::atomic::Ordering;

use super::super::error::Broken;
use super::super::frame::Head;
use super::super::refusal::Refusal;
use super::shared::Shared;
use super::slots::Ending;
use super::state::Greeting;
use crate::error::ErrorKind;

impl Shared {
    /// Takes a frame in; `Err` says what is wrong with it.
    pub(super) fn take_in(
        &self,
        greeting: &mut Greeting,
        head: Head,
        body: &[u8],
    ) -> Result<(), &'static str> {
        let mut state = self.lock();
        match head {
            Head::Welcome(token) => {
                greeting.is_welcomed |= token == greeting.token;
                Ok(())
            }
            Head::Hello(_) | Head::Call(..) | Head::Cancel(_) | Head::Credit(..) => {
                Err("a frame that only a client sends")
            }
            Head::Farewell if greeting.is_welcomed || greeting.is_alone => {
                self.break_off(&mut state, &Broken::of_farewell(&Refusal::of_body(body)));
                Ok(())
            }
            // Of an earlier conversation.
            Head::Farewell => Ok(()),
            _ if !greeting.is_welcomed => Ok(()),
            Head::Name(server) => {
                // Relaxed: under the lock; whoever reads it needs nothing else.
                self.server.store(server, Ordering::Relaxed);
                // Who sleeps says now for whom it waits.
                state.slots.wake_all();
                Ok(())
            }
            Head::Item(id) | Head::Reply(id) => {
                let is_last = matches!(head, Head::Reply(_));
                let delivered = state.slots.deliver(id, body, is_last, self.options.message_bytes_max);
                self.tell(&state);
                delivered
            }
            Head::End(id) => state.slots.end(id, Ending::Done),
            Head::Refusal(id) => {
                let refusal = Refusal::of_body(body);
                // A server that found in the queue what a dead one had in hand.
                let is_death = self.redelivers() && refusal.kind() == ErrorKind::PeerDied;
                let ending =
                    if is_death { Ending::Broken(Broken::PeerDied) } else { Ending::Refused(refusal) };
                let ended = state.slots.end(id, ending);
                self.tell(&state);
                ended
            }
        }
    }
}
