//! Tests that are ignored by name where a program is missing.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::Program;

/// What a test returns; it may panic instead.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A test that starts these programs. Where one is missing it is reported as ignored.
pub fn needs<T>(programs: &[Program], name: &str, test: T) -> Trial
where
    T: FnOnce() -> Outcome + Send + 'static,
{
    let missing = programs.iter().any(|program| program.find().is_none());
    Trial::test(name, move || match catch_unwind(AssertUnwindSafe(test)) {
        Ok(outcome) => outcome.map_err(|error| Failed::from(chain(&*error))),
        Err(panic) => Err(Failed::from(text(&*panic))),
    })
    .with_ignored_flag(missing)
}

/// Runs the tests as the usual harness would, and ends the process with its exit code.
pub fn run(trials: impl IntoIterator<Item = Trial>) -> ! {
    let mut arguments = Arguments::from_args();
    // Each starts servers of its own; a process of nextest runs one anyway.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials.into_iter().collect()).exit()
}

/// The text of an error and of its causes.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("the test panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Program = Program { name: "no-such-program", variable: "PORTCULLIS_NOWHERE" };

    #[test]
    fn a_test_is_ignored_only_where_its_program_is_missing() {
        let here = Program { name: "sh", variable: "PORTCULLIS_SH" };
        assert!(!needs(&[here], "a", || Ok(())).has_ignored_flag());
        assert!(needs(&[here, NOWHERE], "b", || Ok(())).has_ignored_flag());
    }

    #[test]
    fn what_went_wrong_is_told_whether_it_was_returned_or_panicked() {
        let arguments = Arguments { test_threads: Some(1), ..Arguments::default() };
        let conclusion = libtest_mimic::run(
            &arguments,
            vec![
                needs(&[], "good", || Ok(())),
                needs(&[], "returns", || Err("no".into())),
                needs(&[], "panics", || panic!("{}", "no")),
            ],
        );
        assert_eq!((conclusion.num_passed, conclusion.num_failed), (1, 2));
        let panic = catch_unwind(|| panic!("number {}", 7)).unwrap_err();
        assert_eq!(text(&*panic), "number 7");
        let error = std::io::Error::other(std::fmt::Error);
        assert!(chain(&error).contains("error occurred"));
    }
}
