//! Who waits for whom, as text.

use std::fmt::Write as _;

use crosstie::ledger::Deadlock;

/// One who waits, and for what; the next one has it.
pub struct Link {
    pub who: String,
    pub object: String,
}

/// A deadlock, for [`links`] of another process to read: `4711 sh|lock:a;4712 sh|lock:b`.
pub fn encode(deadlock: &Deadlock) -> String {
    let link = |link: &crosstie::ledger::deadlock::Blockage| {
        let who = link.who.as_ref().map_or("somebody".to_owned(), ToString::to_string);
        format!("{who}|{}", link.object)
    };
    deadlock.cycle().iter().map(link).collect::<Vec<_>>().join(";")
}

/// What [`encode`] wrote.
pub fn links(text: &str) -> Vec<Link> {
    let link = |part: &str| {
        let (who, object) = part.split_once('|')?;
        Some(Link { who: who.to_owned(), object: object.to_owned() })
    };
    text.split(';').filter_map(link).collect()
}

/// A circle of those who wait.
///
/// ```text
///   ┌─▶ 4711 sh
///   │     waits for lock:b, which has
///   │   4712 sh
///   │     waits for lock:a, which has
///   └── 4711 sh
/// ```
pub fn circle(links: &[Link]) -> String {
    let mut text = String::new();
    for (at, link) in links.iter().enumerate() {
        let lead = if at == 0 { "┌─▶" } else { "│  " };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {lead} {}", link.who);
        let _ = writeln!(text, "    │     │ waits for {}, held by", link.object);
        if at + 1 < links.len() {
            let _ = writeln!(text, "    │     ▼");
        }
    }
    let _ = write!(text, "    └─────┘");
    text
}
