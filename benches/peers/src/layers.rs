//! The peers, each set up as its documentation shows and with keys at hand: none has to fetch any.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum_jwt_auth::{Decoder, LocalDecoder};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use jsonwebtoken10 as jsonwebtoken;
use jwt_authorizer::layer::AuthorizationLayer;
use jwt_authorizer::{IntoLayer, JwtAuthorizer};
use oauth_resource_server::http_layer::HttpAuthLayer;
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};
use tower::{Layer, service_fn};
use tower_oauth2_resource_server::layer::OAuth2ResourceServerLayer;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::drive::{Driven, hand_back, noop};
use crate::{Claims, Setting};

/// Sends so many requests.
pub(crate) type Peer = Box<dyn FnMut(usize)>;

pub(crate) fn peer(name: &str, algorithm: &str, setting: &Setting) -> Peer {
    let token = std::slice::from_ref(&setting.token);
    match name {
        "oauth-resource-server" => {
            let service =
                oauth_resource_server(algorithm, setting).layer(service_fn(noop::<Empty<Bytes>>));
            let mut driven = Driven::new(service, token);
            Box::new(move |requests| driven.run(requests))
        }
        "jwt-authorizer" => {
            let service =
                jwt_authorizer(algorithm, setting).layer(service_fn(noop::<axum07::body::Body>));
            let mut driven = Driven::new(service, token);
            Box::new(move |requests| driven.run(requests))
        }
        "tower-oauth2-resource-server" => {
            let service = tower_oauth2_resource_server(algorithm, setting)
                .layer(service_fn(noop::<Empty<Bytes>>));
            let mut driven = Driven::new(service, token);
            Box::new(move |requests| driven.run(requests))
        }
        "axum-jwt-auth" => {
            let state = axum_jwt_auth(algorithm, setting);
            let service = service_fn(move |request: Request<()>| {
                let state = state.clone();
                async move {
                    let (status, parts) = extract(request.into_parts().0, &state).await;
                    hand_back(Request::from_parts(parts, ()));
                    let mut response = Response::new(Empty::<Bytes>::new());
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
            });
            let mut driven = Driven::new(service, token);
            Box::new(move |requests| driven.run(requests))
        }
        _ => panic!("there is no peer {name}"),
    }
}

pub(crate) fn oauth_resource_server(algorithm: &str, setting: &Setting) -> HttpAuthLayer {
    let config = OAuthConfig {
        enabled: true,
        issuer: setting.issuer.clone(),
        jwks_uri: Some("http://127.0.0.1:9/jwks".into()),
        audience: setting.audience.clone(),
        resource: setting.audience.clone(),
        require_at_jwt: true,
        algorithms: vec![algorithm.into()],
        allow_insecure_http: true,
        ..OAuthConfig::default()
    };
    let resolved = config.resolve(KeyNaming::Dotted("oauth")).expect("a config").expect("enabled");
    let validator = OAuthValidator::builder(&resolved).initial_jwks(&setting.jwks).build();
    HttpAuthLayer::builder()
        .oauth(Arc::new(validator.expect("a validator")))
        .build()
        .expect("a layer")
}

pub(crate) fn jwt_authorizer(algorithm: &str, setting: &Setting) -> AuthorizationLayer<Claims> {
    let builder = match algorithm {
        "HS256" => JwtAuthorizer::from_secret(&setting.secret),
        _ => JwtAuthorizer::from_jwks_text(&setting.jwks),
    };
    let validation = jwt_authorizer::Validation::new()
        .iss(&[&setting.issuer])
        .aud(&[&setting.audience])
        .nbf(true);
    let authorizer = builder.validation(validation).build();
    runtime().block_on(authorizer).expect("an authorizer").into_layer()
}

pub(crate) fn tower_oauth2_resource_server<B: Default>(
    algorithm: &str,
    setting: &Setting,
) -> OAuth2ResourceServerLayer<B, Claims> {
    let audiences = vec![setting.audience.clone()];
    let tenant = TenantConfiguration::static_builder(&setting.jwks)
        .audiences(&audiences)
        .claims_validation(
            // `nbf` would not only be checked but required
            ClaimsValidationSpec::recommended(&setting.issuer, &audiences).nbf(false),
        )
        .allowed_algorithms(&[algorithm.parse().expect("an algorithm")])
        .build()
        .expect("a tenant");
    let server = OAuth2ResourceServer::<Claims>::builder().add_tenant(tenant).build();
    runtime().block_on(server).expect("a server").into_layer()
}

pub(crate) fn axum_jwt_auth(algorithm: &str, setting: &Setting) -> Decoder<Claims> {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let key = match algorithm {
        "HS256" => jsonwebtoken::DecodingKey::from_secret(setting.secret.as_bytes()),
        _ => {
            let set: jsonwebtoken::jwk::JwkSet =
                serde_json::from_str(&setting.jwks).expect("a set");
            jsonwebtoken::DecodingKey::from_jwk(&set.keys[0]).expect("a key")
        }
    };
    let mut validation = jsonwebtoken::Validation::new(algorithm.parse().expect("an algorithm"));
    validation.set_audience(&[&setting.audience]);
    validation.set_issuer(&[&setting.issuer]);
    validation.validate_nbf = true;
    Arc::new(
        LocalDecoder::builder().keys(vec![key]).validation(validation).build().expect("a decoder"),
    )
}

/// What axum does before it calls a handler that asks for claims.
pub(crate) async fn extract(
    mut parts: http::request::Parts,
    state: &Decoder<Claims>,
) -> (StatusCode, http::request::Parts) {
    let claims = axum_jwt_auth::Claims::<Claims>::from_request_parts(&mut parts, state).await;
    let status = if claims.is_ok() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    drop(black_box(claims));
    (status, parts)
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
