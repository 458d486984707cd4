//! The header of a JWS that is about to be signed.

/// What the header says beside `alg` and `kid`, which are always the key's.
///
/// # Example
///
/// ```
/// use portcullis::Algorithm;
/// use portcullis_issuer::{JwsHeader, SigningKey};
///
/// # fn main() -> Result<(), portcullis_issuer::IssuerError> {
/// let key = SigningKey::generate(Algorithm::ES256)?;
/// let event = key.sign(&JwsHeader::new().with_typ("secevent+jwt"), br#"{"jti":"1"}"#)?;
/// assert_eq!(event.split('.').count(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwsHeader {
    typ: Option<String>,
    content_type: Option<String>,
}

impl JwsHeader {
    /// A header of `alg` and `kid` alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this `typ` ([RFC 7515 §4.1.9](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9)).
    #[must_use]
    pub fn with_typ(mut self, typ: impl Into<String>) -> Self {
        self.typ = Some(typ.into());
        self
    }

    /// With this `cty` ([RFC 7515 §4.1.10](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.10)).
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    pub(crate) fn json(&self, algorithm: &str, key_id: &str) -> String {
        let mut json = format!(r#"{{"alg":"{algorithm}","kid":{}"#, quoted(key_id));
        for (name, value) in [("typ", &self.typ), ("cty", &self.content_type)] {
            if let Some(value) = value {
                json.push_str(&format!(r#","{name}":{}"#, quoted(value)));
            }
        }
        json.push('}');
        json
    }
}

/// A string in JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let header = JwsHeader::new().with_typ("a\"b").with_content_type("x\n");
        assert_eq!(
            header.json("ES256", "k\\1"),
            r#"{"alg":"ES256","kid":"k\\1","typ":"a\"b","cty":"x\n"}"#
        );
        assert_eq!(JwsHeader::new().json("HS256", "1"), r#"{"alg":"HS256","kid":"1"}"#);
    }
}
