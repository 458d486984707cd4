//! The program around: its options, its files, its end.

use std::fs;

use crate::client::{Server, program};

#[test]
fn what_it_does_not_know_is_an_error() {
    for args in [
        &["--port"][..],
        &["--listen", "0.0.0.0:0"],
        &["--listen", "nowhere"],
        &["keygen"],
        &["keygen", "../x"],
        &["keygen", "x", "--alg", "hs256"],
        &["keygen", "x", "--private", "/nowhere"],
        &["sign", "x", "--audience", "y"],
        &["sign", "x", "--audience", "y", "--key", "/nowhere"],
    ] {
        let output = program().args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_key_is_not_overwritten_and_its_private_half_is_for_its_owner() {
    let server = Server::start();
    server.add("nightly", &[]);
    let before = fs::read(server.private("nightly")).unwrap();
    assert!(!server.keygen("nightly", &[]).status.success());
    assert_eq!(fs::read(server.private("nightly")).unwrap(), before);
    assert!(!fs::read_to_string(server.public("nightly")).unwrap().contains("PRIVATE"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(server.private("nightly")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_and_its_folder_goes_with_it() {
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command, tempfile::tempdir().unwrap());
    let line = server.banner.lines().find_map(|line| line.strip_prefix("CLIENTS='")).unwrap();
    let clients = std::path::PathBuf::from(line.trim_end_matches('\''));
    assert!(clients.is_dir());
    server.stop();
    assert!(!clients.parent().unwrap().exists());
}
