//! What a lane can do, and the loops that time it.
//!
//! Every lane, ours and the floor's, runs through the same loops, so that what is not the lane's
//! cost (the clock, the payload, its check) is the same for all.

use crosstie::os::{clock, futex, usage};
use crosstie::{Deadline, Error, ErrorKind};
use crosstie_core::atomic::AtomicU32;

use super::payload::{Payloads, checksum};
use super::spec::{Answer, Burden};
use crate::percentiles::median;
use crate::record::Percentiles;

/// Why a side gave up; boxed, so that the answer of a hot loop fits a register.
pub type Fault = Box<Error>;

/// The end that sends.
pub trait Outbound {
    /// Sends one message whole.
    ///
    /// # Errors
    /// The lane is of no more use.
    fn send(&mut self, message: &[u8]) -> Result<(), Fault>;
}

/// The end that receives.
pub trait Inbound {
    /// Shows the next message to `read`, in memory that is this side's alone, then gives it back to
    /// the lane.
    ///
    /// # Errors
    /// The lane is of no more use.
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Fault>;

    /// The same; `None` if the lane may lose messages and none came within [`LOSSY_PATIENCE_NS`].
    ///
    /// # Errors
    /// The lane is of no more use.
    fn receive_in_time<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Fault> {
        self.receive(read).map(Some)
    }
}

/// Both ends of one side.
pub struct Exchange<O, I> {
    /// Towards the other side.
    pub outbound: O,
    /// From the other side.
    pub inbound: I,
    /// What goes back and forth.
    pub payloads: Payloads,
    /// The number of the next message; both sides count alike.
    pub sequence: u64,
}

/// How long a lane that may lose messages waits for one before it counts as lost.
pub const LOSSY_PATIENCE_NS: u64 = 60_000_000;

/// What a side does in a phase, whatever the lane.
pub trait Play {
    /// The client's half of one round trip; `None` if it is not to be counted.
    ///
    /// # Errors
    /// The lane is of no more use, or what came back is not what was sent.
    fn ask(&mut self) -> Result<Option<RoundTrip>, Fault>;

    /// The server's half of `count` round trips.
    ///
    /// # Errors
    /// As [`Play::ask`].
    fn answer(&mut self, count: u64) -> Result<(), Fault>;

    /// Sends `count` messages one way.
    ///
    /// # Errors
    /// As [`Play::ask`].
    fn produce(&mut self, count: u64, burden: Burden) -> Result<(), Fault> {
        let _ = (count, burden);
        Err(only_round_trips())
    }

    /// Receives what a sender of `count` messages sent.
    ///
    /// # Errors
    /// As [`Play::ask`].
    fn consume(&mut self, count: u64, burden: Burden) -> Result<Arrivals, Fault> {
        let _ = (count, burden);
        Err(only_round_trips())
    }
}

/// One round trip: from before the client sends until it has the answer in memory of its own.
///
/// Preparing the message and checking the answer lie outside, as does the server's check, which
/// follows its answer: what is timed is the lane, both copies included.
#[derive(Clone, Copy, Debug)]
pub struct RoundTrip {
    /// Before the client sent.
    pub asked_ns: u64,
    /// When the client had the answer.
    pub answered_ns: u64,
}

/// What a receiver saw.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// Messages that arrived.
    pub count: u64,
    /// When the first, the last, and some in between had arrived: (how many by then, the time).
    pub marks: Vec<(u64, u64)>,
    /// Processor time of this process when the first arrived: waiting for it is no part of the phase.
    pub first_processor_ns: u64,
}

/// Into so many equal parts a one-way phase is cut, at most.
const PARTS_MAX: u64 = 16;
/// A part has several times what any lane buffers: within less, a burst from a buffer would pass for
/// the lane's own rate.
const PART_BYTES_MIN: u64 = 4 << 20;
/// A part has so many messages, at least.
const PART_MESSAGES_MIN: u64 = 16;

/// How many messages of a phase make a part.
fn part_messages(count: u64, payload_bytes: usize) -> u64 {
    let enough = (PART_BYTES_MIN / (payload_bytes as u64).max(1)).max(PART_MESSAGES_MIN);
    count.div_ceil(PARTS_MAX).max(enough)
}

impl Arrivals {
    /// The last arrival was at `last_ns`: a rest that is no whole part belongs to the last part.
    fn finish(&mut self, last_ns: u64) {
        if self.marks.last().is_some_and(|&(marked, _)| marked < self.count) {
            if self.marks.len() > 1 {
                self.marks.pop();
            }
            self.marks.push((self.count, last_ns));
        }
    }

