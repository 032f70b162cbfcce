//! A buffer: a unit is taken under its mutex, where it is waited for, and whoever is told of a death mends.

use crosstie::Deadline;
use crosstie::sync::predicate::at_least;
use crosstie::sync::{Condvar, Monitor, MonitorGuard, Mutex, MutexGuard};

use super::data::{Data, UNITS, change, mend};
use super::thing::{Condition, Mending, Refusal, had};

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

pub fn mend_inside(guard: &mut MonitorGuard<'_, Data>, is_told: bool) {
    if is_told {
        mend(guard);
        guard.mark_mended();
    }
}

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

pub fn take_inside(
    monitor: &Monitor<Data>,
    condition: Condition,
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
        let waited = match condition {
            Condition::Closure => guard.wait_while_until(|data| data[UNITS] == 0, deadline),
            Condition::Data => guard.wait_when_until(|data| at_least(&data[UNITS], 1), deadline),
        };
        let ((again, is_late), told_now) = had(waited)?;
        (guard, is_told) = (again, is_told || told_now);
        found = *guard;
        if is_late && guard[UNITS] == 0 {
            return Err(Refusal::NotNow);
        }
    }
}
