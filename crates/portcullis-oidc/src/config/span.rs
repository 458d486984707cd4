//! Spans of time as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer};

/// A span of time: `90`, `90s`, `15m`, `2h` or `1d`; a number without a unit is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

const WANTED: &str = "a whole number and s, m, h or d, such as 90s or 15m";

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let seconds = match unit {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(WANTED),
        };
        let number: u64 = number.parse().map_err(|_| WANTED)?;
        let secs = number.checked_mul(seconds).ok_or("a shorter time")?;
        Ok(Self(Duration::from_secs(secs)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(WANTED)
            }

            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Span, E> {
                Ok(Span(Duration::from_secs(secs)))
            }

            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Span, E> {
                let secs = u64::try_from(secs);
                secs.map(|secs| Span(Duration::from_secs(secs))).map_err(|_| E::custom(WANTED))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(|wanted| E::custom(format_args!("expected {wanted}")))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_units() {
        for (text, secs) in
            [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400)]
        {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs(secs))), "{text}");
        }
        for bad in ["", "m", "-1", "+1", "1.5h", "1 h", "1w", "1ms", "99999999999999999d", "１"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Span>("90").unwrap(), Span(Duration::from_secs(90)));
        assert!(serde_json::from_str::<Span>("-90").is_err());
        assert!(serde_json::from_str::<Span>("1.5").is_err());
    }
}
