//! Times and spans of time for people: `1700000000` as 2023-11-14T22:13:20Z.

use std::time::Duration;

use portcullis::Timestamp;

/// The time as RFC 3339 has it, in UTC and whole seconds; as a number where it is beyond the years 0 to 9999.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let secs = time.as_secs();
    let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    // the years 0 to 9999
    if !(-719_528..2_932_897).contains(&days) {
        return time.to_string();
    }
    // days from civil, backwards: years begin in March, so that the leap day is the last
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `3 h 20 min ago`, `in 59 s`, `now`.
pub(crate) fn relative(time: Timestamp, now: Timestamp) -> String {
    if time.as_secs() == now.as_secs() {
        "now".to_owned()
    } else if time > now {
        format!("in {}", rough(time.saturating_since(now)))
    } else {
        format!("{} ago", rough(now.saturating_since(time)))
    }
}

/// A span in its two largest units.
pub(crate) fn rough(span: Duration) -> String {
    let secs = span.as_secs();
    let units =
        [("d", secs / 86_400), ("h", secs / 3600 % 24), ("min", secs / 60 % 60), ("s", secs % 60)];
    let shown: Vec<_> = units
        .into_iter()
        .skip_while(|(_, n)| *n == 0)
        .take(2)
        .filter(|(_, n)| *n > 0)
        .map(|(unit, n)| format!("{n} {unit}"))
        .collect();
    if shown.is_empty() { "less than 1 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @N +%FT%TZ`
        for (secs, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (-62_167_219_201, "-62167219201"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_secs(secs)), date, "{secs}");
        }
    }

    #[test]
    fn spans_are_told_roughly() {
        let at = Timestamp::from_secs;
        assert_eq!(relative(at(100), at(100)), "now");
        assert_eq!(relative(at(159), at(100)), "in 59 s");
        assert_eq!(relative(at(0), at(12_059)), "3 h 20 min ago");
        assert_eq!(relative(at(0), at(86_400)), "1 d ago");
        assert_eq!(relative(at(0), at(86_459)), "1 d ago");
    }
}
