//! `crosstie domain`, and `--domain` on every verb.

use std::os::unix::fs::MetadataExt as _;

use crate::machine::{Machine, until};

#[test]
fn the_domain_is_shown_and_to_look_makes_none() {
    let machine = Machine::new();
    let shown = machine.crosstie(&["domain"]).finish().code(0).output();
    assert!(shown.contains("by $CROSSTIE_DOMAIN") && shown.contains("does not exist yet"), "{shown}");
    assert!(!machine.path("domain").exists());
    let holder = machine.crosstie(&["lock", "db", "--", "sleep", "30"]).start();
    until(|| machine.crosstie(&["ls"]).finish().output().contains("held by"));
    let json = machine.crosstie(&["domain", "--json"]).finish().code(0).output();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["schema"], &json["objects"]), (&"crosstie.domain/1".into(), &1.into()));
    let processes: Vec<_> =
        json["processes"].as_array().unwrap().iter().filter_map(|pid| pid.as_u64()).collect();
    assert!(processes.contains(&u64::from(holder.id())), "{processes:?}");
    let shown = machine.crosstie(&["domain"]).finish().code(0).output();
    assert!(shown.contains("alone") && shown.contains(" in it, 1 object\n"), "{shown}");
}

#[test]
fn a_domain_is_made_for_a_group_once() {
    let machine = Machine::new();
    let group = std::fs::metadata(machine.path(".")).unwrap().gid().to_string();
    let team = machine.path("team");
    let team = team.to_str().unwrap();
    let make = ["domain", "create", team, "--group", &group];
    machine.crosstie(&make).finish().code(0).wrote(format!("{team}\n"));
    machine.crosstie(&make).finish().code(85);
    let shown = machine.crosstie(&["--domain", team, "domain"]).finish().code(0).output();
    assert!(shown.contains("by --domain") && shown.contains(&format!("shared by group {group}")), "{shown}");
    machine.crosstie(&["domain", "create", team]).finish().code(2).said("--group");
    machine
        .crosstie(&["domain", "create", "none", "--group", "no such group"])
        .finish()
        .code(84)
        .said("getent group");
    machine.crosstie(&["domain", "create", "a/b/c", "--group", &group]).finish().code(84);
    machine.crosstie(&["domain", "make"]).finish().code(2);
}

#[test]
fn every_verb_that_uses_a_domain_uses_the_one_that_is_named() {
    let machine = Machine::new();
    let verbs: &[&[&str]] = &[
        &["send", "ring:r"],
        &["lock", "db", "--", "true"],
        &["unlock", "--force", "db"],
        &["sem", "gpu", "-n", "1", "--", "true"],
        &["barrier", "b", "-n", "1"],
        &["once", "o", "--", "true"],
        &["post", "p"],
        &["wait", "p", "--try"],
        &["event", "set", "e"],
        &["ls"],
        &["inspect", "lock:db"],
        &["graph"],
        &["doctor"],
        &["watch", "--count", "1"],
        &["rm", "lock:db", "sem:gpu", "ring:r"],
        &["domain"],
        &["recv", "ring:none", "--timeout", "0.01"],
    ];
    for verb in verbs {
        let mut arguments = vec!["--domain", "./named"];
        arguments.extend(*verb);
        let finished = machine.crosstie(&arguments).finish();
        assert!([0, 1, 84, 124].contains(&finished.exit_code()), "{verb:?}: {}", finished.stderr);
        assert!(!machine.path("domain").exists(), "{verb:?} used the domain of the environment");
        assert!(machine.path("named").exists());
    }
}

#[test]
fn a_domain_of_the_environment_is_named_from_the_root_on() {
    let machine = Machine::new();
    let full = machine.path("relative");
    for verb in [&["lock", "db", "--", "true"][..], &["ls"], &["domain"], &["send", "queue:q", "x"]] {
        let run = machine.crosstie(verb).env("CROSSTIE_DOMAIN", "relative").finish();
        run.code(2).said("other working directories").said(full.to_str().unwrap());
    }
    assert!(!full.exists());
    // What is typed beside the shell's own folder is completed by that, and is one domain wherever the command works.
    machine.crosstie(&["--domain", "relative", "send", "queue:q", "x"]).finish().code(0);
    machine
        .crosstie(&["--domain", full.to_str().unwrap(), "recv", "queue:q", "-n", "1"])
        .finish()
        .code(0)
        .wrote("x\n");
}
