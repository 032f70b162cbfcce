//! Wrong input to the verbs that take turns and look: what is wrong, what to do, and the code.

use crate::machine::Machine;

/// Arguments, the code, and what is said.
type Wrong = (&'static [&'static str], i32, &'static [&'static str]);

const CROSSTIE: &str = env!("CARGO_BIN_EXE_crosstie");

const WRONG: &[Wrong] = &[
    (&["lock", "", "--", "true"], 2, &["the name is empty", "hint: a name has 1 to 200"]),
    (&["lock", "a", "b/c", "--", "true"], 2, &["'/' is not allowed"]),
    (&["lock", "--try", "-t", "1", "a", "--", "true"], 2, &["cannot be used with"]),
    (&["lock", "a", "--", CROSSTIE, "lock", "a", "--", "true"], 80, &["deadlock of 1", "hint: take it once"]),
    (&["lock", "a", "--", "/etc"], 126, &["cannot execute", "hint: it has to be a program"]),
    (&["lock", "a", "--", "no-such-program"], 127, &["hint: is it spelled right"]),
    (&["unlock", "count:a", "--force", "--yes"], 2, &["a count is no lock"]),
    (&["unlock"], 2, &["<NAME>"]),
    (&["unlock", "a/b", "--force", "--yes"], 2, &["not allowed in a name"]),
    (&["sem", "s", "-n", "0", "--", "true"], 2, &["1 to 1024 permits, not 0", "hint: say how many"]),
    (&["sem", "s", "-n", "2", "--take", "0", "--", "true"], 2, &["acquire sem:s", "ask for one at least"]),
    (&["sem", "s", "--take", "3", "--", "true"], 2, &["it has 2", "ask for fewer"]),
    (&["sem", "s", "-n", "3", "--", "true"], 86, &["it has 2 permits, asked for were 3", "--resize"]),
    (&["barrier", "b", "-n", "0"], 2, &["1 to 64 parties, not 0", "hint: say how many"]),
    (&["barrier", "b"], 2, &["--parties"]),
    (&["barrier", "a b", "-n", "2"], 2, &["' ' is not allowed"]),
    (&["once", "o"], 2, &["<CMD>"]),
    (&["once", "a:b", "--", "true"], 2, &["':' is not allowed"]),
    (&["once", "o", "--", "no-such-program"], 127, &["spelled right"]),
    (&["post", ""], 2, &["the name is empty"]),
    (&["post", "p", "--value", "99999999999"], 2, &["is not in 0..=4294967295"]),
    (&["post"], 2, &["<NAME>"]),
    (&["wait", "x/y"], 2, &["'/' is not allowed"]),
    (&["wait", "w", "-t", "soon"], 2, &["write seconds (0.5) or a unit"]),
    (&["wait", "w", "--try"], 75, &["count:w is 0", "busy"]),
    (&["event", "set"], 2, &["<NAME>"]),
    (&["event", "toggle", "e"], 2, &["unrecognized subcommand"]),
    (&["event", "wait", "e", "-t", "0.01"], 124, &["event:e is not set"]),
    (&["inspect", "lock:none"], 84, &["there is no such object", "hint: `crosstie ls`"]),
    (&["inspect", "99999999"], 84, &["holds nothing here", "--domain"]),
    (&["inspect"], 2, &["<WHAT>"]),
    (&["ls", "--blocked", "locks"], 2, &["possible values"]),
    (&["ls", "--json=yes"], 2, &["--json"]),
    (&["ls", "lock", "sem"], 2, &["unexpected argument"]),
    (&["graph", "--format", "gif"], 2, &["possible values: dot, mermaid, svg"]),
    (&["graph", "lock:a"], 2, &["unexpected argument"]),
    (&["graph", "--format"], 2, &["a value is required"]),
    (&["doctor", "x"], 2, &["unexpected argument"]),
    (&["doctor", "--fix=yes"], 2, &["--fix"]),
    (&["doctor", "--domain", "/dev/null"], 125, &["hint: name a directory"]),
    (&["post", "p", "--value", "-1"], 2, &["-1 is not in 0..=4294967295"]),
    (
        &["lock", "-t", "-1", "a", "--", "true"],
        2,
        &["'-1' for '--timeout <TIME>'", "no duration; write seconds"],
    ),
    (&["barrier", "b", "-n", "-1"], 2, &["-1 is not in 0..=4294967295"]),
    (&["barrier", "b", "-n", "65"], 2, &["crosstie: open barrier:b: "]),
    (&["sem", "none", "--", "true"], 84, &["open sem:none: no such object", "how many permits it has: -n N"]),
    (&["rm", "lock:none"], 84, &["there is no such object", "hint: `crosstie ls lock`"]),
    (&["rm", "s"], 2, &["say what it is", "crosstie rm sem:s"]),
    (&["rm", "count:../x"], 2, &["not allowed in a name"]),
];

#[test]
fn what_is_wrong_is_named_with_what_to_do() {
    let machine = Machine::new();
    machine.crosstie(&["sem", "s", "-n", "2", "--", "true"]).finish().code(0);
    for (arguments, code, wanted) in WRONG {
        let mut told = machine.crosstie(arguments).finish();
        assert_eq!(told.exit_code(), *code, "{arguments:?}: {}", told.stderr);
        assert_eq!(told.output(), "", "{arguments:?}: what is wrong is no data");
        for text in *wanted {
            told = told.said(text);
        }
    }
}
