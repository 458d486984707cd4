//! A restriction more never turns a refusal into a pass.

use std::time::Duration;

use portcullis::keys::KeySet;
use portcullis::{Algorithm, Cache, Issuer, Keys, Verifier};
use portcullis_testing::{TestIssuer, TestToken};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;

const NOW: i64 = TestIssuer::NOW;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA];

/// Everything that an issuer may be asked for, from nothing on.
#[derive(Clone, Debug)]
struct Settings {
    audiences: Vec<&'static str>,
    algorithms: Vec<Algorithm>,
    keys: Vec<Algorithm>,
    types: Vec<&'static str>,
    untyped: bool,
    leeway: u64,
    max_age: Option<u64>,
    max_lifetime: Option<u64>,
    required: Vec<&'static str>,
    profile: bool,
    without_exp: bool,
    ignore_cnf: bool,
    spellings: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug)]
enum Restriction {
    Audience,
    Algorithm,
    Key,
    Type,
    Untyped,
    Leeway(u64),
    MaxAge(u64),
    MaxLifetime(u64),
    Require(&'static str),
    Profile,
    Exp,
    Cnf,
    Spelling,
}

impl Settings {
    /// The loosest that there are.
    fn loose() -> Self {
        Self {
            audiences: vec!["api", "other", "third"],
            algorithms: ALGORITHMS.to_vec(),
            keys: ALGORITHMS.to_vec(),
            types: vec!["at+jwt", "JWT", "logout+jwt"],
            untyped: true,
            leeway: 300,
            max_age: None,
            max_lifetime: None,
            required: Vec::new(),
            profile: false,
            without_exp: true,
            ignore_cnf: true,
            spellings: vec!["issuer.test", "https://issuer.test/"],
        }
    }

    /// The same with less room. A list keeps its last entry, without which it makes no sense.
    fn restricted(mut self, restriction: Restriction) -> Self {
        fn shorten<T>(list: &mut Vec<T>) {
            if list.len() > 1 {
                list.pop();
            }
        }
        match restriction {
            Restriction::Audience => shorten(&mut self.audiences),
            Restriction::Algorithm => shorten(&mut self.algorithms),
            Restriction::Key => shorten(&mut self.keys),
            Restriction::Type => shorten(&mut self.types),
            Restriction::Untyped => self.untyped = false,
            Restriction::Leeway(secs) => self.leeway = self.leeway.min(secs),
            Restriction::MaxAge(secs) => {
                self.max_age = Some(self.max_age.map_or(secs, |m| m.min(secs)))
            }
            Restriction::MaxLifetime(secs) => {
                self.max_lifetime = Some(self.max_lifetime.map_or(secs, |m| m.min(secs)));
                self.without_exp = false;
            }
            Restriction::Require(name) => self.required.push(name),
            Restriction::Profile => self.profile = true,
            Restriction::Exp => self.without_exp = false,
            Restriction::Cnf => self.ignore_cnf = false,
            Restriction::Spelling => {
                self.spellings.pop();
            }
        }
        self
    }

