//! Every defect of the test issuer, with every algorithm, against the verifier: refused, and for the
//! reason that it is made for.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::collections::HashSet;

use portcullis::{Algorithm, Rejection, Verifier, jws};
use portcullis_testing::{Defect, Stage, TestIssuer};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
}

fn verifier(issuer: &TestIssuer) -> Verifier<Claims> {
    Verifier::builder().trust(issuer.trusted()).clock(issuer.clock()).build().unwrap()
}

fn kind<T>(result: Result<T, Rejection>) -> Option<portcullis::RejectionKind> {
    result.err().map(|rejection| rejection.kind())
}

#[test]
fn a_good_token_of_every_algorithm_passes() {
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::new(algorithm);
        let token = issuer.token().subject("bob").mint();
        let verified = verifier(&issuer).verify(&token).unwrap();
        assert_eq!(verified.sub, "bob", "{algorithm}");
        assert!(kind(verifier(&TestIssuer::stranger(algorithm)).verify(&token)).is_some());
    }
}

#[test]
fn every_forgery_is_refused_for_its_own_reason() {
    let mut wrong = Vec::new();
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::new(algorithm);
        let verifier = verifier(&issuer);
        for (defect, forged) in issuer.token().forgeries() {
            let found = kind(verifier.verify(&forged));
            if found.is_none() || defect.expected().is_some_and(|kind| found != Some(kind)) {
                wrong.push(format!("{algorithm}: {defect}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_stage_of_a_defect_is_where_it_is_found() {
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::new(algorithm);
        for (defect, forged) in issuer.token().forgeries() {
            let found = kind(jws::verify(&forged, &issuer.keys()));
            match defect.stage() {
                Stage::Jws => assert!(found.is_some(), "{algorithm}: {defect} passed"),
                // signed as it stands, so that nothing but the rule for the claims refuses it
                Stage::Claims => assert_eq!(found, None, "{algorithm}: {defect}"),
            }
        }
    }
}

#[test]
fn every_defect_can_be_had_with_some_algorithm() {
    let issuers = [Algorithm::HS256, Algorithm::ES256].map(TestIssuer::new);
    let made: HashSet<_> = issuers
        .iter()
        .flat_map(|issuer| issuer.token().forgeries().map(|(defect, _)| defect).collect::<Vec<_>>())
        .collect();
    for defect in Defect::ALL {
        assert!(made.contains(defect), "{defect}");
    }
}
