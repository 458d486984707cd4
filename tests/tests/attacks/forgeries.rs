//! Every defect that the test issuer can make, over real HTTP in every carrier.

use portcullis::{Algorithm, jws};
use portcullis_testing::{Defect, Stage, TestIssuer};

use crate::support::{World, row};

fn every_forgery_is_refused(algorithm: Algorithm) {
    let issuer = TestIssuer::new(algorithm);
    let world = World::new(&issuer);
    for (defect, forged) in issuer.token().forgeries() {
        // where more than one reason would be right, the library's is the one
        let kind =
            defect.expected().unwrap_or_else(|| world.verifier.verify(&forged).unwrap_err().kind());
        world.refuses([row(defect.to_string(), forged, kind)]);
    }
}

#[test]
fn every_forgery_of_an_hmac_token_is_refused() {
    every_forgery_is_refused(Algorithm::HS256);
}

#[test]
fn every_forgery_of_an_rsa_token_is_refused() {
    every_forgery_is_refused(Algorithm::RS256);
}

#[test]
fn every_forgery_of_a_pss_token_is_refused() {
    every_forgery_is_refused(Algorithm::PS384);
}

#[test]
fn every_forgery_of_an_ecdsa_token_is_refused() {
    every_forgery_is_refused(Algorithm::ES256);
    every_forgery_is_refused(Algorithm::ES512);
}

#[test]
fn every_forgery_of_an_eddsa_token_is_refused() {
    every_forgery_is_refused(Algorithm::EdDSA);
}

#[test]
fn the_forgeries_that_are_no_jws_are_refused_before_any_claim_is_read() {
    for algorithm in [Algorithm::HS256, Algorithm::ES256] {
        let issuer = TestIssuer::new(algorithm);
        for (defect, forged) in issuer.token().forgeries() {
            let refused = jws::verify(&forged, &issuer.keys()).is_err();
            assert_eq!(refused, defect.stage() == Stage::Jws, "{defect}");
        }
    }
    assert!(Defect::ALL.len() >= 79, "{}", Defect::ALL.len());
}
