//! Attacks by what a token says, signed by an issuer that is trusted.

use std::time::Duration;

use portcullis::RejectionKind::{
    self, BoundToken, Expired, InvalidClaim, IssuedInFuture, LifetimeTooLong, MissingClaim,
    NotYetValid, TooOld, UntrustedIssuer, WrongAudience, WrongType,
};
use portcullis::{Algorithm, Timestamp};
use portcullis_testing::{TestClock, TestIssuer};
use serde_json::{Value, json};

use crate::support::{World, row};

const NOW: i64 = TestIssuer::NOW;

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

/// Tokens with this claim are refused for these reasons.
fn refuses(world: &World, name: &str, values: impl IntoIterator<Item = (Value, RejectionKind)>) {
    for (value, kind) in values {
        let token = issuer().token().claim(name, &value).mint();
        world.refuses([row(format!("`{name}` {value}"), token, kind)]);
    }
}

fn accepts(world: &World, name: &str, values: impl IntoIterator<Item = Value>) {
    for value in values {
        world.accepts(&issuer().token().claim(name, &value).mint());
    }
}

#[test]
fn bends_the_times() {
    let world = World::new(&issuer());
    let never =
        [json!("1800000000"), json!(null), json!(true), json!([NOW]), json!({"$gt": 0}), json!("")];
    for name in ["exp", "nbf", "iat"] {
        refuses(&world, name, never.clone().map(|value| (value, InvalidClaim)));
        refuses(
            &world,
            name,
            [json!(1e300), json!(-1e300), json!(u64::MAX)].map(|v| (v, InvalidClaim)),
        );
    }
    refuses(
        &world,
        "exp",
        [json!(0), json!(-1), json!(i64::MIN), json!(NOW - 60), json!(NOW as f64 - 60.000_001)]
            .map(|value| (value, Expired)),
    );
    let later = [json!(NOW + 61), json!(i64::MAX), json!(NOW as f64 + 60.001), json!(4e9)];
    refuses(&world, "nbf", later.clone().map(|value| (value, NotYetValid)));
    refuses(&world, "iat", later.map(|value| (value, IssuedInFuture)));
    world.refuses([row("no `exp`", issuer().token().without("exp").mint(), MissingClaim)]);
    // what is right at the limits
    accepts(&world, "exp", [json!(NOW - 59), json!(i64::MAX), json!(NOW as f64 + 0.5)]);
    accepts(&world, "nbf", [json!(NOW + 60), json!(-1), json!(i64::MIN), json!(0.5)]);
}

#[test]
fn lives_for_ever() {
    let bounded = || {
        let hour = Duration::from_secs(3_600);
        issuer().trusted().max_age(hour).max_lifetime(hour)
    };
    let world = World::of([bounded()], issuer().clock());
    world.accepts(&issuer().token().mint());
    refuses(
        &world,
        "exp",
        [json!(NOW + 3_601), json!(i64::MAX), json!(4e15)].map(|value| (value, LifetimeTooLong)),
    );
    let old = |iat: i64| issuer().token().claim("iat", iat).claim("exp", NOW + 60).mint();
    world.refuses([
        row("issued long ago", old(NOW - 3_661), TooOld),
        row("issued before 1970", old(-1), TooOld),
        row("issued at the beginning of time", old(i64::MIN), TooOld),
        row(
            "does not say when it was issued",
            issuer().token().without("iat").mint(),
            MissingClaim,
        ),
    ]);
}

#[test]
fn waits_for_a_clock_that_is_wrong() {
    // the clock of a machine whose battery is empty, and those at the ends of time
    for now in [-1_000, 0, i64::MIN, i64::MAX] {
        let issuer = issuer().with_clock(TestClock::new(Timestamp::from_secs(now)));
        let world = World::of([issuer.trusted()], issuer.clock());
        for time in [i64::MIN, -2_000, 0, NOW, i64::MAX] {
            let token =
                issuer.token().claim("exp", time).claim("iat", time).claim("nbf", time).mint();
            if let Err(refused) = world.verifier.verify(&token) {
                world.refuses([row(format!("all times {time} at {now}"), token, refused.kind())]);
            }
        }
    }
    let issuer = issuer().with_clock(TestClock::at(-1_000));
    let world = World::of([issuer.trusted()], issuer.clock());
    world.accepts(&issuer.token().mint());
    let token = issuer.token().claim("exp", -2_000).mint();
    world.refuses([row("expired before 1970", token, Expired)]);
}