    /// From the first to the last arrival.
    fn elapsed_ns(&self) -> u64 {
        self.marks.first().zip(self.marks.last()).map_or(0, |(first, last)| last.1.saturating_sub(first.1))
    }

    /// Messages a second: the median of the parts, so that a processor that was taken away for a
    /// while by others does not count.
    fn steady_per_second(&self) -> f64 {
        let rates: Vec<f64> = self
            .marks
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0, pair[1].1.saturating_sub(pair[0].1)))
            .filter(|&(messages, elapsed_ns)| messages > 0 && elapsed_ns > 0)
            .map(|(messages, elapsed_ns)| messages as f64 * 1e9 / elapsed_ns as f64)
            .collect();
        median(&rates)
    }
}

impl<O: Outbound, I: Inbound> Play for Exchange<O, I> {
    fn ask(&mut self) -> Result<Option<RoundTrip>, Fault> {
        let due = self.sequence;
        self.sequence += 1;
        let message = self.payloads.message(due);
        let asked_ns = clock::now_ns();
        self.outbound.send(message)?;
        let (answered_ns, number) =
            self.inbound.receive(|echo| (clock::now_ns(), self.payloads.verify(echo)))?;
        match number {
            Some(number) if number == due => Ok(Some(RoundTrip { asked_ns, answered_ns })),
            other => Err(not_what_was_sent(other, due)),
        }
    }

    fn answer(&mut self, count: u64) -> Result<(), Fault> {
        for due in self.sequence..self.sequence + count {
            let (outbound, payloads) = (&mut self.outbound, &self.payloads);
            self.inbound.receive(|message| {
                outbound.send(message)?;
                match payloads.verify(message) {
                    Some(number) if number == due => Ok(()),
                    other => Err(not_what_was_sent(other, due)),
                }
            })??;
        }
        self.sequence += count;
        Ok(())
    }

    fn produce(&mut self, count: u64, burden: Burden) -> Result<(), Fault> {
        let end = self.sequence + count;
        while self.sequence < end {
            let message = self.payloads.message(self.sequence);
            if burden == Burden::Sender {
                work();
            }
            self.outbound.send(message)?;
            self.sequence += 1;
        }
        Ok(())
    }

    fn consume(&mut self, count: u64, burden: Burden) -> Result<Arrivals, Fault> {
        let end = self.sequence + count;
        let part = part_messages(count, self.payloads.payload_bytes());
        let mut arrivals = Arrivals::default();
        let mut next_mark = 1;
        while self.sequence < end {
            let Some(message) = self.inbound.receive_in_time(|message| self.payloads.verify(message))? else {
                self.sequence = end;
                arrivals.finish(clock::now_ns().saturating_sub(LOSSY_PATIENCE_NS));
                return Ok(arrivals);
            };
            match message {
                Some(number) if number >= self.sequence && number < end => self.sequence = number + 1,
                other => return Err(not_what_was_sent(other, self.sequence)),
            }
            if burden == Burden::Receiver {
                work();
            }
            arrivals.count += 1;
            if arrivals.count == 1 {
                arrivals.first_processor_ns = usage::processor_time_ns();
            }
            if arrivals.count == next_mark {
                arrivals.marks.push((arrivals.count, clock::now_ns()));
                next_mark += part;
            }
        }
        arrivals.finish(clock::now_ns());
        Ok(arrivals)
    }
}

#[cold]
fn only_round_trips() -> Fault {
    Box::new(
        Error::new("measure", "one way", ErrorKind::Unsupported).because("this floor is only there and back"),
    )
}

/// A few nanoseconds of work that the processor cannot overlap with a transfer.
#[inline]
fn work() {
    let bytes = std::hint::black_box([1_u8; 64]);
    std::hint::black_box(checksum(&bytes));
}

#[cold]
pub(super) fn not_what_was_sent(number: Option<u64>, expected: u64) -> Fault {
    let cause = match number {
        Some(number) => format!("message {number} came where {expected} was due"),
        None => format!("message {expected} came with another checksum than it was sent with"),
    };
    Box::new(Error::new("measure", "the payload", ErrorKind::Corrupt).because(cause))
}

