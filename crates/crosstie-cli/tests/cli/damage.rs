//! What is damaged is listed, found by `doctor`, refused by `inspect` as by who opens it, and removed by name.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use crate::machine::Machine;

/// Objects of each kind that a command makes, once used.
const MADE: [(&str, &[&str]); 9] = [
    ("ring:x", &["send", "ring:x", "1"]),
    ("queue:x", &["send", "queue:x", "1"]),
    ("topic:x", &["send", "topic:x", "1"]),
    ("lock:x", &["lock", "x", "--", "true"]),
    ("sem:x", &["sem", "x", "-n", "2", "--", "true"]),
    ("count:x", &["post", "x"]),
    ("once:x", &["once", "x", "--", "true"]),
    ("event:x", &["event", "set", "x"]),
    ("barrier:x", &["barrier", "x", "-n", "1"]),
];

#[test]
fn damage_is_listed_found_and_refused_and_the_hint_removes_it() {
    let machine = Machine::new();
    for (object, words) in MADE {
        // The magic; kind and layout; the size of what it holds.
        for at in [0, 16, 40] {
            machine.crosstie(words).finish().code(0);
            machine.crosstie(&["inspect", object]).finish().code(0);
            machine.crosstie(&["doctor"]).finish().code(0);
            let path = machine.path("domain").join(object.replace(':', "."));
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(&[0xFF; 16][..if at == 16 { 16 } else { 8 }], at).unwrap();
            let line = machine.crosstie(&["ls"]).finish().code(0).output();
            assert!(line.starts_with(&format!("{object}  damaged (")) && line.len() > 30, "{line}");
            let listed = machine.crosstie(&["ls", "--json"]).finish().code(0).output();
            let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
            let why = listed["objects"][0]["damage"].as_str().unwrap();
            assert_eq!(line, format!("{object}  damaged ({why})\n"));
            let told = machine.crosstie(&["doctor", "--fix"]).finish().code(1).output();
            assert!(told.contains(&format!("{object} is damaged")) && told.contains(why), "{told}");
            let opened = machine.crosstie(words).finish().code(86);
            machine.crosstie(&["inspect", object]).finish().code(86).said(why).wrote("");
            assert!(opened.stderr.contains(why), "{}", opened.stderr);
            let hint = told.split_once("hint: crosstie ").unwrap().1.lines().next().unwrap();
            machine.crosstie(&hint.split(' ').collect::<Vec<_>>()).finish().code(0);
            machine.crosstie(&["doctor"]).finish().code(0).said("");
            machine.crosstie(&["ls"]).finish().code(0).wrote("").said("no objects");
        }
    }
}
