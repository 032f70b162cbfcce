//! [`TopicState`]: what a topic holds now, as far as one look without stopping anybody can tell.

use crosstie_core::OwnerId;
use crosstie_core::queue::member::{Part, Roster};
use crosstie_core::queue::memory::MEMBERS;
use crosstie_core::topic::memory::{Memory, Mode};
use crosstie_core::topic::subscriber;
use crosstie_core::word::waiting;

use super::layout;
use super::shared::{corrupt, look_into};
use crate::channel::enders::{Enders, living};
use crate::error::Result;
use crate::ledger::Domain;

/// What a topic holds now.
///
/// # Examples
/// ```
/// use crosstie::Deadline;
/// use crosstie::channel::topic::{TopicOptions, TopicReceiver, TopicSender, TopicState};
/// use crosstie::ledger::Domain;
/// let folder = tempfile::tempdir().unwrap();
/// let domain = Domain::open(folder.path().join("domain"))?;
/// let _slow = TopicReceiver::open(domain, "ticks", &TopicOptions::default())?;
/// let mut sender = TopicSender::open(domain, "ticks", &TopicOptions::default())?;
/// sender.send(b"one", Deadline::NEVER)?;
/// let state = TopicState::of(domain, "ticks")?;
/// assert_eq!((state.published, state.subscribers[0].behind, state.publishers.len()), (1, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicState {
    /// What becomes of unread messages.
    pub mode: Mode,
    /// Numbers given out so far.
    pub published: u64,
    /// Places for messages: as many are kept.
    pub places: u32,
    /// The longest message, in bytes.
    pub message_bytes_max: usize,
    /// Living publishers.
    pub publishers: Vec<OwnerId>,
    /// Living subscribers.
    pub subscribers: Vec<SubscriberState>,
}

/// A living subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriberState {
    /// Who it is.
    pub owner: OwnerId,
    /// Numbers that it has not read.
    pub behind: u64,
    /// Numbers that were overwritten before it read them.
    pub lost: u64,
}

impl TopicState {
    /// Looks at the topic `name` of `domain`, without taking part in it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`TopicSender::open`](super::TopicSender::open).
    pub fn of(domain: &'static Domain, name: &str) -> Result<Self> {
        let cells = look_into(domain, name)?;
        let geometry = cells.geometry();
        let published = subscriber::tail(&cells).map_err(|fault| corrupt(name, fault))?;
        let mut state = Self {
            mode: geometry.mode,
            published,
            places: geometry.slots,
            message_bytes_max: geometry.payload_bytes_max as usize,
            publishers: Vec::new(),
            subscribers: Vec::new(),
        };
        for index in 0..MEMBERS {
            let Some((owner, part)) = cells.member(index).read() else { continue };
            if !domain.is_alive(owner) {
                continue;
            }
            let cursor = cells.cursor(index);
            match (part, cursor.next()) {
                (Part::Sender, _) => state.publishers.push(owner),
                (Part::Receiver, Some(next)) => state.subscribers.push(SubscriberState {
                    owner,
                    behind: published.saturating_sub(next),
                    lost: cursor.lost(),
                }),
                (Part::Receiver, None) => {}
            }
        }
        Ok(state)
    }

    /// The mode as it is written in an address: `lossless`, `lossy` or `latest`.
    #[must_use]
    pub fn mode_word(&self) -> &'static str {
        layout::word(self.mode)
    }

    /// Messages that are kept now, for whoever comes.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.published.min(u64::from(self.places))
    }
}

/// Who could end a wait for a message from the topic `name`, or for room in it, whose sleepers' word held `seen`.
pub(in crate::channel) fn enders(
    domain: &'static Domain,
    name: &str,
    (way, seen): (waiting::Mode, u64),
) -> Result<Option<Enders>> {
    let cells = look_into(domain, name)?;
    let control = cells.control();
    let (sleepers, part) = match way {
        waiting::Mode::Room => (control.publishers(), Part::Receiver),
        _ => (control.subscribers(), Part::Sender),
    };
    let owners = living(domain, &cells, part, (sleepers, seen));
    Ok(owners.map(|owners| Enders { owners, is_open: part == Part::Sender }))
}
