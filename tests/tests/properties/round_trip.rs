//! What was signed verifies, by every algorithm, and comes out as it went in; one bit more or less does
//! not.

use portcullis::{Algorithm, jws};
use portcullis_testing::TestIssuer;
use proptest::prelude::*;

use crate::config;

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(Algorithm::ALL.to_vec())
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_was_signed_verifies(
        algorithm in algorithm(),
        payload in prop::collection::vec(any::<u8>(), 0..2_000),
        kid in "\\PC{0,40}",
    ) {
        let issuer = TestIssuer::new(algorithm);
        let named = issuer.clone().with_key(issuer.key().clone().with_key_id(&*kid));
        let token = named.token().raw_payload(payload.clone()).mint();
        let verified = jws::verify(&token, &named.keys()).unwrap();
        prop_assert_eq!(verified.payload(), payload);
        prop_assert_eq!(verified.header().key_id(), Some(&*kid));
        prop_assert_eq!(verified.header().algorithm(), algorithm.name());
        prop_assert_eq!(verified.key().thumbprint(), issuer.key().thumbprint());
    }

    #[test]
    fn one_bit_changed_anywhere_does_not(
        algorithm in algorithm(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let issuer = TestIssuer::new(algorithm);
        let mut token = issuer.token().mint().into_bytes();
        let at = at.index(token.len());
        token[at] ^= 1 << bit;
        prop_assert!(jws::verify(&token, &issuer.keys()).is_err());
    }

    #[test]
    fn the_key_of_another_does_not(algorithm in algorithm(), other in algorithm()) {
        let (issuer, stranger) = (TestIssuer::new(algorithm), TestIssuer::stranger(other));
        prop_assert!(jws::verify(stranger.token().mint(), &issuer.keys()).is_err());
        let named = stranger.clone().with_key(stranger.key().clone().with_key_id("test-key"));
        prop_assert!(jws::verify(named.token().mint(), &issuer.keys()).is_err());
    }
}
