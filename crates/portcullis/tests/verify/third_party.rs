//! What issuers of other people need: values of claims, tenants, stand-ins for registered claims, places.

use portcullis::RejectionKind::*;
use portcullis::{
    AccessClaims, Algorithm, ClaimRule, Issuer, Keys, LookAlike, RejectionKind, RuleOutcome,
    Source, TargetKind, Timestamp, Verified, Verifier, roles,
};
use serde_json::{Value, json};

use crate::{At, ISSUER, NOW, SECRET, good, issuer, sign, token, verifier_at, with};

roles! { Admin = "admin"; }

fn keys() -> Keys {
    Keys::from_secret(Algorithm::HS256, SECRET).unwrap()
}

/// The kind of the rejection and its whole text; `None` and nothing if the token is good.
fn told(issuer: Issuer, token: &str) -> (Option<RejectionKind>, String) {
    let verifier = verifier_at(issuer, Timestamp::from_secs(NOW));
    let explanation = verifier.explain(token);
    match verifier.verify(token) {
        Ok(_) => {
            assert!(explanation.is_accepted());
            (None, String::new())
        }
        Err(rejection) => {
            assert!(!explanation.is_accepted());
            let broken = explanation.rules().iter();
            let mut broken = broken.filter(|rule| rule.outcome() == RuleOutcome::Broken);
            let first = broken.find_map(|rule| rule.rejection().map(ToString::to_string));
            assert_eq!(first, Some(rejection.to_string()), "both tell the same");
            (Some(rejection.kind()), rejection.to_string())
        }
    }
}

#[track_caller]
fn check(issuer: Issuer, token: &str, kind: RejectionKind, says: &str) {
    let (found, text) = told(issuer, token);
    assert_eq!(found, Some(kind), "{text}");
    assert!(text.contains(says), "{says}: {text}");
}

#[track_caller]
fn passes(issuer: Issuer, token: &str) {
    assert_eq!(told(issuer, token), (None, String::new()));
}

#[test]
fn a_claim_must_have_one_of_the_values_and_the_log_tells_which_it_knows() {
    let rule = || {
        issuer().check_claim(
            ClaimRule::one_of("token_use", ["access", "m2m"])
                .recognise("id", "this is an ID token"),
        )
    };
    let used = |value: Value| token(&with(&[("token_use", value)]));
    passes(rule(), &used(json!("access")));
    passes(rule(), &used(json!("m2m")));
    check(rule(), &used(json!("id")), WrongClaim, "found \"id\" (this is an ID token)");
    // one that the rule does not know may be private
    check(rule(), &used(json!("hunter2")), WrongClaim, "found another text");
    assert!(!told(rule(), &used(json!("hunter2"))).1.contains("hunter2"));
    for odd in [json!(["access"]), json!({"access": 1}), json!(1), json!(true), json!("Access")] {
        assert_eq!(told(rule(), &used(odd)).0, Some(WrongClaim));
    }
    check(rule(), &used(json!(null)), MissingClaim, "`token_use`");
    check(
        rule(),
        &token(&good()),
        MissingClaim,
        "expected `token_use` to be \"access\" or \"m2m\"",
    );

    let shown = issuer().check_claim(ClaimRule::one_of("hd", ["a.example"]).shown());
    check(shown, &token(&with(&[("hd", json!("b.example"))])), WrongClaim, "\"b.example\"");
    let yes = issuer().check_claim(ClaimRule::one_of("email_verified", [true]));
    passes(yes.clone(), &token(&with(&[("email_verified", json!(true))])));
    for no in [json!(false), json!("true"), json!(1)] {
        assert_eq!(told(yes.clone(), &token(&with(&[("email_verified", no)]))).0, Some(WrongClaim));
    }
    let seven = issuer().check_claim(ClaimRule::one_of("n", [7]));
    passes(seven.clone(), &token(&with(&[("n", json!(7))])));
    check(seven, &token(&with(&[("n", json!("7"))])), WrongClaim, "another text");
}

