//! Users and groups by name, as the C library knows them (`/etc/passwd`, `/etc/group`, or wherever it is
//! told to look).
#![expect(unsafe_code, reason = "rustix does not ask the C library")]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// What the C library may need for what belongs to an entry: a group's members.
const BYTES_MAX: usize = 1 << 20;

/// The number of the group `name`, which may be that number itself.
///
/// # Errors
/// `NotFound` when there is no such group; the C library's others.
///
/// # Examples
/// ```
/// use crosstie::os::account;
/// assert_eq!(account::gid_of("54321")?, 54321);
/// assert_eq!(account::gid_of("root")?, 0);
/// assert_eq!(account::gid_of("no such group").unwrap_err().kind(), std::io::ErrorKind::NotFound);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn gid_of(name: &str) -> io::Result<u32> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        // The largest number means "leave it as it is".
        let gid = name.parse().ok().filter(|&gid| gid != u32::MAX);
        return gid.ok_or_else(|| io::ErrorKind::NotFound.into());
    }
    let name = CString::new(name).map_err(|_| io::ErrorKind::NotFound)?;
    let mut bytes: Vec<libc::c_char> = vec![0; 1 << 10];
    loop {
        let mut group = MaybeUninit::<libc::group>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: the name ends in zero; group, bytes and found are writable, the bytes as many as said.
        let code = unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                group.as_mut_ptr(),
                bytes.as_mut_ptr(),
                bytes.len(),
                &raw mut found,
            )
        };
        match code {
            libc::ERANGE if bytes.len() < BYTES_MAX => bytes.resize(bytes.len() * 4, 0),
            libc::EINTR => {}
            0 if found.is_null() => return Err(io::ErrorKind::NotFound.into()),
            // SAFETY: `found` is not null, so it is `group`, which the call has written.
            0 => return Ok(unsafe { group.assume_init() }.gr_gid),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// The name of the user `uid`; `None` when there is none.
///
/// # Errors
/// The C library's.
///
/// # Examples
/// ```
/// use crosstie::os::account;
/// assert_eq!(account::user_name(0)?.unwrap(), "root");
/// assert_eq!(account::user_name(3_999_999_999)?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn user_name(uid: u32) -> io::Result<Option<OsString>> {
    let mut bytes: Vec<libc::c_char> = vec![0; 1 << 10];
    loop {
        let mut user = MaybeUninit::<libc::passwd>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: user, bytes and found are writable, the bytes as many as said.
        let code = unsafe {
            libc::getpwuid_r(uid, user.as_mut_ptr(), bytes.as_mut_ptr(), bytes.len(), &raw mut found)
        };
        match code {
            libc::ERANGE if bytes.len() < BYTES_MAX => bytes.resize(bytes.len() * 4, 0),
            libc::EINTR => {}
            0 if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: `found` is not null, so it is `user`, which the call has written.
                let user = unsafe { user.assume_init() };
                // SAFETY: the name lies in `bytes` and ends in zero.
                let name = unsafe { CStr::from_ptr(user.pw_name) };
                return Ok(Some(OsStr::from_bytes(name.to_bytes()).to_owned()));
            }
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}
