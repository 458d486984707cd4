//! The gate behind a real nginx, configured by the recipe in docs/gate.md to the letter.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod stack;

use portcullis_support::{Outcome, Program, needs, run};
use stack::{Gate, Stack};

fn main() {
    run([
        needs(&[Program::NGINX], "nginx::a_good_token_passes_with_who_the_caller_is", good),
        needs(&[Program::NGINX], "nginx::long_claims_are_no_outage", long_claims),
        needs(&[Program::NGINX], "nginx::every_refusal_comes_through", refusals),
        needs(&[Program::NGINX], "nginx::spoofed_headers_never_survive", spoofed),
        needs(&[Program::NGINX], "nginx::outages_are_503", outages),
        needs(&[Program::NGINX], "nginx::a_cookie_is_judged_by_the_method_of_the_request", cookies),
        needs(&[Program::NGINX], "nginx::answers_of_the_service_are_left_alone", own_answers),
    ]);
}

fn good() -> Outcome {
    let stack = Stack::start(Gate::with_key(&[]))?;
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

fn long_claims() -> Outcome {
    let stack = Stack::start(Gate::with_key(&[]))?;
    // nearly as long as a token may be, and more than twice as long in a header
    let token = stack.mint(&["--subject", &"\u{fc}".repeat(5800)]);
    let answer = stack.ask("GET", &[("Authorization", &format!("Bearer {token}"))], "");
    assert_eq!(answer.status, 200);
    let line = format!("x-auth-subject: {}", "%C3%BC".repeat(5800));
    assert!(answer.has_line(&line), "{}", answer.body.len());
    Ok(())
}

fn refusals() -> Outcome {
    let stack = Stack::start(Gate::with_key(&[("PORTCULLIS_REQUIRE_SCOPES", "pay")]))?;
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

fn spoofed() -> Outcome {
    let stack = Stack::start(Gate::with_key(&[]))?;
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
    // the place of the question is not reachable from outside
    assert_eq!(stack.ask_path("GET", "/_portcullis", &[("Authorization", &token)], "").status, 404);
    Ok(())
}

fn outages() -> Outcome {
    let stack = Stack::start(Gate::without_keys())?;
    let token = format!("Bearer {}", stack.mint(&[]));
    let answer = stack.ask("GET", &[("Authorization", &token)], "");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), None, "{answer:?}");
    let stack = stack.without_gate();
    let answer = stack.ask("GET", &[("Authorization", &token)], "");
    assert_eq!(answer.status, 503, "{answer:?}");
    Ok(())
}

fn cookies() -> Outcome {
    let stack = Stack::start(Gate::with_key(&[("PORTCULLIS_SOURCE", "cookie:__Host-session")]))?;
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

fn own_answers() -> Outcome {
    let stack = Stack::start(Gate::with_key(&[]))?;
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
