//! What a desk does for a task that waits for calls: [`AsyncServer`](super::super::AsyncServer).

use std::sync::Arc;

use super::super::door::Door;
use super::Desk;
use crate::os::notice::Notice;

impl Desk {
    /// A task that waits polls `notice`.
    pub(in crate::call::server) fn set_notice(&self, notice: Option<Arc<Notice>>) {
        self.door.keep_replies(notice.is_some());
        self.lock().notice = notice;
    }

    /// Whether a task waits for a call: it is told what comes.
    pub(in crate::call::server) fn set_awaited(&self, is_awaited: bool) {
        self.lock().is_awaited = is_awaited;
    }

    pub(in crate::call::server) fn door(&self) -> &Door {
        &self.door
    }
}
