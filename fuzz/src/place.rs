//! A folder in /dev/shm and a domain in it, for the life of the process.
#![expect(unsafe_code, reason = "sets a variable of the environment")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crosstie::Deadline;
use crosstie::ledger::Domain;
use crosstie::os::clock;

const PREFIX: &str = "crosstie-fuzz-";

/// The process's folder; those of processes that have ended are removed, because a fuzzer's end
/// runs no destructor.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let shm = Path::new("/dev/shm");
        for entry in std::fs::read_dir(shm).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ended = name.strip_prefix(PREFIX).is_some_and(|pid| !Path::new("/proc").join(pid).exists());
            if ended {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let folder = shm.join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder in /dev/shm");
        // An object whose tag is 0 is taken for one of the heap, which belongs to the default domain.
        // SAFETY: the first target's first step: no other thread runs yet.
        unsafe { std::env::set_var("CROSSTIE_DOMAIN", folder.join("default")) };
        folder
    })
}

/// The process's domain.
pub fn domain() -> &'static Domain {
    static DOMAIN: OnceLock<&'static Domain> = OnceLock::new();
    DOMAIN.get_or_init(|| Domain::open(folder().join("domain")).expect("a domain"))
}

/// A deadline `us` microseconds from now.
pub fn soon(us: u64) -> Deadline {
    Deadline::at_ns(clock::now_ns()).after_ns(us * 1000)
}
