//! Whether standard output gets colours.

use std::env;
use std::io::{IsTerminal as _, stdout};

use crosstie_measure::report::Colour;

/// On a terminal, unless `NO_COLOR` or `TERM=dumb` says otherwise; anywhere with `CLICOLOR_FORCE`.
pub fn of_stdout() -> Colour {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Colour::Plain;
    }
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    if is_set("CLICOLOR_FORCE") || (stdout().is_terminal() && !is_dumb) {
        Colour::Ansi
    } else {
        Colour::Plain
    }
}
