//! Where credentials are taken from, and that it is exactly one.

use portcullis::{RejectionKind, Source};

use crate::support::{Answer, ask, bob, get, layer, request};

async fn check(layer: &Layer, headers: &[(&str, &str)], expected: Result<&str, RejectionKind>) {
    let answer: Answer = ask(layer, get(headers)).await;
    match expected {
        Ok(name) => answer.assert_from(name),
        Err(kind) => {
            assert_eq!(answer.kind(), Some(kind), "{headers:?}");
            let rejection = answer.rejection.unwrap();
            // neither the detail for the log nor the answer repeats a token
            assert!(!format!("{rejection} {rejection:?} {}", answer.body).contains(&bob()));
        }
    }
}

type Layer = portcullis::JwtLayer<crate::support::Payroll>;

#[tokio::test]
async fn another_scheme_is_told_where_a_bearer_token_is_looked_for() {
    let basic = || get(&[("authorization", "Basic Ym9iOmJvYg==")]);
    let hint = |answer: crate::support::Answer| {
        answer.assert_refused(RejectionKind::MissingCredential);
        answer.rejection.unwrap().diagnosis().hint_text().map(str::to_owned)
    };
    assert!(hint(ask(&layer(), basic()).await).unwrap().contains("another scheme"));
    assert_eq!(hint(ask(&layer(), get(&[])).await), None);
}

#[tokio::test]
async fn bearer() {
    let (layer, bob) = (layer(), bob());
    for good in ["Bearer {}", "bearer {}", "BEARER {}", "bEaReR    {}"] {
        let value = good.replace("{}", &bob);
        check(&layer, &[("authorization", &value)], Ok("bob")).await;
    }
    for none in ["Basic {}", "{}", "Bearerx {}", "DPoP {}", "Token {}"] {
        let value = none.replace("{}", &bob);
        let missing = Err(RejectionKind::MissingCredential);
        check(&layer, &[("authorization", &value)], missing).await;
    }
    for malformed in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer\t{}",
        "Bearer \t{}",
        "Bearer {} ",
        "Bearer {} x",
        "Bearer {}\t",
        "Bearer \"{}\"",
        "Bearer é",
        "Bearer {}é",
        "Bearer {},",
        "Bearer a, b",
        "Bearer =",
        "Bearer {}%20",
        " Bearer {}",
        "=",
        "Bearer token={}",
        "Bearer: {}",
    ] {
        let value = malformed.replace("{}", &bob);
        let malformed = Err(RejectionKind::MalformedCredential);
        check(&layer, &[("authorization", &value)], malformed).await;
    }
    // padding is part of token68, but of no token of ours
    let value = format!("Bearer {bob}=");
    check(&layer, &[("authorization", &value)], Err(RejectionKind::MalformedToken)).await;
}

#[tokio::test]
async fn two_authorization_headers_are_refused_whatever_they_hold() {
    let layer = layer();
    let bearer = format!("Bearer {}", bob());
    let several = Err(RejectionKind::MultipleCredentials);
    for other in [bearer.as_str(), "Basic YTpi", "", "Bearer"] {
        check(&layer, &[("authorization", &bearer), ("authorization", other)], several).await;
        check(&layer, &[("authorization", other), ("authorization", &bearer)], several).await;
    }
    // joined by a proxy on the way
    check(&layer, &[("authorization", &format!("{bearer}, {bearer}"))], several).await;
    check(&layer, &[("authorization", &format!("{bearer},bearer x"))], several).await;
}

#[tokio::test]
async fn a_token_in_the_query_is_never_read() {
    for name in ["access_token", "token", "bearer"] {
        let uri = format!("/?{name}={}", bob());
        let answer = ask(&layer(), request("GET", &uri, &[])).await;
        answer.assert_refused(RejectionKind::MissingCredential);
    }
    let answer = ask(&layer(), request("GET", "/?token=%FF", &[])).await;
    answer.assert_refused(RejectionKind::MissingCredential);
}

#[tokio::test]
async fn cookie() {
    let layer = layer().source(Source::cookie("__Host-session").unwrap());
    let bob = bob();
    let good = format!("__Host-session={bob}");
    check(&layer, &[("cookie", &good)], Ok("bob")).await;
    check(&layer, &[("cookie", &format!("a=b; {good}; c=d"))], Ok("bob")).await;
    check(&layer, &[("cookie", "a=b"), ("cookie", &good)], Ok("bob")).await;
    // the bearer token is no longer looked at
    check(&layer, &[("cookie", &good), ("authorization", "Bearer x")], Ok("bob")).await;
    let missing = Err(RejectionKind::MissingCredential);
    check(&layer, &[("authorization", &format!("Bearer {bob}"))], missing).await;
    for look_alike in ["__host-session", "__Host-Session", "__Host-session ", "x__Host-session"] {
        check(&layer, &[("cookie", &format!("{look_alike}={bob}"))], missing).await;
    }
    let several = Err(RejectionKind::MultipleCredentials);
    check(&layer, &[("cookie", &format!("{good}; {good}"))], several).await;
    check(&layer, &[("cookie", &good), ("cookie", "__Host-session=")], several).await;
    let malformed = Err(RejectionKind::MalformedCredential);
    for value in ["", "\"{}\"", "{} x", "%65{}", "{}=x"] {
        let cookie = format!("__Host-session={}", value.replace("{}", &bob));
        check(&layer, &[("cookie", &cookie)], malformed).await;
    }
}

