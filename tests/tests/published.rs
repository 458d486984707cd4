//! An issuer of ours, trusted by nothing but its name: its metadata and keys over real sockets, and a
//! verifier that finds them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use axum::Router;
use portcullis::{Algorithm, Issuer, RejectionKind, Verifier};
use portcullis_issuer::web::{JwksService, ServerMetadata};
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use portcullis_oidc::RemoteKeys;
use serde_json::json;
use tokio::net::TcpListener;

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

/// Serves the issuer on a free port; tells its name.
async fn serve(keys: &SigningKeys, path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}{path}", listener.local_addr().unwrap());
    let metadata = ServerMetadata::new(&issuer).jwks_uri(format!("{issuer}/jwks.json"));
    let (oauth, openid) = (metadata.oauth_path(), metadata.openid_path());
    let metadata = metadata.into_service().unwrap();
    let app = Router::new()
        .route_service(&oauth, metadata.clone())
        .route_service(&openid, metadata)
        .route_service(&format!("{path}/jwks.json"), JwksService::new(keys.clone()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    issuer
}

#[tokio::test]
async fn a_verifier_trusts_an_issuer_by_its_name_alone() {
    for (path, oauth) in [("", false), ("/tenant", false), ("/tenant", true)] {
        let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256).unwrap());
        let name = serve(&keys, path).await;
        let issuer = TokenIssuer::builder(&name, keys.clone())
            .audience("api")
            .client_id("web")
            .build()
            .unwrap();
        let remote =
            if oauth { RemoteKeys::discover_oauth(&name) } else { RemoteKeys::discover(&name) };
        let remote = remote.spawn().unwrap();
        remote.ready().await.unwrap();
        let verifier = Verifier::builder()
            .trust(Issuer::new(&name).audience("api").keys(remote.keys()).access_token_profile())
            .build::<Claims>()
            .unwrap();
        let mint = || issuer.mint(&json!({"sub": "bob"})).unwrap().into_token();

        let verified = verifier.verify_async(mint()).await.unwrap();
        assert_eq!(verified.sub, "bob");
        // a key that they have not seen is asked for
        keys.rotate(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
        remote.refresh().await.unwrap();
        assert!(verifier.verify_async(mint()).await.is_ok());
        // and one that is withdrawn works no more
        let early = mint();
        keys.rotate_and_revoke(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
        remote.refresh().await.unwrap();
        let refused = verifier.verify_async(early).await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::UnknownKey);
        remote.shutdown();
    }
}
