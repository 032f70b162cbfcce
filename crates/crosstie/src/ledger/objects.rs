//! The named objects of a domain: which files there are, and which key each has.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use crosstie_core::turns::rwlock::KEY;

use super::Domain;
use super::calls::{CALLS_SUFFIX, key_of_calls};
use super::noted::key_of_channel;
use crate::os::directory;

/// Where an object lies in its file.
pub const OBJECT_OFFSET: u64 = 4096;
/// Where its key lies, from there (`crosstie_core::word::head`).
const KEY_OFFSET: u64 = 16;

/// What an object can be; the files that begin otherwise say something of a participant.
const KINDS: [&str; 12] = [
    "lock", "sem", "count", "monitor", "cond", "barrier", "once", "event", "ring", "queue", "topic",
    "unnamed",
];

/// A file of the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedObject {
    /// What it is: `lock`, `sem`, `ring` …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its key in the ledger; 0 for what has none.
    pub key: u64,
}

/// `lock:stock`
impl std::fmt::Display for NamedObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

impl Domain {
    /// A key for a new object; never given twice.
    pub(crate) fn next_key(&self) -> u64 {
        self.words().next_key()
    }

    /// Every named object in the domain's directory, by kind and name, also one whose bytes are damaged: what is in
    /// it `inspect` and who opens it find out.
    ///
    /// # Cost
    /// System calls, three a file: for people, not for every lock.
    #[must_use]
    pub fn objects(&'static self) -> Vec<NamedObject> {
        let entries = std::fs::read_dir(self.directory().path()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<_> = names.filter_map(|name| self.look_at(&name)).collect();
        found.sort_unstable_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        found
    }

    /// The object of key `key` as people know it: `lock:stock`; on the heap, or gone, its number.
    #[must_use]
    pub fn object_name(&'static self, key: u64) -> String {
        self.name_in(&self.objects(), key)
    }

    /// The object of key `key` among `objects`, or the address of a server of calls, as [`Domain::object_name`].
    pub(super) fn name_in(&'static self, objects: &[NamedObject], key: u64) -> String {
        let key = key & KEY;
        let found = objects.iter().find(|object| object.key == key).map(NamedObject::to_string);
        let found = found.or_else(|| self.address_of_server(key));
        found.unwrap_or_else(|| format!("unnamed object {key}"))
    }

    fn look_at(&'static self, file_name: &str) -> Option<NamedObject> {
        let (kind, name) = file_name.split_once('.').filter(|(kind, _)| KINDS.contains(kind))?;
        let file = File::from(directory::open_in(self.directory().as_fd(), file_name).ok()?);
        let mut key = [0; 8];
        let is_channel = matches!(kind, "ring" | "queue" | "topic");
        let has_key = !is_channel
            && kind != "unnamed"
            && file.read_exact_at(&mut key, OBJECT_OFFSET + KEY_OFFSET).is_ok();
        let key = match has_key {
            true => u64::from_le_bytes(key),
            false if kind == "queue" && name.ends_with(CALLS_SUFFIX) => key_of_calls(name),
            false if is_channel => key_of_channel(&format!("{kind}:{name}")),
            false => 0,
        };
        Some(NamedObject { kind: kind.to_owned(), name: name.to_owned(), key })
    }
}
