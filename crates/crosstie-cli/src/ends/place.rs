//! Where an end is, in words for people.

use crosstie::endpoint::{Address, Place};

use crate::args::Globals;

/// The line of a long wait: what is waited for, and where. Objects in shared memory name their domain,
/// because a wait in vain is often a wait in another domain than the peer's.
pub fn waited_for(what: &str, address: &Address, globals: &Globals) -> String {
    match address.place() {
        Place::Ring(_) | Place::Queue(_) | Place::Topic(_) => {
            let domain = globals.domain_path();
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
