//! The gate behind a real nginx and a real Caddy, configured by the recipes in docs/gate.md to the letter.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod recipe;
mod stack;

use portcullis_support::{Outcome, Trial, needs, run};
use recipe::Front::{self, Caddy, Nginx};
use stack::{Gate, Stack};

fn main() {
    run([Nginx, Caddy].into_iter().flat_map(tests_of));
}

fn tests_of(front: Front) -> Vec<Trial> {
    let test = |name: &str, test: fn(Front) -> Outcome| {
        needs(&[front.program()], &format!("{}::{name}", front.program().name), move || test(front))
    };
    vec![
        test("a_good_token_passes_with_who_the_caller_is", good),
        test("long_claims_are_no_outage", long_claims),
        test("a_head_that_is_too_long_is_no_outage", long_heads),
        test("every_refusal_comes_through", refusals),
        test("spoofed_headers_never_survive", spoofed),
        test("outages_are_told_as_such", outages),
        test("a_cookie_is_judged_by_the_method_of_the_request", cookies),
        test("answers_of_the_service_are_left_alone", own_answers),
    ]
}

fn good(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::with_key(&[]))?;
    let token = stack.mint(&["--subject", "bob", "--role", "admin,x", "--scope", "pay look"]);
    for (method, body) in [("GET", ""), ("POST", "a body that reaches the service")] {
        let answer = stack.ask(method, &[("Authorization", &format!("Bearer {token}"))], body);
        assert_eq!(answer.status, 200, "{answer:?}");
        for line in [
            "x-auth-issuer: https://me.example",
            "x-auth-subject: bob",
            "x-auth-roles: admin%2Cx",
            "x-auth-scope: pay look",
        ] {
            assert!(answer.has_line(line), "{line}: {answer:?}");
        }
        assert!(answer.body.ends_with(body), "{answer:?}");
    }
    Ok(())
}

fn long_claims(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::with_key(&[]))?;
    // nearly as long as a token may be, and more than twice as long in a header
    let token = stack.mint(&["--subject", &"\u{fc}".repeat(5800)]);
    let answer = stack.ask("GET", &[("Authorization", &format!("Bearer {token}"))], "");
    assert_eq!(answer.status, 200);
    let line = format!("x-auth-subject: {}", "%C3%BC".repeat(5800));
    assert!(answer.has_line(&line), "{}", answer.body.len());
    Ok(())
}

fn long_heads(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::with_key(&[]))?;
    let token = format!("Bearer {}", stack.mint(&["--subject", "bob"]));
    let ask = |more: usize| {
        // in several headers, since one may be too long by itself
        let part = "a".repeat(more / 4);
        let headers: Vec<_> = ["X-A", "X-B", "X-C", "X-D"].map(|name| (name, &*part)).into();
        stack.ask("GET", &[&[("Authorization", &*token)], headers.as_slice()].concat(), "")
    };
    let answer = ask(24 * 1024);
    assert_eq!(answer.status, 200, "{answer:?}");
    // more than the gate takes
    let answer = ask(40 * 1024);
    let expected = match front {
        Nginx => 400,
        Caddy => 431,
    };
    assert_eq!(answer.status, expected, "{answer:?}");
    assert!(!answer.body.contains("the service"), "{answer:?}");
    Ok(())
}

