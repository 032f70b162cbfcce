//! What libtest or pytest printed: passed, failed, and skipped with its reasons.

use std::collections::BTreeSet;

/// The mark with which a test says that this machine does not allow it.
const SKIP_MARK: &str = "SKIPPED:";

/// The tests of a suite, counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Ran and held.
    pub passed: usize,
    /// Ran and did not hold.
    pub failed: usize,
    /// Did not run, or not wholly: each with its reason.
    pub skipped: Vec<String>,
}

impl Count {
    /// All tests, whatever became of them.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.skipped.len()
    }

    /// Adds the tests of another suite.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
    }

    /// Counts the output of `cargo test … -- --show-output`.
    ///
    /// A test that printed `SKIPPED: reason` counts as skipped, not as passed, even if a part of it ran.
    pub fn of(output: &str) -> Self {
        let mut this = Self::default();
        let (mut test, mut skipping) = (String::new(), BTreeSet::new());
        for line in output.lines() {
            if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
            {
                test = name.to_owned();
            } else if let Some(result) = line.strip_prefix("test result: ") {
                this.passed += number_before(result, " passed");
                this.failed += number_before(result, " failed");
                let ignored = number_before(result, " ignored");
                this.skipped.extend((0..ignored).map(|_| "ignored by an attribute".to_owned()));
                test.clear();
            } else if let Some((_, reason)) = line.split_once(SKIP_MARK) {
                let reason = reason.trim();
                if test.is_empty() {
                    this.skipped.push(reason.to_owned());
                } else if skipping.insert(test.clone()) {
                    this.skipped.push(format!("{test}: {reason}"));
                }
            }
        }
        this.passed = this.passed.saturating_sub(skipping.len());
        this
    }
}

/// What pytest says of tests that it could not even collect.
const PYTEST_ERRORS: [&str; 2] = [" error", " failed"];

impl Count {
    /// Counts the output of `pytest -q -rs`: its last line, and the reasons above it.
    pub fn of_pytest(output: &str) -> Self {
        let mut this = Self::default();
        for line in output.lines() {
            if let Some(rest) = line.strip_prefix("SKIPPED [")
                && let Some((count, reason)) = rest.split_once("] ")
            {
                let count = count.parse().unwrap_or(1);
                this.skipped.extend((0..count).map(|_| format!("python: {reason}")));
            }
        }
        // Beyond a minute it says the time in hours and minutes too: `in 83.13s (0:01:23)`.
        let is_summary = |line: &&str| {
            let time = line.rsplit_once(" in ").and_then(|(_, time)| time.split(' ').next());
            time.is_some_and(|time| time.strip_suffix('s').is_some_and(|it| it.parse::<f64>().is_ok()))
        };
        if let Some(summary) = output.lines().rev().find(is_summary) {
            this.passed = number_before(summary, " passed");
            this.failed = PYTEST_ERRORS.iter().map(|word| number_before(summary, word)).sum();
        }
        this
    }
}

/// The number that stands before ` passed` in `ok. 3 passed; 0 failed; …`.
fn number_before(result: &str, word: &str) -> usize {
    let Some((before, _)) = result.split_once(word) else { return 0 };
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed_and_skips_leave_the_passed() {
        let output = "\
running 3 tests\n\
test a ... ok\n\
successes:\n\
---- net::v6 stdout ----\n\
SKIPPED: no IPv6 here\n\
SKIPPED: nor a second address\n\
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        let count = Count::of(output);
        assert_eq!((count.passed, count.failed), (3, 2));
        assert_eq!(count.skipped, ["net::v6: no IPv6 here", "ignored by an attribute"]);
        assert_eq!(count.total(), 7);
    }

    #[test]
    fn pytest_is_counted_by_its_last_line_and_its_reasons() {
        let output = "\
..sF [100%]\n\
SKIPPED [2] crates/crosstie-python/tests/test_lock.py:60: no command crosstie\n\
FAILED tests/test_lock.py::test_x - assert 1 in (2, 3)\n\
1 failed, 41 passed, 2 skipped, 1 error in 8.24s\n";
        let count = Count::of_pytest(output);
        assert_eq!((count.passed, count.failed, count.skipped.len()), (41, 2, 2));
        assert!(count.skipped[0].ends_with("no command crosstie"));
        assert_eq!(Count::of_pytest("752 passed, 1 skipped in 83.13s (0:01:23)\n").passed, 752);
        assert_eq!(Count::of_pytest("no tests ran in 0.01s\n").total(), 0);
        assert_eq!(Count::of_pytest("Segmentation fault\n").total(), 0);
    }

    #[test]
    fn a_run_that_printed_no_result_counts_nothing() {
        assert_eq!(Count::of("error: could not compile").total(), 0);
    }
}
