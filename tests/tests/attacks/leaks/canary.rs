//! What must not come out, in every form that it could have.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The secret that tokens are signed with.
pub(super) const SECRET: &str = "canary-of-the-secret-that-is-long-enough";
/// A private claim, by name and value, and who the token is about.
pub(super) const CLAIM: &str = "canary-of-a-private-claim";
pub(super) const NAME: &str = "canary_of_a_private_name";
pub(super) const SUBJECT: &str = "canary-of-the-subject";

/// Each canary has this in it, whatever else is cut away.
const SONG: &str = "canary";

/// The forms that the text may be found in.
fn forms(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let list =
        |separator: &str| bytes.iter().map(|b| b.to_string()).collect::<Vec<_>>().join(separator);
    let mut forms =
        vec![text.to_owned(), hex.to_uppercase(), hex, list(", "), list(","), list(" ")];
    // within a longer text, base64 has one of three forms; the characters at its ends depend on what
    // is around
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        let whole = STANDARD_NO_PAD.encode(&padded);
        let (from, to) = ([0, 2, 3][before], whole.len() - 2);
        forms.push(whole[from..to].to_owned());
        forms.push(URL_SAFE_NO_PAD.encode(&padded)[from..to].to_owned());
    }
    forms
}

/// Nothing in this text is a canary, or a part of the token.
#[track_caller]
pub(super) fn assert_silent(text: &str, token: &str, what: &str) {
    for form in forms(SONG) {
        assert!(!text.contains(&form), "{what}: {form} in {text}");
    }
    for part in token.split('.').filter(|part| part.len() >= 16) {
        assert!(!text.contains(part), "{what}: a part of the token in {text}");
        assert!(!text.contains(&part[part.len() - 16..]), "{what}: the end of a part in {text}");
    }
}

#[test]
fn a_canary_is_heard_in_every_form() {
    let hidden = format!("{:?}", SECRET.as_bytes());
    let forms = [
        SECRET.to_owned(),
        hidden,
        STANDARD_NO_PAD.encode(SECRET),
        URL_SAFE_NO_PAD.encode(format!("x{SECRET}")),
        URL_SAFE_NO_PAD.encode(format!("xy{SECRET}")),
        SECRET.bytes().map(|b| format!("{b:02X}")).collect(),
    ];
    for form in forms {
        let heard = std::panic::catch_unwind(|| assert_silent(&form, "", "a test"));
        assert!(heard.is_err(), "{form}");
    }
    assert_silent("all quiet", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "a test");
}