#[test]
fn a_claim_may_be_deep_or_be_forbidden_a_value() {
    let path = ["kubernetes.io", "serviceaccount", "name"];
    let deep = || issuer().check_claim(ClaimRule::one_of(path, ["payroll"]));
    let of = |value: Value| token(&with(&[("kubernetes.io", value)]));
    passes(deep(), &of(json!({"serviceaccount": {"name": "payroll"}})));
    let other = of(json!({"serviceaccount": {"name": "billing"}}));
    check(deep(), &other, WrongClaim, "`kubernetes.io.serviceaccount.name`");
    for without in [json!({}), json!("payroll"), json!(null), json!({"serviceaccount": "payroll"})]
    {
        assert_eq!(told(deep(), &of(without)).0, Some(MissingClaim));
    }
    // of two rules about one member each is judged by itself
    let two = || deep().check_claim(ClaimRule::one_of(["kubernetes.io", "namespace"], ["prod"]));
    let (ns, sa) = (json!("prod"), json!({"name": "payroll"}));
    passes(two(), &of(json!({"namespace": ns, "serviceaccount": sa})));
    assert_eq!(told(two(), &of(json!({"serviceaccount": sa}))).0, Some(MissingClaim));
    let wrong = of(json!({"namespace": "test", "serviceaccount": sa}));
    assert_eq!(told(two(), &wrong).0, Some(WrongClaim));

    let not = || issuer().check_claim(ClaimRule::none_of("sts", ["pending"]));
    passes(not(), &token(&good()));
    passes(not(), &token(&with(&[("sts", json!("active"))])));
    passes(not(), &token(&with(&[("sts", json!(null))])));
    check(not(), &token(&with(&[("sts", json!("pending"))])), WrongClaim, "found \"pending\"");

    let there = || {
        issuer().check_claim(ClaimRule::present("azp").hint_if_missing("this may be an ID token"))
    };
    passes(there(), &token(&with(&[("azp", json!("app"))])));
    check(there(), &token(&good()), MissingClaim, "this may be an ID token");
}

#[test]
fn another_claim_may_stand_in_for_the_audience_and_an_audience_counts_all_the_same() {
    let stands_in = || Issuer::new(ISSUER).keys(keys()).audience_claim("client_id", ["app", "web"]);
    let without_aud =
        |client: &str| token(&with(&[("-aud", json!(0)), ("client_id", json!(client))]));
    passes(stands_in(), &without_aud("app"));
    passes(stands_in(), &without_aud("web"));
    check(stands_in(), &without_aud("evil"), WrongAudience, "found \"evil\"");
    check(stands_in(), &token(&with(&[("-aud", json!(0))])), MissingClaim, "`client_id`");
    // RFC 7519 §4.1.3: an `aud` that is there and not us
    let both = token(&with(&[("client_id", json!("app"))]));
    check(stands_in(), &both, WrongAudience, "found \"payroll\"");
    passes(stands_in().audience("payroll"), &both);
    passes(stands_in().audience("payroll"), &without_aud("app"));
    let other = token(&with(&[("client_id", json!("evil"))]));
    check(stands_in().audience("payroll"), &other, WrongAudience, "\"evil\"");
}

#[test]
fn the_tenant_of_the_name_is_that_of_the_claim_and_is_listed() {
    let of = |list: &[&str]| {
        Issuer::per_tenant("https://login.example/{tid}/v2.0")
            .tenants(list)
            .audience("payroll")
            .keys(keys())
    };
    let minted = |iss: &str, tid: Value| token(&with(&[("iss", json!(iss)), ("tid", tid)]));
    let (a, b) = ("https://login.example/aa-1/v2.0", "https://login.example/bb-2/v2.0");
    for listed in [of(&["aa-1", "bb-2"]), of(&[]).danger_accept_any_tenant()] {
        passes(listed.clone(), &minted(a, json!("aa-1")));
        passes(listed.clone(), &minted(b, json!("bb-2")));
        // the claim and the name are of two tenants
        check(listed.clone(), &minted(a, json!("bb-2")), WrongClaim, "`tid`");
        check(listed.clone(), &minted(a, json!(1)), InvalidClaim, "`tid`");
        let none = token(&with(&[("iss", json!(a))]));
        check(listed.clone(), &none, MissingClaim, "`tid`");
        // another spelling of a tenant would be an identity that no revocation knows
        let upper = minted("https://login.example/AA-1/v2.0", json!("AA-1"));
        assert_eq!(told(listed, &upper).0, Some(UntrustedIssuer));
    }
    check(of(&["aa-1"]), &minted(b, json!("bb-2")), UntrustedIssuer, "another tenant, \"bb-2\"");
    let template = "https://login.example/{tid}/v2.0";
    assert_eq!(told(of(&["aa-1"]), &minted(template, json!("{tid}"))).0, Some(UntrustedIssuer));
}

