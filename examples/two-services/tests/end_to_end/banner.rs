//! The lines of the banner do what they say.

use portcullis_support::paste;

use crate::process::all;

#[test]
fn its_lines_work_as_printed() {
    let services = all(&[]);
    let lines: Vec<&str> = services
        .banner
        .lines()
        .filter(|line| line.contains("curl ") || !line.contains(' ') && line.contains('='))
        .collect();
    let asked = lines.iter().filter(|line| line.contains("curl ")).count();
    assert!(asked > 15, "{}", services.banner);
    paste(&lines).unwrap();
}
