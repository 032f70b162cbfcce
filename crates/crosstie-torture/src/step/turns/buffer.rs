//! A buffer: data that count units, under a condition or in a monitor.

use crosstie::Deadline;
use crosstie::sync::{Condvar, Monitor, MonitorGuard, Mutex, MutexGuard};

use super::thing::{Data, Mending, Refusal, UNITS, change, had, mend};

/// Who mends also tells those who wait: the dead may have changed the data and told nobody.
pub fn mend_under(
    guard: &mut MutexGuard<'_, Data>,
    is_told: bool,
    condition: &Condvar,
) -> Result<(), Refusal> {
    if is_told {
        mend(guard);
        guard.mark_mended();
        condition.notify_all(guard).map_err(|error| Refusal::Failed(error.to_string()))?;
    }
    Ok(())
}

/// As [`mend_under`]; a monitor tells them by itself.
pub fn mend_inside(guard: &mut MonitorGuard<'_, Data>, is_told: bool) {
    if is_told {
        mend(guard);
        guard.mark_mended();
    }
}

/// Takes a unit, and waits for it under the condition; answers whether a death was told, and the data as found.
pub fn take_under(
    mutex: &Mutex<Data>,
    condition: &Condvar,
    deadline: Deadline,
    mending: Mending,
) -> Result<(bool, Data), Refusal> {
    let (mut guard, mut is_told) = had(mutex.lock_until(deadline))?;
    let mut found = *guard;
    loop {
        if mending == Mending::Mends {
            mend_under(&mut guard, is_told, condition)?;
        }
        if guard[UNITS] > 0 {
            change(&mut guard, -1);
            return Ok((is_told, found));
        }
        if deadline.is_now() {
            return Err(Refusal::NotNow);
        }
        let ((again, is_late), told_now) = had(condition.wait_until(guard, deadline))?;
        (guard, is_told) = (again, is_told || told_now);
        found = *guard;
        if is_late && guard[UNITS] == 0 {
            return Err(Refusal::NotNow);
        }
    }
}

/// As [`take_under`], in a monitor.
pub fn take_inside(
    monitor: &Monitor<Data>,
    deadline: Deadline,
    mending: Mending,
) -> Result<(bool, Data), Refusal> {
    let (mut guard, mut is_told) = had(monitor.enter_until(deadline))?;
    let mut found = *guard;
    loop {
        if mending == Mending::Mends {
            mend_inside(&mut guard, is_told);
        }
        if guard[UNITS] > 0 {
            change(&mut guard, -1);
            return Ok((is_told, found));
        }
        if deadline.is_now() {
            return Err(Refusal::NotNow);
        }
        let waited = guard.wait_while_until(|data| data[UNITS] == 0, deadline);
        let ((again, is_late), told_now) = had(waited)?;
        (guard, is_told) = (again, is_told || told_now);
        found = *guard;
        if is_late && guard[UNITS] == 0 {
            return Err(Refusal::NotNow);
        }
    }
}
