//! Installing Debian packages, where that can be done without asking anybody.

use std::process::Command;

use anyhow::Result;

use crate::command;

/// `apt-get`, and what to write before it.
pub(crate) struct Apt {
    prefix: &'static [&'static str],
}

impl Apt {
    /// `None` where there is no `apt-get`, or it would ask for a password.
    pub(crate) fn find() -> Option<Self> {
        if !command::succeeds(Command::new("apt-get").arg("--version")) {
            return None;
        }
        let user = command::output(Command::new("id").arg("-u")).ok()?;
        prefix(user.trim(), || command::succeeds(Command::new("sudo").args(["-n", "true"])))
            .map(|prefix| Self { prefix })
    }

    /// Installs the packages, with fresh package lists: old ones name files that are gone.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<()> {
        command::run(&mut self.command(&["update"]))?;
        command::run(self.command(&["install", "--yes", "--no-install-recommends"]).args(packages))
    }

    fn command(&self, args: &[&str]) -> Command {
        // `env` rather than `Command::env`, because sudo drops the environment.
        let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let mut words = self.prefix.iter().chain(&words);
        let mut command =
            Command::new(words.next().expect("there are always the three words above"));
        command.args(words).args(args);
        command
    }
}

fn prefix(user: &str, sudo_works: impl Fn() -> bool) -> Option<&'static [&'static str]> {
    match user {
        "0" => Some(&[]),
        _ if sudo_works() => Some(&["sudo", "-n"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_needs_no_sudo_and_others_only_if_it_asks_nothing() {
        assert_eq!(prefix("0", || unreachable!()), Some(&[][..]));
        assert_eq!(prefix("1000", || true), Some(&["sudo", "-n"][..]));
        assert_eq!(prefix("1000", || false), None);
    }

    #[test]
    fn it_never_asks_questions() {
        let command = Apt { prefix: &["sudo", "-n"] }.command(&["update"]);
        let words: Vec<_> = [command.get_program()].into_iter().chain(command.get_args()).collect();
        assert_eq!(
            words,
            ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "update"]
        );
    }
}
