//! `demo deadlock`: two shells that each want the other's lock.

use super::drawing::{Link, circle};
use super::stage::{Stage, claim, say};
use crate::exit::Outcome;

pub fn tell(stage: &Stage) -> Outcome {
    let line = |first: &str, second: &str| {
        // The barrier lets both have their first lock before either asks for the second one.
        format!(
            "crosstie lock {first} -- sh -c 'crosstie barrier both -n 2 --timeout 20s; \
             exec crosstie lock {second} -- true'"
        )
    };
    let lines = [line("a", "b"), line("b", "a")];
    say("Two shells, each with one lock, each wants the other's:\n")?;
    for line in &lines {
        say(format!("  $ {line}"))?;
    }
    say("")?;
    let shells = [stage.program("sh", &["-c", &lines[0]])?, stage.program("sh", &["-c", &lines[1]])?];
    let mut codes = Vec::new();
    let mut told = Vec::new();
    for (shell, name) in shells.into_iter().zip(["first", "second"]) {
        let (code, complaints) = shell.finish()?;
        say(format!("  the {name} one ends with exit code {code}"))?;
        codes.push(code);
        if code == 80 {
            told = complaints;
        }
    }
    say("\nWhat stands on standard error of the one that ended with 80:\n")?;
    for line in &told {
        say(format!("  {line}"))?;
    }
    let links: Vec<_> = told.iter().filter_map(|line| link(line)).collect();
    say(format!("\nWho waited for whom:\n\n{}", circle(&links)))?;
    say("\nThe younger wait gave up, so its command ended and its lock came free: the other one went on.")?;
    say("Both at once, and no circle can be:  crosstie lock a b -- true")?;
    codes.sort_unstable();
    claim(codes == [0, 80], "that one ends with 80 and the other with 0")?;
    claim(links.len() == 2, "that the circle of two is named")
}

/// `  4711 sh waits for lock:b, held by 4712 sh`
fn link(line: &str) -> Option<Link> {
    let (who, rest) = line.trim_start().split_once(" waits for ")?;
    let (object, _) = rest.split_once(", held by ")?;
    let object = object.split(' ').next().unwrap_or(object);
    Some(Link { who: who.to_owned(), object: object.to_owned() })
}
