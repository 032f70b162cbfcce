//! Everything that people are shown of a domain, in words and as pictures.

use crosstie::inspect::{Snapshot, diagnose, picture};
use crosstie::ledger::Domain;

/// Looks at everything; whatever lies in the ledger and the objects, the pictures are whole.
pub fn look(domain: &'static Domain) {
    let snapshot = Snapshot::of(domain);
    for object in &snapshot.objects {
        assert!(!object.description.contains(char::is_control));
        let _ = (snapshot.holders(object.key).count(), snapshot.waiters(object.key).count());
    }
    assert!(picture::dot(&snapshot).ends_with("}\n"));
    assert!(picture::mermaid(&snapshot).starts_with("flowchart"));
    assert!(picture::svg(&snapshot).ends_with("</svg>\n"));
    for finding in diagnose(domain) {
        assert!(!finding.to_string().is_empty());
    }
}
