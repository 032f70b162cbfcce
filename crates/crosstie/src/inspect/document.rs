//! [`SnapshotObject::json`]: an object as every language lists it, in one form.

use std::fmt::Write as _;

use super::{Snapshot, SnapshotObject, Value};
use crate::ledger::Identity;

impl SnapshotObject {
    /// The object as one JSON object, in a line: what it is (`name`, `kind`, `description`), what it stands at (`value`, as [`Value::json`],
    /// or null), who has it (`held_by`: `pid`, `tid`, `command`, `units`), who waits (`waiting`, first come first: `pid`, `tid`, `command`,
    /// `waits_for`, `waited_ns`, `has_deadline`, `is_stopped`, `is_stalled`), `is_abandoned`, `is_stalled`, and why nobody can open it
    /// (`damage`, or null). C, Python and `crosstie ls --json` have these fields.
    ///
    /// # Examples
    /// ```
    /// use crosstie::inspect::Snapshot;
    /// use crosstie::sync::CountingSemaphore;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let domain = crosstie::ledger::Domain::open(folder.path().join("d"))?;
    /// let _full = CountingSemaphore::open_or_create_in(domain, "full", 7)?;
    /// let snapshot = Snapshot::of(domain);
    /// let json = snapshot.objects[0].json(&snapshot);
    /// assert!(json.starts_with(r#"{"name": "count:full", "kind": "count", "#));
    /// assert!(json.contains(r#""value": {"count": 7}"#) && json.contains(r#""damage": null"#));
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    #[must_use]
    pub fn json(&self, snapshot: &Snapshot) -> String {
        let held = snapshot.holders(self.key);
        let held = held.map(|hold| format!("{{{}, \"units\": {}}}", who(&hold.owner), hold.units));
        let waiting = snapshot.waiters(self.key).map(|wait| {
            format!(
                "{{{}, \"waits_for\": {}, \"waited_ns\": {}, \"has_deadline\": {}, \"is_stopped\": {}, \"is_stalled\": {}}}",
                who(&wait.owner),
                quoted(&wait.what(&self.name)),
                u64::try_from(wait.waited.as_nanos()).unwrap_or(u64::MAX),
                wait.has_deadline,
                wait.is_stopped,
                snapshot.is_stalled(wait),
            )
        });
        let or_null = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
        format!(
            "{{\"name\": {}, \"kind\": {}, \"description\": {}, \"value\": {}, \"held_by\": [{}], \"waiting\": [{}], \
             \"is_abandoned\": {}, \"is_stalled\": {}, \"damage\": {}}}",
            quoted(&self.name),
            quoted(&self.kind),
            quoted(&self.description),
            or_null(self.value.map(Value::json)),
            joined(held),
            joined(waiting),
            self.is_abandoned || self.dead_owner.is_some(),
            snapshot.stall_at(self.key).is_some(),
            or_null(self.damage.as_ref().map(|damage| quoted(damage.cause()))),
        )
    }
}

impl Value {
    /// The value as one JSON object: `{"count": 7}`, `{"is_set": true}`, `{"is_done": false}`, `{"is_used": true}`, `{"taken": 1, "total": 3}`,
    /// `{"arrived": 1, "total": 2, "is_broken": false}`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(crosstie::inspect::Value::Count(7).json(), r#"{"count": 7}"#);
    /// ```
    #[must_use]
    pub fn json(self) -> String {
        match self {
            Self::Count(count) => format!("{{\"count\": {count}}}"),
            Self::IsSet(is_set) => format!("{{\"is_set\": {is_set}}}"),
            Self::IsDone(is_done) => format!("{{\"is_done\": {is_done}}}"),
            Self::IsUsed(is_used) => format!("{{\"is_used\": {is_used}}}"),
            Self::Permits { taken, total } => format!("{{\"taken\": {taken}, \"total\": {total}}}"),
            Self::Parties { arrived, total, is_broken } => {
                format!("{{\"arrived\": {arrived}, \"total\": {total}, \"is_broken\": {is_broken}}}")
            }
        }
    }
}

fn who(owner: &Identity) -> String {
    format!("\"pid\": {}, \"tid\": {}, \"command\": {}", owner.pid, owner.tid, quoted(&owner.command))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Writing to a String cannot fail.
            control if control < ' ' => drop(write!(quoted, "\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_quotes_and_controls_stays_one() {
        assert_eq!(quoted("a\"b\\c\n\u{1}ü"), "\"a\\\"b\\\\c\\u000a\\u0001ü\"");
    }
}
