//! No process-global state: what one verifier learns must not reach another, so no library keeps any in a `static`.
//!
//! The check reads the source text. A `static` may hold plain data; anything else, and any `thread_local!`, is a finding.

use std::path::Path;

use anyhow::{Context, Result};

use super::verdict;
use crate::command::root;

/// The one exception: a random seed for hash tables, drawn once, which reveals nothing and changes no answer.
const ALLOWED: &[(&str, &str)] = &[("portcullis-core", "SEED")];

/// It runs in tests only, where a shared fixture does no harm.
const FREE: &[&str] = &["portcullis-testing"];

/// The words that the type of plain data consists of.
const PLAIN: &[&str] = &[
    "static", "str", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
    "i32", "i64", "i128", "isize", "f32", "f64",
];

pub(super) fn run() -> Result<()> {
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("src").is_dir() && !FREE.contains(&name.as_str()) {
            walk(&name, &entry.path().join("src"), &mut findings)?;
        }
    }
    verdict(&findings)
}

fn walk(name: &str, directory: &Path, findings: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            walk(name, &path, findings)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source =
                std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let place = path.strip_prefix(root()).unwrap_or(&path).display();
            findings.extend(read(name, &source).iter().map(|finding| format!("{place}:{finding}")));
        }
    }
    Ok(())
}

/// The findings in one file, each as `LINE: what`.
fn read(name: &str, source: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines: Vec<_> = source.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        // Tests are the last part of a file.
        if line == "#[cfg(test)]"
            && lines.get(index + 1).is_some_and(|next| next.trim_end().ends_with('{'))
        {
            break;
        }
        if line.starts_with("//") {
            continue;
        }
        if line.contains("thread_local!") {
            findings.push(format!("{}: thread_local! is global state", index + 1));
        }
        if let Some(rest) = declaration(line) {
            // The type may go on in the lines that follow.
            let text = [rest]
                .into_iter()
                .chain(lines[index + 1..].iter().copied())
                .collect::<Vec<_>>()
                .join(" ");
            let (declared, kind) = text.split_once(':').unwrap_or((rest, ""));
            let kind = kind.split('=').next().unwrap_or_default();
            if !ALLOWED.contains(&(name, declared.trim()))
                && (declared.starts_with("mut ") || !is_plain(kind))
            {
                findings.push(format!("{}: static {} is global state", index + 1, declared.trim()));
            }
        }
    }
    findings
}

/// What follows `static` where the line declares one.
fn declaration(line: &str) -> Option<&str> {
    // `pub(in crate::keys)` has a space of its own.
    let line = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(") ")?.1,
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    line.strip_prefix("static ")
}

fn is_plain(kind: &str) -> bool {
    let words =
        kind.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.into_iter().all(|word| PLAIN.contains(&word) || word.parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, findings: usize) {
        assert_eq!(read("portcullis", source).len(), findings, "{source}");
    }

    #[test]
    fn state_is_found() {
        check("static COUNT: AtomicU64 = AtomicU64::new(0);", 1);
        check("pub static CACHE: OnceLock<String> = OnceLock::new();", 1);
        check("pub(crate) static A: LazyLock<A> = LazyLock::new(f);", 1);
        check("pub(in crate::keys) static A: Mutex<u8> = Mutex::new(0);", 1);
        check("fn f() {\n    static ONCE: Once = Once::new();\n}", 1);
        check("static mut COUNT: u64 = 0;", 1);
        check("static HIDDEN:\n    Wrapper\n    = Wrapper::new();", 1);
        check("thread_local! {\n    static LANE: Cell<u8> = const { Cell::new(0) };\n}", 2);
    }

    #[test]
    fn plain_data_is_not() {
        check("static NAMES: &[&'static str] = &[\"a\"];", 0);
        check("static TABLE: [u8; 256] = table();", 0);
        check("fn f(name: &'static str) -> &'static str { name }", 0);
        check("// static COUNT: AtomicU64 = AtomicU64::new(0);", 0);
        check("publish(static_name);", 0);
    }

    #[test]
    fn tests_may_do_as_they_like() {
        check("#[cfg(test)]\nmod tests {\n    static A: Mutex<u8> = Mutex::new(0);\n}", 0);
        check("#[cfg(test)]\nmod tests;\nstatic A: Mutex<u8> = Mutex::new(0);", 1);
    }

    #[test]
    fn the_seed_of_the_core_is_the_one_exception() {
        let seed = "static SEED: OnceLock<[u64; 2]> = OnceLock::new();";
        assert!(read("portcullis-core", seed).is_empty());
        assert_eq!(read("portcullis", seed).len(), 1);
        assert_eq!(ALLOWED.len(), 1);
    }
}
