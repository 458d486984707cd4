//! What makes no sense fails at `build()` and names the setting.

use std::time::Duration;

use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, Issuer, Keys, RejectionKind, Timestamp, Verifier};
use serde_json::{Value, json};

use crate::{At, ISSUER, NOW, SECRET, good, issuer};

fn keys() -> Keys {
    Keys::from_secret(Algorithm::HS256, SECRET).unwrap()
}

fn check(issuers: impl IntoIterator<Item = Issuer>, says: &str) {
    let builder = issuers.into_iter().fold(Verifier::builder(), |b, issuer| b.trust(issuer));
    match builder.build::<Value>() {
        Ok(_) => assert_eq!(says, ""),
        Err(error) => {
            let error = error.to_string();
            assert!(!says.is_empty() && error.contains(says), "{says}: {error}");
        }
    }
}

#[test]
fn each_setting_that_makes_no_sense_is_named() {
    check([], "VerifierBuilder::trust");
    check([Issuer::new("").audience("a").keys(keys())], "name");
    check([Issuer::new("a b").audience("a").keys(keys())], "name");
    check([issuer().also_known_as("a\n")], "name");
    check([Issuer::new("i").audience("a")], "Issuer::keys");
    check([Issuer::new("i").keys(keys())], "Issuer::audience");
    check([Issuer::new("i").keys(keys()).audience("")], "audience");
    check([issuer().algorithms([])], "algorithms");
    check([issuer().algorithms([Algorithm::RS256])], "algorithms");
    check([issuer().algorithms([Algorithm::HS512, Algorithm::RS256])], "algorithms");
    check([issuer().algorithms([Algorithm::HS256])], "");
    check([issuer().accept_types(Vec::<String>::new())], "accept_types");
    check([issuer().accept_types(Vec::<String>::new()).accept_untyped()], "");
    check([issuer().accept_types([""])], "accept_types");
    check([issuer().leeway(Duration::from_secs(300))], "");
    check([issuer().leeway(Duration::from_millis(300_001))], "leeway");
    check([issuer().max_age(Duration::ZERO)], "max_age");
    check([issuer().max_lifetime(Duration::ZERO)], "max_lifetime");
    let endless = issuer().max_lifetime(Duration::from_secs(1)).danger_accept_tokens_without_exp();
    check([endless], "max_lifetime");
    check([(0..65).fold(issuer(), |i, n| i.require_claim(format!("c{n}")))], "require_claim");
    check([(0..64).fold(issuer(), |i, n| i.require_claim(format!("c{n}")))], "");
    check([issuer().roles_from("")], "roles_from");
    check([issuer().scopes_from(Vec::<String>::new())], "scopes_from");
    check([issuer(), issuer()], "may_assert");
    let twice = [issuer().may_assert_nothing(), issuer().may_assert_anything()];
    check(twice, "twice");
    let other = Issuer::new("https://two").audience("a").keys(keys());
    check([issuer(), other.clone()], "may_assert_roles");
    check([issuer().may_assert_anything(), other.clone()], "https://two");
    check([issuer().may_assert_anything(), other.clone().may_assert_scopes(["x"])], "");
    let alias = other.may_assert_nothing().also_known_as(ISSUER);
    check([issuer().may_assert_anything(), alias], "twice");
}

#[test]
fn a_shared_secret_takes_one_line() {
    let verifier = Verifier::from_secret::<Value>(ISSUER, "payroll", SECRET).unwrap();
    let fresh = json!({"iss": ISSUER, "aud": "payroll", "exp": 99_999_999_999_i64});
    assert!(verifier.verify(crate::token(&fresh)).is_ok());
    assert!(Verifier::from_secret::<Value>(ISSUER, "payroll", "short").is_err());
}

#[test]
fn an_issuer_that_names_algorithms_gets_its_open_keys_bound_to_them() {
    let rows: Vec<Value> = include_str!("../keys/good.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let rsa = rows.iter().find(|row| row["name"] == "rsa2048").unwrap();
    // jwcrypto signed `{"paid":true}`: its signature is good, so what is refused then are the claims
    let kind = |keys: &Keys, algorithms: Option<&[Algorithm]>, alg: &str| {
        let issuer = Issuer::new(ISSUER).audience("a").keys(keys.clone());
        let issuer = match algorithms {
            Some(algorithms) => issuer.algorithms(algorithms.iter().copied()),
            None => issuer,
        };
        let verifier: Verifier<Value> = Verifier::builder().trust(issuer).build().unwrap();
        verifier.verify(rsa["jws"][alg].as_str().unwrap()).unwrap_err().kind()
    };
    let (signed, refused) = (RejectionKind::MissingClaim, RejectionKind::AlgorithmNotAllowed);
    let open = Keys::from_pem(rsa["pem"].as_str().unwrap()).unwrap();
    assert_eq!(kind(&open, None, "RS256"), signed);
    assert_eq!(kind(&open, None, "PS256"), refused);
    let both = [Algorithm::PS256, Algorithm::RS512];
    assert_eq!(kind(&open, Some(&both), "PS256"), signed);
    assert_eq!(kind(&open, Some(&both), "RS512"), signed);
    assert_eq!(kind(&open, Some(&both), "RS256"), refused);
    // a key that names its algorithm is for that one
    let key = VerificationKey::from_pem(rsa["pem"].as_str().unwrap()).unwrap();
    let bound: Keys = key.with_algorithm(Algorithm::RS256).unwrap().into();
    assert_eq!(kind(&bound, Some(&[Algorithm::RS256, Algorithm::PS256]), "PS256"), refused);
    let jwk = rsa["jwk"].to_string();
    let wanted: Keys = VerificationKey::from_jwk_for(Algorithm::RS256, jwk).unwrap().into();
    assert_eq!(kind(&wanted, Some(&[Algorithm::RS256, Algorithm::PS256]), "PS256"), refused);
    // and serves nobody where the issuer names other algorithms
    let secret = VerificationKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let key = VerificationKey::from_pem(rsa["pem"].as_str().unwrap()).unwrap();
    let both: Keys = KeySet::new([key.with_algorithm(Algorithm::RS256).unwrap(), secret]).into();
    assert_eq!(kind(&both, None, "RS256"), signed);
    assert_eq!(kind(&both, Some(&[Algorithm::HS256]), "RS256"), refused);
}

#[test]
fn a_verifier_follows_the_keys_that_are_replaced() {
    for algorithms in [None, Some(Algorithm::HS256)] {
        let keys = keys();
        let mut issuer = Issuer::new(ISSUER).audience("payroll").keys(keys.clone());
        if let Some(algorithm) = algorithms {
            issuer = issuer.algorithms([algorithm]);
        }
        let verifier: Verifier<Value> =
            Verifier::builder().trust(issuer).clock(At(Timestamp::from_secs(NOW))).build().unwrap();
        let token = crate::token(&good());
        assert!(verifier.verify(&token).is_ok());
        keys.replace(KeySet::default());
        let withdrawn = verifier.verify(&token).unwrap_err().kind();
        assert_eq!(withdrawn, RejectionKind::UnknownKey);
        keys.replace(KeySet::new(
            [VerificationKey::from_secret(Algorithm::HS256, SECRET).unwrap()],
        ));
        assert!(verifier.verify(&token).is_ok());
    }
}
