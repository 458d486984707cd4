//! Attacks on the form of a token: base64url, parts, serializations, JSON.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::Algorithm;
use portcullis::RejectionKind::{
    DuplicateClaim, ForbiddenHeader, InvalidClaim, InvalidClaims, InvalidSignature, MalformedToken,
    TokenTooLarge, UnknownKey, WrongType,
};
use portcullis_testing::TestIssuer;
use serde_json::json;

use crate::support::{World, row};

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().unwrap()
}

#[test]
fn spells_the_same_token_in_another_way() {
    let world = World::new(&issuer());
    let token = issuer().token().mint();
    let [header, payload, signature] = parts(&token);
    // 64 octets leave four bits over in the last character: 15 other spellings of one signature
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = signature.split_at(signature.len() - 1);
    let at = alphabet.iter().position(|c| *c == last.as_bytes()[0]).unwrap();
    assert_eq!(at % 16, 0);
    for extra in 1..16 {
        let other = char::from(alphabet[at + extra]);
        let spelt = format!("{header}.{payload}.{rest}{other}");
        world.refuses([row(format!("{extra} in the bits left over"), spelt, MalformedToken)]);
    }
    world.refuses([
        row("padding on the signature", format!("{token}=="), MalformedToken),
        row("too much padding", format!("{token}==="), MalformedToken),
        row("a character more", format!("{token}A"), InvalidSignature),
        row(
            "a dangling character",
            format!("{}.{payload}.{signature}", &header[..header.len() - 1]),
            MalformedToken,
        ),
        row("padding on the header", format!("{header}=.{payload}.{signature}"), MalformedToken),
        row(
            "a newline in the payload",
            format!("{header}.{payload}\n.{signature}"),
            InvalidSignature,
        ),
        row("a newline after", format!("{token}\n"), MalformedToken),
        row("CRLF after", format!("{token}\r\n"), MalformedToken),
        row("a tab before", format!("\t{token}"), MalformedToken),
        row("a space before", format!(" {token}"), MalformedToken),
        row("a space after", format!("{token} "), MalformedToken),
        row("a space in the middle", format!("{header}. {payload}.{signature}"), InvalidSignature),
        row("NUL after", format!("{token}\0"), MalformedToken),
        row("percent-encoding", token.replace('.', "%2E"), MalformedToken),
        row("percent-encoding of a letter", token.replacen('e', "%65", 1), MalformedToken),
        row("quotes", format!("\"{token}\""), MalformedToken),
        row("a comma after", format!("{token},"), MalformedToken),
        row("a semicolon after", format!("{token};"), MalformedToken),
        row("a full stop of another width", token.replace('.', "\u{ff0e}"), MalformedToken),
        row("Cyrillic letters", token.replace('e', "\u{435}"), MalformedToken),
        row("bytes that are no UTF-8", [token.as_bytes(), &[0xff]].concat(), MalformedToken),
    ]);
}

