//! What is plain, and that all of it is read as `serde_json` reads it.

mod types;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value, json};

use super::{NotPlain, Plain, each, eight_digits, len_of_text};
use crate::claims::{Capturing, ClaimNames, Places, read_any, read_plain, untrusted_issuer_of_any};
use crate::error::Rejection;
use types::{Hasty, Lenient, Loose, Unread};

/// What a type and the capture get, both ways.
type Read<C, E> = (Result<C, E>, String);

fn both<C: DeserializeOwned + 'static>(
    payload: &str,
    names: &ClaimNames,
) -> (Read<C, NotPlain>, Read<C, Rejection>) {
    let places = Places { roles: &[], scopes: &[] };
    let mut capturing = Capturing::new(names);
    let plain = read_plain(payload, &mut capturing, &places);
    let fault = capturing.take_fault();
    let plain = (plain, format!("{:?} {fault:?}", capturing.captured()));
    let mut capturing = Capturing::new(names);
    let any = read_any(payload, &mut capturing, &places);
    let fault = capturing.take_fault();
    (plain, (any, format!("{:?} {fault:?}", capturing.captured())))
}

/// True if it is plain for this type, which then is what it is otherwise.
fn check<C: DeserializeOwned + PartialEq + Debug + 'static>(payload: &str) -> bool {
    let chosen = ClaimNames {
        token_id: Some("a".into()),
        required: vec!["b".into(), "sub".into()],
        ..ClaimNames::default()
    };
    [ClaimNames::default(), chosen].iter().all(|names| {
        let ((plain, caught), (any, caught_anyway)) = both::<C>(payload, names);
        let Ok(plain) = plain else { return false };
        // a fault of the capture is told before anything else
        if caught.ends_with("None") {
            assert_eq!(any.ok(), Some(plain), "{payload}");
            assert_eq!(caught, caught_anyway, "{payload}");
        } else {
            let fault = any.expect_err(payload);
            assert!(caught.contains(&format!("{fault:?}")), "{payload}: {caught}, {fault:?}");
        }
        true
    })
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Typical {
    sub: String,
    exp: i64,
    #[serde(default)]
    roles: Vec<String>,
    realm_access: Option<BTreeMap<String, Vec<String>>>,
    email_verified: Option<bool>,
}

#[test]
fn payloads_as_issuers_write_them_are_plain() {
    for payload in [
        r#"{"iss":"https://login.example.com/","sub":"user-1","aud":"api","exp":1893456000}"#,
        r#"{"sub":"a","exp":1,"aud":["a","b"],"iat":1700000000,"jti":"x","roles":["reader"]}"#,
        r#"{"sub":"a","exp":9,"roles":[],"email_verified":true,"x":null}"#,
        "{\"sub\":\"Zo\u{eb} \u{65e5}\u{672c}\",\"exp\":999999999999999999}",
        concat!(
            r#"{"iss":"a","sub":"b","aud":"c","exp":1,"nbf":2,"iat":3,"auth_time":4,"jti":"d","sid":"e","#,
            r#""client_id":"f","azp":"g","cnf":{},"events":{},"nonce":"h","at_hash":"i","c_hash":"j"}"#,
        ),
        r#"{"sub":"","exp":0,"realm_access":{"roles":["a","b"]},"resource":{"x":{"roles":[]}}}"#,
    ] {
        assert!(check::<Typical>(payload), "{payload}");
        assert!(check::<Map<String, Value>>(payload), "{payload}");
        assert!(check::<()>(payload), "{payload}");
    }
}

#[test]
fn what_serde_json_has_rules_for_is_left_to_it() {
    for value in [
        r#""a\u0041""#,
        r#""\"""#,
        "\"\u{1}\"",
        "\"a\nb\"",
        "-1",
        "1.5",
        "1e3",
        "01",
        "1000000000000000000",
        "tru",
        "nul",
        "nulll",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "\"",
        "",
        ":",
        "1,",
        "1}",
        "1]",
        "[}",
        "{]",
    ] {
        for payload in [format!("{{\"a\":{value}}}"), format!("{{\"b\":[{{\"a\":{value}}}]}}")] {
            assert!(!check::<Map<String, Value>>(&payload), "{payload}");
        }
    }
    for payload in ["", "{", "}", "[]", "1", "null", "{}}", "{} {}", "{}x", "{\"a\" 1}", "{,}"] {
        assert!(!check::<Map<String, Value>>(payload), "{payload}");
        assert!(!check::<()>(payload), "{payload}");
    }
}

