//! The command line: the server, and the two things that a client does.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use portcullis_axum::Algorithm;

/// A token endpoint for clients that prove who they are by a signature, and an API behind it.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// How to serve, which is what happens without a command.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where to listen, on this machine: it speaks plain HTTP.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// The directory with the public keys of trusted clients, one file each: NAME.pem, NAME.jwk or NAME.jwks. One in a
    /// temporary folder, unless given.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) clients: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a key: the private half for the client, the public one for the server.
    Keygen(Keygen),
    /// Signs an assertion and prints it.
    Sign(Sign),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Keygen {
    /// The name of the client: small letters, digits, dash, underscore and dot.
    pub(crate) name: String,

    /// What it signs with.
    #[arg(long, value_enum, default_value_t = Alg::Es256)]
    pub(crate) alg: Alg,

    /// Where the private key goes, readable by its owner only: NAME.key.pem.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    pub(crate) private: PathBuf,

    /// Where the public key goes: NAME.pem.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    pub(crate) public: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sign {
    /// The name of the client, which is `iss` and `sub`.
    pub(crate) name: String,

    /// The private key in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// For whom: the name of the issuer of tokens.
    #[arg(long, value_name = "URL")]
    pub(crate) audience: String,

    /// For how many seconds it is good.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) lifetime: u32,
}

/// What clients sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alg {
    /// ECDSA on P-256.
    Es256,
    /// RSA, 2048 bits.
    Rs256,
}

impl From<Alg> for Algorithm {
    fn from(alg: Alg) -> Self {
        match alg {
            Alg::Es256 => Self::ES256,
            Alg::Rs256 => Self::RS256,
        }
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
}
