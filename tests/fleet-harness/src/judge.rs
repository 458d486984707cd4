//! The verdict on a history.

use std::fmt;
use std::time::Duration;

use crate::history::History;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) acknowledged: usize,
    /// From acknowledgement to the first denial, over all verifiers that saw the token before, sorted.
    pub(crate) lags: Vec<Duration>,
    /// The longest time from an acknowledgement to the beginning of a check that allowed the token all the same.
    pub(crate) longest: Duration,
    /// Such as were longer than was promised: by whom, of which token, and how long.
    pub(crate) broken: Vec<(String, u64, Duration)>,
}

/// Judges by what was promised.
pub(crate) fn judge(history: &History, promise: Duration) -> Judgement {
    let mut judgement = Judgement {
        acknowledged: history.acknowledged.len(),
        lags: Vec::new(),
        longest: Duration::ZERO,
        broken: Vec::new(),
    };
    for verifier in &history.verifiers {
        for (number, acknowledged) in &history.acknowledged {
            let allowed = verifier.allowed.get(number).copied().unwrap_or(0);
            if let Some(denied) = verifier.denied.get(number).filter(|_| allowed > 0) {
                judgement.lags.push(Duration::from_nanos(denied.saturating_sub(*acknowledged)));
            }
            let late = Duration::from_nanos(allowed.saturating_sub(*acknowledged));
            judgement.longest = judgement.longest.max(late);
            if late > promise {
                judgement.broken.push((verifier.name.clone(), *number, late));
            }
        }
    }
    judgement.lags.sort_unstable();
    judgement
}

impl Judgement {
    fn lag(&self, percent: usize) -> Duration {
        let at = (self.lags.len() * percent / 100).min(self.lags.len().saturating_sub(1));
        self.lags.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "revocations acknowledged          {}", self.acknowledged)?;
        writeln!(f, "from acknowledgement to denial    {} observed", self.lags.len())?;
        for percent in [50, 99, 100] {
            writeln!(f, "  {percent:>3} %                           {:.1?}", self.lag(percent))?;
        }
        writeln!(f, "latest check that allowed         {:.1?} after", self.longest)?;
        write!(f, "checks later than was promised    {}", self.broken.len())?;
        for (verifier, number, late) in self.broken.iter().take(10) {
            write!(f, "\n  {verifier} allowed token {number} {late:.1?} after")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn history(lines: &[&str]) -> History {
        let mut history = History::default();
        history.revoker_says(&format!("acknowledged 7 {}", 100 * MS)).unwrap();
        let verifier = history.join("one".to_owned());
        for line in lines {
            history.verifier_says(verifier, line).unwrap();
        }
        history
    }

    #[track_caller]
    fn check(lines: &[&str], longest: u64, broken: bool) {
        let judgement = judge(&history(lines), Duration::from_millis(50));
        assert_eq!(judgement.longest, Duration::from_millis(longest), "{judgement}");
        assert_eq!(!judgement.broken.is_empty(), broken, "{judgement}");
    }

    #[test]
    fn a_check_counts_by_its_beginning_and_the_acknowledgement() {
        check(&[&format!("denied 7 {} {}", 90 * MS, 120 * MS)], 0, false);
        check(&[&format!("denied 7 {} {}", 150 * MS, 160 * MS)], 50, false);
        check(&[&format!("denied 7 {} {}", 151 * MS, 160 * MS)], 51, true);
    }

    #[test]
    fn what_is_never_denied_and_what_passes_again_counts() {
        check(&[&format!("allowed 7 {}", 500 * MS)], 400, true);
        let denied = format!("denied 7 {} {}", 101 * MS, 110 * MS);
        check(&[&denied, &format!("allowed 7 {}", 300 * MS)], 200, true);
        check(&[&format!("allowed 8 {}", 500 * MS)], 0, false);
    }

    #[test]
    fn lags_are_those_of_tokens_that_worked_before() {
        let lines = [format!("denied 7 {} {}", 90 * MS, 130 * MS), "checks 1 2 3".to_owned()];
        let judgement = judge(&history(&[&lines[0], &lines[1]]), Duration::ZERO);
        assert_eq!(judgement.lags, [Duration::from_millis(30)]);
        let judgement = judge(&history(&[&format!("denied 7 0 {}", 130 * MS)]), Duration::ZERO);
        assert!(judgement.lags.is_empty());
    }

    #[test]
    fn a_line_that_makes_no_sense_is_an_error() {
        let mut history = history(&[]);
        assert!(history.verifier_says(0, "denied 7 1").is_err());
        assert!(history.revoker_says("hello").is_err());
    }
}
