//! Known issuers in one line each: what their tokens look like, where their keys are, and what makes them yours.
//!
//! A preset is data: an [`Issuer`](portcullis::Issuer) with its settings, and an address of keys. There is no code that
//! runs for one issuer only. `docs/issuers.md` has a section for each, with its traps and the sources of the facts.
//!
//! | preset | whose | audience |
//! |---|---|---|
//! | [`okta`], [`auth0`] | your tenant | the API |
//! | [`entra`], [`entra_v1`] | **the tenants that you list** | the API |
//! | [`google_id_token`] | **the domains or accounts that you list** | your client |
//! | [`google_service_accounts`] | **the accounts that you list** | your service |
//! | [`google_iap`], [`firebase`] | your project | part of the preset |
//! | [`cognito`], [`cognito_id_token`] | your user pool | `client_id`, the client |
//! | [`aws_alb`] | **the load balancer that you name** | `client` |
//! | [`cloudflare_access`] | your team | the AUD tag |
//! | [`keycloak`] | your realm | by a mapper, never `account` |
//! | [`kubernetes`] | **the service accounts that you list** | as requested |
//! | [`github_actions`] | **the owners or repositories that you list** | as requested |
//! | [`supabase`], [`supabase_hs256`] | your project | `authenticated` |
//! | [`clerk`], [`clerk_any_origin`] | your instance | `azp` |
//! | [`openid`], [`oauth`] | as it may be | as it may be |
//!
//! Issuers that sign for strangers (bold) give no [`Preset`] until it is said what makes a token yours. Where everybody shall
//! come in, that has a name of its own: `any_repository`, `any_tenant`, `any_google_account`, `any_service_account`.
//!
//! # Example
//!
//! ```no_run
//! use portcullis::{AccessClaims, JwtLayer, Verifier};
//! use portcullis_oidc::presets;
//!
//! # fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let auth0 = presets::auth0("tenant.eu.auth0.com")
//!     .audience("https://api.example.com")
//!     .may_assert_anything();
//! let robots = presets::github_actions()
//!     .owner_id("65")
//!     .audience("https://api.example.com")
//!     .may_assert_nothing();
//! let verifier = Verifier::builder()
//!     .trust(auth0.spawn()?)
//!     .trust(robots.spawn()?)
//!     .build::<AccessClaims>()?;
//! let layer = JwtLayer::new(verifier);
//! # Ok(())
//! # }
//! ```
//!
//! What is not yours yet does not compile:
//!
//! ```compile_fail
//! # use portcullis_oidc::presets;
//! // whose workflows?
//! presets::github_actions().audience("https://api.example.com").spawn();
//! ```
//!
//! # Errors
//!
//! What makes no sense fails when the issuer is made, and names the preset:
//!
//! ```
//! use portcullis::Keys;
//! use portcullis_oidc::presets;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keys = Keys::from_jwk(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?;
//! let realm = presets::keycloak("https://id.example.com/realms/staff").audience("account");
//! let error = realm.issuer_with(keys).unwrap_err().to_string();
//! assert!(error.starts_with("presets::keycloak: audience \"account\""));
//! # Ok(())
//! # }
//! ```

mod aws;
mod check;
mod cloudflare;
mod entra;
mod generic;
mod github;
mod google;
mod hosted;
mod keys;
mod okta;
mod preset;

use portcullis::{BuildError, Source};

pub use aws::{aws_alb, cognito, cognito_id_token};
pub use cloudflare::cloudflare_access;
pub use entra::{Entra, entra, entra_v1};
pub use generic::{oauth, openid};
pub use github::{GitHubActions, github_actions};
pub use google::{GoogleAccounts, firebase, google_iap, google_id_token, google_service_accounts};
pub use hosted::{
    KubernetesAccounts, clerk, clerk_any_origin, keycloak, kubernetes, supabase, supabase_hs256,
};
pub use okta::{auth0, okta};
pub use preset::{Preset, Presets};

/// Binds a preset to the header that a proxy sets on the strength of a cookie.
fn bound(preset: Preset, header: Result<Source, BuildError>) -> Preset {
    match header {
        Ok(source) => preset.configure(|issuer| issuer.taken_from(source.ambient())),
        Err(error) => preset.check(Err(error.to_string())),
    }
}
