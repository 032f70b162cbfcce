//! Statuses, [`crosstie_error`], and the wall at which panics end.
#![expect(unsafe_code, reason = "writes into structs of the caller's")]

use std::any::Any;
use std::ffi::c_char;
use std::fmt::Display;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crosstie::sync::LockError;
use crosstie::{Error, ErrorKind};

/// What every function answers: `CROSSTIE_OK`, or a negative number, `CROSSTIE_E_...`.
///
/// A number stands for the same for ever, in every version. What a newer library answers beside those of this header
/// is negative too.
pub type crosstie_status = i32;

/// It is done.
pub const CROSSTIE_OK: crosstie_status = 0;

/// Bytes of the text in a `crosstie_error`, the zero at its end among them.
pub const CROSSTIE_ERROR_TEXT_BYTES: usize = 1012;

/// What went wrong, in words; the caller's own, on its stack for example. It needs no preparation and no end, and may be NULL
/// wherever it is asked for.
///
/// Every function that is given one writes it: after a success the status is 0 and the text empty, and `code` is not written.
#[repr(C)]
#[derive(Debug)]
pub struct crosstie_error {
    /// The status that the function answered.
    pub status: crosstie_status,
    /// The kernel's number (errno), where it was the kernel that refused; else 0.
    pub os_error: i32,
    /// What failed, why, and what to do, with names of objects and owners; a deadlock as the circle of who waits for whom. In
    /// UTF-8; it ends in "..." where it was longer.
    pub text: [c_char; CROSSTIE_ERROR_TEXT_BYTES],
    /// Of a call that its server refused, the number that the server said; of any other failure 0.
    pub code: u32,
}

/// How a `crosstie_error` begins.
#[repr(C)]
struct Success {
    status: crosstie_status,
    os_error: i32,
    text: c_char,
}

const _: () = assert!(offset_of!(Success, text) == offset_of!(crosstie_error, text));

/// A call that cannot do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    os_error: i32,
    code: u32,
    text: String,
}

impl Failure {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, text: String) -> Self {
        Self(Box::new(Details { kind, os_error: 0, code: 0, text }))
    }

    /// Says what to do about it.
    pub(crate) fn advise(mut self, advice: impl Display) -> Self {
        self.0.text = format!("{}; {advice}", self.0.text);
        self
    }

    /// Says the number that a server said with its refusal.
    pub(crate) fn with_code(mut self, code: u32) -> Self {
        self.0.code = code;
        self
    }
}

impl From<Error> for Failure {
    #[cold]
    fn from(error: Error) -> Self {
        let source =
            std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
        let os_error = source.and_then(std::io::Error::raw_os_error).unwrap_or(0);
        Self(Box::new(Details { kind: error.kind(), os_error, code: 0, text: error.to_string() }))
    }
}

impl<G> From<LockError<G>> for Failure {
    #[cold]
    fn from(refusal: LockError<G>) -> Self {
        match refusal {
            LockError::Failed(error) => error.into(),
            // Places in this library's own sources are nobody's concern.
            LockError::Deadlock(cycle) => Self::new(ErrorKind::Deadlock, cycle.without_places().to_string()),
            other => Self::new(other.kind(), other.to_string()),
        }
    }
}

/// Runs one call, and answers its status; a panic ends here.
///
/// # Safety
/// `error` is NULL or leads to a `crosstie_error` that this call alone uses.
#[inline]
pub(crate) unsafe fn answer(
    error: *mut crosstie_error,
    work: impl FnOnce() -> Result<(), Failure>,
) -> crosstie_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => {
            // SAFETY: `error` is NULL or the caller's own, which this function asks for.
            unsafe { succeeded(error) }
        }
        Ok(Err(failure)) => {
            // SAFETY: `error` is NULL or the caller's own, which this function asks for.
            unsafe { say(error, &failure.0) }
        }
        Err(panic) => {
            let text = format!("a bug of the library, please report it: {}", said(&*panic));
            // A panic whose own drop panics would end the program here.
            std::mem::forget(panic);
            // SAFETY: `error` is NULL or the caller's own, which this function asks for.
            unsafe { say(error, &Details { kind: ErrorKind::Failed, os_error: 0, code: 0, text }) }
        }
    }
}

/// Empties `error`; answers that it is done.
///
/// # Safety
/// As [`answer`].
#[inline(always)]
pub(crate) unsafe fn succeeded(error: *mut crosstie_error) -> crosstie_status {
    if !error.is_null() {
        // SAFETY: it is the caller's (as this function asks), and has room for the part without its text.
        unsafe { error.cast::<Success>().write(Success { status: CROSSTIE_OK, os_error: 0, text: 0 }) };
    }
    CROSSTIE_OK
}

/// Writes what went wrong into `error`; answers its status.
///
/// # Safety
/// As [`answer`].
#[cold]
unsafe fn say(error: *mut crosstie_error, details: &Details) -> crosstie_status {
    let status = details.kind.status();
    if !error.is_null() {
        let made = crosstie_error {
            status,
            os_error: details.os_error,
            text: cut(&details.text),
            code: details.code,
        };
        // SAFETY: it is the caller's and has room for one; what was there is not looked at.
        unsafe { error.write(made) };
    }
    status
}

