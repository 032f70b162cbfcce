//! Serving with a pool of workers.

use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{io, thread};

use super::call::Call;
use super::desk::{Desk, Worker};
use crate::call::Refusal;
use crate::contract::RecvError;
use crate::endpoint::Message;
use crate::error::{Error, ErrorKind, Result};

/// Serves with `workers` workers until the server is stopped, or its only client has ended.
///
/// One thread more than workers: as soon as all workers are busy, it stands at the door, so that
/// cancellations are heard, replies that found no room go out, and deaths are seen.
///
/// # Errors
/// `Failed` when no thread can be started; `Unsupported` in a child of fork; else why nothing can come any more.
pub(super) fn serve<Q: Message + ?Sized, A: Message + ?Sized>(
    desk: &Arc<Desk>,
    workers: usize,
    handle: &(impl Fn(Call<Q, A>) + Sync),
) -> Result<()> {
    // Its parent's threads, which hand calls out, did not come along (H6).
    if !desk.is_ours() {
        return Err(Error::new("serve", &desk.object, ErrorKind::Unsupported)
            .because("this server belongs to the process that this one was forked from")
            .advise("open one in the process that serves"));
    }
    desk.set_pool(workers.max(1))?;
    let served = thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            let started = thread::Builder::new().name("crosstie-serve".into()).spawn_scoped(scope, || {
                // What ends one worker ends all, and is told by this thread.
                let _ = work(desk, handle);
            });
            if let Err(error) = started {
                desk.stop();
                return Err(refused(desk, error));
            }
        }
        work(desk, handle)
    });
    let ended = desk.set_pool(0);
    served.and(ended)
}

fn work<Q: Message + ?Sized, A: Message + ?Sized>(
    desk: &Arc<Desk>,
    handle: &(impl Fn(Call<Q, A>) + Sync),
) -> Result<()> {
    loop {
        // Counted before the wait: behind it somebody waits for the answer.
        let shared = Arc::clone(desk);
        match desk.next(Worker::OfPool, crate::Deadline::NEVER) {
            Ok(taken) => {
                // Of a panic the caller is told by the call's drop, and the other callers are served on.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    // A request of another type was answered so.
                    if let Ok(call) = Call::new(shared, taken) {
                        handle(call);
                    }
                }));
                desk.be_free();
            }
            Err(RecvError::Failed(error)) => return Err(error),
            Err(_) => return Ok(()),
        }
    }
}

/// Answers a call with what `handle` makes of its request.
pub(super) fn answer<Q: Message + ?Sized, A: Message + ?Sized, R: Borrow<A>>(
    call: Call<Q, A>,
    handle: &impl Fn(Q::Owned) -> std::result::Result<R, Refusal>,
) {
    // Of a reply that cannot be sent its caller was told.
    drop(call.answer(handle));
}

fn refused(desk: &Desk, error: io::Error) -> Error {
    Error::os("serve", &desk.object, error).because("no further thread can be started")
}