#[test]
fn white_space_is_plain_in_strings_and_nowhere_else() {
    let payload = r#"{"a":[1,true],"b":{"c":"d"}}"#;
    assert!(check::<Map<String, Value>>(payload));
    for at in 0..=payload.len() {
        let (before, after) = payload.split_at(at);
        let in_string = before.matches('"').count() % 2 == 1;
        let plain = |space| check::<Map<String, Value>>(&format!("{before}{space}{after}"));
        assert_eq!(plain(" "), in_string, "{at}");
        assert!(!plain("\t") && !plain("\r\n"), "{at}");
    }
}

#[test]
fn so_much_is_plain_and_no_more() {
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    assert!(check::<Map<String, Value>>(&deep(15)));
    assert!(!check::<Map<String, Value>>(&deep(16)));
    let wide = format!("{{\"a\":[{}]}}", vec!["[[]]"; 100].join(","));
    assert!(check::<Map<String, Value>>(&wide), "what was left is not counted");
}

#[test]
fn a_type_that_asks_for_something_else_gets_it_elsewhere() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Role {
        #[serde(rename = "reader")]
        Reader,
        Other(u8),
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Id(u64);
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Of<T> {
        v: T,
    }
    fn plain<T: DeserializeOwned + PartialEq + Debug + 'static>(value: &str) -> bool {
        check::<Of<T>>(&format!("{{\"v\":{value}}}"))
    }
    assert!(plain::<Role>("\"reader\"") && plain::<Vec<Role>>("[\"reader\"]"));
    assert!(!plain::<Role>("\"writer\"") && !plain::<Role>("{\"Other\":1}"));
    assert!(plain::<Id>("7") && plain::<(u8, String)>("[1,\"a\"]") && plain::<char>("\"a\""));
    assert!(!plain::<(u8, u8)>("[1,2,3]") && !plain::<(u8, u8)>("[1]") && !plain::<u8>("256"));
    assert!(plain::<f64>("7") && plain::<f32>("7") && plain::<u8>("255") && plain::<i8>("127"));
    assert!(!plain::<i128>("7") && !plain::<u128>("7"));
    assert!(plain::<bool>("true") && plain::<bool>("false") && !plain::<bool>("null"));
    assert!(!plain::<bool>("1") && !plain::<String>("true") && !plain::<u8>("\"1\""));
    assert!(plain::<()>("null") && !plain::<()>("1") && !plain::<()>("[]"));
    assert!(plain::<Option<u8>>("null") && plain::<Option<u8>>("1"));
    assert!(plain::<HashMap<String, u8>>("{\"a\":1}") && !plain::<HashMap<u8, u8>>("{\"1\":1}"));
    assert!(plain::<HashMap<char, u8>>("{\"a\":1}") && !plain::<HashMap<bool, u8>>("{\"true\":1}"));
    assert!(!plain::<Of<u8>>("[1]") && plain::<Of<u8>>("{\"v\":1}"));
}

#[test]
fn what_is_asked_for_is_what_is_given() {
    fn plain<const WANTED: usize>() -> [bool; 6] {
        ["\"a\"", "1", "true", "null", "[]", "{}"]
            .map(|value| check::<BTreeMap<String, Loose<WANTED>>>(&format!("{{\"v\":{value}}}")))
    }
    let found =
        [plain::<0>(), plain::<1>(), plain::<2>(), plain::<3>(), plain::<4>(), plain::<5>()];
    for (wanted, found) in found.into_iter().enumerate() {
        for (given, found) in found.into_iter().enumerate() {
            assert_eq!(found, wanted == given, "{wanted} asked for, {given} there");
        }
    }
}

