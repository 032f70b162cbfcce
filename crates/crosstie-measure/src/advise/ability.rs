//! What each mechanism can do, whatever the machine: what its ends say of it (`caps()`), and what they cannot say.

use crosstie::contract::MESSAGE_BYTES_MAX;
use crosstie::endpoint::{Capabilities, Untaken};

use super::need::{Scope, Want};

/// A mechanism's facts.
pub(crate) struct Ability {
    pub mechanism: &'static str,
    /// An address of it.
    pub address: &'static str,
    /// How far it reaches.
    pub scope: Scope,
    /// How much there is to set up and to handle, against the others; lower is less.
    pub effort: u8,
    /// The largest payload, where the mechanism has a limit of its own.
    pub limit_bytes: Option<u32>,
    /// The largest payload unless its ends are told otherwise.
    pub default_bytes: usize,
    /// Wants that it cannot meet, each with the reason, beyond those of which its capabilities tell.
    lacks: &'static [(Want, &'static str)],
}

const OWN_PACKETS: &str = "its packets carry Crosstie's own headers: both sides need the library";
const OWN_WORDS: &str = "synchronization in shared memory is Crosstie's: both sides need the library";
const NOT_THE_SYSTEMS: &str = "its synchronization comes with the library, not with the system";

/// The room of a ring or a queue unless it is told otherwise.
const ROOM_BYTES: usize = 1 << 20;

/// Every mechanism, least effort first.
pub(crate) const ABILITIES: &[Ability] = &[
    Ability {
        mechanism: "pipe",
        address: "pipe:",
        scope: Scope::Related,
        effort: 0,
        limit_bytes: None,
        default_bytes: MESSAGE_BYTES_MAX,
        lacks: &[],
    },
    Ability {
        mechanism: "unix",
        address: "unix:/run/user/1000/job.sock",
        scope: Scope::Machine,
        effort: 1,
        limit_bytes: None,
        default_bytes: MESSAGE_BYTES_MAX,
        lacks: &[],
    },
    Ability {
        mechanism: "fifo",
        address: "fifo:/run/user/1000/job.fifo",
        scope: Scope::Machine,
        effort: 2,
        limit_bytes: None,
        default_bytes: MESSAGE_BYTES_MAX,
        lacks: &[(Want::NoLibrary, OWN_PACKETS)],
    },
    Ability {
        mechanism: "unixpacket",
        address: "unixpacket:/run/user/1000/job.sock",
        scope: Scope::Machine,
        effort: 3,
        limit_bytes: None,
        default_bytes: MESSAGE_BYTES_MAX,
        lacks: &[(Want::NoLibrary, OWN_PACKETS)],
    },
    Ability {
        mechanism: "tcp",
        address: "tcp:127.0.0.1:9000",
        scope: Scope::Network,
        effort: 4,
        limit_bytes: None,
        default_bytes: MESSAGE_BYTES_MAX,
        lacks: &[],
    },
    Ability {
        mechanism: "shm",
        address: "ring:job",
        scope: Scope::Machine,
        effort: 5,
        limit_bytes: None,
        default_bytes: ROOM_BYTES - 8,
        lacks: &[(Want::NoLibrary, OWN_WORDS), (Want::Simple, NOT_THE_SYSTEMS)],
    },
    Ability {
        mechanism: "queue",
        address: "queue:job",
        scope: Scope::Machine,
        effort: 6,
        limit_bytes: None,
        default_bytes: ROOM_BYTES,
        lacks: &[
            (Want::EverybodyHears, "each message of a queue goes to one of its receivers"),
            (Want::Stream, "the workers of a queue would each get pieces of the stream"),
            (Want::NoLibrary, OWN_WORDS),
            (Want::Simple, NOT_THE_SYSTEMS),
        ],
    },
    Ability {
        mechanism: "topic",
        address: "topic:job",
        scope: Scope::Machine,
        effort: 7,
        limit_bytes: None,
        default_bytes: 1_008,
        lacks: &[
            (Want::EachToOneWorker, "each message of a topic goes to all of its receivers"),
            (Want::Stream, "who comes to a topic later has missed the beginning of the stream"),
            (Want::NoLibrary, OWN_WORDS),
            (Want::Simple, NOT_THE_SYSTEMS),
        ],
    },
    Ability {
        mechanism: "udp",
        address: "udp:127.0.0.1:9000",
        scope: Scope::Network,
        effort: 8,
        limit_bytes: Some(65_507),
        default_bytes: MESSAGE_BYTES_MAX,
        lacks: &[
            (Want::Stream, "a stream has no gaps; datagrams get lost and overtake each other"),
            (Want::NoLibrary, OWN_PACKETS),
        ],
    },
];

impl Ability {
    /// Why it cannot have `want`; absent if it can.
    pub fn lack(&self, want: Want) -> Option<&'static str> {
        let own = self.lacks.iter().find(|(lacking, _)| *lacking == want).map(|(_, reason)| *reason);
        own.or_else(|| self.capabilities().and_then(|can| lack_of(&can, want)))
    }

    /// What its ends say of it.
    fn capabilities(&self) -> Option<Capabilities> {
        self.address.split_once(':').and_then(|(mechanism, _)| Capabilities::of(mechanism))
    }
}

/// Why a mechanism that can this cannot have `want`.
fn lack_of(can: &Capabilities, want: Want) -> Option<&'static str> {
    match want {
        Want::ManySenders if !can.has_many_senders => Some("it has one sender and one receiver"),
        Want::EachToOneWorker | Want::EverybodyHears if !can.has_many_receivers => {
            Some("it has one receiver at a time")
        }
        Want::SurvivesReceiverDeath => match can.untaken {
            Untaken::Kept => None,
            Untaken::KeptWhileOpen => Some("what a dead receiver had in hand is lost with it"),
            _ => Some("what a dead receiver had not read is lost with it"),
        },
        Want::ZeroCopy if !can.is_zero_copy => Some("the kernel copies each payload in and out"),
        Want::Ordering if !can.is_ordered => Some("messages may overtake each other"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_that_an_address_can_name_is_advised_on() {
        for row in Capabilities::table().iter().filter(|row| row.mechanism != "fd") {
            let named = |ability: &&Ability| ability.capabilities().is_some_and(|can| can == *row);
            assert!(ABILITIES.iter().any(|ability| named(&ability)), "nothing about {}:", row.mechanism);
        }
        for ability in ABILITIES {
            let can = ability.capabilities().expect("its address names a mechanism");
            assert_eq!(can.crosses_machines, ability.scope == Scope::Network, "{}", ability.address);
        }
    }
}
