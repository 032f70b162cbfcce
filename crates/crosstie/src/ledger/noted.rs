//! [`Noted`]: a wait at a channel as it stands in the ledger, for those who look.
//!
//! Nobody queues at a channel and nobody is woken by such a record, so its slot has no bit among those who wait
//! ([`queue`](super::queue)): who gives a lock away does not read it. Who looks reads all slots.

use crosstie_core::layout::header::layout_hash;
use crosstie_core::word::slot::Slot;
use crosstie_core::word::waiting::{Mode, NOTE_WORDS, Seen, Want};
use crosstie_core::{Deadline, OwnerId};

use super::calls::hashed;
use super::{Domain, Me};

/// The key of the channel that users write `object`: `queue:jobs`.
pub(crate) fn key_of_channel(object: &str) -> u64 {
    hashed(layout_hash(object))
}

/// A wait at a channel, noted until this is dropped.
pub(crate) struct Noted(Option<Me>);

impl Noted {
    /// Notes that the calling thread waits at the channel of a key in this way, asleep while its word holds `seen`; `since` when
    /// and until when it waits.
    ///
    /// Nothing is noted of who waits for something else meanwhile, the answer to a call; nor where the ledger has no room.
    pub(crate) fn new(
        domain: &'static Domain,
        (key, mode): (u64, Mode),
        seen: u32,
        (since_ns, deadline): (u64, Deadline),
    ) -> Self {
        let me = domain.me_if_there_is_room().filter(|me| !me.slot.waiting.is_published());
        let Some(me) = me else { return Self(None) };
        let mut note = [0; NOTE_WORDS];
        note[0] = u64::from(seen);
        me.slot.waiting.publish(&Want {
            key,
            mode,
            need: 1,
            total: 0,
            queue: 0,
            since_ns,
            deadline_ns: deadline.as_ns(),
            behind: None,
            site: 0,
            note,
        });
        Self(Some(me))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(me) = self.0.filter(Me::is_ours) {
            me.slot.waiting.withdraw();
        }
    }
}

impl Domain {
    /// Everyone alive who waits at a channel.
    pub(crate) fn waits_at_channels(&'static self) -> impl Iterator<Item = (OwnerId, &'static Slot, Seen)> {
        self.slots().filter_map(|(number, slot)| {
            let seen =
                slot.waiting.read().filter(|seen| matches!(seen.want.mode, Mode::Message | Mode::Room))?;
            let id = OwnerId::new(number, u64::from(slot.life().read().generation()));
            self.is_alive(id).then_some((id, slot, seen))
        })
    }
}
