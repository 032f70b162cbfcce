//! What each mechanism can do, whatever the machine.

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
    /// Wants that it cannot meet, each with the reason.
    lacks: &'static [(Want, &'static str)],
}

const KERNEL_DROPS: &str = "what a dead receiver had not read is lost with it";
const COPIES: &str = "the kernel copies each payload in and out";
const OWN_PACKETS: &str = "its packets carry Crosstie's own headers: both sides need the library";

/// Every mechanism, least effort first.
pub(crate) const ABILITIES: &[Ability] = &[
    Ability {
        mechanism: "pipe",
        address: "pipe:",
        scope: Scope::Related,
        effort: 0,
        limit_bytes: None,
        lacks: &[
            (Want::ManySenders, "a pipe here is a pair: one sender, one receiver"),
            (Want::SurvivesReceiverDeath, KERNEL_DROPS),
            (Want::ZeroCopy, COPIES),
        ],
    },
    Ability {
        mechanism: "unix",
        address: "unix:/run/user/1000/job.sock",
        scope: Scope::Machine,
        effort: 1,
        limit_bytes: None,
        lacks: &[(Want::SurvivesReceiverDeath, KERNEL_DROPS), (Want::ZeroCopy, COPIES)],
    },
    Ability {
        mechanism: "fifo",
        address: "fifo:/run/user/1000/job.fifo",
        scope: Scope::Machine,
        effort: 2,
        limit_bytes: None,
        lacks: &[
            (Want::SurvivesReceiverDeath, KERNEL_DROPS),
            (Want::ZeroCopy, COPIES),
            (Want::NoLibrary, OWN_PACKETS),
        ],
    },
    Ability {
        mechanism: "unixpacket",
        address: "unixpacket:/run/user/1000/job.sock",
        scope: Scope::Machine,
        effort: 3,
        limit_bytes: None,
        lacks: &[
            (Want::SurvivesReceiverDeath, KERNEL_DROPS),
            (Want::ZeroCopy, COPIES),
            (Want::NoLibrary, OWN_PACKETS),
        ],
    },
    Ability {
        mechanism: "tcp",
        address: "tcp:127.0.0.1:9000",
        scope: Scope::Network,
        effort: 4,
        limit_bytes: None,
        lacks: &[(Want::SurvivesReceiverDeath, KERNEL_DROPS), (Want::ZeroCopy, COPIES)],
    },
    Ability {
        mechanism: "shm",
        address: "ring:job",
        scope: Scope::Machine,
        effort: 5,
        limit_bytes: None,
        lacks: &[
            (Want::ManySenders, "a ring has one sender and one receiver"),
            (Want::NoLibrary, "the ring's synchronization is Crosstie's: both sides need the library"),
            (
                Want::Simple,
                "shared memory needs synchronization; it comes with the library, not with the system",
            ),
        ],
    },
    Ability {
        mechanism: "udp",
        address: "udp:127.0.0.1:9000",
        scope: Scope::Network,
        effort: 6,
        limit_bytes: Some(65_507),
        lacks: &[
            (Want::SurvivesReceiverDeath, KERNEL_DROPS),
            (Want::ZeroCopy, COPIES),
            (Want::Ordering, "datagrams may overtake each other"),
            (Want::Stream, "a stream has no gaps; datagrams get lost and overtake each other"),
            (Want::NoLibrary, OWN_PACKETS),
        ],
    },
];

impl Ability {
    /// Why it cannot have `want`; absent if it can.
    pub fn lack(&self, want: Want) -> Option<&'static str> {
        self.lacks.iter().find(|(lacking, _)| *lacking == want).map(|(_, reason)| *reason)
    }
}
