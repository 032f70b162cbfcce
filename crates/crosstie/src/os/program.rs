//! A program with its arguments and environment as the kernel takes them, and its execution.
//!
//! Where `$PATH` has the program is looked up by [`Image::execute`] as a shell does, in the order that was read when
//! the image was made: a child that shares its parent's memory must not read an environment that other threads change.
#![expect(unsafe_code, reason = "exec takes pointers to pointers")]

use std::cell::Cell;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;

/// Who runs what has no format that the kernel knows.
const SHELL: &CStr = c"/bin/sh";
/// Where programs are where there is no `$PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program to run, made before there is a child, which must not allocate.
pub(super) struct Image {
    /// Where it may be, in the order of `$PATH`.
    candidates: Vec<CString>,
    argv: Strings,
    envp: Strings,
    /// What the shell gets: itself, the candidate (set by [`Image::execute`]), the arguments, null.
    shell: Vec<Cell<*const libc::c_char>>,
}

impl Image {
    /// `argv` has the program first; `more` is set in the environment besides this process's own.
    ///
    /// # Errors
    /// `InvalidInput` for a string with a zero byte.
    pub(super) fn of(argv: &[OsString], more: &[(OsString, OsString)]) -> io::Result<Self> {
        let program = argv.first().ok_or(io::ErrorKind::InvalidInput)?;
        let candidates =
            candidates(program, std::env::var_os("PATH")).map(c_string).collect::<io::Result<_>>()?;
        let inherited = std::env::vars_os().filter(|(name, _)| more.iter().all(|(set, _)| set != name));
        let envp = inherited.chain(more.iter().cloned()).map(|(name, value)| {
            let mut text = name.into_vec();
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
            text
        });
        let argv = Strings::of(argv.iter().map(|argument| argument.as_bytes().to_vec()))?;
        let arguments = argv.pointers.iter().skip(1).copied();
        let shell = [SHELL.as_ptr(), ptr::null()].into_iter().chain(arguments).map(Cell::new).collect();
        Ok(Self { candidates, envp: Strings::of(envp)?, argv, shell })
    }

    /// Executes the program; answers why it could not. Makes system calls alone.
    pub(super) fn execute(&self) -> i32 {
        let mut answer = libc::ENOENT;
        let mut is_denied = false;
        for program in &self.candidates {
            answer = self.execute_at(program);
            match answer {
                libc::EACCES => is_denied = true,
                // There may be one behind.
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return answer,
            }
        }
        if is_denied { libc::EACCES } else { answer }
    }

    fn execute_at(&self, program: &CStr) -> i32 {
        // SAFETY: the arrays end in null and point to strings that end in zero (`Strings`), as `program` does.
        unsafe { libc::execve(program.as_ptr(), self.argv.pointers.as_ptr(), self.envp.pointers.as_ptr()) };
        let answer = errno();
        if answer != libc::ENOEXEC {
            return answer;
        }
        self.shell[1].set(program.as_ptr());
        let shell: *const *const libc::c_char = self.shell.as_ptr().cast();
        // SAFETY: as above; a Cell has the layout of what is in it, and `of` ended this array in null too.
        unsafe { libc::execve(SHELL.as_ptr(), shell, self.envp.pointers.as_ptr()) };
        errno()
    }
}

/// Where `program` may be: there where it has a slash in it, else in each folder of `path`.
fn candidates(program: &OsStr, path: Option<OsString>) -> impl Iterator<Item = Vec<u8>> {
    let program = program.as_bytes().to_vec();
    let folders = match (program.is_empty(), program.contains(&b'/')) {
        // Nothing is found under no name.
        (true, _) => Vec::new(),
        (_, true) => vec![Vec::new()],
        _ => {
            let path = path.unwrap_or_else(|| DEFAULT_PATH.into()).into_vec();
            // An empty one is the working directory.
            path.split(|&byte| byte == b':').map(with_slash).collect()
        }
    };
    folders.into_iter().map(move |folder| [folder, program.clone()].concat())
}

fn with_slash(folder: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
    [folder, slash].concat()
}

/// Strings that end in zero, and pointers to them that end in null.
struct Strings {
    pointers: Vec<*const libc::c_char>,
    /// What the pointers lead to; never touched again.
    _owned: Vec<CString>,
}

impl Strings {
    fn of(strings: impl Iterator<Item = Vec<u8>>) -> io::Result<Self> {
        let owned: Vec<_> = strings.map(c_string).collect::<io::Result<_>>()?;
        let pointers = owned.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Ok(Self { pointers, _owned: owned })
    }
}

fn c_string(bytes: Vec<u8>) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// The last error of a call of this process or, in a child that shares its memory, of both.
pub(super) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_looked_for_where_a_shell_looks() {
        let found = |program: &str, path: Option<&str>| {
            candidates(program.as_ref(), path.map(OsString::from))
                .map(|place| String::from_utf8(place).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("true", Some("/a:/b/")), ["/a/true", "/b//true"]);
        assert_eq!(found("true", Some(":/a:")), ["true", "/a/true", "true"]);
        assert_eq!(found("true", Some("")), ["true"]);
        assert_eq!(found("true", None), ["/bin/true", "/usr/bin/true"]);
        assert_eq!(found("./true", Some("/a")), ["./true"]);
        assert_eq!(found("", Some("/a")), Vec::<String>::new());
    }
}