#[tokio::test]
async fn another_header() {
    let layer = layer().source(Source::header("X-Goog-IAP-JWT-Assertion").unwrap());
    let bob = bob();
    check(&layer, &[("x-goog-iap-jwt-assertion", &bob)], Ok("bob")).await;
    check(&layer, &[("x-goog-iap-jwt", &bob)], Err(RejectionKind::MissingCredential)).await;
    let malformed = Err(RejectionKind::MalformedCredential);
    check(&layer, &[("x-goog-iap-jwt-assertion", &format!("Bearer {bob}"))], malformed).await;
    check(&layer, &[("x-goog-iap-jwt-assertion", "")], malformed).await;
    let twice = [("x-goog-iap-jwt-assertion", bob.as_str()); 2];
    check(&layer, &twice, Err(RejectionKind::MultipleCredentials)).await;
}

#[tokio::test]
async fn websocket_protocol() {
    let layer = layer().source(Source::websocket_protocol("bearer").unwrap());
    let bob = bob();
    let name = "sec-websocket-protocol";
    check(&layer, &[(name, &format!("bearer, {bob}"))], Ok("bob")).await;
    check(&layer, &[(name, &format!("chat, bearer,{bob}, v2"))], Ok("bob")).await;
    check(&layer, &[(name, "chat")], Err(RejectionKind::MissingCredential)).await;
    check(&layer, &[(name, "bearer")], Err(RejectionKind::MalformedCredential)).await;
    let twice = format!("bearer, {bob}, bearer, {bob}");
    check(&layer, &[(name, &twice)], Err(RejectionKind::MultipleCredentials)).await;
}

#[tokio::test]
async fn either_source_but_not_both() {
    let layer = layer().or_source(Source::cookie("s").unwrap()).or_source(Source::bearer());
    let (bearer, cookie) = (format!("Bearer {}", bob()), format!("s={}", bob()));
    check(&layer, &[("authorization", &bearer)], Ok("bob")).await;
    check(&layer, &[("cookie", &cookie)], Ok("bob")).await;
    check(&layer, &[("cookie", &cookie), ("authorization", "Basic x")], Ok("bob")).await;
    let several = Err(RejectionKind::MultipleCredentials);
    check(&layer, &[("authorization", &bearer), ("cookie", &cookie)], several).await;
    check(&layer, &[("authorization", &bearer), ("cookie", "s=")], several).await;
    check(&layer, &[("authorization", "Bearer"), ("cookie", &cookie)], several).await;
    check(&layer, &[], Err(RejectionKind::MissingCredential)).await;
}

#[tokio::test]
async fn an_issuer_that_is_bound_to_a_header_makes_the_layer_look_there() {
    use portcullis::{Algorithm, Issuer, JwtLayer, Keys, Verifier};
    let keys = || Keys::from_secret(Algorithm::HS256, crate::support::SECRET).unwrap();
    let iap = || {
        Issuer::new("https://iap.example")
            .audience("payroll")
            .keys(keys())
            .may_assert_nothing()
            .taken_from(Source::header("x-iap").unwrap().ambient())
    };
    let token = crate::support::token(serde_json::json!({"iss": "https://iap.example"}));
    let bearer = format!("Bearer {token}");
    let own = format!("Bearer {}", bob());
    let alone: Layer = JwtLayer::new(Verifier::builder().trust(iap()).build().unwrap());
    check(&alone, &[("x-iap", &token)], Ok("bob")).await;
    // nobody looks at a bearer token then
    check(&alone, &[("authorization", &bearer)], Err(RejectionKind::MissingCredential)).await;

    let idp = Issuer::new("https://idp.example").audience("payroll").keys(keys());
    let both = Verifier::builder().trust_all([iap(), idp.may_assert_nothing()]).build().unwrap();
    let both: Layer = JwtLayer::new(both);
    check(&both, &[("x-iap", &token)], Ok("bob")).await;
    check(&both, &[("authorization", &own)], Ok("bob")).await;
    check(&both, &[("authorization", &bearer)], Err(RejectionKind::UntrustedIssuer)).await;
    check(&both, &[("x-iap", &bob())], Err(RejectionKind::UntrustedIssuer)).await;
    let twice = Err(RejectionKind::MultipleCredentials);
    check(&both, &[("x-iap", &token), ("authorization", &own)], twice).await;
    // the proxy adds it whoever caused the request, also where the layer is told no more than the name
    let told = both.clone().source(Source::header("x-iap").unwrap());
    for layer in [&both, &told] {
        let post = request("POST", "/", &[("x-iap", &token), ("origin", "https://evil.example")]);
        assert_eq!(ask(layer, post).await.kind(), Some(RejectionKind::CrossOrigin));
    }
}
