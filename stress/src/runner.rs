//! Runs cases in short slices, one after the other, again and again: a machine that is slow for a second
//! is then slow for all of them. What counts is the median of a case's slices.

use std::time::Duration;

use crate::case::Case;

/// How long one slice of a case takes, about.
const SLICE: Duration = Duration::from_millis(4);

/// How often each case gets its slice.
const ROUNDS: usize = 41;

/// How many runs there are in a slice at most: their inputs are all made before the first.
const MOST: u64 = 1 << 14;

/// What came of a case.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    /// Nanoseconds a run, the median of the slices.
    pub(crate) median_ns: f64,
    pub(crate) allocations: Option<u64>,
    /// Its median over that of the case it is compared with.
    pub(crate) ratio: Option<f64>,
}

/// Measures the cases.
pub(crate) fn measure(mut cases: Vec<Case>) -> Vec<Outcome> {
    let times: Vec<u64> = cases.iter_mut().map(calibrate).collect();
    let mut slices = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for _ in 0..ROUNDS {
        for ((case, &times), slices) in cases.iter_mut().zip(&times).zip(&mut slices) {
            slices.push(case.run(times).as_secs_f64() * 1e9 / times as f64);
        }
    }
    outcomes(&mut cases, slices.into_iter().map(median).collect())
}

/// Runs every case once, to see that it runs.
pub(crate) fn run_once(mut cases: Vec<Case>) -> Vec<Outcome> {
    let times = cases.iter_mut().map(|case| case.run(1).as_secs_f64() * 1e9).collect();
    outcomes(&mut cases, times)
}

/// How many runs make a slice.
fn calibrate(case: &mut Case) -> u64 {
    let mut times = 1;
    loop {
        let took = case.run(times);
        if took >= SLICE / 2 || times >= MOST {
            let one = took.as_secs_f64() / times as f64;
            return ((SLICE.as_secs_f64() / one) as u64).clamp(1, MOST);
        }
        times *= 2;
    }
}

fn outcomes(cases: &mut [Case], medians: Vec<f64>) -> Vec<Outcome> {
    let of = |name: &str| {
        let at = cases.iter().position(|case| case.name == name)?;
        Some(medians[at])
    };
    let ratios: Vec<_> = cases
        .iter()
        .zip(&medians)
        .map(|(case, median)| Some(median / of(case.against.as_deref()?)?))
        .collect();
    cases
        .iter_mut()
        .zip(medians)
        .zip(ratios)
        .map(|((case, median_ns), ratio)| Outcome {
            name: case.name.clone(),
            median_ns,
            allocations: case.allocations(),
            ratio,
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
