//! The header of a JWS, read strictly.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess};

use super::compact::Compact;
use super::encoding::decode;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::json::{Names, NoRepeats, Text};

/// What the header of a JWS says.
///
/// Before the signature is checked this is what a stranger wrote; it selects among the keys that are
/// trusted and is never a source of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Box<str>,
    key_id: Option<Box<str>>,
    typ: Option<Box<str>>,
    content_type: Option<Box<str>>,
    forbidden: Option<&'static str>,
}

/// Parameters that are refused, and why.
const FORBIDDEN: [(&str, &str); 8] = [
    ("crit", "no extension is understood (RFC 7515 §4.1.11)"),
    ("b64", "an unencoded payload is not accepted (RFC 7797 §7)"),
    ("jwk", "a token may not bring its own key (RFC 8725 §3.10)"),
    ("jku", "a token may not say where its key is (RFC 8725 §3.10)"),
    ("x5c", "a token may not bring its own certificate (RFC 8725 §3.10)"),
    ("x5u", "a token may not say where its certificate is (RFC 8725 §3.10)"),
    ("enc", "this is the header of an encrypted token (JWE)"),
    ("zip", "compression belongs to encrypted tokens (JWE)"),
];

impl Header {
    /// `alg`: the algorithm by name.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// `kid`: which key it says it was signed with.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `typ`: what kind of JWS it is.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// `cty`: what kind of payload it has.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Reads and judges the header of a token.
    pub(crate) fn read(compact: &Compact<'_>) -> Result<Self, Rejection> {
        let json = decode(compact.header, "header")?;
        let header: Self = serde_json::from_slice(&json).map_err(|error| {
            Diagnosis::new()
                .expected("a JSON object of header parameters")
                .found(error.to_string().escape_default().to_string())
                .reject(RejectionKind::MalformedToken)
        })?;
        if let Some(name) = header.forbidden {
            let why = FORBIDDEN.iter().find(|(n, _)| *n == name).map_or("", |(_, why)| why);
            return Err(Diagnosis::new()
                .found(quoted(name))
                .hint(why)
                .reject(RejectionKind::ForbiddenHeader));
        }
        Ok(header)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut names = Names::default();
                let (mut alg, mut kid, mut typ, mut cty, mut forbidden) =
                    (None, None, None, None, None);
                while let Some(Text(name)) = map.next_key()? {
                    let slot = match &*name {
                        "alg" => Some(&mut alg),
                        "kid" => Some(&mut kid),
                        "typ" => Some(&mut typ),
                        "cty" => Some(&mut cty),
                        _ => None,
                    };
                    match slot {
                        Some(slot) => *slot = Some(map.next_value::<Text<'_>>()?.0.into()),
                        None => {
                            let bad = FORBIDDEN.iter().find(|(bad, _)| *bad == name);
                            forbidden = forbidden.or(bad.map(|(bad, _)| *bad));
                            map.next_value::<NoRepeats>()?;
                        }
                    }
                    if !names.insert(name) {
                        return Err(de::Error::custom("a parameter is there twice"));
                    }
                }
                let algorithm = alg.ok_or_else(|| de::Error::missing_field("alg"))?;
                Ok(Header { algorithm, key_id: kid, typ, content_type: cty, forbidden })
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::super::Limits;
    use super::*;

    fn read(json: &[u8]) -> Result<Header, RejectionKind> {
        let token = format!("{}..", URL_SAFE_NO_PAD.encode(json));
        let compact = Compact::split(token.as_bytes(), Limits::default()).unwrap();
        Header::read(&compact).map_err(|r| r.kind())
    }

    #[test]
    fn the_parameters_that_matter_are_read() {
        let json = br#"{"typ":"at+jwt","alg":"ES256","x5t":"abc","kid":"k\u0031","cty":"x","n":{"a":[1]}}"#;
        let header = read(json).unwrap();
        assert_eq!(header.algorithm(), "ES256");
        assert_eq!(header.key_id(), Some("k1"));
        assert_eq!(header.typ(), Some("at+jwt"));
        assert_eq!(header.content_type(), Some("x"));
    }

    #[test]
    fn what_is_no_object_of_distinct_well_typed_parameters_is_malformed() {
        let bad: [&[u8]; 17] = [
            b"",
            b"null",
            b"[]",
            br#"["HS256"]"#,
            b"\"HS256\"",
            b"{}",
            br#"{"alg":null}"#,
            br#"{"alg":5}"#,
            br#"{"alg":{"HS256":null}}"#,
            br#"{"alg":["HS256"]}"#,
            br#"{"alg":"HS256","kid":5}"#,
            br#"{"alg":"HS256","typ":null}"#,
            br#"{"alg":"HS256","alg":"none"}"#,
            br#"{"alg":"HS256","x":{"a":1,"a":2}}"#,
            br#"{"alg":"HS256","\u0061lg":"HS256"}"#,
            b"{\"alg\":\"HS256\"} x",
            b"{\"alg\":\"\xff\"}",
        ];
        for json in bad {
            let text = String::from_utf8_lossy(json);
            assert_eq!(read(json).unwrap_err(), RejectionKind::MalformedToken, "{text}");
        }
        let deep = format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
        assert_eq!(read(deep.as_bytes()).unwrap_err(), RejectionKind::MalformedToken);
    }

    #[test]
    fn parameters_that_must_not_be_there_are_refused_whatever_they_hold() {
        for (name, _) in FORBIDDEN {
            for value in ["[]", "null", "true", "\"x\"", "{\"kty\":\"oct\"}"] {
                let json = format!(r#"{{"alg":"HS256","{name}":{value}}}"#);
                assert_eq!(
                    read(json.as_bytes()).unwrap_err(),
                    RejectionKind::ForbiddenHeader,
                    "{json}"
                );
            }
        }
        assert!(read(br#"{"alg":"HS256","\u0063rit":["exp"]}"#).is_err());
    }
}
