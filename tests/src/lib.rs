//! Nothing of its own: the suites are in `tests/tests`. The code in the documents is run from here.

#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
#[derive(Debug)]
pub struct Readme;

#[doc = include_str!("../../docs/guide.md")]
#[cfg(doctest)]
#[derive(Debug)]
pub struct Guide;
