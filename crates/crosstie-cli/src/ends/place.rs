//! Where an end is, in words for people.

use crosstie::endpoint::{Address, Place};
use crosstie::ledger::Domain;

use crate::args::Globals;
use crate::exit::Failure;

/// The line of a long wait: what is waited for, and where. Objects in shared memory name their domain,
/// because a wait in vain is often a wait in another domain than the peer's.
pub fn waited_for(what: &str, address: &Address, globals: &Globals) -> String {
    match address.place() {
        Place::Ring(_) | Place::Queue(_) | Place::Topic(_) => {
            // Where there is none, nobody waits in it.
            let domain = globals.domain_path().unwrap_or_default();
            format!("waiting for {what} on {address} (domain {}){}", domain.display(), under_sudo(globals))
        }
        _ => format!("waiting for {what} on {address}"),
    }
}

/// Whose domain it is, where that may surprise.
pub fn under_sudo(globals: &Globals) -> String {
    let chosen = globals.domain.is_some() || std::env::var_os("CROSSTIE_DOMAIN").is_some();
    match std::env::var("SUDO_USER") {
        Ok(user) if !chosen => format!("; under sudo that is not the domain of {user}"),
        _ => String::new(),
    }
}

/// The domain that the user means.
pub fn domain(globals: &Globals) -> Result<&'static Domain, Failure> {
    let opened = match &globals.domain {
        Some(path) => Domain::open(path),
        None => Domain::open_default(),
    };
    opened.map_err(|error| {
        let failure = Failure::from(error);
        let is_sudo = std::env::var_os("SUDO_USER").is_some();
        if is_sudo {
            failure.advise("root's domain is not the user's: name it with --domain")
        } else {
            failure
        }
    })
}