fn refusals(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::with_key(&[("PORTCULLIS_REQUIRE_SCOPES", "pay")]))?;
    let bearer = |args: &[&str]| format!("Bearer {}", stack.mint(args));
    let ask = |headers: &[(&str, &str)]| stack.ask("GET", headers, "");

    let none = ask(&[]);
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer realm=\"api\"")));
    let expired = ask(&[("Authorization", &bearer(&["--claim", "exp:=1"]))]);
    assert_eq!(expired.status, 401, "{expired:?}");
    assert!(expired.header("www-authenticate").unwrap().contains("the token is expired"));
    // two headers; nginx refuses a second `Authorization` by itself in some versions, by 400 as well
    let malformed = ask(&[("Authorization", "Bearer a b")]);
    assert_eq!(malformed.status, 400, "{malformed:?}");
    assert!(malformed.header("www-authenticate").unwrap().contains("invalid_request"));
    let forbidden = ask(&[("Authorization", &bearer(&[]))]);
    assert_eq!(forbidden.status, 403, "{forbidden:?}");
    assert!(forbidden.header("www-authenticate").unwrap().contains("scope=\"pay\""));
    assert_eq!(forbidden.header("cache-control"), Some("no-store"));
    for refused in [none, expired, malformed, forbidden] {
        assert!(!refused.body.contains("the service"), "{refused:?}");
    }
    assert_eq!(ask(&[("Authorization", &bearer(&["--scope", "pay"]))]).status, 200);
    Ok(())
}

fn spoofed(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::with_key(&[]))?;
    // nothing but `iss`: the other three are empty
    let token = format!("Bearer {}", stack.mint(&[]));
    let answer = stack.ask(
        "GET",
        &[
            ("Authorization", &token),
            ("X-Auth-Issuer", "evil"),
            ("X-Auth-Subject", "admin"),
            ("x-auth-roles", "admin"),
            ("X-AUTH-SCOPE", "everything"),
            ("X_Auth_Subject", "admin"),
            ("X-Original-Method", "DELETE"),
        ],
        "",
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.has_line("x-auth-issuer: https://me.example"), "{answer:?}");
    for spoofed in ["evil", "admin", "everything"] {
        assert!(!answer.body.contains(spoofed), "{spoofed}: {answer:?}");
    }
    if front == Caddy {
        return Ok(());
    }
    // the place of the question is not reachable from outside
    assert_eq!(stack.ask_path("GET", "/_portcullis", &[("Authorization", &token)], "").status, 404);
    Ok(())
}

fn outages(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::without_keys())?;
    let token = format!("Bearer {}", stack.mint(&[]));
    let answer = stack.ask("GET", &[("Authorization", &token)], "");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), None, "{answer:?}");
    let stack = stack.without_gate();
    let answer = stack.ask("GET", &[("Authorization", &token)], "");
    let expected = match front {
        Nginx => 503,
        Caddy => 502,
    };
    assert_eq!(answer.status, expected, "{answer:?}");
    assert!(!answer.body.contains("the service"), "{answer:?}");
    Ok(())
}

fn cookies(front: Front) -> Outcome {
    let stack =
        Stack::start(front, Gate::with_key(&[("PORTCULLIS_SOURCE", "cookie:__Host-session")]))?;
    let cookie = format!("__Host-session={}", stack.mint(&[]));
    let origin = stack.origin();
    let ask = |method: &str, headers: &[(&str, &str)], status| {
        let answer = stack.ask(method, &[&[("Cookie", &*cookie)], headers].concat(), "");
        assert_eq!(answer.status, status, "{method} {headers:?}: {answer:?}");
    };
    let evil = ("Origin", "https://evil.example");
    ask("GET", &[evil], 200);
    ask("POST", &[evil], 403);
    // what the client says of its method is not believed
    ask("POST", &[evil, ("X-Original-Method", "GET"), ("X-Forwarded-Method", "GET")], 403);
    ask("POST", &[("Origin", &origin)], 200);
    ask("POST", &[], 403);
    ask("GET", &[evil, ("Sec-WebSocket-Key", "AAAA"), ("Upgrade", "websocket")], 403);
    Ok(())
}

fn own_answers(front: Front) -> Outcome {
    let stack = Stack::start(front, Gate::with_key(&[]))?;
    let token = format!("Bearer {}", stack.mint(&[]));
    for status in [403, 404, 500, 503] {
        let path = format!("/status/{status}");
        let answer = stack.ask_path("GET", &path, &[("Authorization", &token)], "");
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains("the service"), "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), None, "{answer:?}");
    }
    Ok(())
}
