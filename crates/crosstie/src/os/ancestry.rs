//! Whether the processes between a process and one of its ancestors only wait for it.
//!
//! `/proc` tells in which system call a process sleeps, and its children. One that sleeps in `wait4`
//! or `waitid` for the next of the line, and has no other child that could end its wait, does
//! nothing until that one ends. A look is a moment; [`line_to`] is to be asked twice, and counts if
//! nobody in the line ran in between.

use std::io;

use super::process;

/// The most processes in a line that is looked at.
const LINE_MAX: usize = 32;

/// One process of a line, as it was found waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its process id.
    pub pid: u32,
    /// Its start, in clock ticks since the boot.
    pub start_ticks: u64,
    /// How often it had gone to sleep when it was looked at.
    pub sleeps: u64,
}

/// The processes from the parent of `pid` up to and with `ancestor`, each asleep in a wait for the one
/// before it; `None` if one of them does anything else, or it cannot be told, or `ancestor` is none.
///
/// # Cost
/// Some ten system calls for each process of the line.
///
/// # Examples
/// ```
/// use crosstie::os::{ancestry, process};
/// // Whoever started this test runs threads of its own, or does more than wait.
/// assert_eq!(ancestry::line_to(process::pid(), process::pid()), None, "nobody is their own ancestor");
/// assert_eq!(ancestry::line_to(0, 1), None);
/// ```
#[must_use]
pub fn line_to(pid: u32, ancestor: u32) -> Option<Vec<Link>> {
    let mut line = Vec::new();
    let mut below = pid;
    while line.len() < LINE_MAX {
        let parent = process::process(below).ok()?.parent;
        if parent == 0 {
            return None;
        }
        line.push(waits_for(parent, below)?);
        if parent == ancestor {
            return Some(line);
        }
        below = parent;
    }
    None
}

/// The process `pid`, if it has one thread and that sleeps until its child `child` ends.
fn waits_for(pid: u32, child: u32) -> Option<Link> {
    let found = process::process(pid).ok()?;
    let sleeps = sleeps(pid)?;
    let is_waiting = match waited_for(pid) {
        Ok(Some(Waits::For(waited))) => waited == child,
        Ok(Some(Waits::ForAny)) => is_only_child(pid, child),
        Ok(None) => false,
        // Security modules hide the call of one's ancestors, but not where in the kernel they sleep.
        Err(_) => is_asleep_in_wait(pid) && is_only_child(pid, child),
    };
    (found.threads == 1 && is_waiting).then_some(Link { pid, start_ticks: found.first.start_ticks, sleeps })
}

/// For whom a process waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    For(u32),
    ForAny,
}

/// For whom the process `pid` sleeps in a wait, if it does.
fn waited_for(pid: u32) -> io::Result<Option<Waits>> {
    Ok(parse_call(&std::fs::read_to_string(format!("/proc/{pid}/syscall"))?))
}

/// Reads `number argument argument …`; anything but a wait that sleeps is `None`.
fn parse_call(text: &str) -> Option<Waits> {
    let mut fields = text.split_ascii_whitespace();
    let number: i64 = fields.next()?.parse().ok()?;
    let mut argument = || u64::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok();
    // Numbers of processes have 32 bits; what stands above them is left over from other values.
    let low = |value: u64| u32::try_from(value & 0xFFFF_FFFF).ok();
    let one_or_any = |value: u32| {
        // Negative: any child, or any of a process group; 0: any of the own group.
        if value != 0 && i32::try_from(value).is_ok() { Waits::For(value) } else { Waits::ForAny }
    };
    let (first, second) = (low(argument()?)?, low(argument()?)?);
    if number == libc::SYS_wait4 {
        return Some(one_or_any(first));
    }
    if number != libc::SYS_waitid {
        return None;
    }
    match first {
        libc::P_PID => Some(one_or_any(second)),
        libc::P_ALL | libc::P_PGID => Some(Waits::ForAny),
        // By a descriptor, whose process is not told here.
        _ => None,
    }
}

/// Whether `/proc` says that the process sleeps in the kernel's wait.
fn is_asleep_in_wait(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|place| place.trim() == "do_wait")
}

/// Whether `child` is the only child of the process `pid`, which has one thread.
fn is_only_child(pid: u32, child: u32) -> bool {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.is_ok_and(|children| children.trim() == child.to_string())
}

/// How often the first thread of the process has gone to sleep or was put aside.
fn sleeps(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let count = |name: &str| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
    };
    Some(count("voluntary_ctxt_switches:")?.wrapping_add(count("nonvoluntary_ctxt_switches:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: i64, first: &str, second: &str) -> Option<Waits> {
        parse_call(&format!("{number} {first} {second} 0x0 0x0 0x0 0x0 0x7ffd 0x7f21"))
    }

    #[test]
    fn a_wait_names_its_child_or_any() {
        assert_eq!(call(libc::SYS_wait4, "0x1267", "0x0"), Some(Waits::For(0x1267)));
        assert_eq!(call(libc::SYS_wait4, "0xffffffffffffffff", "0x0"), Some(Waits::ForAny));
        assert_eq!(call(libc::SYS_wait4, "0xffffffff", "0x0"), Some(Waits::ForAny));
        assert_eq!(call(libc::SYS_wait4, "0x0", "0x0"), Some(Waits::ForAny));
        assert_eq!(call(libc::SYS_waitid, "0x1", "0x1267"), Some(Waits::For(0x1267)));
        assert_eq!(call(libc::SYS_waitid, "0x0", "0x0"), Some(Waits::ForAny));
    }

    #[test]
    fn what_is_no_wait_or_not_a_call_at_all_is_none() {
        assert_eq!(call(libc::SYS_waitid, "0x3", "0x5"), None, "by a descriptor");
        assert_eq!(call(libc::SYS_read, "0x3", "0x5"), None);
        for text in ["", "running", "-1 0x7ffd 0x7f21", "61", "61 0x1", "61 1 2"] {
            assert_eq!(parse_call(text), None, "{text:?}");
        }
    }
}
