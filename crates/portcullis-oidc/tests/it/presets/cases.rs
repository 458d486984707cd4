//! The presets as services would set them up, each with the shape that it is held against.

use portcullis::{BuildError, Issuer, Keys, Source};
use portcullis_oidc::presets::{self, Preset};

/// A preset as a service would use it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) shape: &'static str,
    pub(super) trusted: Box<dyn Fn(Keys) -> Result<Issuer, BuildError>>,
    pub(super) place: Source,
}

fn case(name: &'static str, shape: &'static str, preset: Preset) -> Case {
    let trusted = Box::new(move |keys: Keys| preset.clone().issuer_with(keys));
    Case { name, shape, trusted, place: Source::bearer() }
}

impl Case {
    fn at(self, header: &str) -> Self {
        Self { place: Source::header(header).unwrap().ambient(), ..self }
    }
}

macro_rules! shape {
    ($name:literal, $preset:expr) => {
        case($name, include_str!(concat!("../shapes/", $name, ".json")), $preset)
    };
}

pub(super) const TENANT: &str = "8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11";
pub(super) const ARN: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";
pub(super) const SECRET: &str = "a secret that is shared, of 32 bytes or more";
pub(super) const POOL: &str = "eu-west-1_AbCdEfGhI";
pub(super) const CLUSTER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";
pub(super) const PROJECT: &str = "abcdefghijklmnopqrst";
pub(super) const CLERK: &str = "https://clerk.example.com";

pub(super) fn cases() -> Vec<Case> {
    let auth0 = || presets::auth0("tenant.eu.auth0.com").audience("https://api.example.com");
    let google = || {
        let domain = presets::google_id_token().hosted_domain("example.com");
        domain.audience("1-app.apps.googleusercontent.com")
    };
    let cloudflare =
        || presets::cloudflare_access("acme").audience("32eafc7626e974616deaf0dc3ce63d7b");
    let cf = "cf-access-jwt-assertion";
    let account = presets::google_service_accounts(["nightly@my-project.iam.gserviceaccount.com"])
        .audience("https://payroll.example.com/")
        .into_vec()
        .remove(0);
    vec![
        shape!(
            "okta",
            presets::okta("https://dev-1.okta.com/oauth2/default").audience("api://default")
        ),
        shape!("auth0", auth0()),
        shape!("auth0_rfc9068", auth0()),
        shape!(
            "entra",
            presets::entra().tenant(TENANT).audience("1d2c3b4a-0000-4000-8000-000000000001")
        ),
        shape!("entra_v1", presets::entra_v1().tenant(TENANT).audience("api://payroll")),
        shape!("google_id_token", google()),
        shape!("google_id_token_bare", google()),
        shape!(
            "google_emails",
            presets::google_id_token()
                .emails(["nightly@p.iam.gserviceaccount.com"])
                .audience("https://payroll.example.com")
        ),
        shape!("google_service_accounts", account),
        shape!("google_iap", presets::google_iap("/projects/1234/global/backendServices/5678"))
            .at("x-goog-iap-jwt-assertion"),
        shape!("firebase", presets::firebase("my-project").roles_from("roles")),
        shape!("cognito", presets::cognito(POOL, ["1example23456789"])),
        shape!("cognito_id_token", presets::cognito_id_token(POOL).audience("1example23456789")),
        shape!("aws_alb", presets::aws_alb(ARN, "https://idp.example.com", "1example23456789"))
            .at("x-amzn-oidc-data"),
        shape!("cloudflare_access", cloudflare()).at(cf),
        shape!("cloudflare_service", cloudflare()).at(cf),
        shape!(
            "keycloak",
            presets::keycloak("https://id.example.com/realms/staff")
                .audience("payroll")
                .roles_from(["resource_access", "payroll", "roles"])
        ),
        shape!(
            "kubernetes",
            presets::kubernetes(CLUSTER)
                .service_accounts([("jobs", "nightly")])
                .audience("payroll")
        ),
        shape!(
            "kubernetes_namespaces",
            presets::kubernetes(CLUSTER).namespaces(["jobs"]).audience("payroll")
        ),
        shape!(
            "github_actions",
            presets::github_actions().owner_id("65").audience("https://deploy.example.com")
        ),
        shape!(
            "github_repository",
            presets::github_actions().repository_id("74").audience("https://deploy.example.com")
        ),
        shape!("supabase", presets::supabase(PROJECT)),
        Case {
            name: "supabase_hs256",
            shape: include_str!("../shapes/supabase_hs256.json"),
            // it has its secret, and needs no other keys
            trusted: Box::new(|_| presets::supabase_hs256(PROJECT, SECRET)),
            place: Source::bearer(),
        },
        shape!("clerk", presets::clerk(CLERK, ["https://app.example.com"])),
        shape!("clerk_any_origin", presets::clerk_any_origin(CLERK)),
        shape!("openid", presets::openid("https://idp.example.com/t/1").audience("payroll")),
        shape!(
            "oauth",
            presets::oauth("https://idp.example.com/t/1")
                .audience("payroll")
                .configure(Issuer::access_token_profile)
        ),
    ]
}
