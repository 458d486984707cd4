//! The body of a rejection, by RFC 9457.

use bytes::Bytes;

use crate::error::RejectionKind;

/// The media type of the body.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Where the kinds of rejection are explained; the code of the kind follows.
const ERRORS: &str = "https://github.com/portcullis-rs/portcullis/blob/main/docs/errors.md#";

/// The problem details: the type, a title and the status, and nothing that the client did not know.
pub(super) fn body(kind: RejectionKind) -> Bytes {
    // codes and titles hold nothing that JSON would have to escape: kebab case, and the characters
    // of a challenge, which exclude quotes and backslashes
    Bytes::from(format!(
        r#"{{"type":"{ERRORS}{}","title":"{}","status":{}}}"#,
        kind.code(),
        kind.title(),
        kind.status().as_u16(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_json_for_every_kind() {
        for &kind in RejectionKind::ALL {
            let body: serde_json::Value = serde_json::from_slice(&body(kind)).unwrap();
            assert_eq!(body["title"], kind.title());
            assert_eq!(body["status"], kind.status().as_u16());
            assert_eq!(body["type"], format!("{ERRORS}{}", kind.code()));
            assert_eq!(body.as_object().unwrap().len(), 3);
        }
    }
}
