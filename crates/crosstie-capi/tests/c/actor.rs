//! A process that plays one side of a scenario: tests/programs/actor.c, told a line at a time what to do.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::compiler::{Link, test_program};
use crate::stage::{Stage, crosstie};

/// A C program; killed with the test.
pub struct Actor {
    child: Child,
    says: BufReader<ChildStdout>,
    told: ChildStdin,
    pid: u32,
}

impl Actor {
    /// `None`, said aloud, where there is no C compiler.
    pub fn start(stage: &Stage) -> Option<Self> {
        let program = test_program("actor.c", Link::Shared)?;
        Some(Self::of(stage.command(&program)))
    }

    /// The same as the command that `crosstie lock NAME` runs.
    pub fn start_with_lock(stage: &Stage, name: &str) -> Option<Self> {
        let program = test_program("actor.c", Link::Shared)?;
        let mut command = stage.command(&crosstie());
        command.args(["lock", name, "--"]).arg(program);
        let mut this = Self::of(command);
        // The program is the child of the command, and it is the program that sleeps and is killed.
        let children = format!("/proc/{0}/task/{0}/children", this.child.id());
        let children = std::fs::read_to_string(children).unwrap();
        this.pid = children.split_ascii_whitespace().next().unwrap().parse().unwrap();
        Some(this)
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let told = child.stdin.take().unwrap();
        let pid = child.id();
        let mut this = Self { child, says, told, pid };
        assert_eq!(this.says(), "ready");
        this
    }

    /// Tells it what to do, without waiting for what it says.
    pub fn begin(&mut self, line: &str) {
        writeln!(self.told, "{line}").unwrap();
    }

    /// What it says next.
    pub fn says(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "the program ended");
            if let Some(said) = line.strip_prefix('@') {
                return said.trim().to_owned();
            }
        }
    }

    /// Tells it what to do; answers what it says of it: the status's name, then more.
    pub fn does(&mut self, line: &str) -> String {
        self.begin(line);
        self.says()
    }

    /// The process of the C program.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it, and waits until it has ended.
    pub fn kill(&mut self) {
        let kill = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Ended already, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
