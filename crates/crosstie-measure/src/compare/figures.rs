//! A cell's repetitions as figures: medians, spreads, and the row they make.

use super::cell::{Cell, Repetition};
use super::subject::{Mechanism, Subject};
use crate::engine::spec::Wait;
use crate::percentiles::median;
use crate::record::{BareLoop, BareRing, CpuPercent, Percentiles, Repetitions, Row};

/// One figure of a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The median round trip, in nanoseconds.
    RoundTrip,
    /// Messages a second one way.
    Messages,
    /// The same while the receiver keeps up.
    KeptUp,
    /// The same while the ring is full.
    Full,
}

impl Figure {
    fn of(self, repetition: &Repetition) -> f64 {
        let rate = match self {
            Self::RoundTrip => Some(repetition.round_trips.client.round_trip_ns.p50 as f64),
            Self::Messages => repetition.one_way.as_ref().map(|answers| answers.server.steady_per_second),
            Self::KeptUp => repetition.kept_up_messages_per_s,
            Self::Full => repetition.full_messages_per_s,
        };
        rate.unwrap_or(0.0)
    }
}

impl Cell {
    /// A figure of every repetition, in their order.
    #[must_use]
    pub fn figures(&self, figure: Figure) -> Vec<f64> {
        self.repetitions.iter().map(|repetition| figure.of(repetition)).collect()
    }

    /// The percentiles of the round trip in every repetition that counted one.
    #[must_use]
    pub fn round_trips_ns(&self) -> Vec<Percentiles> {
        let each = self.repetitions.iter().map(|repetition| repetition.round_trips.client.round_trip_ns);
        each.filter(|percentiles| percentiles.p50 > 0).collect()
    }

    /// The percentiles of the round trip: their medians over the repetitions.
    #[must_use]
    pub fn round_trip_ns(&self) -> Percentiles {
        Percentiles::median_of(&self.round_trips_ns())
    }

    /// The cell as the entry of a bare loop; `None` if it could not be measured.
    #[must_use]
    pub fn bare_loop(&self) -> Option<BareLoop> {
        self.is_measured().then(|| BareLoop {
            round_trip_ns_p50: self.round_trip_ns().p50,
            messages_per_s: median(&self.figures(Figure::Messages)),
        })
    }

    /// The cell as the bare ring's entry; `None` if it could not be measured.
    #[must_use]
    pub fn bare_ring(&self) -> Option<BareRing> {
        self.is_measured().then(|| BareRing {
            round_trip_ns_p50: self.round_trip_ns().p50,
            kept_up_messages_per_s: median(&self.figures(Figure::KeptUp)),
            full_messages_per_s: median(&self.figures(Figure::Full)),
        })
    }

    /// The cell as a row of the report; `None` for a floor.
    #[must_use]
    pub fn row(&self) -> Option<Row> {
        let Subject::Row(mechanism, wait) = self.subject() else { return None };
        let mut row = Row {
            mechanism: mechanism.name().to_owned(),
            wait: wait.word().to_owned(),
            payload_bytes: self.payload_bytes(),
            not_measured: self.failure.as_ref().map(|failure| failure.why.clone()),
            ..Row::default()
        };
        if !self.is_measured() {
            return Some(row);
        }
        row.verified = true;
        row.round_trip_ns = self.round_trip_ns();
        row.messages_per_s = median(&self.figures(Figure::Messages));
        row.bytes_per_s = row.messages_per_s * self.payload_bytes() as f64;
        row.cpu_percent = self.cpu_percent();
        if let Some(once) = &self.once {
            row.paced_round_trip_ns = once.paced.client.round_trip_ns;
            row.paced_cpu_percent = CpuPercent {
                sender: once.paced.client.processor_percent(),
                receiver: once.paced.server.processor_percent(),
            };
            row.syscalls_per_message = once.syscalls_per_message;
            row.syscalls_per_round_trip = once.syscalls_per_round_trip;
        }
        row.lost = self.repetitions.iter().filter_map(|r| r.one_way.as_ref()).map(|a| a.server.lost).sum();
        if mechanism == Mechanism::Shm && wait == Wait::Spin {
            row.kept_up_messages_per_s = Some(median(&self.figures(Figure::KeptUp)));
            row.full_messages_per_s = Some(median(&self.figures(Figure::Full)));
        }
        row.repetitions = Some(self.spread());
        row.is_disturbed = row.shows_disturbance();
        Some(row)
    }

    fn is_measured(&self) -> bool {
        self.failure.is_none() && !self.repetitions.is_empty()
    }

    fn cpu_percent(&self) -> CpuPercent {
        let one_way = || self.repetitions.iter().filter_map(|repetition| repetition.one_way.as_ref());
        CpuPercent {
            sender: median(&one_way().map(|a| a.client.processor_percent()).collect::<Vec<_>>()),
            receiver: median(&one_way().map(|a| a.server.processor_percent()).collect::<Vec<_>>()),
        }
    }

    fn spread(&self) -> Repetitions {
        let trips = || self.repetitions.iter().map(|r| r.round_trips.client.round_trip_ns.p50);
        let rates = self.figures(Figure::Messages);
        let sent = |repetition: &Repetition| repetition.one_way.as_ref().map_or(0, |a| a.client.messages);
        Repetitions {
            count: self.repetitions.len(),
            round_trips: self.repetitions.iter().map(|r| r.round_trips.client.messages).sum(),
            messages: self.repetitions.iter().map(sent).sum(),
            round_trip_ns_p50: [trips().min().unwrap_or(0), trips().max().unwrap_or(0)],
            messages_per_s: [
                rates.iter().copied().fold(f64::INFINITY, f64::min),
                rates.iter().copied().fold(0.0, f64::max),
            ],
        }
    }
}
