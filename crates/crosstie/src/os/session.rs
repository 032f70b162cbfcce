//! What a user's last logout deletes: logind removes their files in /dev/shm (`logind.conf(5)`,
//! RemoveIPC), domains among them, unless they linger.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Users up to this number belong to the system, and lose nothing.
const SYSTEM_UID_MAX: u32 = 999;

/// Why a user's files in /dev/shm stay at their last logout, or that they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtLogout {
    /// logind does not run here.
    NoLogind,
    /// The user is one of the system's.
    SystemUser,
    /// logind is told to remove nothing.
    NothingRemoved,
    /// The user lingers: for logind, they never log out.
    Lingers,
    /// logind deletes them with the last logout.
    Deleted,
}

/// What becomes of the files in /dev/shm of the user `uid` of the name `user` when they log out.
///
/// `root` is where the system's files are: `/`.
///
/// # Examples
/// ```
/// use crosstie::os::session::{AtLogout, at_logout};
/// let empty = tempfile::tempdir()?;
/// assert_eq!(at_logout(empty.path(), 1000, "anna".as_ref()), AtLogout::NoLogind);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn at_logout(root: &Path, uid: u32, user: &OsStr) -> AtLogout {
    if !root.join("run/systemd/system").is_dir() {
        AtLogout::NoLogind
    } else if uid <= SYSTEM_UID_MAX {
        AtLogout::SystemUser
    } else if !removes(root) {
        AtLogout::NothingRemoved
    } else if root.join("var/lib/systemd/linger").join(user).exists() {
        AtLogout::Lingers
    } else {
        AtLogout::Deleted
    }
}

/// What logind's configuration says last of RemoveIPC; yes where it says nothing.
fn removes(root: &Path) -> bool {
    let places = ["usr/lib/systemd", "run/systemd", "etc/systemd"].map(|place| root.join(place));
    // The main file of the last place that has one, then the pieces of all, by their names.
    let main = places.iter().rev().map(|place| place.join("logind.conf")).find(|file| file.is_file());
    let mut pieces: Vec<PathBuf> =
        places.iter().flat_map(|place| pieces(&place.join("logind.conf.d"))).collect();
    pieces.sort_by_key(|piece| piece.file_name().map(OsStr::to_owned));
    let files = main.into_iter().chain(pieces);
    let mut said = files.filter_map(|file| last_value(&fs::read_to_string(file).unwrap_or_default()));
    said.next_back().unwrap_or(true)
}

fn pieces(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension() == Some("conf".as_ref())).collect()
}

fn last_value(text: &str) -> Option<bool> {
    let mut values =
        text.lines().filter_map(|line| line.trim().strip_prefix("RemoveIPC")?.trim().strip_prefix('='));
    let value = values.next_back()?.trim().to_ascii_lowercase();
    Some(!matches!(value.as_str(), "no" | "n" | "false" | "f" | "0" | "off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logind_deletes_unless_it_is_told_not_to_or_the_user_lingers() {
        let system = tempfile::tempdir().expect("a folder");
        let root = system.path();
        let ask = |uid| at_logout(root, uid, "anna".as_ref());
        let write = |name: &str, text: &str| {
            let file = root.join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, text).expect("written");
        };
        assert_eq!(ask(1000), AtLogout::NoLogind);
        fs::create_dir_all(root.join("run/systemd/system")).expect("made");
        assert_eq!((ask(1000), ask(999)), (AtLogout::Deleted, AtLogout::SystemUser));
        write("etc/systemd/logind.conf", "[Login]\n#RemoveIPC=no\nRemoveIPC=yes\n");
        assert_eq!(ask(1000), AtLogout::Deleted, "a comment says nothing");
        write("var/lib/systemd/linger/anna", "");
        assert_eq!(ask(1000), AtLogout::Lingers);
        write("usr/lib/systemd/logind.conf.d/50-keep.conf", "[Login]\n RemoveIPC = no\n");
        assert_eq!(ask(1000), AtLogout::NothingRemoved, "a piece outweighs the main file");
        write("etc/systemd/logind.conf.d/90-do.conf", "RemoveIPC=true");
        write("etc/systemd/logind.conf.d/99-note.txt", "RemoveIPC=no");
        assert_eq!(ask(1000), AtLogout::Lingers, "the last name counts, and only .conf");
    }
}
