//! Reading the closing lines of the test runners: how many tests passed, failed and were left out.

/// Who prints the closing lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Runner {
    /// `cargo nextest run`.
    Nextest,
    /// `cargo test`.
    Libtest,
}

/// The counts of one or several runs, and the lines that they were read from.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Ignored in the source, or filtered out on the command line.
    pub(crate) skipped: u64,
    pub(crate) lines: Vec<String>,
}

impl Totals {
    /// Reads the output of the runner. Only its own lines count: nextest also shows what a failed test printed, and
    /// that ends with a line of libtest.
    pub(crate) fn read(runner: Runner, output: &str) -> Self {
        let mut totals = Self::default();
        for line in output.lines() {
            let line = without_colours(line);
            let text = line.trim();
            let counts = match runner {
                // `Summary [   0.5s] 3 tests run: 2 passed, 1 failed, 0 skipped`
                Runner::Nextest => {
                    text.strip_prefix("Summary [").and_then(|rest| rest.split_once("run: "))
                }
                // `test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in …`
                Runner::Libtest => {
                    line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
                }
            };
            let Some((_, counts)) = counts else { continue };
            let before = totals.all();
            totals.count(counts);
            // A crate without tests of one kind has a closing line too, which says nothing.
            if totals.all() > before {
                totals.lines.push(text.to_owned());
            }
        }
        totals
    }

    fn all(&self) -> u64 {
        self.passed + self.failed + self.skipped
    }

    fn count(&mut self, counts: &str) {
        // `5 passed (1 slow, 1 leaky)`: what is in brackets is counted before them already.
        for part in without_brackets(counts).split([',', ';']) {
            let Some((number, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what.trim() {
                "passed" => self.passed += number,
                "failed" | "timed out" | "exec failed" => self.failed += number,
                "skipped" | "ignored" | "filtered out" => self.skipped += number,
                _ => {}
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.lines.extend(other.lines);
    }

    /// The one line that says it all.
    pub(crate) fn summary(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|c| {
            depth += u32::from(*c == '(');
            let keep = depth == 0;
            depth -= u32::from(*c == ')' && depth > 0);
            keep
        })
        .collect()
}

/// The runners colour their output where the user's settings ask for it, even into a pipe.
fn without_colours(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Runner::{Libtest, Nextest};
    use super::*;

    fn check(runner: Runner, output: &str, passed: u64, failed: u64, skipped: u64) {
        let totals = Totals::read(runner, output);
        assert_eq!(
            (totals.passed, totals.failed, totals.skipped),
            (passed, failed, skipped),
            "{output}"
        );
    }

    #[test]
    fn nextest() {
        check(Nextest, "     Summary [   0.005s] 5 tests run: 5 passed, 0 skipped", 5, 0, 0);
        check(Nextest, "     Summary [   0.005s] 1 test run: 1 passed, 2 skipped", 1, 0, 2);
        check(
            Nextest,
            "  Summary [ 9.1s] 7/9 tests run: 4 passed (1 slow, 2 leaky), 2 failed, 1 timed out, 3 skipped",
            4,
            3,
            3,
        );
        check(
            Nextest,
            "  Summary [ 9.1s] 2 tests run: 1 passed, 1 exec failed, 0 skipped",
            1,
            1,
            0,
        );
        check(
            Nextest,
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.0s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped",
            3,
            0,
            0,
        );
    }

    #[test]
    fn cargo_test() {
        check(
            Libtest,
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            3,
            0,
            3,
        );
        check(
            Libtest,
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
            3,
            2,
            0,
        );
        check(
            Libtest,
            "\ntest result: ok. 1 passed; 0 failed; 0 ignored\nnoise\ntest result: ok. 2 passed; 0 failed; 0 ignored",
            3,
            0,
            0,
        );
    }

    #[test]
    fn other_lines_are_not_counted() {
        for runner in [Nextest, Libtest] {
            check(
                runner,
                "test a::summary ... ok\n5 passed, 1 failed\nSummary of the day: 3 passed",
                0,
                0,
                0,
            );
        }
    }

    #[test]
    fn what_a_failed_test_printed_is_not_counted() {
        let inner =
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 23 filtered out\n";
        check(
            Nextest,
            &format!("{inner}     Summary [   0.1s] 2 tests run: 1 passed, 1 failed, 0 skipped"),
            1,
            1,
            0,
        );
        check(
            Libtest,
            &format!("{inner}test result: FAILED. 1 passed; 1 failed; 0 ignored"),
            1,
            1,
            0,
        );
    }

    #[test]
    fn runs_add_up_and_keep_their_lines() {
        let mut totals =
            Totals::read(Nextest, "Summary [   0.005s] 5 tests run: 5 passed, 1 skipped");
        totals.add(Totals::read(Libtest, "test result: FAILED. 1 passed; 2 failed; 0 ignored"));
        assert_eq!(totals.summary(), "6 passed, 2 failed, 1 skipped");
        assert_eq!(totals.lines.len(), 2);
    }

    #[test]
    fn an_empty_run_leaves_no_line() {
        assert_eq!(
            Totals::read(Libtest, "test result: ok. 0 passed; 0 failed; 0 ignored"),
            Totals::default()
        );
    }
}
