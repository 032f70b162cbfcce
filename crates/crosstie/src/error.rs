//! The one error table: ids, exit codes, and [`Error`] for set-up operations.

use std::{fmt, io};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! error_table {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $exit:literal, $phrase:literal;)+) => {
        /// What went wrong, one variant per thing that a caller can do about it.
        ///
        /// The table below this enum generates ids, exit codes, statuses and phrases for every language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ErrorKind {
            /// Every kind, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable id, the same in every language: `"timed-out"`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// The exit code of the command `crosstie` (CLI contract).
            #[must_use]
            pub const fn exit_code(self) -> u8 {
                match self { $(Self::$name => $exit),+ }
            }

            /// The phrase with which a message says it.
            #[must_use]
            pub const fn phrase(self) -> &'static str {
                match self { $(Self::$name => $phrase),+ }
            }
        }
    };
}

error_table! {
    /// An address, a name or an option is not of its form.
    Usage = "usage", 2, "not understood";
    /// Somebody else has it: a lock under `--try`, the other sender of a ring, a full or empty channel.
    Busy = "busy", 75, "busy";
    /// A question was answered with no.
    Negative = "negative", 1, "no";
    /// The deadline passed first.
    TimedOut = "timed-out", 124, "timed out";
    /// The kernel refuses: owner, mode, another user's domain.
    NotPermitted = "not-permitted", 77, "not permitted";
    /// To wait would close a circle in which each waits for the next; the text names it.
    Deadlock = "deadlock", 80, "would deadlock";
    /// The last owner died while it had it: what it protects may be half done.
    Abandoned = "abandoned", 81, "abandoned by its last owner";
    /// It was held, and was taken away by force; or it was overwritten before it was read.
    Lost = "lost", 82, "lost while held";
    /// The last owner panicked while it had it.
    Poisoned = "poisoned", 125, "poisoned by a panic";
    /// The other end died before a clean end.
    PeerDied = "peer-died", 83, "the peer died before a clean end";
    /// There is no object, file or listener of that name.
    NotFound = "not-found", 84, "no such object";
    /// It exists already, or is something else than asked for.
    AlreadyExists = "already-exists", 85, "exists already";
    /// Other layout, version, protocol or parameters; the text names both.
    Mismatch = "mismatch", 86, "of another layout, version or protocol";
    /// Above the limit: a message, of which the text names both sizes, or a count.
    TooLarge = "too-large", 87, "too large";
    /// The other end said that it is done.
    Closed = "closed", 88, "closed";
    /// Bytes that others wrote break the protocol; the channel is of no more use to this end.
    Corrupt = "corrupt", 86, "corrupt";
    /// No room: /dev/shm, disk, descriptors, slots.
    NoSpace = "no-space", 125, "no room";
    /// This mechanism, kernel or policy does not offer it.
    Unsupported = "unsupported", 125, "not supported here";
    /// Any other refusal by the system.
    Failed = "failed", 125, "failed";
}

impl ErrorKind {
    /// The status of the C interface: negative, counted along the table, whose rows are only ever added at its end.
    ///
    /// # Examples
    /// ```
    /// use crosstie::ErrorKind;
    /// assert_eq!((ErrorKind::Usage.status(), ErrorKind::TimedOut.status()), (-1, -4));
    /// ```
    #[must_use]
    pub const fn status(self) -> i32 {
        -1 - (self as i32)
    }

    /// The kind that an error of the kernel stands for.
    ///
    /// # Examples
    /// ```
    /// use crosstie::ErrorKind;
    /// let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    /// assert_eq!(ErrorKind::of_io(&refused), ErrorKind::NotPermitted);
    /// ```
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind as Io;
        match error.kind() {
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::NotPermitted,
            Io::NotFound | Io::ConnectionRefused | Io::AddrNotAvailable => Self::NotFound,
            Io::AlreadyExists => Self::AlreadyExists,
            Io::AddrInUse | Io::WouldBlock => Self::Busy,
            Io::TimedOut => Self::TimedOut,
            Io::BrokenPipe | Io::ConnectionReset | Io::ConnectionAborted => Self::PeerDied,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge | Io::OutOfMemory => Self::NoSpace,
            Io::Unsupported => Self::Unsupported,
            _ => Self::Failed,
        }
    }
}

