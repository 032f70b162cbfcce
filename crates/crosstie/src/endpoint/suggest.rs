//! How near two words are, for "did you mean".

/// The one of `names` that who wrote `word` can have meant: of which a third at most is written otherwise, in two places at most, or
/// of which it is the beginning.
pub(super) fn near(word: &str, names: &[&'static str]) -> Option<&'static str> {
    const EDITS_MAX: usize = 2;
    const BEGINNING_MIN: usize = 2;
    let is_near = |&(edits, name): &(usize, &str)| {
        let longer = word.chars().count().max(name.len());
        let begins = word.len() >= BEGINNING_MIN && name.starts_with(word);
        begins || edits <= EDITS_MAX && 3 * edits <= longer
    };
    names.iter().map(|name| (edits(word, name), *name)).filter(is_near).min().map(|(_, name)| name)
}

/// How many letters must be changed, added, left out or swapped with their neighbour to make `a`
/// into `b` (Damerau and Levenshtein's distance, neighbours once).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(32).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        const NAMES: [&str; 8] = ["max", "capacity", "wait", "full", "from", "mode", "queue", "tcp"];
        for (word, meant) in [
            ("capcity", Some("capacity")),
            ("capa", Some("capacity")),
            ("mx", Some("max")),
            ("wiat", Some("wait")),
            ("form", Some("from")),
            ("quee", Some("queue")),
            ("que", Some("queue")),
            ("tpc", Some("tcp")),
            ("foo", None),
            ("bar", None),
            ("x", None),
            ("m", None),
            ("", None),
            ("fool", None),
            ("model", Some("mode")),
        ] {
            assert_eq!(near(word, &NAMES), meant, "{word:?}");
        }
    }
}
