//! Mutexes that are given up by a store, or may be next.

use crosstie::Error;
use crosstie::ledger::Domain;
use crosstie::os::membarrier;
use crosstie::sync::{Mutex, Object, Policy, Shared};
use crosstie_core::turns::mutex::ALLOW_EVERY;

use super::thing::{Data, Opened};

/// A fast mutex, in a process that others can fence.
pub fn fenced(domain: &'static Domain, name: &str) -> Result<Shared<Mutex<Data>>, Error> {
    membarrier::register_global_expedited();
    Mutex::open_or_create_with(domain, name, Policy::Fast, || [0, 0, 1])
}

/// One that is given up by a store from the first on.
pub fn from_the_first(domain: &'static Domain, name: &str) -> Result<Shared<Mutex<Data>>, Error> {
    let mutex = fenced(domain, name)?;
    let head = Object::head(&*mutex);
    if head.token() == 0 {
        head.giving().allow(|| false);
    }
    Ok(mutex)
}

impl Opened {
    /// Skips so many tokens that who takes the mutex next sees, when it gives it up, whether stores may be allowed.
    pub fn make_testing(&self) {
        let Self::Mutex(mutex) = self else { return };
        let head = Object::head(&**mutex);
        while !(head.token() + 1).is_multiple_of(ALLOW_EVERY) {
            head.skip_token();
        }
    }
}
