//! One program run to its end, its output kept, killed with all it started at its time limit.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a program ended.
pub struct Ended {
    /// Whether it exited with 0 within its time limit.
    pub is_success: bool,
    /// Whether it was killed at its time limit.
    pub is_late: bool,
    /// Everything it printed, on both streams.
    pub output: String,
    /// How long it ran.
    pub took: Duration,
}

/// Runs `command` from `root` without input, its output in `target/xtask/NAME.log`.
///
/// # Errors
/// If the program cannot be started or its log not be written.
pub fn run(root: &Path, name: &str, mut command: Command, limit: Duration) -> io::Result<Ended> {
    let log = log_path(root, name)?;
    let file = File::create(&log)?;
    let start = Instant::now();
    command.current_dir(root).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = command.spawn()?;
    let is_late = !wait_until(&mut child, start + limit)?;
    if is_late {
        kill_tree(child.id());
    }
    let status = child.wait()?;
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(Ended { is_success: status.success() && !is_late, is_late, output, took: start.elapsed() })
}

fn log_path(root: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = root.join("target/xtask");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.log")))
}

/// Whether the child ended before `end`.
fn wait_until(child: &mut Child, end: Instant) -> io::Result<bool> {
    while Instant::now() < end {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

/// Kills `root` and everything that descends from it, each by its id.
fn kill_tree(root: u32) {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| process_id(&entry)) {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut doomed = vec![root];
    let mut at = 0;
    while at < doomed.len() {
        doomed.extend(children.get(&doomed[at]).into_iter().flatten());
        at += 1;
    }
    let ids = doomed.iter().map(u32::to_string);
    // A process that ended by itself meanwhile makes `kill` fail, and nothing is lost by that.
    let _ = Command::new("kill").arg("-KILL").args(ids).stderr(Stdio::null()).status();
}

fn process_id(entry: &fs::DirEntry) -> Option<u32> {
    entry.file_name().to_str()?.parse().ok()
}

/// The parent of `pid`, from /proc/PID/stat (its name may hold blanks and brackets).
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str, limit: Duration) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(&crate::project_root(), name, command, limit).expect("sh runs")
    }

    #[test]
    fn both_streams_are_kept_and_failure_is_told() {
        let ended = shell("command-streams", "echo out; echo err >&2; exit 3", Duration::from_secs(60));
        assert!(!ended.is_success && !ended.is_late);
        assert!(ended.output.contains("out") && ended.output.contains("err"));
    }

    #[test]
    fn a_late_program_dies_with_its_descendants() {
        let ended =
            shell("command-late", "sh -c 'echo $$; exec sleep 600'; true", Duration::from_millis(500));
        assert!(ended.is_late && !ended.is_success);
        let grandchild: u32 = ended.output.trim().parse().expect("the grandchild's id");
        let start = Instant::now();
        while Path::new(&format!("/proc/{grandchild}")).exists() {
            assert!(start.elapsed() < Duration::from_secs(10), "{grandchild} lives on");
            std::thread::yield_now();
        }
    }
}
