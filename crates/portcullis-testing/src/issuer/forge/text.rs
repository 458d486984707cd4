//! Defects of the text: the signature and the encoding.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::super::{Defect, TestToken, fixtures};
use super::uneven;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn spoil(token: &TestToken, defect: Defect) -> Option<String> {
    let algorithm = token.issuer.key().algorithm();
    let header = URL_SAFE_NO_PAD.encode(token.header_bytes());
    let payload = URL_SAFE_NO_PAD.encode(token.payload_bytes());
    let input = format!("{header}.{payload}");
    let raw = token.signature_over(&input);
    let signature = URL_SAFE_NO_PAD.encode(&raw);

    let with_signature = |bytes: &[u8]| format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let with_text = |signature: &str| format!("{input}.{signature}");
    Some(match defect {
        Defect::AlgNone => unsigned(token.clone().header("alg", "none")),
        Defect::AlgNoneSpelledOddly => unsigned(token.clone().header("alg", "nOnE")),

        Defect::SignatureEmpty => with_text(""),
        Defect::SignatureBitFlipped => {
            let mut flipped = raw;
            // in the middle, where no encoding treats it apart
            let middle = flipped.len() / 2;
            flipped[middle] ^= 1;
            with_signature(&flipped)
        }
        Defect::SignatureShort => with_signature(&raw[..raw.len() - 1]),
        Defect::SignatureLong => with_signature(&[raw.as_slice(), &[0]].concat()),
        Defect::SignatureZero => with_signature(&vec![0; raw.len()]),
        Defect::SignatureInDer if fixtures::is_ecdsa(algorithm) => with_signature(&der(&raw)),
        Defect::SignatureOfAnotherToken => {
            let other = token.clone().claim("jti", "another").signing_input();
            with_signature(&token.signature_over(&other))
        }
        Defect::PayloadChanged => {
            let changed = token.clone().claim("admin", true).signing_input();
            format!("{changed}.{signature}")
        }
        Defect::HeaderChanged => {
            let changed = token.clone().header("x", 1).signing_input();
            format!("{changed}.{signature}")
        }

        Defect::PaddedHeader => {
            let header = URL_SAFE.encode(uneven(token.header_bytes()));
            signed(token, format!("{header}.{payload}"))
        }
        Defect::PaddedPayload => {
            let payload = URL_SAFE.encode(uneven(token.payload_bytes()));
            signed(token, format!("{header}.{payload}"))
        }
        Defect::PaddedSignature if !raw.len().is_multiple_of(3) => {
            with_text(&URL_SAFE.encode(&raw))
        }
        Defect::TrailingBitsInPayload => {
            let payload = trailing_bits(&uneven(token.payload_bytes()));
            signed(token, format!("{header}.{payload}"))
        }
        Defect::TrailingBitsInSignature if !raw.len().is_multiple_of(3) => {
            with_text(&trailing_bits(&raw))
        }
        Defect::StandardAlphabet => {
            // three of a kind encode to `Pj4+` and `Pz8/` where they start at a multiple of three
            let token = token.clone().claim("x", ">>>>>?????");
            let payload = STANDARD_NO_PAD.encode(token.payload_bytes());
            signed(&token, format!("{header}.{payload}"))
        }
        Defect::NewlineAtEnd => format!("{input}.{signature}\n"),
        Defect::SpaceBefore => format!(" {input}.{signature}"),
        Defect::PercentEncoded => format!("{header}%2E{payload}%2E{signature}"),
        Defect::TwoParts => input,
        Defect::FourParts => format!("{input}.{signature}.{signature}"),
        Defect::FiveParts => format!("{input}.{signature}.e30.e30"),
        Defect::ManyParts => format!("{input}.{signature}{}", ".".repeat(997)),
        Defect::JsonSerialization => {
            let parts = json!({"protected": header, "payload": payload, "signature": signature});
            parts.to_string()
        }
        _ => return None,
    })
}

fn unsigned(token: TestToken) -> String {
    format!("{}.", token.signing_input())
}

fn signed(token: &TestToken, input: String) -> String {
    let signature = URL_SAFE_NO_PAD.encode(token.signature_over(&input));
    format!("{input}.{signature}")
}

/// Base64url of bytes whose number is no multiple of three, with a bit set that belongs to none.
fn trailing_bits(bytes: &[u8]) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(bytes);
    let last = text.pop().and_then(|c| ALPHABET.iter().position(|a| char::from(*a) == c));
    let spoilt = ALPHABET[last.unwrap_or_default() | 1];
    text.push(char::from(spoilt));
    text
}

/// The pair of an ECDSA signature as a SEQUENCE of two INTEGERs (RFC 3279 §2.2.3).
fn der(pair: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        let mut bytes = bytes[zeros..].to_vec();
        if bytes.first().is_none_or(|b| b & 0x80 != 0) {
            bytes.insert(0, 0);
        }
        [&[0x02, bytes.len() as u8], bytes.as_slice()].concat()
    };
    let (r, s) = pair.split_at(pair.len() / 2);
    let body = [integer(r), integer(s)].concat();
    // P-521 is the only one that needs the long form
    let length =
        if body.len() < 0x80 { vec![body.len() as u8] } else { vec![0x81, body.len() as u8] };
    [&[0x30], length.as_slice(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_has_the_least_number_of_octets() {
        assert_eq!(der(&[0, 1, 0x80, 0]), [0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]);
        assert_eq!(der(&[0; 4]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
        assert_eq!(der(&[0x7f; 132])[..6], [0x30, 0x81, 136, 2, 66, 0x7f]);
    }

    #[test]
    fn trailing_bits_decode_to_the_same_bytes_where_nobody_looks() {
        assert_eq!(trailing_bits(b"f"), "Zh");
        assert_eq!(trailing_bits(b"fo"), "Zm9");
    }
}
