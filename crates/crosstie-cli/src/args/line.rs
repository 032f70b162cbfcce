//! [`CommandLine`]: the verbs and what all of them accept.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use crosstie::ledger::Domain;

use super::values;
use crate::command::{
    advise, bench, call, compare, completions, demo, doctor, domain, lock, man, meet, recv, region, relay,
    reply, rm, see, sem, send, signals, unlock, version, watch,
};

/// Processes talk, and take turns.
///
/// Messages keep their boundaries over pipes, FIFOs, shared memory and sockets alike, and a sender
/// that was killed is never mistaken for one that was done. Locks come free when their owner dies, and a
/// deadlock is named instead of waited for.
#[derive(Debug, Parser)]
#[command(name = "crosstie", version, arg_required_else_help = true, after_long_help = EXIT_CODES)]
pub struct CommandLine {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

impl CommandLine {
    /// What this process was started with.
    ///
    /// # Errors
    /// What is wrong with it, or the help that was asked for.
    pub fn read() -> Result<Self, clap::Error> {
        let words: Vec<_> = std::env::args_os().collect();
        Turn::read(&words).map_or_else(|| Self::read_among_all(&words), Ok)
    }

    fn read_among_all(words: &[OsString]) -> Result<Self, clap::Error> {
        let mut all = taking_negative_numbers(Self::command());
        let found = all.try_get_matches_from_mut(words)?;
        Self::from_arg_matches(&found).map_err(|wrong| wrong.format(&mut all))
    }
}

/// `command` with options that take `-1` for their value, so that it is told what is wrong with it: no option is called so. Of a
/// word that stands alone it is not known what was meant.
fn taking_negative_numbers(command: clap::Command) -> clap::Command {
    let takes = |argument: clap::Arg| {
        let has_value = argument.get_action().takes_values() && !argument.is_positional();
        if has_value { argument.allow_negative_numbers(true) } else { argument }
    };
    command.mut_args(takes).mut_subcommands(taking_negative_numbers)
}

/// The verbs that scripts start again and again: read without building all the others first, which takes longer than
/// a lock that is free.
#[derive(Debug, Parser)]
#[command(name = "crosstie")]
struct Turn {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: TurnVerb,
}

#[derive(Debug, Subcommand)]
enum TurnVerb {
    Lock(lock::Arguments),
    Sem(sem::Arguments),
}

impl Turn {
    /// `None` where it is another verb, and where anything is wrong: that is said by who knows all of them.
    fn read(words: &[OsString]) -> Option<CommandLine> {
        if !words.iter().skip(1).any(|word| word == "lock" || word == "sem") {
            return None;
        }
        let Self { globals, verb } = Self::try_parse_from(words).ok()?;
        let command = match verb {
            TurnVerb::Lock(arguments) => Command::Lock(arguments),
            TurnVerb::Sem(arguments) => Command::Sem(arguments),
        };
        Some(CommandLine { globals, command })
    }
}

/// What every verb accepts.
#[derive(Clone, Debug, Args)]
pub struct Globals {
    /// The folder in which processes find each other [default: $CROSSTIE_DOMAIN, else one per user]
    #[arg(long, global = true, value_name = "PATH", display_order = 900, value_parser = values::folder())]
    pub domain: Option<PathBuf>,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, display_order = 901)]
    pub quiet: bool,
}

impl Globals {
    /// The domain's path, as the library chooses it.
    pub fn domain_path(&self) -> crosstie::Result<PathBuf> {
        self.domain.clone().map_or_else(Domain::chosen_path, Ok)
    }

    /// By what it is chosen.
    pub fn domain_chosen_by(&self) -> &'static str {
        let is_named = || std::env::var_os("CROSSTIE_DOMAIN").is_some_and(|path| !path.is_empty());
        match self.domain {
            Some(_) => "--domain",
            None if is_named() => "$CROSSTIE_DOMAIN",
            None => "default",
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Send(send::Arguments),
    Recv(recv::Arguments),
    Relay(relay::Arguments),
    Call(call::Arguments),
    Reply(reply::Arguments),
    Region(region::Arguments),
    Lock(lock::Arguments),
    Unlock(unlock::Arguments),
    Sem(sem::Arguments),
    Barrier(meet::Arguments),
    Once(meet::OnceArguments),
    Post(signals::Post),
    Wait(signals::Wait),
    Event(signals::Arguments),
    Ls(see::List),
    Inspect(see::Inspect),
    Graph(see::Graph),
    Watch(watch::Arguments),
    Doctor(doctor::Arguments),
    Domain(domain::Arguments),
    Rm(rm::Arguments),
    Compare(compare::Arguments),
    Advise(advise::Arguments),
    Bench(bench::Arguments),
    Demo(demo::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    Version(version::Arguments),
}

/// The exit codes, as `crosstie --help` and the man page show them.
const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  a negative answer
    2  the command line was not understood
   75  busy: somebody else has it
   77  not permitted
   80  would deadlock: the circle is on standard error
   81  abandoned by its last owner (lock --strict)
   82  lost while held: taken away by force
   83  the peer died before a clean end
   84  no such object
   85  exists already
   86  of another layout, version or protocol
   87  too large
   88  closed
  124  timed out
  125  crosstie itself failed (disk full, no room, refused by the system)
  126  the command behind -- cannot be executed
  127  the command behind -- was not found
  141  standard output was closed by its reader";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_that_is_read_alone_is_read_as_among_all() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in [
            "crosstie lock db -- true",
            "crosstie --domain /d -q lock -s a b --timeout 5s --strict -E 9 -- sh -c lock",
            "crosstie lock --try db --quiet -- lock --help",
            "crosstie sem gpu -n 2 --take 2 --index-env GPU --domain /d -- python train.py",
            "crosstie sem gpu --resize -n 3",
        ] {
            let (alone, among) = (Turn::read(&words(line)), CommandLine::try_parse_from(words(line)));
            assert_eq!(format!("{:?}", alone.unwrap()), format!("{:?}", among.unwrap()), "{line}");
        }
        for line in [
            "crosstie lock",
            "crosstie lock --help",
            "crosstie sem gpu",
            "crosstie help lock",
            "crosstie ls lock",
        ] {
            assert!(Turn::read(&words(line)).is_none(), "{line}: all of them answer");
        }
    }
}
