//! Replays the seeds of every fuzz target, so that what was once found stays found. No fuzzer is needed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that panics has failed")]

use std::path::{Path, PathBuf};

use portcullis_fuzz_targets::{ALL, Target};

/// The inputs of a target, by file.
fn seeds(target: Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(target.name);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn replay(name: &str) {
    let target = ALL.into_iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(target);
    assert!(seeds.len() >= 10, "{name} has {} seeds", seeds.len());
    for (path, input) in &seeds {
        // a panic shows which input it was
        println!("{}", path.display());
        (target.run)(input);
        // and cut short anywhere, and with each of a few bytes changed
        for at in (0..input.len()).step_by(input.len() / 16 + 1) {
            (target.run)(&input[..at]);
            let mut changed = input.clone();
            changed[at] ^= 1 << (at % 8);
            (target.run)(&changed);
        }
    }
}

#[test]
fn answer() {
    replay("answer");
}

#[test]
fn claims() {
    replay("claims");
}

#[test]
fn credential() {
    replay("credential");
}

#[test]
fn jwk_set() {
    replay("jwk_set");
}

#[test]
fn token() {
    replay("token");
}

#[test]
fn every_target_has_a_binary_and_a_test() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for Target { name, .. } in ALL {
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{name}\"")), "{name}");
        let main = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(main.contains(&format!("targets::{name}::run(data)")), "{name}");
    }
    let folders = std::fs::read_dir(fuzz.join("seeds")).unwrap();
    let mut folders: Vec<_> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, ALL.map(|target| target.name));
}