/// The text with a zero behind it, shortened at the end of a character where it is too long.
pub(crate) fn cut<const BYTES: usize>(text: &str) -> [c_char; BYTES] {
    let mut room = [0; BYTES];
    let (kept, mark) = if text.len() < BYTES {
        (text.len(), "")
    } else {
        let end = (0..=BYTES.saturating_sub(4)).rev().find(|&at| text.is_char_boundary(at));
        (end.unwrap_or(0), "...")
    };
    let bytes = text.bytes().take(kept).chain(mark.bytes()).take(BYTES.saturating_sub(1));
    for (to, byte) in room.iter_mut().zip(bytes) {
        // A zero would end the text before its end.
        *to = if byte == 0 { b'?' as c_char } else { byte as c_char };
    }
    room
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no more is known")
}

/// Longest id or phrase of the error table, with the zero behind it.
const WORD_BYTES: usize = 64;
const KINDS: usize = ErrorKind::ALL.len();

const fn padded(text: &str) -> [u8; WORD_BYTES] {
    let (mut room, bytes, mut at) = ([0; WORD_BYTES], text.as_bytes(), 0);
    assert!(bytes.len() < WORD_BYTES, "a word of the error table fits");
    while at < bytes.len() {
        room[at] = bytes[at];
        at += 1;
    }
    room
}

static NAMES: [[u8; WORD_BYTES]; KINDS] = {
    let (mut all, mut at) = ([[0; WORD_BYTES]; KINDS], 0);
    while at < KINDS {
        all[at] = padded(ErrorKind::ALL[at].id());
        at += 1;
    }
    all
};

static PHRASES: [[u8; WORD_BYTES]; KINDS] = {
    let (mut all, mut at) = ([[0; WORD_BYTES]; KINDS], 0);
    while at < KINDS {
        all[at] = padded(ErrorKind::ALL[at].phrase());
        at += 1;
    }
    all
};

/// The kind that `status` stands for.
pub(crate) fn kind_of(status: crosstie_status) -> Option<ErrorKind> {
    place_of(status).map(|at| ErrorKind::ALL[at])
}

/// Where the kind that `status` stands for is in the error table.
fn place_of(status: crosstie_status) -> Option<usize> {
    ErrorKind::ALL.iter().position(|kind| kind.status() == status)
}

/// The id of a status, the same in every language: "ok", "timed-out", "deadlock"; "unknown" for what this library never answers.
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. The text is the library's: never free it.
#[unsafe(no_mangle)]
pub extern "C" fn crosstie_status_name(status: crosstie_status) -> *const c_char {
    match place_of(status) {
        Some(at) => NAMES[at].as_ptr().cast(),
        None if status == CROSSTIE_OK => c"ok".as_ptr(),
        None => c"unknown".as_ptr(),
    }
}

/// A status as a phrase: "would deadlock". What it means of which object stands in `crosstie_error`.
///
/// Thread-safe, async-signal-safe, as before a fork after it. Never blocks. The text is the library's: never free it.
#[unsafe(no_mangle)]
pub extern "C" fn crosstie_status_text(status: crosstie_status) -> *const c_char {
    match place_of(status) {
        Some(at) => PHRASES[at].as_ptr().cast(),
        None if status == CROSSTIE_OK => c"done".as_ptr(),
        None => c"not a status of this version".as_ptr(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn empty() -> crosstie_error {
        crosstie_error { status: 1, os_error: 1, text: [1; CROSSTIE_ERROR_TEXT_BYTES], code: 1 }
    }

    fn text(error: &crosstie_error) -> &str {
        // SAFETY: `answer` wrote the text and the zero behind it.
        unsafe { CStr::from_ptr(error.text.as_ptr()) }.to_str().unwrap()
    }

    #[test]
    fn a_panic_ends_at_the_wall_and_is_told() {
        let mut error = empty();
        // SAFETY: the error is this test's own.
        let status = unsafe { answer(&raw mut error, || panic!("seven of {}", 9)) };
        assert_eq!(status, ErrorKind::Failed.status());
        assert!(text(&error).ends_with("please report it: seven of 9"), "{}", text(&error));
        // SAFETY: NULL is allowed where the caller wants no words.
        let status = unsafe { answer(std::ptr::null_mut(), || panic!("again")) };
        assert_eq!(status, ErrorKind::Failed.status());
    }

    #[test]
    fn success_empties_the_error() {
        let mut error = empty();
        // SAFETY: the error is this test's own.
        let status = unsafe { answer(&raw mut error, || Ok(())) };
        assert_eq!((status, error.status, text(&error)), (0, 0, ""));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        let mut error = empty();
        let long = "ü".repeat(1000);
        // SAFETY: the error is this test's own.
        unsafe { answer(&raw mut error, || Err(Failure::new(ErrorKind::Busy, long))) };
        assert_eq!(text(&error).len(), 1011);
        assert!(text(&error).ends_with("ü..."));
        assert_eq!(cut::<4>("abcd").map(|c| c as u8), *b"...\0");
    }

    #[test]
    fn every_kind_has_its_number_and_words() {
        for (at, &kind) in ErrorKind::ALL.iter().enumerate() {
            assert_eq!(kind.status(), -1 - i32::try_from(at).unwrap(), "{kind:?}");
            // SAFETY: both answer texts of the library's own, with a zero behind them.
            let words = unsafe {
                [crosstie_status_name(kind.status()), crosstie_status_text(kind.status())]
                    .map(|text| CStr::from_ptr(text).to_str().unwrap())
            };
            assert_eq!(words, [kind.id(), kind.phrase()]);
        }
        assert_eq!(place_of(1), None);
    }
}
