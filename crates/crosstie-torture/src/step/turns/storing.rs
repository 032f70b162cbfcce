//! What is given up by a store, or may be next: mutexes, and the cells of readers.

use crosstie::os::membarrier;
use crosstie::sync::{Object, Shared};
use crosstie_core::turns::{mutex, rwlock};

use super::thing::Opened;

/// In a process that others can fence.
pub fn fenced<O: Object>(object: Shared<O>) -> Shared<O> {
    membarrier::register_global_expedited();
    object
}

/// Given up by a store from the first on.
pub fn from_the_first<O: Object>(object: Shared<O>) -> Shared<O> {
    let object = fenced(object);
    let head = Object::head(&*object);
    if head.token() == 0 {
        head.giving().allow(|| false);
    }
    object
}

impl Opened {
    /// Brings it so far that whoever has it next sees, when it is given up, whether stores may be allowed: of a mutex, whoever that is; of a
    /// read-write lock, this thread.
    pub fn make_testing(&self) {
        match self {
            Self::Mutex(mutex) => {
                let head = Object::head(&**mutex);
                while !(head.token() + 1).is_multiple_of(mutex::ALLOW_EVERY) {
                    head.skip_token();
                }
            }
            Self::RwLock(lock) => (1..rwlock::ALLOW_EVERY).for_each(|_| drop(lock.read())),
            _ => {}
        }
    }
}
