//! Round trips and one way, as many as fill a second, as a row.

use crosstie::Result;

use crate::engine::pair::{Answers, Pair};
use crate::engine::spec::{Burden, Wait};
use crate::record::{CpuPercent, Row};

/// What is measured of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// There and back, one message in flight.
    RoundTrip,
    /// One way, as fast as it goes.
    OneWay,
    /// There and back as a call, one in flight.
    Call,
}

/// What a row is wanted of.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// Bytes of payload in each message.
    pub payload_bytes: usize,
    /// How an end of a ring waits.
    pub wait: Wait,
    /// Only this pattern; `None`: there and back, and one way, of messages.
    pub pattern: Option<Pattern>,
    /// How many messages; `None`: as many as take about a second.
    pub count: Option<u64>,
}

/// Two sides that perform phases, wherever they are.
pub(super) trait Phases {
    fn round_trips(&mut self, count: u64) -> Result<Answers>;
    fn one_way(&mut self, count: u64) -> Result<Answers>;
    /// System calls of both sides for each of `count` messages one way, where they can be counted.
    fn syscalls_per_message(&mut self, count: u64) -> Result<Option<f64>>;
    /// The same for each of `count` round trips.
    fn syscalls_per_round_trip(&mut self, count: u64) -> Result<Option<f64>>;
}

impl Phases for Pair {
    fn round_trips(&mut self, count: u64) -> Result<Answers> {
        Self::round_trips(self, count, None)
    }

    fn one_way(&mut self, count: u64) -> Result<Answers> {
        Self::one_way(self, count, Burden::None)
    }

    fn syscalls_per_message(&mut self, count: u64) -> Result<Option<f64>> {
        Self::syscalls_per_message(self, count)
    }

    fn syscalls_per_round_trip(&mut self, count: u64) -> Result<Option<f64>> {
        Self::syscalls_per_round_trip(self, count)
    }
}

/// How long a pattern takes without a count.
const WINDOW_NS: u64 = 1_000_000_000;
/// The samples of all round trips are kept: at most so many without a count.
const ROUND_TRIPS_MAX: u64 = 2_000_000;
const MESSAGES_MAX: u64 = 200_000_000;
/// Bytes in the messages of a warm-up, at most.
const WARM_UP_BYTES: usize = 8 << 20;
/// Messages whose system calls are counted, at most.
const TRACED_COUNT: u64 = 64;

/// Measures what is wanted.
pub(super) fn measure(phases: &mut dyn Phases, mechanism: &str, want: &Want) -> Result<Row> {
    let mut row = Row {
        mechanism: mechanism.to_owned(),
        wait: want.wait.word().to_owned(),
        payload_bytes: want.payload_bytes,
        verified: true,
        ..Row::default()
    };
    let few = (WARM_UP_BYTES / want.payload_bytes.max(1)).clamp(2, 100) as u64;
    phases.round_trips(few)?;
    if want.pattern != Some(Pattern::OneWay) {
        let count = match want.count {
            Some(count) => count,
            None => {
                let trip_ns = phases.round_trips(few)?.client.round_trip_ns.p50.max(1);
                (WINDOW_NS / trip_ns).clamp(10, ROUND_TRIPS_MAX)
            }
        };
        row.round_trip_ns = phases.round_trips(count)?.client.round_trip_ns;
    }
    if want.pattern == Some(Pattern::Call) {
        row.pattern = Some("call".to_owned());
        row.syscalls_per_round_trip = phases.syscalls_per_round_trip(few.min(TRACED_COUNT))?;
    }
    if matches!(want.pattern, None | Some(Pattern::OneWay)) {
        let count = match want.count {
            Some(count) => count,
            None => {
                let rate = phases.one_way(few * 4)?.client.per_second();
                ((rate * WINDOW_NS as f64 / 1e9) as u64).clamp(10, MESSAGES_MAX)
            }
        };
        let answers = phases.one_way(count)?;
        row.messages_per_s = answers.server.steady_per_second;
        row.bytes_per_s = row.messages_per_s * want.payload_bytes as f64;
        row.cpu_percent = CpuPercent {
            sender: answers.client.processor_percent(),
            receiver: answers.server.processor_percent(),
        };
        row.lost = answers.server.lost;
        row.syscalls_per_message = phases.syscalls_per_message(few.min(TRACED_COUNT))?;
    }
    row.is_disturbed = row.shows_disturbance();
    Ok(row)
}
