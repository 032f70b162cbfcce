//! [`Stage`]: a domain for one scene, and the child processes that play in it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crosstie::ErrorKind;
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie_measure::engine::scratch::Scratch;

use super::Demo;
use super::role::ROLE_SUBCOMMAND;
use crate::exit::{Failure, Outcome};
use crate::output::data;

/// This program, whatever has become of its file.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// A child that says nothing for longer hangs.
const PATIENCE: Duration = Duration::from_secs(50);

/// A folder and a domain of one scene; gone when the scene is over, however it ends.
pub struct Stage {
    demo: Demo,
    domain: &'static Domain,
    scratch: Scratch,
}

impl Stage {
    pub fn new(demo: Demo) -> Result<Self, Failure> {
        let scratch = Scratch::create(Path::new(OWN_PROGRAM))?;
        let domain = Domain::open(scratch.path().join("domain"))?;
        Ok(Self { demo, domain, scratch })
    }

    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// A file of the scene: in /dev/shm, so in shared memory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Starts a child of this role. It ends with this process, whatever ends that.
    pub fn actor(&self, role: &str, arguments: &[&dyn ToString]) -> Result<Actor, Failure> {
        let mut command = Command::new(OWN_PROGRAM);
        command.arg(ROLE_SUBCOMMAND).arg(std::process::id().to_string()).arg(self.scratch.path());
        command.arg(self.demo.name()).arg(role).args(arguments.iter().map(|value| value.to_string()));
        Actor::start(command)
    }

    /// Starts another program, in the scene's folder and domain, with this program as `crosstie` on its path.
    pub fn program(&self, program: &str, arguments: &[impl AsRef<OsStr>]) -> Result<Actor, Failure> {
        let path = self.path("crosstie");
        if !path.exists() {
            let own = std::env::current_exe().map_err(|error| failed("find this program", &error))?;
            std::os::unix::fs::symlink(own, &path).map_err(|error| failed("name this program", &error))?;
        }
        let others = std::env::var_os("PATH").unwrap_or_default();
        let mut paths = vec![self.scratch.path().to_path_buf()];
        paths.extend(std::env::split_paths(&others));
        let paths = std::env::join_paths(paths).unwrap_or(others);
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.scratch.path());
        command.env("PATH", paths).env("CROSSTIE_DOMAIN", self.domain.name()).env_remove("CROSSTIE_HOLDER");
        Actor::start(command)
    }
}

/// Tells the user something, at once.
pub fn say(text: impl AsRef<str>) -> Outcome {
    data::text(&format!("{}\n", text.as_ref()))
}

/// What the scene is there to show: if it is not so, it failed.
pub fn claim(is_so: bool, what: &str) -> Outcome {
    if is_so {
        return Ok(());
    }
    Err(Failure::new(ErrorKind::Failed, format!("the scene went another way: not {what}"))
        .advise("that is a fault of Crosstie: please report it"))
}

/// How long ago that was, of [`clock::now_ns`].
pub fn since(began_ns: u64) -> Duration {
    Duration::from_nanos(clock::now_ns().saturating_sub(began_ns))
}

pub fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(ErrorKind::Failed, format!("{what}: {error}"))
}

/// A child process; killed when it is dropped.
pub struct Actor {
    child: Child,
    stdin: Option<ChildStdin>,
    says: Receiver<String>,
    complains: Receiver<String>,
}

impl Actor {
    fn start(mut command: Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| failed(&format!("start {}", command.get_program().display()), &error))?;
        let stdin = child.stdin.take();
        let says = lines_of(child.stdout.take());
        let complains = lines_of(child.stderr.take());
        Ok(Self { child, stdin, says, complains })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to go on.
    pub fn go_on(&mut self) -> Outcome {
        let stdin = self.stdin.as_mut();
        stdin
            .map_or(Ok(()), |stdin| stdin.write_all(b"go on\n"))
            .map_err(|error| failed("tell a child", &error))
    }

    /// What it says next behind `key `.
    pub fn says(&mut self, key: &str) -> Result<String, Failure> {
        while let Ok(line) = self.says.recv_timeout(PATIENCE) {
            let (said, rest) = line.split_once(' ').unwrap_or((&line, ""));
            if said == key {
                return Ok(rest.to_owned());
            }
        }
        let complaints: Vec<_> = self.complains.try_iter().collect();
        Err(Failure::new(
            ErrorKind::Failed,
            format!("a child of the scene did not say \"{key}\": {}", complaints.join("; ")),
        ))
    }

    /// Everything that it writes on standard error until its end, and its exit code.
    pub fn finish(mut self) -> Result<(i32, Vec<String>), Failure> {
        drop(self.stdin.take());
        let mut complaints = Vec::new();
        while let Ok(line) = self.complains.recv_timeout(PATIENCE) {
            complaints.push(line);
        }
        let status = self.child.wait().map_err(|error| failed("wait for a child", &error))?;
        Ok((status.code().unwrap_or(-1), complaints))
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lines_of(stream: Option<impl std::io::Read + Send + 'static>) -> Receiver<String> {
    let (to, from) = channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
    }
    from
}
