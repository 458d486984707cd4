//! The example as a process: its lines do what they say, and mistakes in its configuration are told.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multi-issuer"));
    for name in [
        "AUTH0_DOMAIN",
        "AUTH0_AUDIENCE",
        "ENTRA_TENANT",
        "ENTRA_AUDIENCE",
        "COGNITO_POOL",
        "COGNITO_CLIENT",
    ] {
        command.env_remove(name);
    }
    command.env("LISTEN", "127.0.0.1:0");
    command
}

fn start(command: &mut Command) -> (Example, String) {
    let mut example = Example(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut banner = String::new();
    for line in BufReader::new(example.0.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        banner += &line;
        banner.push('\n');
        if line.starts_with("Press Ctrl-C") {
            break;
        }
    }
    (example, banner)
}

#[test]
fn its_lines_work_as_printed() {
    let (_example, banner) = start(&mut command());
    let lines: Vec<_> = banner.lines().filter(|line| line.starts_with("curl ")).collect();
    assert!(lines.len() > 10, "{banner}");
    portcullis_support::paste(&lines).unwrap();
}

#[test]
fn real_tenants_take_the_place_of_the_stand_ins() {
    let mut command = command();
    command.env("AUTH0_DOMAIN", "t.auth0.example").env("AUTH0_AUDIENCE", "payroll");
    let (_example, banner) = start(&mut command);
    assert!(banner.contains("  Auth0, domain t.auth0.example\n"), "{banner}");
    assert!(!banner.to_lowercase().contains("stand-ins"), "{banner}");
    assert!(!banner.contains("Entra ID, tenant"), "{banner}");
}

#[test]
fn half_a_configuration_is_told() {
    let output = command().env("ENTRA_TENANT", "t").output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("ENTRA_TENANT is set and ENTRA_AUDIENCE is not"), "{told}");
}

#[test]
fn what_is_no_tenant_is_told() {
    let mut command = command();
    command.env("ENTRA_TENANT", "contoso.onmicrosoft.com").env("ENTRA_AUDIENCE", "x");
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("ENTRA_TENANT") && told.contains("must be a GUID"), "{told}");
}