#[test]
fn a_tenant_is_an_issuer_of_its_own_to_revocation() {
    let issuer = Issuer::per_tenant("https://login.example/{tid}").tenants(["a", "b"]);
    let verifier = verifier_at(issuer.audience("payroll").keys(keys()), Timestamp::from_secs(NOW));
    let verified = |tenant: &str| {
        let iss = format!("https://login.example/{tenant}");
        let token = token(&with(&[("iss", json!(iss)), ("tid", json!(tenant))]));
        verifier.verify(token).unwrap().without_revocation()
    };
    let (a, b) = (verified("a"), verified("b"));
    assert_eq!(Verified::issuer(&a), "https://login.example/a");
    let target = |v: &Verified<Value>| format!("{:?}", Verified::target(v, TargetKind::Subject));
    assert_ne!(target(&a), target(&b), "bob of one tenant is not bob of the other");
}

#[test]
fn two_spellings_are_one_issuer_to_revocation() {
    let verifier =
        verifier_at(issuer().also_known_as("idp.example.com"), Timestamp::from_secs(NOW));
    let bare = verifier.verify(token(&with(&[("iss", json!("idp.example.com"))]))).unwrap();
    assert_eq!(Verified::issuer(&bare.without_revocation()), ISSUER);
}

#[test]
fn a_claim_with_a_meaning_of_its_own_is_no_name_for_another() {
    let refused = |issuer: Issuer| {
        let built = Verifier::builder().trust(issuer).build::<AccessClaims>();
        built.err().map(|error| error.to_string())
    };
    // as the client's name these would put their own check out
    for name in ["cnf", "events", "nonce", "iss", "sub", "jti", "sid"] {
        let error = refused(issuer().client_claim(name)).unwrap();
        assert!(error.contains("client_claim"), "{error}");
    }
    for name in ["iss", "sub", "aud", "exp", "client_id", "azp", "cnf"] {
        assert!(
            refused(issuer().token_id_claim(name)).unwrap().contains("token_id_claim"),
            "{name}"
        );
        assert!(refused(issuer().session_claim(name)).unwrap().contains("session_claim"), "{name}");
        assert!(refused(issuer().generation_claim(name)).unwrap().contains("generation"), "{name}");
    }
    assert_eq!(refused(issuer().token_id_claim("jti").session_claim("sid")), None);
    assert_eq!(refused(issuer().client_claim("azp")), None);
    assert_eq!(refused(issuer().client_claim("client_id")), None);
}

#[test]
fn ids_sessions_and_clients_are_where_the_settings_say() {
    let issuer = issuer().token_id_claim("uti").session_claim("origin_jti").client_claim("appid");
    let verifier = Verifier::builder().trust(issuer).clock(At(Timestamp::from_secs(NOW)));
    let verifier = verifier.build::<AccessClaims>().unwrap();
    let ids = [
        ("uti", json!("u")),
        ("origin_jti", json!("o")),
        ("sid", json!("s")),
        ("appid", json!("app")),
        ("azp", json!("other")),
    ];
    let v = verifier.verify(token(&with(&ids))).unwrap().without_revocation();
    assert_eq!(Verified::token_id(&v), Some("u"));
    assert_eq!(Verified::session(&v), Some("o"));
    assert_eq!(Verified::client(&v), Some("app"));
    assert_eq!(v.client(), Some("app"));
    // what has the usual names only has none of them
    let usual = verifier.verify(token(&with(&[("azp", json!("other")), ("sid", json!("s"))])));
    let usual = usual.unwrap().without_revocation();
    assert_eq!((Verified::client(&usual), usual.client()), (None, None));
    assert_eq!((Verified::session(&usual), Verified::token_id(&usual)), (None, None));
    assert!(Verified::target(&usual, TargetKind::Fingerprint).is_some());
    for name in ["uti", "origin_jti", "appid"] {
        let wrong = verifier.verify(token(&with(&[(name, json!(5))]))).unwrap_err();
        assert_eq!(wrong.kind(), InvalidClaim, "{name}");
    }
}

