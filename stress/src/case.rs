//! A case: something that is measured, and what it is compared with.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Something that is measured.
pub(crate) struct Case {
    /// Its name, which stays: `abuse/dots/refuse`.
    pub(crate) name: String,
    /// The case that its ratio is to.
    pub(crate) against: Option<String>,
    run: Box<dyn FnMut(u64) -> Duration>,
    allocations: Box<dyn FnMut() -> Option<u64>>,
}

impl Case {
    /// Runs `work` on what `prepare` makes; only `work` is measured, to the end of what it gives back.
    pub(crate) fn new<I, O>(
        name: impl Into<String>,
        prepare: impl Fn() -> I + Clone + 'static,
        work: impl Fn(I) -> O + Clone + 'static,
    ) -> Self {
        let (prepare_one, work_once) = (prepare.clone(), work.clone());
        Self {
            name: name.into(),
            against: None,
            run: Box::new(move |times| {
                let inputs: Vec<I> = (0..times).map(|_| prepare()).collect();
                let start = Instant::now();
                for input in inputs {
                    drop(black_box(work(black_box(input))));
                }
                start.elapsed()
            }),
            allocations: Box::new(move || {
                let input = prepare_one();
                let mut counted = Some(input);
                let info = allocation_counter::measure(|| {
                    // there is one, right above
                    if let Some(input) = counted.take() {
                        drop(black_box(work_once(black_box(input))));
                    }
                });
                Some(info.count_total)
            }),
        }
    }

    /// A case that tells by itself how long so many runs took, and whose allocations nobody counts.
    pub(crate) fn timed(
        name: impl Into<String>,
        run: impl FnMut(u64) -> Duration + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            against: None,
            run: Box::new(run),
            allocations: Box::new(|| None),
        }
    }

    /// With a ratio to the case of this name.
    pub(crate) fn against(mut self, name: impl Into<String>) -> Self {
        self.against = Some(name.into());
        self
    }

    /// How long so many runs take.
    pub(crate) fn run(&mut self, times: u64) -> Duration {
        (self.run)(times)
    }

    /// How many allocations one run makes on its own thread, the first run left aside.
    pub(crate) fn allocations(&mut self) -> Option<u64> {
        (self.allocations)();
        (self.allocations)()
    }
}