#[test]
fn signs_an_encoding_that_is_not_canonical() {
    // the issuer itself signs over the odd spelling, so that only the decoder can refuse it
    let world = World::new(&issuer());
    let good = issuer().token().mint();
    let [header, payload, _] = parts(&good);
    let signed = |input: String| {
        let signature = issuer().key().sign_bytes(input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    world.refuses([
        row("a padded header", signed(format!("{header}==.{payload}")), MalformedToken),
        row("a padded payload", signed(format!("{header}.{payload}==")), MalformedToken),
        row("white space in the payload", signed(format!("{header}.{payload}\n")), MalformedToken),
        row("white space in the header", signed(format!(" {header}.{payload}")), MalformedToken),
        row("plus and slash", signed(format!("{header}.+/+/")), MalformedToken),
        row("an empty header", signed(format!(".{payload}")), MalformedToken),
        row("an empty payload", signed(format!("{header}.")), MalformedToken),
    ]);
}

#[test]
fn sends_another_number_of_parts() {
    let world = World::new(&issuer());
    let token = issuer().token().mint();
    let [header, payload, signature] = parts(&token);
    let dots = ".".repeat(100_000);
    world.refuses([
        row("one part", header, MalformedToken),
        row("an opaque token", "2YotnFZFEjr1zCsicMWpAA", MalformedToken),
        row("two parts", format!("{header}.{payload}"), MalformedToken),
        row("four parts", format!("{token}.{signature}"), MalformedToken),
        row("a dot before", format!(".{token}"), MalformedToken),
        row("a dot after", format!("{token}."), MalformedToken),
        row("two dots", format!("{header}..{signature}"), InvalidSignature),
        row("five parts", format!("{token}.{payload}.{signature}"), MalformedToken),
        row("only dots", "..", MalformedToken),
        row("a hundred thousand parts", dots, TokenTooLarge),
        row("sixteen thousand parts", ".".repeat(16_000), MalformedToken),
        row("two tokens in one", format!("{token}{token}"), MalformedToken),
    ]);
}

#[test]
fn sends_another_serialization_or_kind() {
    let world = World::new(&issuer());
    let token = issuer().token().mint();
    let [header, payload, signature] = parts(&token);
    let flat = json!({"protected": header, "payload": payload, "signature": signature});
    let full =
        json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]});
    let unprotected = json!({"header": {"alg": "none"}, "payload": payload, "signature": ""});
    let jwe = json!({"alg": "dir", "enc": "A256GCM"}).to_string();
    let jwe = URL_SAFE_NO_PAD.encode(jwe);
    world.refuses([
        row("the flattened JSON serialization", flat.to_string(), MalformedToken),
        row("the general JSON serialization", full.to_string(), MalformedToken),
        row("an unprotected header", unprotected.to_string(), MalformedToken),
        row("a JWE", format!("{jwe}..AAAA.AAAA.AAAA"), MalformedToken),
        row("a JWE of three parts", format!("{jwe}.AAAA.AAAA"), ForbiddenHeader),
        row("a detached payload", format!("{header}..{signature}"), InvalidSignature),
    ]);
}

#[test]
fn nests_a_token_in_a_token() {
    let world = World::new(&issuer());
    let inner = issuer().token().mint();
    let nested = issuer().token().raw_payload(inner.clone());
    world.refuses([
        row("announced by `cty`", nested.clone().header("cty", "JWT").mint(), WrongType),
        row("announced in full", nested.clone().header("cty", "application/jwt").mint(), WrongType),
        row("in lower case", nested.clone().header("cty", "jwt").mint(), WrongType),
        row("not announced", nested.mint(), MalformedToken),
        row("good claims and `cty`", issuer().token().header("cty", "JWT").mint(), WrongType),
    ]);
}

