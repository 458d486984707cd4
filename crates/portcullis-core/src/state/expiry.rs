//! Until when a record is kept, in 32 bits.

use crate::Timestamp;

/// Seconds since 1970, rounded up, so that a record is never dropped early; the largest number is
/// never. Good until the year 2106; anything later is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expiry(u32);

impl Expiry {
    pub(super) const NEVER: Self = Self(u32::MAX);

    pub(super) fn new(keep_until: Option<Timestamp>) -> Self {
        let Some(time) = keep_until else { return Self::NEVER };
        let secs = time.as_secs().saturating_add(i64::from(!time.is_whole_second()));
        Self(u32::try_from(secs.max(0)).unwrap_or(u32::MAX))
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// True if what is kept until then may be dropped at that time.
    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self != Self::NEVER && i64::from(self.0) <= now.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_and_saturates_to_never() {
        let bits = |time| Expiry::new(Some(time)).bits();
        assert_eq!(bits(Timestamp::from_secs(7)), 7);
        assert_eq!(bits(Timestamp::from_millis(7_001)), 8);
        assert_eq!(bits(Timestamp::from_secs(-7)), 0);
        assert_eq!(Expiry::new(Some(Timestamp::MAX)), Expiry::NEVER);
        assert_eq!(Expiry::new(None), Expiry::NEVER);
        assert!(!Expiry::NEVER.is_over(Timestamp::MAX));
        assert!(!Expiry::new(Some(Timestamp::from_millis(7_001))).is_over(Timestamp::from_secs(7)));
        assert!(Expiry::new(Some(Timestamp::from_secs(7))).is_over(Timestamp::from_secs(7)));
    }
}
