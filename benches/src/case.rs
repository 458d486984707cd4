//! What a case is: a name, something that can be repeated, and what it is compared with.

use anyhow::Result;

use crate::watch::{Took, watch};
use crate::world::World;

/// Counts what a piece of work allocates. Only the counting binary has one.
pub(crate) type Counter = fn(&mut dyn FnMut()) -> Counted;

/// What a piece of work allocated.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// How many allocations there were.
    pub allocations: u64,
    /// The bytes that were kept.
    pub bytes: i64,
    /// The most bytes at one time.
    pub most_bytes: u64,
}

/// Something whose operations can be repeated.
pub(crate) trait Contestant {
    /// The most operations after one preparation.
    fn most(&self) -> usize {
        usize::MAX
    }

    /// Makes ready for operations. This is not timed.
    fn prepare(&mut self) {}

    /// Runs this many operations. This is timed.
    fn run(&mut self, operations: usize);

    /// The time of this many operations.
    fn slice(&mut self, operations: usize) -> Took {
        let mut took = Took::NONE;
        let mut left = operations;
        while left > 0 {
            let now = left.min(self.most());
            self.prepare();
            took += watch(|| self.run(now));
            left -= now;
        }
        took
    }

    /// The allocations of one operation.
    fn allocations(&mut self, counter: Counter) -> Option<f64> {
        const WARM: usize = 8;
        let operations = 64.min(self.most() - WARM);
        self.prepare();
        self.run(WARM);
        let counted = counter(&mut || self.run(operations));
        Some(counted.allocations as f64 / operations as f64)
    }

    /// The ratio to the limit, if it was measured along with the time.
    fn ratio(&self) -> Option<f64> {
        None
    }
}

/// What was found about a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Of the processor's time where one thread does it all, else by the clock on the wall.
    pub(crate) median_ns: Option<f64>,
    /// By the clock on the wall.
    pub(crate) wall_ns: Option<f64>,
    pub(crate) allocations: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) note: String,
}

/// What a case turns out to be when it is set up.
pub(crate) enum Setup {
    /// To be repeated in slices, in turns with the others.
    Repeated(Box<dyn Contestant>),
    /// Measured already.
    Fixed(Outcome),
}

type Make = Box<dyn Fn(&World) -> Result<Setup>>;

/// One line of the table.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The case whose figures are taken off this one's.
    pub(crate) minus: Option<String>,
    /// The case that this one is compared with.
    pub(crate) limit: Option<String>,
    /// True if operations are requests over sockets: slices are longer, and the note says requests a second.
    pub(crate) slow: bool,
    pub(crate) make: Make,
}

impl Case {
    pub(crate) fn new<C: Contestant + 'static>(
        name: impl Into<String>,
        make: impl Fn(&World) -> Result<C> + 'static,
    ) -> Self {
        Self::with(name, Box::new(move |world| Ok(Setup::Repeated(Box::new(make(world)?)))))
    }

    /// A case that is measured while it is set up.
    pub(crate) fn fixed(
        name: impl Into<String>,
        measure: impl Fn(&World) -> Result<Outcome> + 'static,
    ) -> Self {
        Self::with(name, Box::new(move |world| Ok(Setup::Fixed(measure(world)?))))
    }

    fn with(name: impl Into<String>, make: Make) -> Self {
        Self { name: name.into(), minus: None, limit: None, slow: false, make }
    }

    pub(crate) fn minus(mut self, name: &str) -> Self {
        self.minus = Some(name.into());
        self
    }

    pub(crate) fn limit(mut self, name: impl Into<String>) -> Self {
        self.limit = Some(name.into());
        self
    }

    pub(crate) fn slow(mut self) -> Self {
        self.slow = true;
        self
    }
}