/// The client's side of a round-trip phase.
///
/// # Errors
/// As [`Play::ask`].
pub fn time_round_trips(play: &mut dyn Play, count: u64, interval_ns: Option<u64>) -> Result<Answer, Fault> {
    let mut samples = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let processor_before = usage::processor_time_ns();
    let started = clock::now_ns();
    let mut due = started;
    for _ in 0..count {
        if let Some(interval_ns) = interval_ns {
            due = due.max(clock::now_ns().saturating_sub(interval_ns)) + interval_ns;
            sleep_until(due);
        }
        if let Some(trip) = play.ask()? {
            samples.push(trip.answered_ns - trip.asked_ns);
        }
    }
    let answered = samples.len() as u64;
    Ok(Answer {
        messages: answered,
        elapsed_ns: clock::now_ns() - started,
        processor_ns: usage::processor_time_ns() - processor_before,
        lost: count - answered,
        round_trip_ns: Percentiles::of(&mut samples),
        ..Answer::default()
    })
}

/// The server's side of a round-trip phase, or the sender's of a one-way phase: `play` runs it.
///
/// # Errors
/// Those of `play`.
pub fn time_whole(play: &mut dyn FnMut() -> Result<(), Fault>, count: u64) -> Result<Answer, Fault> {
    let processor_before = usage::processor_time_ns();
    let started = clock::now_ns();
    play()?;
    Ok(Answer {
        messages: count,
        elapsed_ns: clock::now_ns() - started,
        processor_ns: usage::processor_time_ns() - processor_before,
        ..Answer::default()
    })
}

/// The receiver's side of a one-way phase, from its first arrival to its last.
///
/// # Errors
/// As [`Play::consume`].
pub fn time_arrivals(play: &mut dyn Play, count: u64, burden: Burden) -> Result<Answer, Fault> {
    let arrivals = play.consume(count, burden)?;
    Ok(Answer {
        messages: arrivals.count.saturating_sub(1),
        elapsed_ns: arrivals.elapsed_ns(),
        steady_per_second: arrivals.steady_per_second(),
        processor_ns: usage::processor_time_ns() - arrivals.first_processor_ns,
        lost: count - arrivals.count,
        ..Answer::default()
    })
}

/// Sleeps without using the processor, until an instant of the monotonic clock.
fn sleep_until(due_ns: u64) {
    let nobody_wakes = AtomicU32::new(0);
    let deadline = Deadline::at_ns(due_ns);
    while !deadline.is_over(clock::now_ns()) {
        futex::wait(&nobody_wakes, 0, deadline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_middle_part_and_a_rest_belongs_to_the_last() {
        let marks = vec![(1, 0), (11, 100), (21, 9_000), (31, 9_100)];
        let mut arrivals = Arrivals { count: 35, marks, ..Arrivals::default() };
        arrivals.finish(9_140);
        assert_eq!(arrivals.marks, [(1, 0), (11, 100), (21, 9_000), (35, 9_140)]);
        assert!((arrivals.steady_per_second() - 1e8).abs() < 1.0);
        assert_eq!(arrivals.elapsed_ns(), 9_140);
    }

    /// Works for 20 ms before its first message.
    struct Late {
        payloads: Payloads,
        next: u64,
    }

    const LATE_NS: u64 = 20_000_000;

    impl Inbound for Late {
        fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Fault> {
            let begun = usage::processor_time_ns();
            while self.next == 0 && usage::processor_time_ns() - begun < LATE_NS {
                work();
            }
            self.next += 1;
            Ok(read(self.payloads.message(self.next - 1)))
        }
    }

    #[test]
    fn what_a_receiver_spends_before_the_first_arrival_is_not_counted() {
        let payloads = || Payloads::new(64, 1).unwrap();
        let inbound = Late { payloads: payloads(), next: 0 };
        let mut exchange = Exchange { outbound: Nowhere, inbound, payloads: payloads(), sequence: 0 };
        let before = usage::processor_time_ns();
        let arrivals = exchange.consume(4, Burden::None).unwrap();
        assert_eq!(arrivals.count, 4);
        assert!(arrivals.first_processor_ns >= before + LATE_NS);
    }

    struct Nowhere;

    impl Outbound for Nowhere {
        fn send(&mut self, _message: &[u8]) -> Result<(), Fault> {
            Ok(())
        }
    }

    #[test]
    fn a_phase_shorter_than_a_part_has_its_mean_rate() {
        let mut arrivals = Arrivals { count: 11, marks: vec![(1, 0)], ..Arrivals::default() };
        arrivals.finish(1_000);
        assert!((arrivals.steady_per_second() - 1e7).abs() < 1.0);
        assert_eq!(part_messages(16 << 20, 8), 1 << 20);
        assert_eq!(part_messages(1_000, 8), 524_288);
        assert_eq!(part_messages(1_000, 4 << 20), 63);
    }
}
