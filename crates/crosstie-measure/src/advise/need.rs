//! What a job needs.

use serde::Serialize;

/// What a job needs of a mechanism.
///
/// # Examples
/// ```
/// use crosstie_measure::advise::{Need, Scope, Want};
/// let need = Need { scope: Scope::Machine, wants: vec![Want::LowestLatency], ..Need::default() };
/// assert_eq!(need.payload_bytes, 64);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Need {
    /// Bytes of each message.
    pub payload_bytes: usize,
    /// Messages per second that must get through; absent: any.
    pub messages_per_s: Option<f64>,
    /// How far apart the processes are.
    pub scope: Scope,
    /// What else it must have.
    pub wants: Vec<Want>,
}

impl Default for Need {
    fn default() -> Self {
        Self { payload_bytes: 64, messages_per_s: None, scope: Scope::Machine, wants: Vec::new() }
    }
}

/// How far apart the processes are; each reaches what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// A parent and its children.
    Related,
    /// Any two processes of one machine.
    Machine,
    /// Processes of different machines.
    Network,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Related, Self::Machine, Self::Network];

    /// As `--scope` has it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Related => "related",
            Self::Machine => "machine",
            Self::Network => "network",
        }
    }

    /// In words.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Related => "related processes",
            Self::Machine => "one machine",
            Self::Network => "a network",
        }
    }
}

macro_rules! wants {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)+) => {
        /// Something that a job must have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Want {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Want {
            /// Every want, in the order in which help lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As `--need` has it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+)),+ }
            }
        }
    };
}

wants! {
    /// The answer as soon as this machine can, whatever it costs.
    LowestLatency = "lowest-latency";
    /// Little processor time, none while idle.
    LowCpu = "low-cpu";
    /// As little to set up and to handle as can be.
    Simple = "simple";
    /// Many senders at a time.
    ManySenders = "many-senders";
    /// Many workers; each message goes to one of them.
    EachToOneWorker = "each-to-one-worker";
    /// Many receivers; each message goes to all of them.
    EverybodyHears = "everybody-hears";
    /// What a killed receiver had not finished comes again.
    SurvivesReceiverDeath = "survives-receiver-death";
    /// Payloads are written and read in place, without a copy.
    ZeroCopy = "zero-copy";
    /// Messages arrive in the order in which they were sent.
    Ordering = "ordering";
    /// A stream of bytes of any length, without boundaries (--raw).
    Stream = "stream";
    /// The other side speaks it by hand, without Crosstie.
    NoLibrary = "no-library";
    /// A message may be lost; a late one is worthless.
    LossTolerable = "loss-tolerable";
}

impl std::str::FromStr for Want {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|want| want.id() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|want| want.id()).collect();
            format!("no such need: {text}; known are {}", known.join(", "))
        })
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.id() == text);
        found.ok_or_else(|| format!("no such scope: {text}; known are related, machine, network"))
    }
}