#[test]
fn look_alikes_are_told_by_issuer_audience_and_type() {
    let known = || {
        issuer()
            .look_alike(LookAlike::issuer("https://sts.example/*", "this is a v1 token"))
            .look_alike(LookAlike::audience("account", "this is for the issuer's own pages"))
            .look_alike(LookAlike::typ("internal-at+jwt", "this is opaque to you"))
    };
    let v1 = token(&with(&[("iss", json!("https://sts.example/t/"))]));
    check(known(), &v1, UntrustedIssuer, "this is a v1 token");
    check(known(), &token(&with(&[("aud", json!(["x", "account"]))])), WrongAudience, "own pages");
    let typed = sign(br#"{"alg":"HS256","typ":"application/Internal-at+JWT"}"#, b"{}");
    check(known(), &typed, WrongType, "this is opaque to you");
    // among several the same, where no key was looked at
    let verifier = Verifier::builder()
        .trust(known().may_assert_nothing())
        .trust(Issuer::new("https://b").audience("b").keys(keys()).may_assert_nothing())
        .build::<Value>()
        .unwrap();
    let refused = verifier.verify(&v1).unwrap_err();
    assert_eq!(refused.kind(), UntrustedIssuer);
    assert!(refused.to_string().contains("this is a v1 token"), "{refused}");
}

#[test]
fn what_the_subject_writes_himself_grants_nothing_and_is_told() {
    let settings = || issuer().self_asserted("user_metadata").roles_from(["app_metadata", "roles"]);
    let verifier = Verifier::builder().trust(settings()).clock(At(Timestamp::from_secs(NOW)));
    let verifier = verifier.build::<AccessClaims>().unwrap();
    let of = |name: &str| token(&with(&[(name, json!({"roles": ["admin"]}))]));
    let verified = |name: &str| verifier.verify(of(name)).unwrap().without_revocation();
    assert!(Verified::require::<Admin>(&verified("app_metadata")).is_ok());
    let refused = Verified::require::<Admin>(&verified("user_metadata")).unwrap_err();
    assert_eq!(refused.kind(), InsufficientScope);
    assert!(refused.to_string().contains("its subject can write himself"), "{refused}");
    let plain = Verified::require::<Admin>(&verified("else")).unwrap_err();
    assert!(!plain.to_string().contains("himself"), "{plain}");
    let wrong = settings().roles_from(["user_metadata", "roles"]);
    let error = Verifier::builder().trust(wrong).build::<Value>().unwrap_err().to_string();
    assert!(error.contains("the subject can write"), "{error}");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let fails = |issuer: Issuer, says: &str| {
        let error = Verifier::builder().trust(issuer).build::<Value>().unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    };
    let many = |n: i64| (0..n).fold(issuer(), |i, n| i.check_claim(ClaimRule::one_of("n", [n])));
    fails(many(65), "check_claim");
    assert!(Verifier::builder().trust(many(64)).build::<Value>().is_ok());
    fails(issuer().check_claim(ClaimRule::one_of("n", Vec::<i64>::new())), "check_claim");
    fails(issuer().check_claim(ClaimRule::none_of("n", Vec::<i64>::new())), "check_claim");
    fails(issuer().check_claim(ClaimRule::one_of("hd", [""])), "check_claim");
    fails(issuer().check_claim(ClaimRule::present("")), "check_claim");
    fails(issuer().check_header(ClaimRule::one_of("signer", [""])), "check_claim");
    fails(Issuer::new("i").keys(keys()).audience_claim("azp", Vec::<String>::new()), "check_claim");
    fails(issuer().tenants(["a"]), "Issuer::per_tenant");
    fails(issuer().danger_accept_any_tenant(), "Issuer::per_tenant");
    let template = Issuer::per_tenant("https://a/{tid}").audience("a").keys(keys());
    fails(template, "Issuer::tenants");
    fails(issuer().padded_base64(), "Issuer::taken_from");
    let bound = |padded: bool, name: &str| {
        let issuer = Issuer::new(name).audience("a").keys(keys()).may_assert_nothing();
        let issuer = issuer.taken_from(Source::header("x-proxy").unwrap());
        if padded { issuer.padded_base64() } else { issuer }
    };
    let mixed = Verifier::builder().trust_all([bound(true, "a"), bound(false, "b")]);
    let error = mixed.build::<Value>().unwrap_err().to_string();
    assert!(error.contains("padded_base64"), "{error}");
}
