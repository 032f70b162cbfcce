//! [`Role`]: what a child process of a scene is told, and says.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::ValueEnum as _;
use crosstie::ledger::Domain;
use crosstie::os::parent;
use crosstie::sync::LockError;

use super::Demo;
use super::stage::failed;
use crate::command::held;
use crate::exit::{Failure, Outcome};

/// The hidden subcommand under which this program plays a role.
pub const ROLE_SUBCOMMAND: &str = "__demo-role";

/// A role, with what belongs to it.
pub struct Role {
    /// Which of the scene's.
    pub name: String,
    /// The scene's domain.
    pub domain: &'static Domain,
    folder: PathBuf,
    arguments: std::vec::IntoIter<String>,
}

impl Role {
    /// A file of the scene.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The next argument of the role.
    pub fn next<T: FromStr>(&mut self) -> Result<T, Failure> {
        let text = self.arguments.next().unwrap_or_default();
        text.parse().map_err(|_| Failure::usage(format!("a role's argument is wrong: \"{text}\"")))
    }

    /// Says `key text` to the scene.
    pub fn say(&self, key: &str, text: impl std::fmt::Display) -> Outcome {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{key} {text}").and_then(|()| output.flush()).map_err(|error| failed("say", &error))
    }

    /// Waits until it is told to go on.
    pub fn wait(&self) -> Outcome {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|error| failed("listen", &error))?;
        Ok(())
    }
}

/// A refusal that the scene does not expect.
pub fn refused<G>(refusal: LockError<G>) -> Failure {
    held::refused("a lock of the scene", refusal)
}

/// Plays a role if the command line of this process asks for one, and answers its exit code.
pub fn play_hidden_role() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != ROLE_SUBCOMMAND {
        return None;
    }
    let played = start(&mut arguments).and_then(|(demo, mut role)| demo.play(&mut role));
    Some(match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    })
}

fn start(arguments: &mut dyn Iterator<Item = String>) -> Result<(Demo, Role), Failure> {
    let mut next = || arguments.next().unwrap_or_default();
    let (parent, folder, demo, name) = (next(), PathBuf::from(next()), next(), next());
    parent::end_with_parent(parent.parse().unwrap_or(0))
        .map_err(|error| failed("follow the parent", &error))?;
    let demo =
        Demo::from_str(&demo, false).map_err(|_| Failure::usage(format!("there is no scene {demo}")))?;
    // So that those who look see who it is; a name that cannot be set is no reason to stop.
    let _ = std::fs::write("/proc/self/comm", &name);
    let domain = Domain::open(folder.join("domain"))?;
    Ok((demo, Role { name, domain, folder, arguments: arguments.collect::<Vec<_>>().into_iter() }))
}
