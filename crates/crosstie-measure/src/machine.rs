//! Where and when a report is measured, and which processors the two sides take.

use std::fs;

use crosstie::os::{affinity, clock};

use crate::record::Machine;

/// The machine, as far as it says; what it does not say stays empty.
#[must_use]
pub fn describe(pinned: Option<[usize; 2]>) -> Machine {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of_kernel = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    Machine {
        cpu: processor_name(&processor),
        cores: affinity::allowed_processors().map_or(0, |allowed| allowed.len()),
        kernel: format!("{} {}", of_kernel("ostype"), of_kernel("osrelease")),
        virtual_machine: field(&processor, &["flags"])
            .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
        pinned,
        date: date(clock::wall_ns()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Two processors that share no core, or two that do, where there are no others; `None` with one.
#[must_use]
pub fn two_processors() -> Option<[usize; 2]> {
    let allowed = affinity::allowed_processors().ok()?;
    let &first = allowed.first()?;
    let list = format!("/sys/devices/system/cpu/cpu{first}/topology/thread_siblings_list");
    let siblings = processors_in(&fs::read_to_string(list).unwrap_or_default());
    let others = || allowed.iter().copied().filter(|&other| other != first);
    let second = others().find(|other| !siblings.contains(other)).or_else(|| others().next())?;
    Some([first, second])
}

/// The numbers in a list as the kernel writes it: `0,4-6`.
fn processors_in(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse::<usize>().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

fn processor_name(cpuinfo: &str) -> String {
    let name = field(cpuinfo, &["model name", "Model", "Processor"]).unwrap_or_default();
    if name.is_empty() { std::env::consts::ARCH.to_owned() } else { name.to_owned() }
}

/// The first value in /proc/cpuinfo under one of `keys`.
fn field<'a>(cpuinfo: &'a str, keys: &[&str]) -> Option<&'a str> {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| keys.contains(&key.trim()))
        .map(|(_, value)| value.trim())
}

/// UTC date and time, RFC 3339, of nanoseconds since 1970.
fn date(wall_ns: u64) -> String {
    let seconds = wall_ns / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days from 1970 on.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_446_000, "2026-11-23T15:00:00Z"),
        ] {
            assert_eq!(date(seconds * 1_000_000_000), expected);
        }
    }

    #[test]
    fn lists_of_processors_are_read_as_the_kernel_writes_them() {
        assert_eq!(processors_in("0,4-6\n"), [0, 4, 5, 6]);
        assert_eq!(processors_in(""), Vec::<usize>::new());
    }

    #[test]
    fn this_machine_says_what_it_is() {
        let machine = describe(None);
        assert!(machine.cores > 0 && machine.kernel.starts_with("Linux ") && !machine.cpu.is_empty());
        if let Some([first, second]) = two_processors() {
            assert_ne!(first, second);
        }
    }
}
