//! How to get into a namespace.

use std::path::Path;
use std::process::{Command, Stdio};

/// Where a container has the shared directory.
pub const BOUND: &str = "/mnt/domain";

/// Which namespaces an actor has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// Its pids; `/proc` is the outer one's.
    Pids,
    /// Its pids and its own `/proc`, as in a container.
    PidsAndProc,
    /// Its pids, and nothing at `/proc`.
    NoProc,
    /// Its users: root here is who started it.
    Users,
    /// Its users, none of which is anybody outside.
    UnmappedUsers,
    /// Its clocks, which are hours ahead.
    Clocks,
    /// Its own, empty `/dev/shm`.
    OwnShm,
    /// Its own `/dev/shm` and pids, and the domain's directory mounted at [`BOUND`].
    Container,
}

impl Wrapper {
    /// The command behind which a program is there; `domain` is where the shared domain is outside.
    pub fn command(self, domain: &Path) -> Vec<String> {
        let domain = domain.display();
        let unshare = "unshare --user --map-root-user";
        let (words, script) = match self {
            Self::Pids => (format!("{unshare} --pid --fork --kill-child"), String::new()),
            Self::PidsAndProc => (format!("{unshare} --pid --fork --kill-child --mount-proc"), String::new()),
            Self::NoProc => (
                format!("{unshare} --mount --pid --fork --kill-child"),
                "mount -t tmpfs tmpfs /proc && exec \"$@\"".to_owned(),
            ),
            Self::Users => (unshare.to_owned(), String::new()),
            Self::UnmappedUsers => ("unshare --user".to_owned(), String::new()),
            Self::Clocks => (
                format!("{unshare} --time --monotonic 100000 --boottime 100000 --fork --kill-child"),
                String::new(),
            ),
            Self::OwnShm => (
                format!("{unshare} --mount"),
                format!("mount -t tmpfs tmpfs /dev/shm && mkdir -p $(dirname {domain}) && exec \"$@\""),
            ),
            Self::Container => (
                format!("{unshare} --mount --pid --fork --kill-child --mount-proc"),
                format!(
                    "mount -t tmpfs tmpfs /mnt && mkdir {BOUND} && mount --bind {domain} {BOUND} && \
                     mount -t tmpfs tmpfs /dev/shm && exec \"$@\""
                ),
            ),
        };
        let mut command: Vec<String> = words.split(' ').map(str::to_owned).collect();
        if !script.is_empty() {
            command.extend(["sh", "-c", &script, "sh"].map(str::to_owned));
        }
        command
    }

    /// Why it is not to be had on this machine, if it is not.
    pub fn lacks(self, domain: &Path) -> Option<String> {
        let command = self.command(domain);
        let (program, arguments) = command.split_first()?;
        let tried = Command::new(program).args(arguments).arg("true").stdout(Stdio::null()).output();
        match tried {
            Ok(output) if output.status.success() => None,
            Ok(output) => {
                let told = String::from_utf8_lossy(&output.stderr);
                Some(format!("{}: {}", arguments.join(" "), told.lines().next().unwrap_or("refused")))
            }
            Err(error) => Some(format!("{program}: {error}")),
        }
    }
}
