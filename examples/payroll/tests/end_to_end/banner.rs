//! The lines of the banner do what they say.

use portcullis_support::paste;

use crate::server::Setup;

fn check(rules: &[&str]) {
    let server = Setup::new().rules(rules).start();
    let lines: Vec<&str> = server.banner.lines().filter(|line| line.contains("curl ")).collect();
    assert!(lines.len() > 15, "{}", server.banner);
    for user in ["bob", "alice"] {
        let sign_in = format!(r#"{{"username":"{user}","password":""#);
        assert!(lines.iter().any(|line| line.contains(&sign_in)), "{}", server.banner);
    }
    paste(&lines).unwrap();
}

#[test]
fn its_lines_work_as_printed() {
    check(&[]);
}

#[test]
fn its_lines_tell_what_other_rules_do() {
    check(&["cutoff"]);
    check(&["denylist"]);
    check(&["allowlist"]);
}