    fn verifier(&self) -> Verifier<Value> {
        let keys = KeySet::new(self.keys.iter().map(|&algorithm| {
            TestIssuer::new(algorithm)
                .key()
                .clone()
                .with_key_id(algorithm.name())
                .verification_key()
        }));
        // the list of algorithms and the keys always have the first in common
        let mut issuer = Issuer::new("https://issuer.test")
            .keys(Keys::from(keys))
            .algorithms(self.algorithms.clone())
            .leeway(Duration::from_secs(self.leeway))
            .accept_types(self.types.clone());
        issuer = self.audiences.iter().fold(issuer, |issuer, audience| issuer.audience(*audience));
        issuer = self.spellings.iter().fold(issuer, |issuer, name| issuer.also_known_as(*name));
        issuer = self.required.iter().fold(issuer, |issuer, name| issuer.require_claim(*name));
        if self.untyped {
            issuer = issuer.accept_untyped();
        }
        if let Some(secs) = self.max_age {
            issuer = issuer.max_age(Duration::from_secs(secs));
        }
        if let Some(secs) = self.max_lifetime {
            issuer = issuer.max_lifetime(Duration::from_secs(secs));
        }
        if self.profile {
            issuer = issuer.access_token_profile();
        }
        if self.without_exp {
            issuer = issuer.danger_accept_tokens_without_exp();
        }
        if self.ignore_cnf {
            issuer = issuer.danger_ignore_cnf();
        }
        let clock = TestIssuer::new(Algorithm::HS256).clock();
        Verifier::builder().trust(issuer).clock(clock).cache(Cache::off()).build().unwrap()
    }
}

fn restriction() -> impl Strategy<Value = Restriction> {
    let secs = || prop::sample::select(vec![1_u64, 59, 60, 61, 300, 3_600]);
    prop_oneof![
        Just(Restriction::Audience),
        Just(Restriction::Algorithm),
        Just(Restriction::Key),
        Just(Restriction::Type),
        Just(Restriction::Untyped),
        secs().prop_map(Restriction::Leeway),
        secs().prop_map(Restriction::MaxAge),
        secs().prop_map(Restriction::MaxLifetime),
        prop::sample::select(vec!["sub", "jti", "iat", "x", "client_id"])
            .prop_map(Restriction::Require),
        Just(Restriction::Profile),
        Just(Restriction::Exp),
        Just(Restriction::Cnf),
        Just(Restriction::Spelling),
    ]
}

/// Tokens around the borders of all these settings.
fn token() -> impl Strategy<Value = TestToken> {
    let time = || prop::option::weighted(0.4, -400..400_i64);
    let claims = (
        time(),
        time(),
        time(),
        prop::option::weighted(
            0.4,
            prop::sample::select(vec![
                json!("api"),
                json!("third"),
                json!("no"),
                json!(["x", "other"]),
            ]),
        ),
        prop::option::weighted(
            0.3,
            prop::sample::select(vec!["issuer.test", "https://issuer.test/", "x"]),
        ),
    );
    let absent =
        prop::collection::vec(prop::sample::select(vec!["exp", "iat", "sub", "jti", "aud"]), 0..2);
    let header = prop::sample::select(vec![
        None,
        Some("JWT"),
        Some("at+jwt"),
        Some("logout+jwt"),
        Some("x"),
    ]);
    let more = prop::sample::select(vec![None, Some("cnf"), Some("x"), Some("client_id")]);
    let algorithm = prop::sample::select(ALGORITHMS.to_vec());
    (algorithm, claims, absent, header, more).prop_map(|(algorithm, claims, absent, typ, more)| {
        let (exp, nbf, iat, aud, iss) = claims;
        let mut token = TestIssuer::new(algorithm).token().header("kid", algorithm.name());
        for (name, time) in [("exp", exp), ("nbf", nbf), ("iat", iat)] {
            if let Some(time) = time {
                token = token.claim(name, NOW + time);
            }
        }
        if let Some(aud) = aud {
            token = token.claim("aud", aud);
        }
        if let Some(iss) = iss {
            token = token.claim("iss", iss);
        }
        if let Some(name) = more {
            token = token.claim(name, "x");
        }
        token = match typ {
            Some(typ) => token.header("typ", typ),
            None => token.without_header("typ"),
        };
        absent.into_iter().fold(token, |token, name| token.without(name))
    })
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_restriction_more_lets_nothing_more_pass(
        token in token(),
        restrictions in prop::collection::vec(restriction(), 1..10),
    ) {
        let token = token.mint();
        let mut settings = Settings::loose();
        let mut passed = settings.verifier().verify(&token).is_ok();
        for restriction in restrictions {
            settings = settings.restricted(restriction);
            let passes = settings.verifier().verify(&token).is_ok();
            prop_assert!(passed || !passes, "{restriction:?} lets it pass: {settings:?}");
            passed = passes;
        }
    }
}

#[test]
fn the_loosest_settings_let_most_of_it_pass() {
    // so that the property has something to say
    let verifier = Settings::loose().verifier();
    for algorithm in ALGORITHMS {
        let token = TestIssuer::new(algorithm).token().header("kid", algorithm.name());
        for token in [token.clone(), token.clone().without("exp"), token.claim("cnf", "x")] {
            assert!(verifier.verify(token.mint()).is_ok());
        }
    }
}
