//! The page as a person meets it: the real program, and a real browser, which `browser/scenarios.mjs` drives.
//!
//! Pictures of what it looked like are left in `screenshots` below the target folder.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use portcullis_support::{Outcome, Program, needs, run};

/// The scenario, and the options of the program for it.
const SCENARIOS: &[(&str, &[&str])] = &[
    ("script_cannot_read_the_token", &[]),
    ("it_looks_well_in_the_dark_and_on_a_telephone", &[]),
    ("an_expired_session_is_renewed_unseen", &["--lifetime", "2"]),
    ("two_tabs_share_one_session", &["--lifetime", "2"]),
    ("an_admin_pays_and_a_reader_does_not", &[]),
    ("forged_payments_are_refused", &[]),
    ("signing_out_ends_the_session_for_whoever_kept_its_cookies", &["--lifetime", "600"]),
    ("signing_out_everywhere_ends_every_browser", &["--lifetime", "3"]),
    ("a_refresh_token_works_once", &["--lifetime", "2"]),
    ("a_wrong_password_is_told_and_slowed_down", &[]),
    ("the_policy_stops_a_script_in_the_page", &[]),
];

fn main() {
    let programs = [Program::CHROMIUM, Program::NODE, Program::PLAYWRIGHT];
    let every = needs(&programs, "no_scenario_is_left_out", no_scenario_is_left_out);
    run(SCENARIOS
        .iter()
        .map(|&(name, options)| needs(&programs, name, move || scenario(name, options)))
        .chain([every]));
}

fn scenario(name: &str, options: &[&str]) -> Outcome {
    let server = Server::start(options);
    let pictures = pictures();
    std::fs::create_dir_all(&pictures)?;
    let output = node(&[name, &server.url, pictures.to_str().unwrap()]).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into())
}

fn no_scenario_is_left_out() -> Outcome {
    let listed = String::from_utf8(node(&["--list"]).output()?.stdout)?;
    let run: Vec<_> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), run);
    Ok(())
}

fn node(args: &[&str]) -> Command {
    let mut command = Command::new(Program::NODE.path());
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/scenarios.mjs"))
        .args(args)
        .env(Program::CHROMIUM.variable, Program::CHROMIUM.path())
        .env(Program::PLAYWRIGHT.variable, Program::PLAYWRIGHT.path());
    command
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots").join("browser-signin")
}

/// The program, killed when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_browser-signin"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut banner = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = banner.find_map(|line| {
            let url = line.split_whitespace().find(|word| word.starts_with("http://"))?;
            Some(url.to_owned())
        });
        Self { child, url: url.expect("a banner with the address") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
