//! `bare`, `ours/cold/…`, `ours/uncached/…` and `ours/hot/…`: the whole layer over a service that does
//! nothing, less that service alone.

use std::convert::Infallible;
use std::future::Ready;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use portcullis::{
    AccessClaims, Algorithm, Cache, Denylist, IatCutoff, Issuer, JwtLayer, JwtService, Revocation,
    Verifier,
};
use portcullis_issuer::SigningKey;
use serde::de::DeserializeOwned;
use tower::{Layer, Service};

use crate::case::{Case, Contestant};
use crate::drive::{Driven, noop};
use crate::world::{ALGORITHMS, Claims, Payload, TwelveClaims, World};

type Noop = fn(Request<()>) -> Ready<Result<Response<Empty<Bytes>>, Infallible>>;
pub(super) type End = tower::util::ServiceFn<Noop>;

/// How many tokens there are that were never seen before. They fit into the processor's cache.
pub(super) const NEW: usize = 512;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new("bare", |world| bare(world, 1))];
    cases.push(Case::new("bare/1000", |world| bare(world, 1000)));
    for algorithm in ALGORITHMS {
        cases.push(
            Case::new(format!("ours/cold/{algorithm}"), move |world| {
                cold::<Claims>(world, algorithm, Payload::Eight, &[])
            })
            .minus("bare/1000")
            .limit(format!("limit/{algorithm}")),
        );
    }
    cases.push(
        Case::new("ours/cold/HS256/issuers", |world| {
            let others = &["https://a.example/", "https://b.example/"];
            cold::<Claims>(world, Algorithm::HS256, Payload::Eight, others)
        })
        .minus("bare/1000")
        .limit("limit/HS256"),
    );
    cases.push(
        Case::new("ours/cold/HS256/access", |world| {
            cold::<AccessClaims>(world, Algorithm::HS256, Payload::Eight, &[])
        })
        .minus("bare/1000")
        .limit("limit/HS256"),
    );
    cases.push(
        Case::new("ours/cold/HS256/twelve", |world| {
            cold::<TwelveClaims>(world, Algorithm::HS256, Payload::Twelve, &[])
        })
        .minus("bare/1000")
        .limit("limit/HS256"),
    );
    for algorithm in ALGORITHMS {
        cases.push(
            Case::new(format!("ours/uncached/{algorithm}"), move |world| {
                let verifier = verifier::<Claims>(world, algorithm, &[], Cache::off())?;
                let service = JwtLayer::new(verifier).layer(end());
                Ok(Hot(Driven::new(service, &world.signer(algorithm)?.tokens(1)?)))
            })
            .minus("bare")
            .limit(format!("limit/{algorithm}")),
        );
    }
    for algorithm in [Algorithm::RS256, Algorithm::HS256] {
        for tokens in [1, 1000] {
            cases.push(
                Case::new(format!("ours/hot/{algorithm}/{tokens}"), move |world| {
                    hot(world, algorithm, tokens)
                })
                .minus(if tokens == 1 { "bare" } else { "bare/1000" })
                .limit(format!("limit/{algorithm}")),
            );
        }
    }
    cases
}

/// The service that does nothing.
pub(super) fn end() -> End {
    tower::service_fn(noop::<Empty<Bytes>>)
}

/// A verifier of this signer's tokens, that may trust others as well.
pub(super) fn verifier<C: DeserializeOwned + Send + Sync + 'static>(
    world: &World,
    algorithm: Algorithm,
    others: &[&str],
    cache: Cache,
) -> Result<Verifier<C>> {
    let trusted = world.signer(algorithm)?.trusted().may_assert_anything();
    let mut builder = Verifier::builder().cache(cache).trust(trusted);
    for other in others {
        let key = SigningKey::generate(Algorithm::EdDSA)?.verification_key();
        let issuer = Issuer::new(*other).audience("somebody").may_assert_nothing();
        builder = builder.trust(issuer.keys(portcullis::Keys::new([key])?));
    }
    Ok(builder.build()?)
}

/// The rules of the hot cases: a cutoff and a denylist over a million revocations.
pub(super) fn rules(world: &World) -> impl Revocation + use<> {
    let store = world.denied();
    IatCutoff::new(store.clone()).and(Denylist::new(store))
}

/// Requests whose tokens were seen before.
struct Hot<S>(Driven<S>);

impl<S, B> Contestant for Hot<S>
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    fn prepare(&mut self) {
        self.0.touch();
    }

    fn run(&mut self, operations: usize) {
        self.0.run(operations);
    }
}

fn bare(world: &World, tokens: usize) -> Result<impl Contestant + use<>> {
    Ok(Hot(Driven::new(end(), &world.signer(Algorithm::RS256)?.tokens(tokens)?)))
}

fn hot(world: &World, algorithm: Algorithm, tokens: usize) -> Result<impl Contestant + use<>> {
    let verifier = verifier::<Claims>(world, algorithm, &[], Cache::default())?;
    let service = JwtLayer::new(verifier).with_revocation(rules(world)).layer(end());
    let mut driven = Driven::new(service, &world.signer(algorithm)?.tokens(tokens)?);
    // a token comes in when it is seen for the second time
    driven.run(4 * tokens);
    Ok(Hot(driven))
}

/// Requests whose tokens were never seen before: each pass over them begins with a verifier that is new.
struct Cold<C: 'static> {
    make: Box<dyn Fn() -> Verifier<C>>,
    strangers: Driven<JwtService<End, C>>,
    driven: Driven<JwtService<End, C>>,
}

fn cold<C: DeserializeOwned + Send + Sync + 'static>(
    world: &World,
    algorithm: Algorithm,
    payload: Payload,
    others: &'static [&'static str],
) -> Result<Cold<C>> {
    let signer = world.signer(algorithm)?;
    let others: Vec<_> = others
        .iter()
        .map(|other| Ok((*other, SigningKey::generate(Algorithm::EdDSA)?.verification_key())))
        .collect::<Result<_>>()?;
    let make = move || {
        let mut builder = Verifier::builder().trust(signer.trusted().may_assert_anything());
        for (other, key) in &others {
            let keys = portcullis::Keys::new([key.clone()]).expect("there is a key");
            let issuer = Issuer::new(*other).audience("somebody").may_assert_nothing();
            builder = builder.trust(issuer.keys(keys));
        }
        builder.build::<C>().expect("a verifier")
    };
    let tokens = world.signer(algorithm)?.tokens_of(payload, NEW + 16)?;
    let service = || JwtLayer::new(make()).layer(end());
    let strangers = Driven::new(service(), &tokens[NEW..]);
    let driven = Driven::new(service(), &tokens[..NEW]);
    Ok(Cold { make: Box::new(make), strangers, driven })
}

impl<C: DeserializeOwned + Send + Sync + 'static> Contestant for Cold<C> {
    fn most(&self) -> usize {
        NEW
    }

    fn prepare(&mut self) {
        let layer = JwtLayer::new((self.make)());
        // other tokens, so that what a verifier does once is done
        self.strangers.restart(layer.layer(end()));
        self.strangers.run(16);
        self.driven.restart(layer.layer(end()));
        self.driven.touch();
    }

    fn run(&mut self, operations: usize) {
        self.driven.run(operations);
    }
}
