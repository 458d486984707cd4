//! What is given to a preset: what makes no sense is named, and the rest leads to the right addresses.

use portcullis::Keys;
use portcullis::keys::KeySet;
use portcullis_oidc::presets::{self, Preset};

use super::cases::{ARN, CLERK, CLUSTER, POOL, PROJECT, TENANT};

/// What is given to a preset and makes no sense, and what the error names.
#[test]
fn what_makes_no_sense_fails_and_is_named() {
    let keys = || Keys::from(KeySet::default());
    let fails = |preset: Preset, says: &str| {
        let error = preset.issuer_with(keys()).unwrap_err().to_string();
        assert!(error.starts_with("presets::") && error.contains(says), "{says}: {error}");
    };
    fails(presets::okta("https://dev-1.okta.com"), "no custom authorization server");
    fails(presets::okta("https://dev-1.okta.com/oauth2/default/"), "slash");
    fails(presets::auth0("https://tenant.eu.auth0.com/"), "no host name");
    fails(presets::auth0("tenant.eu.auth0.com/x"), "no host name");
    fails(presets::entra().tenants(Vec::<String>::new()), "at least one");
    for tenant in ["common", "contoso.onmicrosoft.com", "8F0D1B6A-5A4D-4B0E-9F64-3A6D6E6D2B11", ""]
    {
        fails(presets::entra().tenant(tenant), "must be a GUID in small letters");
        fails(presets::entra_v1().tenant(tenant), "must be a GUID in small letters");
    }
    let google = presets::google_id_token;
    fails(google().hosted_domains(Vec::<String>::new()), "hosted_domains");
    fails(google().hosted_domain(""), "hosted_domains");
    fails(google().emails(Vec::<String>::new()), "emails");
    fails(google().subjects(Vec::<String>::new()), "subjects");
    fails(presets::google_iap("https://payroll.example.com"), "none of IAP");
    fails(presets::firebase("my/project"), "the project");
    for email in [
        "bob@gmail.com",
        "a@b@p.iam.gserviceaccount.com",
        "../x@p.iam.gserviceaccount.com",
        "a/b@p.iam.gserviceaccount.com",
    ] {
        let account = presets::google_service_accounts([email]).into_vec().remove(0);
        fails(account, "no address of a service account");
    }
    fails(presets::cognito(POOL, Vec::<String>::new()), "clients");
    fails(presets::cognito("AbCdEfGhI", ["c"]), "pool");
    fails(presets::cognito("eu-west-1_../x", ["c"]), "pool");
    for arn in [
        "",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/a/b",
        "arn:aws:elasticloadbalancing:evil.example/:123456789012:loadbalancer/app/a/b",
    ] {
        fails(presets::aws_alb(arn, "https://idp.example.com", "c"), "the signer");
    }
    fails(presets::aws_alb(ARN, "https://idp.example.com", ""), "the client");
    fails(presets::cloudflare_access("acme.cloudflareaccess.com"), "the team");
    fails(presets::keycloak("https://id.example.com"), "/realms/");
    let realm = || presets::keycloak("https://id.example.com/realms/staff");
    fails(realm().audience("account"), "audience mapper");
    fails(realm().audience("payroll").audience("account"), "audience mapper");
    let cluster = || presets::kubernetes(CLUSTER);
    fails(cluster().namespaces(Vec::<String>::new()), "namespaces");
    fails(cluster().service_accounts(Vec::<(String, String)>::new()), "service_accounts");
    fails(presets::kubernetes("cluster.local").any_service_account(), "https://");
    for number in ["octo-org", "", "065"] {
        fails(presets::github_actions().owner_id(number), "the owner");
        fails(presets::github_actions().repository_id(number), "the repository");
    }
    fails(presets::github_actions().owner_ids(Vec::<String>::new()), "the owner");
    fails(presets::supabase("a.b"), "the project");
    assert!(presets::supabase_hs256(PROJECT, "short").is_err());
    fails(presets::clerk(CLERK, Vec::<String>::new()), "origins");
    fails(presets::clerk_any_origin("clerk.example.com"), "https://");
    for any in [presets::openid, presets::oauth] {
        fails(any("https://token.actions.githubusercontent.com"), "presets::github_actions");
        fails(any("https://accounts.google.com"), "presets::google_id_token");
        fails(any("https://id.example.com/realms/staff").audience("account"), "audience mapper");
    }
}

#[test]
fn keys_are_fetched_from_where_the_documentation_says() {
    let at = |preset: Preset| preset.keys_url();
    for (preset, url) in [
        (presets::okta("https://d.okta.com/oauth2/x"), "https://d.okta.com/oauth2/x/v1/keys"),
        (presets::auth0("t.auth0.com"), "https://t.auth0.com/.well-known/jwks.json"),
        (
            presets::entra().tenant(TENANT),
            "https://login.microsoftonline.com/8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11/discovery/v2.0/keys",
        ),
        (
            presets::entra().any_tenant(),
            "https://login.microsoftonline.com/common/discovery/v2.0/keys",
        ),
        (
            presets::entra_v1().any_tenant(),
            "https://login.microsoftonline.com/common/discovery/keys",
        ),
        (
            presets::google_id_token().any_google_account(),
            "https://www.googleapis.com/oauth2/v3/certs",
        ),
        (
            presets::google_iap("/projects/1/apps/x"),
            "https://www.gstatic.com/iap/verify/public_key-jwk",
        ),
        (
            presets::firebase("p"),
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        ),
        (
            presets::cognito(POOL, ["c"]),
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI/.well-known/jwks.json",
        ),
        (
            presets::aws_alb(ARN, "https://idp.example.com", "c"),
            "https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}",
        ),
        (presets::cloudflare_access("a"), "https://a.cloudflareaccess.com/cdn-cgi/access/certs"),
        (
            presets::keycloak("https://k/realms/r"),
            "https://k/realms/r/protocol/openid-connect/certs",
        ),
        (presets::kubernetes("https://c").any_service_account(), "https://c/openid/v1/jwks"),
        (
            presets::github_actions().any_repository(),
            "https://token.actions.githubusercontent.com/.well-known/jwks",
        ),
        (presets::supabase("p"), "https://p.supabase.co/auth/v1/.well-known/jwks.json"),
        (presets::clerk(CLERK, ["o"]), "https://clerk.example.com/.well-known/jwks.json"),
        (presets::openid("https://i"), "https://i/.well-known/openid-configuration"),
        (presets::oauth("https://i/t"), "https://i/.well-known/oauth-authorization-server/t"),
        (presets::openid("https://i").keys_at("https://mirror/keys"), "https://mirror/keys"),
    ] {
        assert_eq!(at(preset), url);
    }
    let accounts = ["a@p.iam.gserviceaccount.com", "b@p.iam.gserviceaccount.com"];
    let urls: Vec<_> = presets::google_service_accounts(accounts)
        .into_vec()
        .iter()
        .map(Preset::keys_url)
        .collect();
    assert_eq!(
        urls,
        accounts
            .map(|a| format!("https://www.googleapis.com/service_accounts/v1/metadata/jwk/{a}"))
    );
}
