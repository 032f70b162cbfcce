//! What the command says about itself.

use crate::machine::Machine;

const VERBS: [&str; 13] = [
    "send",
    "recv",
    "relay",
    "call",
    "reply",
    "region",
    "rm",
    "compare",
    "advise",
    "bench",
    "completions",
    "man",
    "version",
];

#[test]
fn every_verb_has_help_a_man_page_and_completions() {
    let machine = Machine::new();
    machine.crosstie(&["man", "pages"]).finish().code(0);
    let bash = String::from_utf8(machine.crosstie(&["completions", "bash"]).finish().code(0).stdout).unwrap();
    let whole = String::from_utf8(machine.crosstie(&["--help"]).finish().code(0).stdout).unwrap();
    for verb in VERBS {
        let help = String::from_utf8(machine.crosstie(&[verb, "--help"]).finish().code(0).stdout).unwrap();
        assert!(help.contains("Example"), "{verb} --help has no example");
        assert!(help.contains("--domain"), "{verb} has no --domain");
        let page = std::fs::read_to_string(machine.path("pages").join(format!("crosstie-{verb}.1"))).unwrap();
        assert!(page.starts_with(".ie") && page.contains(".SH NAME"), "{verb} has no man page");
        assert!(bash.contains(&format!("crosstie__subcmd__{verb}")), "bash does not complete {verb}");
        assert!(whole.contains(&format!("\n  {verb}")), "--help lacks {verb}");
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(!machine.crosstie(&["completions", shell]).finish().code(0).stdout.is_empty());
    }
    machine.crosstie(&["man"]).finish().code(0);
    machine.crosstie(&["completions", "csh"]).finish().code(2);
}

#[test]
fn help_uses_no_word_of_the_machinery() {
    let machine = Machine::new();
    for verb in VERBS {
        let help = String::from_utf8(machine.crosstie(&[verb, "--help"]).finish().code(0).stdout).unwrap();
        for word in ["slot", "ledger", "life word", "reap", "futex word"] {
            assert!(!help.to_lowercase().contains(word), "{verb} --help says {word:?}");
        }
    }
}

#[test]
fn the_version_names_formats_and_kernel() {
    let machine = Machine::new();
    let json = machine.crosstie(&["version", "--json"]).finish().code(0).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["schema"], "crosstie.version/1");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(json["formats"]["segment"].is_u64() && json["protocols"]["stream"].is_u64());
    assert!(json["kernel"]["futex_waitv"].is_boolean());
    assert_eq!(json["domain"], machine.path("domain").display().to_string());
    let text = String::from_utf8(machine.crosstie(&["version"]).finish().code(0).stdout).unwrap();
    assert!(text.contains("futex_waitv"));
}

#[test]
fn standard_streams_are_addresses() {
    let machine = Machine::new();
    let sent = machine.crosstie(&["send", "-", "one", "two"]).finish().code(0).stdout;
    machine.crosstie(&["recv", "-"]).input(sent.clone()).finish().code(0).wrote("one\ntwo\n");
    machine.crosstie(&["recv", "-"]).input(&sent[..sent.len() - 1]).finish().code(83).wrote("one\ntwo\n");
    machine.crosstie(&["recv", "fd:0"]).input(sent).finish().code(0).wrote("one\ntwo\n");
}
