//! The help, and what docs/cli.md says of it.

use crate::support::World;

const PAGE: &str = include_str!("../../../../docs/cli.md");

/// A token that stands where none belongs is in no message: terminals are recorded, logs of CI are public.
#[test]
fn a_stray_token_is_not_repeated() {
    let world = World::with_key();
    let token = world.mint(&[]);
    let with = |before: &str| format!("{before}{token}");
    let (bearer, option, url) = (with("Bearer "), with("--token="), with("http://127.0.0.1:1/"));
    let (timeout, file) = (with("--timeout="), with("--root-certificates="));
    for args in [
        &[&*token][..],
        &[&bearer],
        &["inspect", "-", &token],
        &["inspect", &token, &token],
        &["inspect", &option],
        &["explain", "-", &bearer],
        &["doctor", &token],
        &["doctor", &url],
        &["doctor", "https://me.example", &timeout],
        &["doctor", "https://me.example", &file],
        &["gate", &token],
        &["keygen", &token],
        &["keygen", "--out", "x.pem", &token],
        &["jwks", &token],
        &["mint", "--key", &token],
        &["mint", "--key", "key.pem", "--claim", &token],
        &["help", &token],
    ] {
        let ran = world.run(args);
        assert!(ran.code >= 1, "{ran:?}");
        for part in token.split('.') {
            assert!(!format!("{}{}", ran.out, ran.err).contains(part), "{args:?}: {ran:?}");
        }
    }
    let told = world.run(&[&token]).err;
    assert!(told.contains("unrecognized subcommand 'eyJ…'"), "{told}");
    // what is no token is told as ever
    assert!(world.run(&["inspct"]).err.contains("inspct"));
    assert_eq!(world.run(&["--help"]).code, 0);
}

#[test]
fn every_command_has_its_help_and_its_place_in_the_page() {
    let world = World::new();
    let help = world.run(&["--help"]).check(0).out;
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = commands.lines().filter_map(|line| line.split_whitespace().next());
    let names: Vec<_> = names.filter(|name| *name != "help").collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        assert!(PAGE.contains(&format!("\n## {name}\n")), "docs/cli.md has no section {name}");
        let help = world.run(&[name, "--help"]).check(0).out;
        let options =
            help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        let section = PAGE.split(&format!("\n## {name}\n")).nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        for option in options {
            let option = option.trim_end_matches([',', '.', ';', ':', ')']);
            if ["--help", "--version"].contains(&option) {
                continue;
            }
            assert!(section.contains(option), "docs/cli.md, {name}: no word of {option}");
        }
    }
    for code in ["`0`", "`1`", "`2`", "`3`"] {
        assert!(PAGE.contains(code), "{code}");
    }
}
