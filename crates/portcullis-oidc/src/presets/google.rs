//! Google: ID tokens, Identity-Aware Proxy, Firebase, and service accounts that sign for themselves.

use std::time::Duration;

use portcullis::{Algorithm, ClaimRule, Issuer, LookAlike, Source};

use super::check::{self, owned};
use super::keys::KeyPlace;
use super::{Preset, Presets};

/// ID tokens of Google, once it is said of [whom](GoogleAccounts): of people who signed in at your client, or of
/// service accounts that call you.
///
/// Sets: `iss` in both its spellings, which are one issuer to revocation; RS256; keys at
/// `https://www.googleapis.com/oauth2/v3/certs`. The audience is your OAuth client, or what a service account was told
/// to ask for.
///
/// Everybody with a Google account can get such a token, and every service account of every project can ask for
/// one with your audience.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let google = presets::google_id_token()
///     .hosted_domain("example.com")
///     .audience("1-app.apps.googleusercontent.com")
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Google Identity, "OpenID Connect: an ID token's payload" (`iss` in two spellings, `hd`, `email_verified`)
// and its discovery document (`jwks_uri`); Cloud docs, "Get an ID token" (service accounts)
pub const fn google_id_token() -> GoogleAccounts {
    GoogleAccounts { _private: () }
}

/// Google's ID tokens, of whom is not said yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct GoogleAccounts {
    _private: (),
}

impl GoogleAccounts {
    /// Of the people of this Google Workspace or Cloud organisation (`hd`).
    pub fn hosted_domain(self, domain: &str) -> Preset {
        self.hosted_domains([domain])
    }

    /// Of the people of these Google Workspace or Cloud organisations (`hd`).
    pub fn hosted_domains<S: AsRef<str>>(self, domains: impl IntoIterator<Item = S>) -> Preset {
        let domains = owned(domains);
        let checked = check::list("hosted_domains", &domains);
        let rule = ClaimRule::one_of("hd", domains)
            .shown()
            .hint_if_missing("this is a personal account, or a service account");
        Self::preset(|issuer| issuer.check_claim(rule)).check(checked)
    }

    /// Of the accounts with these e-mail addresses, which Google has verified: people or service accounts.
    pub fn emails<S: AsRef<str>>(self, emails: impl IntoIterator<Item = S>) -> Preset {
        let emails = owned(emails);
        let checked = check::list("emails", &emails);
        Self::preset(|issuer| {
            issuer
                .check_claim(ClaimRule::one_of("email", emails))
                .check_claim(ClaimRule::one_of("email_verified", [true]).shown())
        })
        .check(checked)
    }

    /// Of the accounts with these identifiers (`sub`), which never change.
    pub fn subjects<S: AsRef<str>>(self, subjects: impl IntoIterator<Item = S>) -> Preset {
        let subjects = owned(subjects);
        let checked = check::list("subjects", &subjects);
        Self::preset(|issuer| issuer.check_claim(ClaimRule::one_of("sub", subjects))).check(checked)
    }

    /// Of everybody who has a Google account: you look up by yourself who may do what.
    pub fn any_google_account(self) -> Preset {
        Self::preset(|issuer| issuer)
    }

    fn preset(whose: impl FnOnce(Issuer) -> Issuer) -> Preset {
        let settings = whose(Issuer::new("https://accounts.google.com"))
            .also_known_as("accounts.google.com")
            .algorithms([Algorithm::RS256])
            .look_alike(LookAlike::issuer(
                "https://cloud.google.com/iap",
                "this is a token of Google's IAP",
            ))
            .look_alike(LookAlike::issuer(
                "https://securetoken.google.com/*",
                "this is a token of Firebase",
            ));
        let keys = KeyPlace::JwkSet("https://www.googleapis.com/oauth2/v3/certs".to_owned());
        Preset::new("google_id_token", settings, keys)
    }
}

