//! The files of the checkout.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the checkout that this crate was built in.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout")
}

/// Every folder with a Cargo.toml of a package, relative to `root`, sorted.
pub fn crates(root: &Path) -> Vec<PathBuf> {
    let manifests = walk(root).into_iter().filter(|file| file.ends_with("Cargo.toml"));
    let packages = manifests
        .filter(|file| fs::read_to_string(root.join(file)).expect("a manifest").contains("[package]"));
    packages.filter_map(|file| file.parent().map(Path::to_owned)).collect()
}

/// The Rust files of programs and libraries, with their text; this crate's, whose tests quote mistakes, and all tests left out.
pub fn source(root: &Path) -> Vec<(PathBuf, String)> {
    let is_ours = |file: &PathBuf| {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let is_test =
            file.iter().any(|part| ["tests", "tests.rs", "benches"].iter().any(|name| part == *name));
        is_rust && !is_test && !file.starts_with("dev/house")
    };
    let files = walk(root).into_iter().filter(is_ours);
    files.map(|file| (file.clone(), fs::read_to_string(root.join(file)).expect("a source file"))).collect()
}

/// Every file below `root`, relative to it, sorted. What a build or `make up` writes is left out.
pub(crate) fn walk(root: &Path) -> Vec<PathBuf> {
    const SKIPPED: [&str; 4] = ["target", ".git", ".minuet", "node_modules"];
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the checkout") {
            let entry = entry.expect("an entry of a folder");
            let kind = entry.file_type().expect("the type of an entry");
            if SKIPPED.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path().strip_prefix(root).expect("a file below the root").to_owned());
            }
        }
    }
    files.sort();
    files
}
