//! What each mechanism is, in the textbook's words: data.

use crate::record::{Mechanism, Row};

/// A mechanism's words, whatever the machine.
struct Words {
    name: &'static str,
    scope: &'static str,
    complexity: &'static str,
    caller_handles: &'static str,
    use_case: &'static str,
    pros: &'static str,
    cons: &'static str,
    /// The smallest correct program of ours on it.
    program: &'static str,
}

const WORDS: [Words; 9] = [
    Words {
        name: "shm",
        scope: "one machine",
        complexity: "high by hand (synchronization, death, layout); as a ring: low",
        caller_handles: "a name that both know; a capacity; nothing else",
        use_case: "high rates and large payloads between processes of one machine",
        pros: "fastest; no system call while both are awake; no copy when lent; survives kill -9 of either end",
        cons: "one sender, one receiver; spinning takes a whole core; one machine",
        program: include_str!("../../../examples/rust/shm.rs"),
    },
    Words {
        name: "queue",
        scope: "one machine",
        complexity: "low: a name; done, or not done",
        caller_handles: "a name that all know; jobs that may come a second time, flagged",
        use_case: "jobs for many workers, each message to one of them",
        pros: "many senders, many workers; what a killed worker had in hand goes to another",
        cons: "each message is acknowledged; among workers jobs end in any order; one machine",
        program: include_str!("../../../examples/rust/jobs.rs"),
    },
    Words {
        name: "topic",
        scope: "one machine",
        complexity: "low: a name; whether to wait for the slow",
        caller_handles: "a name that all know; whether the slow are waited for or lose messages",
        use_case: "news that everybody hears",
        pros: "many senders; each receiver reads for itself, without a copy for each",
        cons: "nothing is kept for a dead receiver; a slow one delays all, or loses; one machine",
        program: include_str!("../../../examples/rust/topic.rs"),
    },
    Words {
        name: "pipe",
        scope: "related processes",
        complexity: "low",
        caller_handles: "handing over descriptors at spawn; the child's exit",
        use_case: "a parent and the child it starts; shell pipelines",
        pros: "simple; nothing to name or to clean up; ends with its processes",
        cons: "one way; related processes only; the kernel copies twice",
        program: include_str!("../../../examples/rust/pipe.rs"),
    },
    Words {
        name: "fifo",
        scope: "one machine",
        complexity: "low",
        caller_handles: "a path and its permissions; who removes the file",
        use_case: "unrelated processes, many writers to one reader, from any language",
        pros: "a file name that outlives processes; permissions of files; many writers",
        cons: "one way; records above 4,096 bytes are sent in pieces; the file stays behind",
        program: include_str!("../../../examples/rust/fifo.rs"),
    },
    Words {
        name: "unix",
        scope: "one machine",
        complexity: "medium",
        caller_handles: "a socket path; connections that come and go",
        use_case: "a server and its clients on one machine",
        pros: "two ways; many clients; says who is there; passes descriptors",
        cons: "one machine; a stale path to clear; what a dead receiver had not read is lost",
        program: include_str!("../../../examples/rust/unix.rs"),
    },
    Words {
        name: "unixpacket",
        scope: "one machine",
        complexity: "medium",
        caller_handles: "a socket path; connections that come and go",
        use_case: "a server and its clients that exchange records",
        pros: "the kernel keeps packets apart; two ways; many clients",
        cons: "one machine; large messages go in pieces; what a dead receiver had not read is lost",
        program: include_str!("../../../examples/rust/unixpacket.rs"),
    },
    Words {
        name: "tcp",
        scope: "network",
        complexity: "medium",
        caller_handles: "hosts and ports; connections that break; no encryption, no authentication",
        use_case: "processes on different machines",
        pros: "crosses machines; ordered, nothing lost while it stands",
        cons: "slower on one machine; a dead host is noticed late; open to whoever reaches the port",
        program: include_str!("../../../examples/rust/tcp.rs"),
    },
    Words {
        name: "udp",
        scope: "network",
        complexity: "high (loss is the caller's)",
        caller_handles: "loss, duplicates and order; at most 65,507 bytes; no encryption, no authentication",
        use_case: "telemetry, discovery, what is worthless when late",
        pros: "crosses machines; no connection; never waits for a slow receiver",
        cons: "loses messages under load; small messages only; nobody notices a death",
        program: include_str!("../../../examples/rust/udp.rs"),
    },
];

