//! `crosstie`: processes talk and take turns, from the shell.
fn main() {}
