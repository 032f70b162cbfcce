//! Who has what and who waits: what `crosstie ls` lists, for C.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::ErrorKind;
use crosstie::inspect::Snapshot;

use crate::handle;
use crate::place;
use crate::status::{Failure, answer, crosstie_error, crosstie_status};

/// Writes what is in `domain` (NULL: the default domain) to `buffer` as one JSON document, with a zero behind it: `{"schema": "crosstie.c.ls/1", "objects": [{"name":
/// "lock:db", "kind": "lock", "description": …, "value": null, "held_by": [{"pid": 4711, "tid": 4711, "command": "sh", "units": 1}], "waiting": [{"pid": …, "tid": …,
/// "command": …, "waits_for": "lock:db", "waited_ns": …, "has_deadline": false, "is_stopped": false, "is_stalled": false}], "is_abandoned": false, "is_stalled": false,
/// "damage": null}]}`, with what an object stands at as its value: `{"count": 7}`, `{"is_set": true}`, `{"is_done": false}`, `{"is_used": true}` of what has no name, `{"taken": 1,
/// "total": 3}`, `{"arrived": 1, "total": 2, "is_broken": false}`; its damage says why nobody can open it. `bytes`, which may be NULL, is told how much room that takes.
///
/// `CROSSTIE_E_TOO_LARGE`: `bytes` says how much room it took now; there may be more at the next call.
///
/// Thread-safe; not async-signal-safe; as before a fork after it. Does not wait for others. The buffer is the caller's to free.
///
/// # Safety
/// `domain` is NULL or a text that ends in a zero; `buffer` leads to `room` bytes that can be written, or is NULL where there is none; `bytes` is NULL or can be
/// written; `error` is NULL or the caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_list(
    domain: *const c_char,
    buffer: *mut c_char,
    room: usize,
    bytes: *mut usize,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = || {
        handle::without_handle(|| {
            // SAFETY: it is NULL or ends in a zero, which this function asks for.
            let domain = unsafe { place::domain(domain) }?;
            let text = document(&Snapshot::of(domain));
            let needed = text.len() + 1;
            if !bytes.is_null() {
                // SAFETY: it is not NULL, and can be written, which this function asks for.
                unsafe { bytes.write(needed) };
            }
            let room = if buffer.is_null() { 0 } else { room };
            if needed > room {
                let text = format!("the list has {needed} bytes, the buffer {room}");
                return Err(Failure::new(ErrorKind::TooLarge, text).advise("call again with more room"));
            }
            // SAFETY: it is not NULL, and `room` bytes can be written, which this function asks for.
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), text.len()) };
            // SAFETY: as above; the zero lies inside, for `needed` counts it.
            unsafe { buffer.wrapping_add(text.len()).write(0) };
            Ok(())
        })
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}

fn document(snapshot: &Snapshot) -> String {
    let objects: Vec<_> = snapshot.objects.iter().map(|object| object.json(snapshot)).collect();
    format!("{{\"schema\": \"crosstie.c.ls/1\", \"objects\": [{}]}}", objects.join(", "))
}