/// Tokens of Google's Identity-Aware Proxy, for the audience of the backend behind it:
/// `/projects/1234/global/backendServices/5678`, or `/projects/1234/apps/my-project`.
///
/// Sets: ES256; keys at `https://www.gstatic.com/iap/verify/public_key-jwk`; at most 10 minutes between `iat` and `exp`, and
/// 30 seconds of leeway. Taken from the header `x-goog-iap-jwt-assertion` only, which is ambient: the proxy adds
/// it on the strength of a cookie. Health checks of the load balancer carry none.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let iap = presets::google_iap("/projects/1234/global/backendServices/5678").spawn()?;
/// # Ok(())
/// # }
/// ```
// source: Cloud docs, "Securing your app with signed headers" (header, `iss`, `alg`, `aud`, 10 minutes, 30 seconds, keys)
pub fn google_iap(audience: &str) -> Preset {
    let checked = match audience.starts_with("/projects/") {
        true => Ok(()),
        false => Err(format!(
            "the audience {audience:?} is none of IAP, such as \
             `/projects/1234/global/backendServices/5678`"
        )),
    };
    let settings = Issuer::new("https://cloud.google.com/iap")
        .audience(audience)
        .algorithms([Algorithm::ES256])
        .leeway(Duration::from_secs(30))
        .max_lifetime(Duration::from_secs(600))
        .look_alike(LookAlike::audience("/projects/*", "this is for another backend behind IAP"));
    let keys = KeyPlace::JwkSet("https://www.gstatic.com/iap/verify/public_key-jwk".to_owned());
    super::bound(
        Preset::new("google_iap", settings, keys),
        Source::header("x-goog-iap-jwt-assertion"),
    )
    .check(checked)
}

/// ID tokens of Firebase Authentication, for a project.
///
/// Sets: `iss` and `aud` of the project; RS256; keys as a JWK Set (the address in Firebase's documentation is a map of
/// certificates, which is none); `auth_time` required. Roles are custom claims at the top level: name them by
/// [`Preset::roles_from`]. There is no `jti`: a single token is revoked by its fingerprint.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let firebase = presets::firebase("my-project").roles_from("roles").spawn()?;
/// # Ok(())
/// # }
/// ```
// source: Firebase docs, "Verify ID tokens using a third-party JWT library" (`iss`, `aud`, `sub`, `auth_time`). The
// address of the JWK Set is not on that page but in the issuer's OpenID metadata
pub fn firebase(project: &str) -> Preset {
    let settings = Issuer::new(format!("https://securetoken.google.com/{project}"))
        .audience(project)
        .algorithms([Algorithm::RS256])
        .require_claim("auth_time")
        .require_claim("sub")
        .look_alike(LookAlike::issuer(
            "https://session.firebase.google.com/*",
            "this is a session cookie of Firebase, not an ID token",
        ))
        .look_alike(LookAlike::issuer(
            "https://securetoken.google.com/*",
            "this token is of another Firebase project",
        ))
        .look_alike(LookAlike::issuer(
            "*.gserviceaccount.com",
            "this is a custom token, which the client exchanges for an ID token",
        ));
    let keys =
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
            .to_owned();
    let preset = Preset::new("firebase", settings, KeyPlace::JwkSet(keys));
    preset.check(check::label("the project", project))
}

/// Tokens that Google service accounts sign for themselves, without asking Google: one issuer for each account, by its
/// e-mail address.
///
/// Sets: `iss` and `sub` the address; RS256; keys of that account, at an address that is made of this list and of
/// nothing in a token; at most one hour between `iat` and `exp`. A token with `scope` in place of `aud` is meant for
/// Google's own services, and refused for want of an audience.
///
/// Every account of every project can sign such a token with your audience, so those that may are listed.
///
/// An account writes its tokens itself, so the roles and scopes in them count only where
/// [`may_assert_roles`](Preset::may_assert_roles) or its like says so.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let callers = presets::google_service_accounts(["nightly@my-project.iam.gserviceaccount.com"])
///     .audience("https://payroll.example.com/")
///     .may_assert_nothing()
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: AIP-4111 "Self-signed JWT" (`iss` = `sub` = e-mail, `aud` or `scope`, one hour); IAM Service Account Credentials
// API, "SignJwtResponse: keyId" (where the keys of an account are, as certificates and as JWKs)
pub fn google_service_accounts<S: AsRef<str>>(emails: impl IntoIterator<Item = S>) -> Presets {
    Presets::new(owned(emails).into_iter().map(|email| {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._@".contains(&b);
        let good = email.ends_with(".gserviceaccount.com")
            && email.bytes().filter(|b| *b == b'@').count() == 1
            && email.bytes().all(legal)
            && !email.contains("..");
        let checked = match good {
            true => Ok(()),
            false => Err(format!(
                "{email:?} is no address of a service account, such as `a@p.iam.gserviceaccount.com`"
            )),
        };
        let settings = Issuer::new(email.as_str())
            .algorithms([Algorithm::RS256])
            .check_claim(ClaimRule::one_of("sub", [email.as_str()]))
            // an account writes its token itself: what it may do is not its to say
            .may_assert_nothing()
            .max_lifetime(Duration::from_secs(3600));
        let place = KeyPlace::JwkSet(keys_of(&email));
        Preset::new("google_service_accounts", settings, place).check(checked)
    }))
}

/// The JWK Set of a service account.
fn keys_of(account: &str) -> String {
    format!("https://www.googleapis.com/service_accounts/v1/metadata/jwk/{account}")
}
