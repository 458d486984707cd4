//! The command line: everything at once, or each service as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Two services over TLS, of which one calls the other with tokens that it mints.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) all: All,
}

/// Where each of them listens, if all run in this process. Port 0 takes a free one.
#[derive(Debug, clap::Args)]
pub(crate) struct All {
    /// Where Orders listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3441", value_parser = loopback)]
    pub(crate) orders: SocketAddr,

    /// Where Billing listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3442", value_parser = loopback)]
    pub(crate) billing: SocketAddr,

    /// Where what stands in for Google listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3443", value_parser = loopback)]
    pub(crate) google: SocketAddr,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an authority and a certificate for each service, in a folder; the authority's own key is thrown away.
    Certificates {
        /// The folder, which is created.
        folder: PathBuf,
    },
    /// Runs Orders alone.
    Orders {
        /// The folder with the certificates.
        folder: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3441", value_parser = loopback)]
        listen: SocketAddr,
        /// Where Billing is.
        #[arg(long, value_name = "URL", default_value = "https://localhost:3442")]
        billing: String,
    },
    /// Runs Billing alone.
    Billing {
        /// The folder with the certificates.
        folder: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3442", value_parser = loopback)]
        listen: SocketAddr,
        /// Where Orders is.
        #[arg(long, value_name = "URL", default_value = "https://localhost:3441")]
        orders: String,
        /// Where what stands in for Google is.
        #[arg(long, value_name = "URL", default_value = "https://localhost:3443")]
        google: String,
        #[command(flatten)]
        trust: Trust,
    },
    /// Runs what stands in for Google alone.
    Google {
        /// The folder with the certificates.
        folder: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3443", value_parser = loopback)]
        listen: SocketAddr,
        /// Where Billing is.
        #[arg(long, value_name = "URL", default_value = "https://localhost:3442")]
        billing: String,
    },
}

/// How fresh Billing keeps the keys of others.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Trust {
    /// Billing fetches the keys of others at least this often: how long a key works that they have withdrawn.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) refresh_every: u64,

    /// Billing trusts keys for this long after they were last confirmed: the outage that it survives.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(2..=604_800))]
    pub(crate) trust_for: u64,
}

/// The tokens on standard output are for this machine only, and so are the certificates.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "takes ADDRESS:PORT".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("others can reach that address; this example is for this machine only".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn it_listens_on_this_machine_only() {
        let parse = |address: &str| Cli::try_parse_from(["two-services", "--orders", address]);
        assert!(parse("127.0.0.1:0").is_ok());
        for bad in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "localhost", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