#[test]
fn whoever_passes_something_over_is_told_so_by_serde_json() {
    assert!(check::<Hasty>(r#"{"x":1,"y":"2"}"#));
    for passed in ["1", "\"1\"", "[]", "{}"] {
        for name in ["a", "b", "c", "d"] {
            assert!(!check::<Hasty>(&format!("{{\"x\":1,\"{name}\":{passed}}}")));
            assert!(!check::<Hasty>(&format!("{{\"{name}\":{passed},\"x\":1}}")));
        }
    }
    for name in ["a", "b", "c", "d"] {
        assert!(!check::<Hasty>(&format!("{{\"{name}\":}}")));
        assert!(!check::<BTreeMap<String, Hasty>>(&format!("{{\"o\":{{\"{name}\":}}}}")));
    }
    assert!(!check::<BTreeMap<String, Vec<Unread>>>(r#"{"v":[1]}"#));
    assert!(check::<Lenient>(r#"{"a":1,"b":["x"],"d":{"e":[]}}"#));
    for payload in [
        r#"{"a":"x"}"#,
        r#"{"b":[1]}"#,
        r#"{"c":{"1":true}}"#,
        // a string that is no JSON, whose rest looks like the end
        r#"{"a":"}"#,
        r#"{"b":["]}"#,
        r#"{"b":["}"#,
        // what is no JSON behind a name that is no number
        r#"{"c":{"x":}"#,
    ] {
        assert!(!check::<Lenient>(payload), "{payload}");
    }
}

#[test]
fn an_issuer_is_found_where_the_payload_is_plain() {
    let issuer = |payload| Plain::new(payload).issuer();
    assert_eq!(issuer(r#"{"a":[{"iss":"x"}],"iss":"y","iss":"z","b":null}"#), Ok(Some("y")));
    assert_eq!(issuer(r#"{"isss":"x"}"#), Ok(None));
    for payload in
        [r#"{"iss":1}"#, r#"{"iss":["x"]}"#, r#"{"iss":"\u0061"}"#, r#"{"iss":"x","a":-1}"#, "[]"]
    {
        assert_eq!(issuer(payload), Err(NotPlain), "{payload}");
    }
}

#[test]
fn a_string_ends_at_its_quotation_mark_and_holds_nothing_that_must_be_escaped() {
    for len in 0..20 {
        for at in 0..len {
            for byte in 0..=255 {
                for others in [b'a', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut text = vec![others; len];
                    text[at] = byte;
                    text.push(b'"');
                    let expected = match byte {
                        b'"' => Some(at + 1),
                        b'\\' | 0..b' ' => None,
                        _ => Some(len + 1),
                    };
                    let quoted: Vec<_> = [b'"'].into_iter().chain(text).collect();
                    let found = len_of_text(&quoted[1..]).map(|len| len + 1);
                    assert_eq!(found, expected, "{byte:#x} at {at} of {len}, {others:#x}");
                }
            }
        }
        assert_eq!(len_of_text(&vec![b'a'; len]), None);
    }
}

#[test]
fn eight_digits_are_a_number_and_eight_of_anything_else_are_not() {
    for number in [0, 1, 12_345_678, 90_000_000, 99_999_999] {
        let digits = format!("{number:08}").into_bytes();
        assert_eq!(eight_digits(digits[..].try_into().unwrap()), Some(number));
    }
    for at in 0..8 {
        for byte in 0..=255u8 {
            let mut digits = *b"24681357";
            digits[at] = byte;
            let expected = std::str::from_utf8(&digits).ok().and_then(|text| text.parse().ok());
            // what `parse` takes in front of a number is no digit
            let expected = expected.filter(|_| byte != b'+');
            assert_eq!(eight_digits(&digits), expected, "{byte:#x} at {at}");
        }
    }
    assert_eq!(each(0x12), 0x1212_1212_1212_1212);
}

fn values() -> impl Strategy<Value = Value> {
    let names = || {
        prop::sample::select(vec![
            "a", "b", "c", "sub", "iss", "aud", "exp", "iat", "jti", "1", "roles", "v", "true",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..3_000_000_000u64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e20..1e20).prop_map(Value::from),
        "[ -~\u{e9}]{0,12}".prop_map(Value::from),
        names().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names(), inner), 0..5).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

/// Objects, most of them as they should be.
fn payloads() -> impl Strategy<Value = String> {
    let object = prop::collection::vec(
        (
            prop::sample::select(vec![
                "a",
                "b",
                "c",
                "v",
                "sub",
                "aud",
                "exp",
                "iss",
                "jti",
                "azp",
                "sid",
                "client_id",
                "roles",
                "x",
            ]),
            values(),
        ),
        0..7,
    );
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), prop::sample::select(&b"{}[]\",:\\nt01-.e \n"[..]), 0..3u8),
        0..3,
    );
    (object, prop::bool::weighted(0.1), edits).prop_map(|(members, pretty, edits)| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| {
                let value = if pretty { format!("{value:#}") } else { value.to_string() };
                format!("{}:{value}", json!(name))
            })
            .collect();
        let mut text = format!("{{{}}}", members.join(",")).into_bytes();
        for (at, byte, how) in edits {
            let at = at.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => _ = text.remove(at),
            }
            if text.is_empty() {
                break;
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 4_000 } else { 100_000 }))]

    /// Whatever is read here is read so by `serde_json` as well.
    #[test]
    fn what_is_plain_is_what_serde_json_reads(payload in payloads()) {
        check::<Map<String, Value>>(&payload);
        check::<BTreeMap<String, IgnoredAny>>(&payload);
        check::<()>(&payload);
        check::<Typical>(&payload);
        check::<Lenient>(&payload);
        check::<Hasty>(&payload);
        check::<BTreeMap<String, Hasty>>(&payload);
        if let Ok(issuer) = Plain::new(&payload).issuer() {
            let any = untrusted_issuer_of_any(payload.as_bytes());
            prop_assert_eq!(issuer, any.as_deref());
        }
    }
}
