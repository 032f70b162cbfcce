//! The lines: `OBJECT VERB NAME …` in, `@STATUS …` out, the status being `ok` or an error's id.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

use crosstie::os::clock;
use crosstie::{Deadline, Error, ErrorKind};

use super::{meetings, talk, turns};

/// What a verb came to: more words, or the error's id and text.
pub type Said = Result<String, Refused>;

/// Why something was refused, as every language says it.
pub struct Refused {
    kind: ErrorKind,
    text: String,
}

impl Refused {
    pub fn new(kind: ErrorKind, text: impl ToString) -> Self {
        Self { kind, text: text.to_string() }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

/// Something that this side has open.
pub trait Thing {
    fn act(&mut self, verb: &str, words: &[&str]) -> Said;
}

/// `side`: acts until its input ends.
pub fn run(arguments: &[&str]) -> ExitCode {
    if !arguments.is_empty() {
        return ExitCode::from(2);
    }
    let mut things: HashMap<String, Box<dyn Thing>> = HashMap::new();
    let (lines, mut out) = (std::io::stdin().lock().lines(), std::io::stdout().lock());
    if writeln!(out, "@ready").and_then(|()| out.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    for line in lines {
        let Ok(line) = line else { return ExitCode::FAILURE };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[object, verb, name, ref words @ ..] = words.as_slice() else { return ExitCode::from(2) };
        let key = format!("{object} {name}");
        let said = match verb {
            "open" | "create" => open(object, verb, name, words).map(|thing| {
                things.insert(key, thing);
                String::new()
            }),
            "put" => talk::put(name, words),
            _ => match things.get_mut(&key) {
                Some(thing) => thing.act(verb, words),
                None => Err(Refused::new(ErrorKind::Usage, format!("{key} is not open"))),
            },
        };
        if verb == "close" && said.is_ok() {
            things.remove(&format!("{object} {name}"));
        }
        let (status, more) = match &said {
            Ok(more) => ("ok", more),
            Err(refused) => (refused.kind.id(), &refused.text),
        };
        if writeln!(out, "@{status} {}", more.replace('\n', "|")).and_then(|()| out.flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn open(object: &str, verb: &str, name: &str, words: &[&str]) -> Result<Box<dyn Thing>, Refused> {
    let first = words.first().copied().unwrap_or("");
    Ok(match object {
        "lock" => Box::new(turns::Locked::open(name)?),
        "sem" => Box::new(turns::Permits::open(name, number(first)?)?),
        "count" if verb == "create" => Box::new(turns::Counted::create(name, number(first)?)?),
        "count" => Box::new(turns::Counted::open(name, number(first)?)?),
        "once" => Box::new(meetings::DoneOnce::open(name)?),
        "cond" => Box::new(meetings::Told::open(name)?),
        "monitor" => Box::new(meetings::Needed::open(name)?),
        "event" => Box::new(turns::Happens::open(name)?),
        "barrier" => Box::new(turns::Meets::open(name, number(first)?)?),
        "tx" => Box::new(talk::Sends::open(name)?),
        "rx" => Box::new(talk::Receives::open(name)?),
        "client" => Box::new(talk::Calls::open(name)?),
        "server" => Box::new(talk::Answers::open(name)?),
        _ => return Err(unknown(object)),
    })
}

/// A verb or an object that this side does not know.
pub fn unknown(word: &str) -> Refused {
    Refused::new(ErrorKind::Usage, format!("what is {word:?}?"))
}

pub fn number(word: &str) -> Result<u32, Refused> {
    word.parse().map_err(|_| unknown(word))
}

/// `forever`, `try` or milliseconds.
pub fn deadline(word: Option<&&str>) -> Result<Deadline, Refused> {
    Ok(match word.copied() {
        None | Some("forever") => Deadline::NEVER,
        Some("try") => Deadline::NOW,
        Some(word) => clock::deadline_in(Duration::from_millis(number(word)?.into())),
    })
}
