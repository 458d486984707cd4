//! The lines of the banner do what they say.

use portcullis_support::paste;

use crate::client::{Server, program};

#[test]
fn its_lines_work_as_printed() {
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command, tempfile::tempdir().unwrap());
    let is_command = |line: &&str| {
        let name = line.split('=').next().unwrap();
        let assigns = line.contains('=') && name.bytes().all(|b| b.is_ascii_uppercase());
        assigns || ["curl ", "mv ", "\"$PROGRAM\" "].iter().any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = server.banner.lines().filter(is_command).collect();
    let asks = lines.iter().filter(|line| line.contains("curl ")).count();
    assert!(asks > 12, "{}", server.banner);
    let shown = paste(&lines).unwrap();
    // what went wrong, as the client reads it
    for why in ["used before", "lives too long", "another audience", "not known"] {
        assert!(shown.contains(why), "{why}: {shown}");
    }
}
