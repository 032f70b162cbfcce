//! docs/delivery.md: each statement names a test, and each of these exists.

use std::collections::HashSet;
use std::path::Path;

fn tests_below(folder: &Path, names: &mut HashSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            for after in text.split("#[test]").skip(1) {
                let name = after.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
                names.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
}

#[test]
fn every_test_that_the_page_on_delivery_names_exists() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = HashSet::new();
    tests_below(&crate_folder.join("src"), &mut names);
    tests_below(&crate_folder.join("tests"), &mut names);
    tests_below(&crate_folder.join("../crosstie-cli/tests"), &mut names);
    let page = std::fs::read_to_string(crate_folder.join("../../docs/delivery.md")).expect("the page");
    let words = page.split('`').skip(1).step_by(2);
    let named: Vec<_> = words.filter(|word| word.matches('_').count() >= 4).collect();
    assert!(named.len() > 30, "{}", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
