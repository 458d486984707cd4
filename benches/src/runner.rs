//! Runs the cases in turns: a short slice of each, in another order every round, and medians over the
//! rounds. What disturbs the machine for a while then disturbs all of them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::Options;
use crate::case::{Case, Contestant, Outcome, Setup};
use crate::world::World;

const SLICE: Duration = Duration::from_millis(12);
const SLOW_SLICE: Duration = Duration::from_millis(250);
const ROUNDS: usize = 41;
/// Cases over sockets have longer slices, and take part in every fourth round.
const SLOW_EVERY: usize = 4;

struct Runner<'a> {
    case: &'a Case,
    contestant: Box<dyn Contestant>,
    operations: usize,
    slices: Vec<f64>,
    walls: Vec<f64>,
}

impl Runner<'_> {
    /// Finds out how many operations make a slice.
    fn calibrate(&mut self) {
        let slice = if self.case.slow { SLOW_SLICE } else { SLICE };
        loop {
            let time = self.contestant.slice(self.operations).best();
            if time * 2 >= slice {
                let fit = slice.as_secs_f64() / time.as_secs_f64();
                self.operations = ((self.operations as f64 * fit) as usize).max(1);
                return;
            }
            self.operations *= 2;
        }
    }

    fn slice(&mut self) {
        let took = self.contestant.slice(self.operations);
        let each = |time: Duration| time.as_nanos() as f64 / self.operations as f64;
        self.slices.push(each(took.best()));
        self.walls.push(each(took.wall));
    }
}

/// Runs the cases and says what was found about each, in their order.
pub(crate) fn run(
    cases: &[Case],
    world: &World,
    options: &Options,
) -> Result<Vec<(String, Outcome)>> {
    if cases.is_empty() {
        bail!("no case has such a name");
    }
    let mut outcomes: HashMap<&str, Outcome> = HashMap::new();
    let mut runners = Vec::new();
    for case in cases {
        eprintln!("  {}", case.name);
        let setup = match (case.make)(world).with_context(|| case.name.clone()) {
            Ok(setup) => setup,
            Err(error) if options.once => return Err(error),
            // the others are still worth knowing
            Err(error) => {
                let note = format!("failed: {error:#}");
                outcomes.insert(&case.name, Outcome { note, ..Outcome::default() });
                continue;
            }
        };
        match setup {
            Setup::Fixed(outcome) => _ = outcomes.insert(&case.name, outcome),
            Setup::Repeated(contestant) => {
                let mut runner = Runner {
                    case,
                    contestant,
                    operations: 1,
                    slices: Vec::new(),
                    walls: Vec::new(),
                };
                if !options.once {
                    runner.calibrate();
                }
                runners.push(runner);
            }
        }
    }
    let allocations = count(world, options)?;
    for round in 0..if options.once { 1 } else { ROUNDS } {
        for at in shuffled(runners.len()) {
            if !runners[at].case.slow || round % SLOW_EVERY == 0 {
                runners[at].slice();
            }
        }
    }
    let mut rounds: HashMap<&str, Vec<f64>> = HashMap::new();
    for runner in &mut runners {
        rounds.insert(&runner.case.name, runner.slices.clone());
        let outcome = Outcome {
            median_ns: Some(median(&mut runner.slices)),
            wall_ns: Some(median(&mut runner.walls)),
            allocations: match allocations.get(&runner.case.name) {
                Some(allocations) => Some(*allocations),
                // what is a process of its own counts by itself
                None => runner.contestant.allocations(|_| unreachable!("nothing runs here")),
            },
            ratio: runner.contestant.ratio(),
            note: String::new(),
        };
        outcomes.insert(&runner.case.name, outcome);
    }
    compare(cases, &rounds, &mut outcomes);
    Ok(cases
        .iter()
        .filter_map(|case| Some((case.name.clone(), outcomes.remove(case.name.as_str())?)))
        .collect())
}

/// Takes off what a case has in common with another, and works out its ratio to its limit.
fn compare(
    cases: &[Case],
    rounds: &HashMap<&str, Vec<f64>>,
    outcomes: &mut HashMap<&str, Outcome>,
) {
    let raw = outcomes.clone();
    let net = |case: &Case| {
        let outcome = &raw[case.name.as_str()];
        let base = case.minus.as_deref().and_then(|name| raw.get(name));
        let less =
            |of: fn(&Outcome) -> Option<f64>| Some(of(outcome)? - base.and_then(of).unwrap_or(0.0));
        Outcome {
            median_ns: less(|outcome| outcome.median_ns),
            wall_ns: less(|outcome| outcome.wall_ns),
            allocations: less(|outcome| outcome.allocations),
            ..outcome.clone()
        }
    };
    for case in cases {
        let found = net(case);
        let ratio = case.limit.as_deref().and_then(|limit| ratio(case, limit, rounds));
        let outcome = outcomes.get_mut(case.name.as_str()).expect("every case has an outcome");
        *outcome = found;
        outcome.ratio = outcome.ratio.or(ratio);
        if case.slow
            && let Some(ns) = outcome.median_ns
        {
            outcome.note = format!("{:.0} requests/s", 1e9 / ns);
        }
    }
}

/// The median of the ratios in each round. What slows the machine down for a while has slowed down both.
fn ratio(case: &Case, limit: &str, rounds: &HashMap<&str, Vec<f64>>) -> Option<f64> {
    let (own, limits) = (rounds.get(case.name.as_str())?, rounds.get(limit)?);
    let base = case.minus.as_deref().and_then(|name| rounds.get(name));
    let less = |round: usize| base.and_then(|base| base.get(round)).copied().unwrap_or(0.0);
    let ratios = own.iter().zip(limits).enumerate();
    let mut ratios: Vec<_> =
        ratios.map(|(round, (own, limit))| (own - less(round)) / limit).collect();
    Some(median(&mut ratios))
}

/// What the cases allocate, as the counting binary says.
fn count(world: &World, options: &Options) -> Result<HashMap<String, f64>> {
    let Some(counting) = &world.counting else { return Ok(HashMap::new()) };
    let output = Command::new(counting)
        .args(options.once.then_some("--once"))
        .args(&options.filters)
        .output()
        .context("the counting binary can't be started")?;
    if !output.status.success() {
        bail!("counting: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(name, count)| Ok((name.to_owned(), count.parse()?))).collect()
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The numbers up to this one in some order.
fn shuffled(count: usize) -> Vec<usize> {
    let random = RandomState::new();
    let mut order: Vec<_> = (0..count).collect();
    order.sort_by_key(|at| random.hash_one(at));
    order
}
