//! docs/configuration.md has every setting, in the words of the code, and no other; its examples work.

use portcullis_oidc::config::{Environment, SETTINGS};

use crate::support::World;

const PAGE: &str = include_str!("../../../../docs/configuration.md");

#[test]
fn the_table_has_every_setting_and_no_other() {
    let table = PAGE.split("\n## Settings\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| `PORTCULLIS_")).collect();
    let expected: Vec<_> = SETTINGS
        .iter()
        .map(|setting| {
            format!("| `PORTCULLIS_{}` | {} |", setting.name.to_uppercase(), setting.help)
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_examples_and_the_file_are_read() {
    let of = |language: &str, at: usize| {
        let block = PAGE.split(&format!("```{language}\n")).nth(at).unwrap();
        block.split("```").next().unwrap()
    };
    let world = World::with_key();
    for (at, issuers) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        let lines: Vec<_> = of("sh", at).lines().filter_map(|line| line.split_once('=')).collect();
        let config = Environment::new(lines.iter().copied()).read().unwrap();
        assert_eq!(config.issuers.len(), issuers);
        world.run_with(&["gate", "--check"], &lines, "").check(0);
    }
    // the file of the example is nowhere, so that of the world is read
    let toml = of("toml", 1).replace("/etc/payroll/partner.json", "jwks.json");
    let toml = toml.replace(
        "may_assert_anything = true",
        "may_assert_anything = true\njwks_file = \"jwks.json\"",
    );
    world.write("auth.toml", &toml);
    world.run_with(&["gate", "--check"], &[("PORTCULLIS_CONFIG", "auth.toml")], "").check(0);
}

#[test]
fn what_to_log_makes_sense_or_is_refused() {
    let world = World::with_key();
    let run = |filter| world.run_with(&["jwks", "key.pem"], &[("RUST_LOG", filter)], "");
    run("portcullis=debug").check(0);
    run("").check(0);
    run("portcullis=loud").check_error(&["RUST_LOG"]);
}
