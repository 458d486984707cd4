//! `docs/errors.md` explains every kind of rejection, and the log lines that it shows are those that
//! are really written: each kind is provoked through the layer, and the line compared.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod provoke;

use portcullis::RejectionKind;

const PAGE: &str = include_str!("../../../docs/errors.md");

/// What each section has, in this order.
const PARTS: [&str; 3] = ["**Meaning.** ", "**Remedy.** ", "**In the log:**\n\n```text\n"];

/// The sections of the page: their heading and their text.
fn sections() -> Vec<(&'static str, &'static str)> {
    PAGE.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect()
}

/// The log line that a section shows.
fn log_line(text: &str) -> &str {
    text.split(PARTS[2]).nth(1).and_then(|rest| rest.split("\n```").next()).unwrap()
}

#[test]
fn every_kind_has_a_section_and_every_section_a_kind() {
    let codes: Vec<_> = RejectionKind::ALL.iter().map(|kind| kind.code()).collect();
    let headings: Vec<_> = sections().iter().map(|(heading, _)| *heading).collect();
    assert_eq!(headings, codes, "in the order of `RejectionKind::ALL`");
}

#[test]
fn every_section_says_what_it_means_how_to_fix_it_and_how_it_is_logged() {
    for (code, text) in sections() {
        let mut rest = text;
        for part in PARTS {
            let (before, after) = rest.split_once(part).unwrap_or_else(|| panic!("{code}: {part}"));
            assert!(!before.contains("**"), "{code}: something else before {part}");
            assert!(after.trim_start().len() > 20, "{code}: {part} is empty");
            rest = after;
        }
    }
}

#[test]
fn every_section_states_the_status_and_the_error_of_the_challenge() {
    for (&kind, (code, text)) in RejectionKind::ALL.iter().zip(sections()) {
        let expected = match kind.oauth_error() {
            Some(error) => format!("\n{} `{error}`: {}.\n", kind.status().as_u16(), kind.title()),
            None => format!("\n{}: {}.\n", kind.status().as_u16(), kind.title()),
        };
        assert!(text.starts_with(&expected), "{code}: expected {expected:?}");
    }
}

#[test]
fn the_log_lines_are_those_that_are_written() {
    let mut wrong = String::new();
    for (&kind, (code, text)) in RejectionKind::ALL.iter().zip(sections()) {
        let written = logged(provoke::provoke(kind));
        let [line] = written.as_slice() else { panic!("{code}: {written:#?}") };
        assert!(line.contains(&format!("kind=\"{code}\"")), "{code}: {line}");
        if line != log_line(text) {
            wrong += &format!("\n## {code}\n{line}\n");
        }
    }
    assert!(wrong.is_empty(), "the page shows other lines than these:\n{wrong}");
}

#[test]
fn the_problem_body_links_to_the_section() {
    for &kind in RejectionKind::ALL {
        let body = run(provoke::provoke(kind));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let uri = body["type"].as_str().unwrap();
        let (page, anchor) = uri.split_once('#').unwrap();
        assert!(page.ends_with("/docs/errors.md"), "{uri}");
        assert_eq!(anchor, kind.code());
    }
}

/// The lines that are logged while this runs.
fn logged(provoked: impl Future<Output = bytes::Bytes>) -> Vec<String> {
    portcullis_testing::logged(|| run(provoked)).1
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
