//! The C and C++ compilers, and the library as they link it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// What every C program of the tests is compiled with.
pub const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];

pub fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where this run's programs and the library under its own names are.
pub fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A library that cargo has built beside this test.
pub fn built(file: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().join(file);
    assert!(path.is_file(), "{} is not built", path.display());
    path
}

/// The library as a program finds it when it is installed: `libcrosstie.so`, its SONAME, `libcrosstie.a`.
fn library() -> PathBuf {
    let folder = folder().join("lib");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, file) in [
        ("libcrosstie.so", "libcrosstie_capi.so"),
        ("libcrosstie.so.0.1", "libcrosstie_capi.so"),
        ("libcrosstie.a", "libcrosstie_capi.a"),
    ] {
        let link = folder.join(name);
        if std::fs::read_link(&link).ok().as_deref() != Some(&*built(file)) {
            // It may not be there yet.
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(built(file), link).unwrap();
        }
    }
    folder
}

/// Whether the shared library is linked, or the static one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Shared,
    Static,
    /// The shared one, by a program in which AddressSanitizer watches memory, the library's too as far as it comes from malloc.
    Watched,
}

/// What makes a program a watched one.
const WATCHED: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];

/// Whether there is a C compiler that makes watched programs; says SKIPPED if not.
pub fn can_watch() -> bool {
    let source = folder().join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut arguments: Vec<OsString> = WATCHED.iter().map(Into::into).collect();
    arguments.extend(["-o".into(), folder().join("empty").into(), source.into()]);
    let can = run("cc", &arguments).is_some_and(|output| output.status.success());
    if !can {
        println!("SKIPPED: no AddressSanitizer");
    }
    can
}

/// Runs a compiler; `None`, said aloud, where there is none of that name.
pub fn run(compiler: &str, arguments: &[OsString]) -> Option<Output> {
    match Command::new(compiler).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("SKIPPED: no {compiler}: {error}");
            None
        }
    }
}

/// The program of `source`, linked; `None`, said aloud, where there is no compiler.
pub fn program(source: &Path, link: Link) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let (compiler, standard) = if is_cpp { ("c++", "-std=c++17") } else { ("cc", "-std=c11") };
    let name = source.file_stem().unwrap().to_str().unwrap();
    let suffix = match link {
        Link::Shared => "",
        Link::Static => "-static",
        Link::Watched => "-watched",
    };
    let target = folder().join(format!("{name}{suffix}"));
    let (library, include) = (library(), crate_folder().join("include"));
    let mut arguments: Vec<OsString> = STRICT.iter().map(Into::into).collect();
    arguments.extend([standard, "-g", "-O1", "-D_GNU_SOURCE", "-pthread", "-o"].map(OsString::from));
    arguments.extend([target.clone().into(), "-I".into(), include.into(), source.into()]);
    if link == Link::Watched {
        arguments.extend(WATCHED.map(OsString::from));
    }
    if link == Link::Static {
        arguments.push(library.join("libcrosstie.a").into());
        arguments.extend(["-lgcc_s", "-lutil", "-lrt", "-lm", "-ldl"].map(OsString::from));
    } else {
        let mut path = OsString::from("-Wl,-rpath,");
        path.push(&library);
        arguments.extend(["-L".into(), library.into(), "-lcrosstie".into(), path, "-lrt".into()]);
    }
    let output = run(compiler, &arguments)?;
    assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    Some(target)
}

/// The program of the tests of that name, once a run.
pub fn test_program(file: &str, link: Link) -> Option<PathBuf> {
    static MADE: Mutex<Vec<(String, Link, Option<PathBuf>)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, _, path)) = made.iter().find(|(name, linked, _)| name == file && *linked == link) {
        if path.is_none() {
            println!("SKIPPED: no C compiler");
        }
        return path.clone();
    }
    let path = program(&crate_folder().join("tests/programs").join(file), link);
    made.push((file.to_owned(), link, path.clone()));
    path
}
