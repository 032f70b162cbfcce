//! The exit codes, and how a failure is told.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use crosstie::contract::{RecvError, SendError};
use crosstie::{Error, ErrorKind};

/// What a verb answers.
pub type Outcome = Result<(), Failure>;

/// Why the command ends with another code than 0.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    id: &'static str,
    text: String,
    advice: String,
}

/// As a shell sees a program that SIGPIPE ended: 128 + 13.
const READER_GONE: u8 = 141;

impl Failure {
    /// `text` says what failed and why.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { code: kind.exit_code(), id: kind.id(), text: text.into(), advice: String::new() }
    }

    /// The command line asks for something that cannot be.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, text)
    }

    /// Ends with `code`, which no kind of the library's has.
    pub fn with_code(code: u8, text: impl Into<String>) -> Self {
        Self { code, id: ErrorKind::Failed.id(), text: text.into(), advice: String::new() }
    }

    /// Ends with `code` and says nothing.
    pub fn silent(code: u8) -> Self {
        Self { code, id: "", text: String::new(), advice: String::new() }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Ends with `code` instead.
    #[must_use]
    pub fn replace_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The stable id of the error, the same in every language.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// What failed, and why.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Standard output could not be written: quiet if its reader left, else the tool's failure.
    pub fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::silent(READER_GONE);
        }
        Self::new(ErrorKind::Failed, format!("write standard output: {error}"))
            .advise("send it where there is room: to a file, a pipe, or /dev/null to throw it away")
    }

    /// Standard input could not be read.
    pub fn of_input(error: &io::Error) -> Self {
        Self::new(ErrorKind::Failed, format!("read standard input: {error}"))
            .advise("take it from a file, a pipe, or /dev/null for nothing")
    }

    /// A message could not be sent to `address`.
    pub fn of_send(address: &dyn std::fmt::Display, error: SendError) -> Self {
        match error {
            SendError::Failed(error) | SendError::HeldUp(error) => error.into(),
            SendError::Closed => {
                Self::new(error.kind(), format!("send to {address}: the receiver has ended"))
                    .advise("what it had not received is not delivered; start it again and send the rest")
            }
            SendError::PeerDied => Self::new(error.kind(), format!("send to {address}: the receiver died")),
            error => Self::new(error.kind(), format!("send to {address}: {error}")),
        }
    }

    /// No message could be received from `address`.
    pub fn of_recv(address: &dyn std::fmt::Display, error: RecvError) -> Self {
        match error {
            RecvError::Failed(error) => error.into(),
            RecvError::PeerDied => {
                Self::new(error.kind(), format!("receive from {address}: a sender died before a clean end"))
                    .advise(
                        "every whole message that it had sent was delivered; what it had not sent is missing",
                    )
            }
            error => Self::new(error.kind(), format!("receive from {address}: {error}")),
        }
    }

    /// Tells it as one block on standard error; answers the exit code.
    pub fn tell(self) -> ExitCode {
        if !self.text.is_empty() {
            let mut block = format!("crosstie: {}\n", self.text);
            if !self.advice.is_empty() {
                // Writing to a String cannot fail.
                let _ = writeln!(block, "  hint: {}", self.advice);
            }
            let _ = writeln!(block, "  (error {}, exit code {})", self.id, self.code);
            crate::output::note::block(&block);
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let whole = error.to_string();
        let advice = error.advice();
        let text = match whole.strip_suffix(advice) {
            Some(text) if !advice.is_empty() => text.trim_end_matches("; "),
            _ => &whole,
        };
        Self::new(error.kind(), text).advise(advice)
    }
}
