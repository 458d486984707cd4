//! What each extractor gives, and to whom.

use axum::Router;
use axum::routing;
use portcullis_axum::{
    AllOf, AnyOf, Jwt, JwtRejection, RejectionKind, Require, Role, Scope, Verified,
};

use crate::support::{Admin, Idp, Pay, Payroll, Reader, get};

#[tokio::test]
async fn the_caller() {
    async fn me(Jwt(me): Jwt<Payroll>) -> String {
        assert_eq!(Verified::subject(&me), Some(me.sub.as_str()));
        me.sub.clone()
    }
    let idp = Idp::new();
    let app = Router::new().route("/", routing::get(me)).layer(idp.layer());
    get(&app, "/", Some(&idp.bob)).await.assert_ok("bob");
    let stranger = get(&app, "/", None).await;
    stranger.assert_refused(RejectionKind::MissingCredential);
    assert_eq!(stranger.challenge.as_deref(), Some(r#"Bearer realm="api""#));
}

#[tokio::test]
async fn the_caller_if_there_is_one() {
    async fn greet(caller: Option<Jwt<Payroll>>) -> String {
        caller.map_or("stranger".to_owned(), |caller| caller.sub.clone())
    }
    let idp = Idp::new();
    let layer = idp.layer().optional().exempt("/exempt").unwrap();
    let app = Router::new()
        .route("/", routing::get(greet))
        .route("/exempt", routing::get(greet))
        .layer(layer);
    get(&app, "/", Some(&idp.bob)).await.assert_ok("bob");
    get(&app, "/", None).await.assert_ok("stranger");
    get(&app, "/exempt", Some(&idp.bob)).await.assert_ok("stranger");
    get(&app, "/", Some("a.b.c")).await.assert_refused(RejectionKind::MalformedToken);
    get(&app, "/", Some("")).await.assert_refused(RejectionKind::MalformedCredential);
}

#[tokio::test]
async fn a_required_caller_on_an_optional_or_exempt_path_is_a_401() {
    async fn me(Jwt(me): Jwt<Payroll>) -> String {
        me.sub.clone()
    }
    async fn pay(admin: Role<Admin, Payroll>) -> String {
        admin.sub.clone()
    }
    let idp = Idp::new();
    let layer = idp.layer().optional().exempt("/exempt").unwrap().realm("payroll").unwrap();
    let app = Router::new()
        .route("/me", routing::get(me))
        .route("/exempt", routing::get(me))
        .route("/pay", routing::get(pay))
        .layer(layer);
    for (path, token) in [("/me", None), ("/pay", None), ("/exempt", Some(idp.alice.as_str()))] {
        let answer = get(&app, path, token).await;
        answer.assert_refused(RejectionKind::MissingCredential);
        assert_eq!(answer.challenge.as_deref(), Some(r#"Bearer realm="payroll""#), "{path}");
        assert!(answer.body.contains("missing-credential"));
    }
    get(&app, "/me", Some(&idp.bob)).await.assert_ok("bob");
}

#[tokio::test]
async fn a_role() {
    async fn admin(admin: Role<Admin, Payroll>) -> String {
        assert_eq!(Verified::subject(Role::verified(&admin)), Some("alice"));
        assert!(Verified::issuer(&Role::into_verified(admin.clone())).starts_with("https://"));
        admin.sub.clone()
    }
    async fn reader(reader: Role<Reader, Payroll>) -> String {
        reader.sub.clone()
    }
    let idp = Idp::new();
    let app = Router::new()
        .route("/admin", routing::get(admin))
        .route("/reader", routing::get(reader))
        .layer(idp.layer());
    get(&app, "/admin", Some(&idp.alice)).await.assert_ok("alice");
    get(&app, "/reader", Some(&idp.alice)).await.assert_ok("alice");
    get(&app, "/reader", Some(&idp.bob)).await.assert_ok("bob");
    let refused = get(&app, "/admin", Some(&idp.bob)).await;
    refused.assert_refused(RejectionKind::InsufficientScope);
    assert_eq!(
        refused.challenge.as_deref(),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="the token does not grant this""#
        ),
    );
    let detail = refused.rejection.unwrap().to_string();
    assert!(detail.contains("role `admin`") && !refused.body.contains("admin"), "{detail}");
}

#[tokio::test]
async fn requirements_of_several_parts() {
    type MayPay = AllOf<(Admin, Scope<Pay>)>;
    async fn pay(caller: Require<MayPay, Payroll>) -> String {
        let sub = caller.sub.clone();
        assert_eq!(Verified::subject(Require::verified(&caller)), Some(sub.as_str()));
        sub
    }
    async fn look(caller: Require<AnyOf<(Scope<Pay>, Reader)>, Payroll>) -> String {
        Require::into_verified(caller).sub.clone()
    }
    let idp = Idp::new();
    let app = Router::new()
        .route("/pay", routing::get(pay))
        .route("/look", routing::get(look))
        .layer(idp.layer());
    get(&app, "/pay", Some(&idp.alice)).await.assert_ok("alice");
    get(&app, "/look", Some(&idp.bob)).await.assert_ok("bob");
    let refused = get(&app, "/pay", Some(&idp.bob)).await;
    refused.assert_refused(RejectionKind::InsufficientScope);
    assert!(refused.challenge.unwrap().ends_with(r#", scope="payments:write""#));
}

#[tokio::test]
async fn several_in_one_handler() {
    async fn all(
        Jwt(me): Jwt<Payroll>,
        reader: Role<Reader, Payroll>,
        maybe: Option<Jwt<Payroll>>,
        admin: Result<Role<Admin, Payroll>, JwtRejection>,
    ) -> String {
        let refused = admin.map_or_else(|refused| refused.kind().code(), |_| "admin");
        format!("{} {} {} {refused}", me.sub, reader.sub, maybe.unwrap().sub)
    }
    let idp = Idp::new();
    let app = Router::new().route("/", routing::get(all)).layer(idp.layer());
    get(&app, "/", Some(&idp.bob)).await.assert_ok("bob bob bob insufficient-scope");
    get(&app, "/", Some(&idp.alice)).await.assert_ok("alice alice alice admin");
}

#[tokio::test]
async fn a_handler_may_refuse_by_itself() {
    async fn check(Jwt(me): Jwt<Payroll>) -> Result<String, JwtRejection> {
        Verified::require::<Reader>(&me)?;
        if me.sub == "alice" {
            return Err(RejectionKind::CheckFailed.into());
        }
        Ok(me.sub.clone())
    }
    let idp = Idp::new();
    let app = Router::new().route("/", routing::get(check)).layer(idp.layer());
    get(&app, "/", Some(&idp.bob)).await.assert_ok("bob");
    let refused = get(&app, "/", Some(&idp.alice)).await;
    refused.assert_refused(RejectionKind::CheckFailed);
    assert!(refused.challenge.is_some() && refused.body.contains("check-failed"));
}

#[test]
fn nothing_private_is_shown() {
    fn assert_debug<T: std::fmt::Debug + Clone + Send + Sync>() {}
    struct Unprintable;
    assert_debug::<Jwt<Unprintable>>();
    assert_debug::<Role<Admin, Unprintable>>();
    assert_debug::<Require<(), Unprintable>>();
}
