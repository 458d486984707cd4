//! Whom `explain` trusts: what the arguments say, or else the environment, as for `gate`.

use std::fs;
use std::path::PathBuf;

use portcullis::Algorithm;
use portcullis_oidc::config::{
    ClaimPlace, Config, Environment, IssuerConfig, Metadata, RequiredValue, Span,
};

use crate::exit::Failure;
use crate::gate::settings;

#[derive(Debug, clap::Args)]
pub(super) struct Whom {
    /// Who issues the tokens, exactly as their `iss` has it. The environment is not looked at then.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// What `aud` names the service; repeat it if it has several names.
    #[arg(long, value_name = "NAME", requires = "issuer")]
    audience: Vec<String>,

    /// The tokens of this issuer have no `aud`.
    #[arg(long, requires = "issuer", conflicts_with = "audience")]
    audience_less: bool,

    /// Where the keys are: the file or the URL of a JWK Set. Unless there are others they are found by the
    /// issuer's OpenID metadata.
    #[arg(long, value_name = "FILE|URL", requires = "issuer", group = "keys")]
    jwks: Option<String>,

    /// Finds the keys by the metadata of an OAuth authorization server (RFC 8414) in place of OpenID's.
    #[arg(long, requires = "issuer", conflicts_with = "keys")]
    oauth: bool,

    /// An origin at which the metadata may place the keys, beside their own; repeat it for several.
    #[arg(long, value_name = "ORIGIN", requires = "issuer", conflicts_with = "keys")]
    jwks_origin: Vec<String>,

    /// Authorities to trust beside the system's: a file of certificates in PEM.
    #[arg(long, value_name = "FILE", requires = "issuer")]
    root_certificates: Option<PathBuf>,

    /// The file of a public key in PEM.
    #[arg(long, value_name = "FILE", requires = "issuer", group = "keys")]
    public_key: Option<PathBuf>,

    /// The file of a shared secret.
    #[arg(long, value_name = "FILE", requires = "issuer", group = "keys")]
    secret_file: Option<PathBuf>,

    /// An algorithm that the issuer may use; repeat it for several. Those of its keys unless set.
    #[arg(long, value_name = "ALG", requires = "issuer")]
    algorithm: Vec<Algorithm>,

    /// By how much clocks may differ: 60s unless set.
    #[arg(long, value_name = "TIME", requires = "issuer")]
    leeway: Option<Span>,

    /// A `typ` that is accepted; repeat it for several. None, JWT and at+jwt unless set.
    #[arg(long = "type", value_name = "TYPE", requires = "issuer")]
    types: Vec<String>,

    /// A claim that must be there; repeat it for several.
    #[arg(long, value_name = "CLAIM", requires = "issuer")]
    require: Vec<String>,

    /// A value that a claim must have; repeat it for several. One of them, where a claim is named more than once.
    #[arg(long, value_name = "NAME=TEXT", requires = "issuer")]
    require_value: Vec<RequiredValue>,

    /// Lets in all for whom an issuer such as GitHub or Google signs.
    #[arg(long, requires = "issuer")]
    trust_strangers: bool,

    /// Where roles are: a claim or a JSON Pointer; `roles` unless set.
    #[arg(long, value_name = "CLAIM", requires = "issuer")]
    roles_claim: Vec<ClaimPlace>,

    /// Where scopes are; `scope` and `scp` unless set.
    #[arg(long, value_name = "CLAIM", requires = "issuer")]
    scopes_claim: Vec<ClaimPlace>,
}

/// The settings by their arguments, for errors.
const ARGUMENTS: [(&str, &str); 14] = [
    ("issuer", "--issuer"),
    ("audience", "--audience"),
    ("audience_less", "--audience-less"),
    ("jwks_url", "--jwks"),
    ("jwks_origin", "--jwks-origin"),
    ("jwks_file", "--jwks"),
    ("public_key_file", "--public-key"),
    ("secret_file", "--secret-file"),
    ("algorithms", "--algorithm"),
    ("leeway", "--leeway"),
    ("types", "--type"),
    ("required_claims", "--require"),
    ("required_values", "--require-value"),
    ("trust_strangers", "--trust-strangers"),
];

impl Whom {
    /// What is configured, by one or the other.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let Some(issuer) = &self.issuer else {
            let environment = Environment::of_process().map_err(Failure::usage)?;
            let environment = environment.with_own(settings::names());
            if environment.is_unset() {
                return Err(Failure::usage(
                    "by whose rules? Say --issuer and --audience, or set PORTCULLIS_ISSUER and \
                     PORTCULLIS_AUDIENCE",
                ));
            }
            return environment.read().map_err(Failure::usage);
        };
        let mut settings = IssuerConfig::new(issuer.as_str());
        for (field, argument) in ARGUMENTS {
            settings = settings.called(field, argument);
        }
        settings.audience = self.audience.clone();
        settings.audience_less = self.audience_less;
        match self.jwks.as_deref() {
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                settings.jwks_url = Some(url.to_owned());
            }
            file => settings.jwks_file = file.map(PathBuf::from),
        }
        settings.metadata = self.oauth.then_some(Metadata::Oauth);
        settings.jwks_origin = self.jwks_origin.clone();
        settings.public_key_file = self.public_key.clone();
        settings.secret_file = self.secret_file.clone();
        settings.algorithms = self.algorithm.clone();
        settings.leeway = self.leeway;
        settings.types = self.types.clone();
        settings.required_claims = self.require.clone();
        settings.required_values = self.require_value.clone();
        settings.trust_strangers = self.trust_strangers;
        settings.roles_claim = self.roles_claim.clone();
        settings.scopes_claim = self.scopes_claim.clone();
        let mut config = Config::default();
        if let Some(path) = &self.root_certificates {
            let written = format!("--root-certificates ({})", path.display());
            let pem = fs::read_to_string(path)
                .map_err(|error| Failure::usage(format_args!("{written}: {error}")))?;
            config = config.called("root_certificates", written);
            config.root_certificates = Some(pem.into());
        }
        config.issuers.push(settings);
        Ok(config)
    }
}