#[test]
fn takes_the_name_of_the_issuer() {
    let world = World::new(&issuer());
    let name = issuer().name().to_owned();
    let look_alikes = [
        format!("{name}/"),
        format!("{name}."),
        format!("{name}.stranger.test"),
        name[..name.len() - 1].to_owned(),
        name.to_uppercase(),
        name.replace("https", "http"),
        name.replace("https://", ""),
        format!("{name}@stranger.test"),
        format!("{name}#"),
        format!("{name}?"),
        format!(" {name}"),
        format!("{name}\0"),
        format!("{name}\n"),
        name.replace('i', "\u{456}"),
        String::new(),
    ];
    refuses(&world, "iss", look_alikes.map(|value| (json!(value), UntrustedIssuer)));
    let odd = [json!([name]), json!({"iss": name}), json!(null), json!(1), json!(true)];
    refuses(&world, "iss", odd.map(|value| (value, InvalidClaim)));
    world.refuses([row("no `iss`", issuer().token().without("iss").mint(), MissingClaim)]);
}

#[test]
fn is_for_somebody_else() {
    let world = World::new(&issuer());
    let others = [
        json!("other"),
        json!("api2"),
        json!("ap"),
        json!("API"),
        json!("api/"),
        json!(" api"),
        json!("api other"),
        json!("api\0"),
        json!(""),
        json!("*"),
        json!([]),
        json!(["other", "API"]),
        json!(["api other"]),
    ];
    refuses(&world, "aud", others.map(|value| (value, WrongAudience)));
    let odd = [
        json!({"api": true}),
        json!(null),
        json!(1),
        json!(["api", 1]),
        json!([["api"]]),
        json!([null]),
    ];
    refuses(&world, "aud", odd.map(|value| (value, InvalidClaim)));
    world.refuses([row("no `aud`", issuer().token().without("aud").mint(), MissingClaim)]);
    accepts(&world, "aud", [json!("api"), json!(["api"]), json!(["other", "api"])]);
}

#[test]
fn gives_a_claim_another_type() {
    let world = World::new(&issuer());
    for name in ["sub", "jti", "sid", "client_id", "azp"] {
        let odd = [json!(1), json!(null), json!(["alice"]), json!({"sub": "alice"}), json!(true)];
        refuses(&world, name, odd.map(|value| (value, InvalidClaim)));
    }
}

#[test]
fn sends_another_kind_of_token() {
    let world = World::new(&issuer());
    let token = || issuer().token();
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    world.refuses([
        row(
            "an ID token, for the client",
            token().claim("aud", "client").claim("nonce", "n").claim("at_hash", "h").mint(),
            WrongAudience,
        ),
        row("a logout token by its type", token().header("typ", "logout+jwt").mint(), WrongType),
        row("a logout token by its event", token().claim("events", &logout).mint(), WrongType),
        row("a security event", token().header("typ", "secevent+jwt").mint(), WrongType),
        row("a DPoP proof", token().header("typ", "dpop+jwt").mint(), WrongType),
        row("a request object", token().header("typ", "oauth-authz-req+jwt").mint(), WrongType),
        row("introspection", token().header("typ", "token-introspection+jwt").mint(), WrongType),
        row("a status list", token().header("typ", "statuslist+jwt").mint(), WrongType),
        row("an entity statement", token().header("typ", "entity-statement+jwt").mint(), WrongType),
        row("a credential", token().header("typ", "vc+sd-jwt").mint(), WrongType),
        row("a type of his own", token().header("typ", "at+jwt; x").mint(), WrongType),
        row("an empty type", token().header("typ", "").mint(), WrongType),
        row(
            "the type with a longer path",
            token().header("typ", "application/at+jwt/x").mint(),
            WrongType,
        ),
        row(
            "a token that is bound to a key",
            token().claim("cnf", json!({"jkt": "x"})).mint(),
            BoundToken,
        ),
        row(
            "a token that is bound to nothing",
            token().claim("cnf", json!(null)).mint(),
            BoundToken,
        ),
        row("another service's token", token().claim("aud", "billing").mint(), WrongAudience),
    ]);
}

#[test]
fn sends_what_is_no_access_token_where_only_those_are_taken() {
    // RFC 9068 §4
    let world = World::of([issuer().trusted().access_token_profile()], issuer().clock());
    let full = || issuer().token().header("typ", "at+jwt").claim("client_id", "app");
    world.accepts(&full().mint());
    world.accepts(&full().header("typ", "application/AT+JWT").mint());
    for typ in ["JWT", "jwt", "at", "at-jwt", "id+jwt", "application/jwt", ""] {
        world.refuses([row(format!("`typ` {typ:?}"), full().header("typ", typ).mint(), WrongType)]);
    }
    world.refuses([row("no `typ`", full().without_header("typ").mint(), WrongType)]);
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        world.refuses([row(format!("no `{name}`"), full().without(name).mint(), MissingClaim)]);
    }
}
