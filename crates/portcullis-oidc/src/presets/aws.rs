//! Amazon: Cognito and the Application Load Balancer.

use portcullis::{Algorithm, ClaimRule, Issuer, LookAlike, Source};

use super::Preset;
use super::check::{self, owned};
use super::keys::KeyPlace;

/// Access tokens of a user pool of Amazon Cognito, such as `eu-west-1_AbCdEfGhI`, for these app clients.
///
/// Sets: `iss` and keys of the pool; RS256; `token_use` is `access`; `client_id`, one of these, in place of `aud`, which
/// access tokens lack unless they are bound to a resource (then name it by [`Preset::audience`]); roles from
/// `cognito:groups`, scopes from `scope`; the session is `origin_jti`, which all tokens of one sign-in share.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let cognito = presets::cognito("eu-west-1_AbCdEfGhI", ["1example23456789"]).spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Cognito developer guide, "Understanding the access token" and "Verifying JSON web tokens" (`token_use`,
// `client_id`, keys); awslabs/aws-jwt-verify, jwt-model.ts (`origin_jti`, `cognito:groups`)
pub fn cognito<S: AsRef<str>>(pool: &str, clients: impl IntoIterator<Item = S>) -> Preset {
    let clients = owned(clients);
    let checked = check::list("clients", &clients);
    pool_preset("cognito", pool, |issuer| {
        issuer
            .check_claim(ClaimRule::one_of("token_use", ["access"]).recognise(
                "id",
                "this is an ID token, which is for the client and not for an API: see \
                 presets::cognito_id_token",
            ))
            .audience_claim("client_id", clients)
            .scopes_from("scope")
    })
    .check(checked)
}

/// ID tokens of a user pool of Amazon Cognito, for services that are the client themselves. The audience is the app
/// client.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let cognito =
///     presets::cognito_id_token("eu-west-1_AbCdEfGhI").audience("1example23456789").spawn()?;
/// # Ok(())
/// # }
/// ```
pub fn cognito_id_token(pool: &str) -> Preset {
    pool_preset("cognito_id_token", pool, |issuer| {
        let access = "this is an access token; see presets::cognito";
        issuer.check_claim(ClaimRule::one_of("token_use", ["id"]).recognise("access", access))
    })
}

fn pool_preset(name: &'static str, pool: &str, kind: impl FnOnce(Issuer) -> Issuer) -> Preset {
    let (region, id) = pool.split_once('_').unwrap_or((pool, ""));
    let checked = check::label("the region of the pool", region).and_then(|()| {
        match !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            true => Ok(()),
            false => Err(format!("the pool {pool:?} must be a region, `_`, letters and digits")),
        }
    });
    let iss = format!("https://cognito-idp.{region}.amazonaws.com/{pool}");
    let settings = kind(Issuer::new(iss.as_str()))
        .algorithms([Algorithm::RS256])
        .session_claim("origin_jti")
        .roles_from("cognito:groups")
        .look_alike(LookAlike::issuer(
            "https://cognito-idp.*",
            "this token is of another user pool",
        ));
    let keys = KeyPlace::JwkSet(format!("{iss}/.well-known/jwks.json"));
    Preset::new(name, settings, keys).check(checked)
}

/// What an Application Load Balancer of Amazon says of the user who signed in at it, in the header `x-amzn-oidc-data`:
/// for the ARN of the load balancer, the `iss` of the identity provider behind it, and the client that it is there.
///
/// Sets: ES256; `signer` in the header is the ARN, since the keys of a region sign for every load balancer of every
/// customer there; `client` in the header in place of `aud`; `iss` and `exp` in the header, the payload, or both;
/// padded base64, which is part of what is signed, and from this header only. Each key is fetched by its `kid`, which must
/// be a UUID. The header is ambient: the load balancer adds it on the strength of a cookie.
///
/// The claims are those of the provider's user info: there is no `jti` and no `iat`. Revoke by subject with a denylist,
/// and single tokens by their fingerprint; a cutoff needs `iat` and refuses every such token.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";
/// let alb = presets::aws_alb(arn, "https://idp.example.com", "1example23456789").spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Elastic Load Balancing user guide, "Authenticate users using an Application Load Balancer" (header, fields of
// the JWT header, keys, padding); awslabs/aws-jwt-verify, alb-verifier.ts (`signer`, `client`, regions)
pub fn aws_alb(signer: &str, issuer: &str, client: &str) -> Preset {
    let region = region_of(signer);
    let checked = region.clone().map(|_| ()).and_then(|()| match client.is_empty() {
        true => Err("the client must not be empty".to_owned()),
        false => Ok(()),
    });
    let region = region.unwrap_or_default();
    let settings = Issuer::new(issuer)
        .algorithms([Algorithm::ES256])
        .check_header(
            ClaimRule::one_of("signer", [signer])
                .shown()
                .hint_if_missing("this token is of no load balancer"),
        )
        .audience_header("client", [client])
        .claims_in_header()
        .padded_base64();
    let keys = KeyPlace::ByUuid(format!("https://public-keys.auth.elb.{region}.amazonaws.com/"));
    super::bound(Preset::new("aws_alb", settings, keys), Source::header("x-amzn-oidc-data"))
        .check(checked)
}

/// The region in the ARN of a load balancer.
fn region_of(arn: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "the signer {arn:?} is no ARN of a load balancer in the partition `aws`, such as \
             `arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188`"
        )
    };
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", "aws", "elasticloadbalancing", region, account, balancer] = parts.as_slice() else {
        return Err(wrong());
    };
    let number = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    if !number || !balancer.starts_with("loadbalancer/app/") {
        return Err(wrong());
    }
    check::label("the region of the signer", region).map(|()| (*region).to_owned())
}
