//! What the program is told, by whoever starts it or by itself.

use std::time::Duration;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: staleness [--store sqlite|redis|postgres] [--verifiers N] [--seconds S] [--bound-ms B]
                 [--promise-ms P] [--silent] [--faults none]

  --bound-ms   how old a copy may become (1500)
  --promise-ms how long a revoked token may work; the bound, unless set: less shows that the verdict can fail
  --silent     nobody is woken, so that only the regular reads tell of writes
  --faults     none: nothing is harmed";

/// What this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Starts the others and judges.
    Run,
    /// Checks tokens.
    Verifier,
    /// Revokes them.
    Revoker,
}

/// Which store is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Redis,
    Postgres,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) role: Role,
    pub(crate) kind: Kind,
    pub(crate) verifiers: usize,
    pub(crate) duration: Duration,
    pub(crate) bound: Duration,
    pub(crate) promise: Duration,
    pub(crate) silent: bool,
    pub(crate) faults: bool,
    /// Where the store is.
    pub(crate) address: String,
    /// By how many seconds the time of day is wrong in this process.
    pub(crate) wrong_by: i64,
    /// The first token to revoke.
    pub(crate) from: u64,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut args = Self {
            role: Role::Run,
            kind: Kind::Sqlite,
            verifiers: 4,
            duration: Duration::from_secs(30),
            bound: Duration::from_millis(1_500),
            promise: Duration::ZERO,
            silent: false,
            faults: true,
            address: String::new(),
            wrong_by: 0,
            from: 0,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match &*word {
                "verifier" => args.role = Role::Verifier,
                "revoker" => args.role = Role::Revoker,
                "--store" => {
                    args.kind = match &*value()? {
                        "sqlite" => Kind::Sqlite,
                        "redis" => Kind::Redis,
                        "postgres" => Kind::Postgres,
                        other => bail!("there is no store {other:?}\n{USAGE}"),
                    }
                }
                "--verifiers" => args.verifiers = value()?.parse().context("--verifiers")?,
                "--seconds" => args.duration = Duration::from_secs(value()?.parse()?),
                "--bound-ms" => args.bound = Duration::from_millis(value()?.parse()?),
                "--promise-ms" => args.promise = Duration::from_millis(value()?.parse()?),
                "--silent" => args.silent = true,
                "--faults" => args.faults = value()? != "none",
                "--address" => args.address = value()?,
                "--wrong-by" => args.wrong_by = value()?.parse().context("--wrong-by")?,
                "--from" => args.from = value()?.parse().context("--from")?,
                _ => bail!("{word:?} is not known\n{USAGE}"),
            }
        }
        if args.promise.is_zero() {
            args.promise = args.bound;
        }
        Ok(args)
    }
}
