//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::revocation::Rules;

/// An API that pays workers: readers look, admins pay.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Adds a user; the password is the first line of standard input.
    AddUser(AddUser),
}

/// How to serve, which is what happens without a command.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where to listen. Beyond loopback the demo users are refused.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    pub(crate) listen: String,

    #[command(flatten)]
    pub(crate) database: Database,

    /// A rule by which tokens are withdrawn; repeat it to combine them.
    #[arg(
        long,
        value_name = "RULE",
        value_enum,
        value_delimiter = ',',
        default_values_t = [Rule::Cutoff, Rule::Denylist],
    )]
    revocation: Vec<Rule>,
}

impl Serve {
    /// The rules that are on.
    pub(crate) fn rules(&self) -> Rules {
        let on = |rule| self.revocation.contains(&rule);
        Rules {
            cutoff: on(Rule::Cutoff),
            denylist: on(Rule::Denylist),
            allowlist: on(Rule::Allowlist),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Database {
    /// The SQLite file that holds all state; it is created if it does not exist.
    #[arg(long = "database", value_name = "FILE", default_value = "payroll.db")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddUser {
    /// 1 to 64 of a-z, 0-9, dot, dash and underscore.
    pub(crate) name: String,

    /// What they may do.
    #[arg(long, value_enum)]
    pub(crate) role: UserRole,

    #[command(flatten)]
    pub(crate) database: Database,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// Signs a user out everywhere: tokens issued up to a moment are refused.
    Cutoff,
    /// Signs one token out: the tokens listed are refused.
    Denylist,
    /// Only the tokens listed are accepted.
    Allowlist,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UserRole {
    /// May look.
    Reader,
    /// May look, pay and change.
    Admin,
}

impl UserRole {
    /// As the database and the tokens spell it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Admin => "admin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(args: &[&str]) -> Rules {
        let args = ["payroll"].iter().chain(args);
        Cli::try_parse_from(args).unwrap().serve.rules()
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn rules_given_replace_the_default() {
        let of = |cutoff, denylist, allowlist| Rules { cutoff, denylist, allowlist };
        assert_eq!(rules(&[]), of(true, true, false));
        assert_eq!(rules(&["--revocation", "allowlist"]), of(false, false, true));
        let two = ["--revocation", "cutoff", "--revocation", "allowlist"];
        assert_eq!(rules(&two), of(true, false, true));
        assert_eq!(rules(&["--revocation", "cutoff,denylist,allowlist"]), of(true, true, true));
    }
}