/// A set-up operation failed: what, on which object, why, and what to do.
///
/// # Examples
/// ```
/// use crosstie::{Error, ErrorKind};
/// let error = Error::new("open ring", "ring:jobs", ErrorKind::Busy)
///     .because("4711 worker has the sender's end")
///     .advise("wait until it ends, or use another name");
/// assert_eq!(
///     error.to_string(),
///     "open ring ring:jobs: busy: 4711 worker has the sender's end; wait until it ends, or use another name"
/// );
/// ```
#[derive(Debug)]
pub struct Error(Box<Details>);

/// Behind a pointer, so that a hot operation whose result may hold an error stays small.
#[derive(Debug)]
struct Details {
    operation: &'static str,
    object: String,
    kind: ErrorKind,
    cause: String,
    advice: String,
    source: Option<io::Error>,
}

impl Error {
    /// An error of `kind`: `operation` failed on `object`.
    #[must_use]
    pub fn new(operation: &'static str, object: impl Into<String>, kind: ErrorKind) -> Self {
        let (object, cause, advice) = (object.into(), String::new(), String::new());
        Self(Box::new(Details { operation, object, kind, cause, advice, source: None }))
    }

    /// The kernel refused `operation` on `object`; the kind follows from the kernel's answer.
    #[must_use]
    pub fn os(operation: &'static str, object: impl Into<String>, error: impl Into<io::Error>) -> Self {
        let source = error.into();
        let mut this = Self::new(operation, object, ErrorKind::of_io(&source));
        this.0.source = Some(source);
        this
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        // Another error's words may begin with the kind's, which are said anyway.
        self.0.cause = match cause.strip_prefix(self.0.kind.phrase()) {
            Some("") => String::new(),
            Some(rest) if rest.starts_with(": ") => rest[2..].to_owned(),
            _ => cause,
        };
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = advice.into();
        self
    }

    /// The same error under another kind, where the place knows better than the kernel's answer.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error of another object, where the place knows by which name it was asked for.
    #[must_use]
    pub fn of_object(mut self, object: impl Into<String>) -> Self {
        self.0.object = object.into();
        self
    }

    /// What kind it is; decides the exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What failed, as a verb phrase: `"open ring"`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// On which object: an address, a path, a name.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.0.object
    }

    /// Why, in a few words; empty when the kind or the kernel's answer says it all.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.0.cause
    }

    /// What to do about it; empty when there is nothing to say.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.0.advice
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.operation)?;
        if !self.0.object.is_empty() {
            write!(f, " {}", self.0.object)?;
        }
        write!(f, ": {}", self.0.kind.phrase())?;
        if !self.0.cause.is_empty() {
            write!(f, ": {}", self.0.cause)?;
        }
        if let Some(source) = &self.0.source {
            write!(f, " ({source})")?;
        }
        if !self.0.advice.is_empty() {
            write!(f, "; {}", self.0.advice)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = error.0.source.as_ref().map_or(io::ErrorKind::Other, io::Error::kind);
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_kind_are_said_once() {
        let busy = |cause: &str| Error::new("send", "it", ErrorKind::Busy).because(cause).to_string();
        assert_eq!(busy("busy"), "send it: busy");
        assert_eq!(busy("busy: somebody has it"), "send it: busy: somebody has it");
        assert_eq!(busy("busybodies"), "send it: busy: busybodies");
        let no = Error::new("ask", "it", ErrorKind::Negative).because("nobody knows");
        assert_eq!(no.to_string(), "ask it: no: nobody knows");
    }
}
