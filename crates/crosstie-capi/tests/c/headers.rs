//! The headers compile wherever they promise to, and the library exports what they declare.

use std::ffi::OsString;
use std::process::Command;

use crate::compiler::{STRICT, built, crate_folder, folder, run};

#[test]
fn the_headers_compile_in_every_promised_language() {
    let source = folder().join("includes");
    for (compiler, language, standard, header) in [
        ("cc", "c", "-std=c99", "crosstie.h"),
        ("cc", "c", "-std=c11", "crosstie.h"),
        ("c++", "c++", "-std=c++17", "crosstie.h"),
        ("c++", "c++", "-std=c++17", "crosstie.hpp"),
    ] {
        let uses = "static crosstie_turn turn = CROSSTIE_TURN_INIT;\n\
                    static crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;\n\
                    int main(void) { return turn.flags + (int)options.make + CROSSTIE_OK; }\n";
        std::fs::write(&source, format!("#include \"{header}\"\n{uses}")).unwrap();
        let mut arguments: Vec<OsString> = STRICT.iter().map(Into::into).collect();
        arguments.extend([standard, "-x", language, "-fsyntax-only", "-I"].map(OsString::from));
        arguments.extend([crate_folder().join("include").into(), source.clone().into()]);
        let Some(output) = run(compiler, &arguments) else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{header} as {standard}: {said}");
    }
}

/// symbols.txt is what programs may link to: one that goes breaks them.
#[test]
fn the_library_exports_what_the_snapshot_says() {
    let library = built("libcrosstie_capi.so");
    let output = match Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output() {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED: no nm: {error}"),
    };
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut found: Vec<_> = listed.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    found.sort_unstable();
    let snapshot = std::fs::read_to_string(crate_folder().join("symbols.txt")).unwrap();
    assert_eq!(found, snapshot.lines().collect::<Vec<_>>(), "symbols.txt has one a line, sorted");
}

#[test]
fn the_library_says_its_name_and_stays_loaded() {
    let library = built("libcrosstie_capi.so");
    let output = match Command::new("readelf").arg("-d").arg(&library).output() {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED: no readelf: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let version: Vec<_> = env!("CARGO_PKG_VERSION").split('.').collect();
    assert!(said.contains(&format!("[libcrosstie.so.{}.{}]", version[0], version[1])), "{said}");
    assert!(said.contains("NODELETE"), "{said}");
}

#[test]
fn the_page_has_the_examples_that_are_compiled() {
    let read = |path: &str| std::fs::read_to_string(crate_folder().join("../..").join(path)).unwrap();
    for (language, path) in [("c", "first.c"), ("cpp", "calls.cpp"), ("cpp", "jobs.cpp")] {
        let example = format!("```{language}\n{}```", read(&format!("examples/c/{path}")));
        assert!(read("docs/c.md").contains(&example), "docs/c.md has {path} as it is");
    }
}