#[test]
fn signs_what_is_no_object_of_claims() {
    let world = World::new(&issuer());
    let signed = |payload: &[u8]| issuer().token().raw_payload(payload).mint();
    let good = issuer().token().mint();
    let good = URL_SAFE_NO_PAD.decode(parts(&good)[1]).unwrap();
    let with = |extra: &[u8]| [&good[..good.len() - 1], extra, b"}"].concat();
    let deep = |n: usize| format!(r#","x":{}{}"#, "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!(r#","x":{}1{}"#, r#"{"x":"#.repeat(n), "}".repeat(n));
    world.accepts(&signed(&with(deep(100).as_bytes())));
    let malformed: [(&str, &[u8]); 17] = [
        ("nothing", b""),
        ("white space", b"  "),
        ("text", b"a payload"),
        ("half an object", &good[..good.len() - 1]),
        ("an object and more", &[&good[..], b"{}"].concat()),
        ("an object and a comma", &[&good[..], b","].concat()),
        ("a byte order mark", &[b"\xef\xbb\xbf", &good[..]].concat()),
        ("UTF-16", &good.iter().flat_map(|b| [*b, 0]).collect::<Vec<_>>()),
        ("a claim that is no UTF-8", &with(b",\"x\":\"\xff\"")),
        ("an overlong encoding", &with(b",\"x\":\"\xc0\xaf\"")),
        ("half a surrogate pair", &with(br#","x":"\ud800""#)),
        ("a newline within a string", &with(b",\"x\":\"a\nb\"")),
        ("NUL within a string", &with(b",\"x\":\"a\0b\"")),
        ("a comment", &with(b"/* */")),
        ("single quotes", &with(b",'x':1")),
        ("a thousand arrays, one in the other", &with(deep(1_000).as_bytes())),
        ("a thousand objects, one in the other", &with(objects(1_000).as_bytes())),
    ];
    for (tries, payload) in malformed {
        world.refuses([row(tries, signed(payload), MalformedToken)]);
    }
    for other in [&b"null"[..], b"true", b"5", b"\"x\"", b"[]", &[b"[", &good[..], b"]"].concat()] {
        let refused = world.verifier.verify(signed(other)).unwrap_err().kind();
        assert!(matches!(refused, MalformedToken | InvalidClaims), "{refused:?}");
        let tries = format!("{} bytes of another JSON value", other.len());
        world.refuses([row(tries, signed(other), refused)]);
    }
}

#[test]
fn signs_numbers_that_overflow_or_confuse() {
    let world = World::new(&issuer());
    let with = |extra: &str| {
        let good = issuer().token().without("exp").mint();
        let good = URL_SAFE_NO_PAD.decode(parts(&good)[1]).unwrap();
        let payload = [&good[..good.len() - 1], extra.as_bytes(), b"}"].concat();
        issuer().token().raw_payload(payload).mint()
    };
    let digits = "9".repeat(5_000);
    for (number, kind) in [
        ("1e400", MalformedToken),
        ("-1e400", MalformedToken),
        ("1e308", InvalidClaim),
        ("9223372036854775808", InvalidClaim),
        ("18446744073709551616", InvalidClaim),
        ("0x7fffffff", MalformedToken),
        ("NaN", MalformedToken),
        ("Infinity", MalformedToken),
        ("04000000000", MalformedToken),
        ("+4000000000", MalformedToken),
        ("4000000000.", MalformedToken),
        ("4_000_000_000", MalformedToken),
        ("\"4000000000\"", InvalidClaim),
        ("[4000000000]", InvalidClaim),
    ] {
        world.refuses([row(format!("`exp` {number}"), with(&format!(",\"exp\":{number}")), kind)]);
    }
    let huge = with(&format!(",\"exp\":{digits}"));
    let kind = world.verifier.verify(&huge).unwrap_err().kind();
    assert!(matches!(kind, InvalidClaim | MalformedToken), "{kind:?}");
    world.refuses([row("five thousand digits", huge, kind)]);
}

#[test]
fn repeats_a_member() {
    let world = World::new(&issuer());
    let good = issuer().token().mint();
    let good = URL_SAFE_NO_PAD.decode(parts(&good)[1]).unwrap();
    let with = |extra: &str| {
        let payload = [&good[..good.len() - 1], extra.as_bytes(), b"}"].concat();
        issuer().token().raw_payload(payload).mint()
    };
    for (tries, extra) in [
        ("a later `exp`", r#","exp":4000000000"#),
        ("the same `exp`", r#","exp":1700003600"#),
        ("another `sub`", r#","sub":"root""#),
        ("another `iss`", r#","iss":"https://x.test""#),
        ("another `aud`", r#","aud":"api""#),
        ("another `jti`", r#","jti":"x""#),
        ("another `iat`", r#","iat":1"#),
        ("`exp` behind an escape", r#","\u0065xp":4000000000"#),
        ("`sub` behind escapes", r#","\u0073\u0075\u0062":"root""#),
        ("a custom claim", r#","role":"a","role":"b""#),
        ("an empty name", r#","":1,"":2"#),
    ] {
        world.refuses([row(tries, with(extra), DuplicateClaim)]);
    }
    for (tries, header) in [
        ("another `alg`", r#"{"alg":"ES256","alg":"none"}"#),
        ("`alg` behind an escape", r#"{"alg":"none","\u0061lg":"ES256"}"#),
        ("another `kid`", r#"{"alg":"ES256","kid":"test-key","kid":"x"}"#),
        ("`crit` twice", r#"{"alg":"ES256","crit":["a"],"crit":["b"]}"#),
        ("an unknown name twice", r#"{"alg":"ES256","x":1,"x":1}"#),
        ("a repeat further in", r#"{"alg":"ES256","x":{"a":1,"a":2}}"#),
    ] {
        world.refuses([row(tries, issuer().token().raw_header(header).mint(), MalformedToken)]);
    }
}

#[test]
fn sends_a_header_that_is_no_header() {
    let world = World::new(&issuer());
    let raw = |header: &[u8]| issuer().token().raw_header(header).mint();
    let deep = format!(r#"{{"alg":"ES256","x":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    let malformed: [(&str, &[u8]); 12] = [
        ("nothing", b""),
        ("no JSON", b"alg: ES256"),
        ("null", b"null"),
        ("an array by position", br#"["JWT","ES256","test-key"]"#),
        ("text", br#""ES256""#),
        ("an empty object", b"{}"),
        ("an object and more", br#"{"alg":"ES256"}x"#),
        ("no UTF-8", b"{\"alg\":\"ES256\",\"x\":\"\xff\"}"),
        ("a newline within a string", b"{\"alg\":\"ES256\",\"x\":\"\n\"}"),
        ("`typ` of another type", br#"{"alg":"ES256","typ":["JWT"]}"#),
        ("`cty` of another type", br#"{"alg":"ES256","cty":5}"#),
        ("a thousand arrays, one in the other", deep.as_bytes()),
    ];
    for (tries, header) in malformed {
        world.refuses([row(tries, raw(header), MalformedToken)]);
    }
    for (tries, header) in [
        ("an extension", r#"{"alg":"ES256","crit":["exp"],"exp":1}"#),
        ("an extension that is not there", r#"{"alg":"ES256","crit":["x"]}"#),
        ("an empty list", r#"{"alg":"ES256","crit":[]}"#),
        ("a name twice", r#"{"alg":"ES256","crit":["x","x"],"x":1}"#),
        ("a registered name", r#"{"alg":"ES256","crit":["alg"]}"#),
        ("`b64`", r#"{"alg":"ES256","crit":["b64"],"b64":false}"#),
        ("null", r#"{"alg":"ES256","crit":null}"#),
        ("a name behind an escape", r#"{"alg":"ES256","\u0063rit":["x"]}"#),
    ] {
        world.refuses([row(format!("`crit`: {tries}"), raw(header.as_bytes()), ForbiddenHeader)]);
    }
    for name in ["b64", "zip", "enc"] {
        for value in ["true", "false", "\"DEF\"", "null"] {
            let header = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
            world.refuses([row(&*header, raw(header.as_bytes()), ForbiddenHeader)]);
        }
    }
    let large = format!(r#"{{"alg":"ES256","x":"{}"}}"#, "x".repeat(4_096));
    world.refuses([row("a large header", raw(large.as_bytes()), TokenTooLarge)]);
    let unknown = r#"{"alg":"ES256","kid":"x","x":"\u001b[31m"}"#;
    world.refuses([row("an escape sequence in a parameter", raw(unknown.as_bytes()), UnknownKey)]);
}

#[test]
fn sends_more_than_anybody_needs() {
    let world = World::new(&issuer());
    let padded = |n: usize| issuer().token().claim("x", "x".repeat(n)).mint();
    let fits = (11_000..13_000).rev().find(|n| padded(*n).len() <= 16 * 1024).unwrap();
    world.accepts(&padded(fits));
    world.refuses([
        row("a character more", padded(fits + 3), TokenTooLarge),
        row("a hundred kilobytes", padded(75_000), TokenTooLarge),
        row("a hundred kilobytes of one letter", "a".repeat(100_000), TokenTooLarge),
        row(
            "three large parts",
            ["a".repeat(90_000), "b".into(), "c".into()].join("."),
            TokenTooLarge,
        ),
    ]);
}
