//! Points in time as tokens write them, and the clock that tells now.

mod clock;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use clock::{Clock, SystemClock};

/// A point in time: seconds and nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// This is the `NumericDate` of [RFC 7519 §2], which may have a fraction. Times are compared as they
/// are and never rounded, and arithmetic saturates, so that no claim can make it overflow.
///
/// It (de)serialises as a JSON number of seconds.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::Timestamp;
///
/// let issued = Timestamp::from_millis(1_700_000_000_500);
/// assert_eq!(issued.as_secs(), 1_700_000_000);
/// assert!(!issued.is_whole_second());
/// assert_eq!(Timestamp::MAX.saturating_add(Duration::from_secs(1)), Timestamp::MAX);
/// ```
///
/// [RFC 7519 §2]: https://www.rfc-editor.org/rfc/rfc7519#section-2
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    // The order of the fields is the order of time: nanos always add to secs, also before 1970.
    secs: i64,
    nanos: u32,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self { secs: 0, nanos: 0 };
    /// The latest point that can be written.
    pub const MAX: Self = Self { secs: i64::MAX, nanos: 999_999_999 };
    /// The earliest point that can be written.
    pub const MIN: Self = Self { secs: i64::MIN, nanos: 0 };

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self {
            secs: millis.div_euclid(1000),
            // rem_euclid(1000) is in 0..1000, so the cast and the product fit
            nanos: millis.rem_euclid(1000) as u32 * 1_000_000,
        }
    }

    /// Seconds since 1970 with a fraction, as a JSON number has them; `None` if it is not finite or
    /// too large for 64 bits of seconds.
    ///
    /// The nearest `f64` to 1700000000.123 is a little less than that. What is meant is the decimal
    /// number that was written, so the fraction is read from the shortest one that stands for the same
    /// `f64`, up to nanoseconds.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        let whole = secs.trunc();
        // 2^63 is exact as f64; everything of a smaller size casts without saturation.
        if !secs.is_finite() || whole.abs() >= 2f64.powi(63) {
            return None;
        }
        let text = secs.abs().to_string();
        let digits = text.split_once('.').map_or("", |(_, digits)| digits);
        let nanos = digits
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(9)
            .fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
        let whole = Self::from_secs(whole as i64);
        let fraction = Duration::new(0, nanos);
        Some(if secs < 0.0 {
            whole.saturating_sub(fraction)
        } else {
            whole.saturating_add(fraction)
        })
    }

    /// Seconds since 1970, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.secs
    }

    /// Milliseconds since 1970, rounded down; saturates at the ends of `i64`.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.secs.saturating_mul(1000).saturating_add((self.nanos / 1_000_000) as i64)
    }

    /// True if there is no fraction of a second.
    #[must_use]
    pub const fn is_whole_second(self) -> bool {
        self.nanos == 0
    }

    /// This much later, or [`MAX`](Self::MAX).
    #[must_use]
    #[inline]
    pub fn saturating_add(self, by: Duration) -> Self {
        let nanos = self.nanos + by.subsec_nanos();
        let carry = i64::from(nanos >= 1_000_000_000);
        let secs = i64::try_from(by.as_secs())
            .ok()
            .and_then(|by| self.secs.checked_add(by))
            .and_then(|secs| secs.checked_add(carry));
        match secs {
            Some(secs) => Self { secs, nanos: nanos % 1_000_000_000 },
            None => Self::MAX,
        }
    }

    /// This much earlier, or [`MIN`](Self::MIN).
    #[must_use]
    #[inline]
    pub fn saturating_sub(self, by: Duration) -> Self {
        let borrow = self.nanos < by.subsec_nanos();
        let nanos = self.nanos + u32::from(borrow) * 1_000_000_000 - by.subsec_nanos();
        let secs = i64::try_from(by.as_secs())
            .ok()
            .and_then(|by| self.secs.checked_sub(by))
            .and_then(|secs| secs.checked_sub(i64::from(borrow)));
        match secs {
            Some(secs) => Self { secs, nanos },
            None => Self::MIN,
        }
    }

    /// How much later this is than `earlier`; zero if it is not.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        let secs = self.secs.abs_diff(earlier.secs);
        if self.nanos >= earlier.nanos {
            Duration::new(secs, self.nanos - earlier.nanos)
        } else {
            // self > earlier and fewer nanos, so at least one whole second lies between them
            Duration::new(secs - 1, self.nanos + 1_000_000_000 - earlier.nanos)
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds since 1970 as a token has them: `1700000000` or `1700000000.5`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole_second() {
            return write!(f, "{}", self.secs);
        }
        // before 1970 the fraction counts up towards zero, so print the sum and not the parts
        let nanos = i128::from(self.secs) * 1_000_000_000 + i128::from(self.nanos);
        let (sign, nanos) = if nanos < 0 { ("-", -nanos) } else { ("", nanos) };
        let fraction = format!("{:09}", nanos % 1_000_000_000);
        write!(f, "{sign}{}.{}", nanos / 1_000_000_000, fraction.trim_end_matches('0'))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::UNIX_EPOCH.saturating_add(after),
            Err(before) => Self::UNIX_EPOCH.saturating_sub(before.duration()),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_whole_second() {
            serializer.serialize_i64(self.secs)
        } else {
            serializer.serialize_f64(self.secs as f64 + f64::from(self.nanos) / 1e9)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since 1970")
            }

            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_secs(secs))
            }

            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Timestamp, E> {
                i64::try_from(secs)
                    .map(Timestamp::from_secs)
                    .map_err(|_| E::custom("the number of seconds is out of range"))
            }

            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Timestamp, E> {
                Timestamp::from_secs_f64(secs)
                    .ok_or_else(|| E::custom("the number of seconds is out of range"))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_json(json: &str, expected: Option<Timestamp>) {
        assert_eq!(serde_json::from_str::<Timestamp>(json).ok(), expected, "{json}");
    }

    #[test]
    fn reads_what_a_numeric_date_may_be() {
        check_json("0", Some(Timestamp::UNIX_EPOCH));
        check_json("-1", Some(Timestamp::from_secs(-1)));
        check_json("1.5", Some(Timestamp::from_millis(1500)));
        check_json("-0.5", Some(Timestamp::from_millis(-500)));
        check_json("1700000000.123", Some(Timestamp::from_millis(1_700_000_000_123)));
        check_json("1700000000.999", Some(Timestamp::from_millis(1_700_000_000_999)));
        check_json("-1700000000.001", Some(Timestamp::from_millis(-1_700_000_000_001)));
        check_json("1e-9", Some(Timestamp { secs: 0, nanos: 1 }));
        check_json("1e-10", Some(Timestamp::UNIX_EPOCH));
        check_json("-1e-320", Some(Timestamp::UNIX_EPOCH));
        check_json("9.3e18", None);
        check_json("-9.3e18", None);
        check_json("1700000000.0", Some(Timestamp::from_secs(1_700_000_000)));
        check_json("9223372036854775807", Some(Timestamp::from_secs(i64::MAX)));
        check_json("9223372036854775808", None);
        check_json("18446744073709551615", None);
        check_json("1e300", None);
        check_json("1e400", None);
        check_json("\"1\"", None);
        check_json("null", None);
        check_json("[1]", None);
    }

    #[test]
    fn fractions_before_1970_order_and_print_as_numbers() {
        let half = Timestamp::from_millis(-500);
        assert!(Timestamp::from_secs(-1) < half && half < Timestamp::UNIX_EPOCH);
        assert_eq!(half.to_string(), "-0.5");
        assert_eq!(half.as_secs(), -1);
        assert_eq!(half.as_millis(), -500);
        assert_eq!(Timestamp::from_millis(-1500).to_string(), "-1.5");
        assert_eq!(Timestamp::from_millis(1_250).to_string(), "1.25");
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let second = Duration::from_secs(1);
        assert_eq!(Timestamp::MAX.saturating_add(Duration::from_nanos(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.saturating_sub(Duration::from_nanos(1)), Timestamp::MIN);
        assert_eq!(Timestamp::from_secs(5).saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_secs(5).saturating_sub(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::from_secs(5).saturating_sub(second), Timestamp::from_secs(4));
        assert_eq!(Timestamp::MAX.as_millis(), i64::MAX);
        assert_eq!(Timestamp::MIN.as_millis(), i64::MIN);
    }

    #[test]
    fn adding_and_subtracting_carry_the_fraction() {
        let t = Timestamp::from_millis(1_700);
        assert_eq!(t.saturating_add(Duration::from_millis(600)), Timestamp::from_millis(2_300));
        assert_eq!(t.saturating_sub(Duration::from_millis(800)), Timestamp::from_millis(900));
        assert_eq!(t.saturating_since(Timestamp::from_millis(900)), Duration::from_millis(800));
        assert_eq!(t.saturating_since(Timestamp::from_millis(1_600)), Duration::from_millis(100));
        assert_eq!(t.saturating_since(Timestamp::from_millis(1_700)), Duration::ZERO);
        assert_eq!(t.saturating_since(Timestamp::from_secs(2)), Duration::ZERO);
    }

    #[test]
    fn a_system_time_before_1970_is_a_negative_timestamp() {
        let before = UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(Timestamp::from(before), Timestamp::from_millis(-1500));
    }

    #[test]
    fn writes_whole_seconds_as_integers() {
        assert_eq!(serde_json::to_string(&Timestamp::from_secs(7)).unwrap(), "7");
        assert_eq!(serde_json::to_string(&Timestamp::from_millis(7_500)).unwrap(), "7.5");
    }
}
