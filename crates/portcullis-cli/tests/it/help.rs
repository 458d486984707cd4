//! The help, and what docs/cli.md says of it.

use crate::support::World;

const PAGE: &str = include_str!("../../../../docs/cli.md");

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