/// Every mechanism that `rows` have, with the words for its speed from their figures.
#[must_use]
pub fn describe(rows: &[Row]) -> Vec<Mechanism> {
    let measured = |words: &&Words| rows.iter().any(|row| row.mechanism == words.name);
    WORDS.iter().filter(measured).map(|words| words.with(rows)).collect()
}

impl Words {
    fn with(&self, rows: &[Row]) -> Mechanism {
        Mechanism {
            name: self.name.to_owned(),
            scope: self.scope.to_owned(),
            speed: speed(self.name, rows).to_owned(),
            complexity: self.complexity.to_owned(),
            program_lines: lines_of_code(self.program),
            caller_handles: self.caller_handles.to_owned(),
            use_case: self.use_case.to_owned(),
            pros: self.pros.to_owned(),
            cons: self.cons.to_owned(),
        }
    }
}

/// The payload by which the words for speed are chosen.
const REFERENCE_BYTES: usize = 64;

/// The textbook's word, from the round trip of a small payload: beside the fastest of all, and
/// beside the fastest that sleeps while it waits.
fn speed(mechanism: &str, rows: &[Row]) -> &'static str {
    let trip = |wanted: &dyn Fn(&Row) -> bool| {
        rows.iter()
            .filter(|row| row.payload_bytes == REFERENCE_BYTES && row.verified && wanted(row))
            .map(|row| row.round_trip_ns.p50)
            .min()
    };
    let Some(own) = trip(&|row| row.mechanism == mechanism) else { return "not measured" };
    let fastest = trip(&|_| true).unwrap_or(own);
    let fastest_asleep =
        trip(&|row| row.wait == "block" && !matches!(row.mechanism.as_str(), "shm" | "queue" | "topic"))
            .unwrap_or(own);
    match own as f64 / fastest_asleep.max(1) as f64 {
        _ if own == fastest => "fastest",
        ratio if ratio <= 1.25 => "fast",
        ratio if ratio <= 1.75 => "moderate",
        _ => "slower",
    }
}

/// Lines of a program that are neither blank nor only a comment: both its processes together.
pub(crate) fn lines_of_code(program: &str) -> usize {
    program.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Percentiles;

    fn row(mechanism: &str, wait: &str, p50: u64) -> Row {
        Row {
            mechanism: mechanism.into(),
            wait: wait.into(),
            payload_bytes: REFERENCE_BYTES,
            verified: true,
            round_trip_ns: Percentiles { p50, ..Percentiles::default() },
            ..Row::default()
        }
    }

    #[test]
    fn the_words_for_speed_follow_the_figures() {
        let rows = [
            row("shm", "spin", 300),
            row("shm", "block", 30_000),
            row("pipe", "block", 30_000),
            row("unix", "block", 33_000),
            row("tcp", "block", 50_000),
            row("udp", "block", 90_000),
        ];
        let words = |name| describe(&rows).into_iter().find(|m| m.name == name).map(|m| m.speed);
        let expected =
            [("shm", "fastest"), ("pipe", "fast"), ("unix", "fast"), ("tcp", "moderate"), ("udp", "slower")];
        for (name, speed) in expected {
            assert_eq!(words(name).as_deref(), Some(speed), "{name}");
        }
        assert_eq!(words("fifo"), None);
    }

    #[test]
    fn every_mechanism_has_its_words_and_a_program_short_enough_to_read() {
        for words in &WORDS {
            let lines = lines_of_code(words.program);
            assert!((5..60).contains(&lines), "{}: {lines} lines", words.name);
        }
    }

    #[test]
    fn every_mechanism_of_an_address_is_measured_and_has_its_words() {
        use crate::compare::subject::Mechanism;
        for row in crosstie::endpoint::Capabilities::table().iter().filter(|row| row.mechanism != "fd") {
            let name = if row.mechanism == "ring" { "shm" } else { row.mechanism };
            assert!(
                Mechanism::ALL.iter().any(|mechanism| mechanism.name() == name),
                "{name} is not measured"
            );
            assert!(WORDS.iter().any(|words| words.name == name), "{name} has no words");
        }
    }

    #[test]
    fn blank_lines_and_comments_are_no_lines_of_a_program() {
        assert_eq!(lines_of_code("//! What\n\nfn main() {\n    // why\n    run();\n}\n"), 3);
    }
}
