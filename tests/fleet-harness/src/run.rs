//! The play: everybody starts, harm is done in turns, and in the end all must agree.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_support::{Signal, wait_until};

use crate::args::Args;
use crate::children::{Shared, Talker};
use crate::judge::judge;
use crate::rig::{self, Rig};

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut rig = rig::start(args.kind)?;
    let args = Args { address: rig.address(), ..args.clone() };
    let mut stage = Stage::set(&args)?;
    let began = Instant::now();
    let mut turn = 0;
    // where harm is done, each kind at least once, however long that takes on a busy machine
    let turns = if args.faults { OWN_FAULTS + rig.faults().len() } else { 0 };
    while began.elapsed() < args.duration || turn < turns {
        // so long all is well between two faults
        std::thread::sleep(args.bound / 2);
        if args.faults {
            stage.harm(&mut *rig, turn)?;
            turn += 1;
        }
    }
    let history = stage.finish()?;
    let history = history.lock();
    let numbers: Vec<_> = history.acknowledged.keys().copied().collect();
    let forgotten = rig.forgotten(&numbers)?;
    let judgement = judge(&history, args.promise);
    for verifier in &history.verifiers {
        let [allowed, denied, unavailable] = verifier.checks;
        println!(
            "{:<22} {allowed:>9} allowed {denied:>9} denied {unavailable:>9} unavailable",
            verifier.name
        );
    }
    println!("writes that were refused          {}", history.refused);
    println!("{judgement}");
    println!("acknowledged and forgotten        {}", forgotten.len());
    let kept = judgement.broken.is_empty() && forgotten.is_empty();
    println!("promised within {:?}: {}", args.promise, if kept { "kept" } else { "BROKEN" });
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many kinds of harm are done to any store.
const OWN_FAULTS: usize = 4;

/// Everybody who runs.
struct Stage<'a> {
    args: &'a Args,
    history: Shared,
    revoker: Option<Talker>,
    verifiers: Vec<Option<Talker>>,
    /// The number in the history of each that runs.
    numbers: Vec<usize>,
}

impl<'a> Stage<'a> {
    fn set(args: &'a Args) -> Result<Self> {
        let mut stage = Self {
            args,
            history: Shared::default(),
            revoker: None,
            verifiers: Vec::new(),
            numbers: Vec::new(),
        };
        for index in 0..args.verifiers {
            let (verifier, number) = stage.start_verifier(index)?;
            stage.verifiers.push(Some(verifier));
            stage.numbers.push(number);
        }
        stage.revoker = Some(stage.start_revoker()?);
        let all_play =
            wait_until(|| stage.history.lock().verifiers.iter().all(|v| !v.denied.is_empty()));
        ensure!(all_play, "half a minute after its start a verifier has not denied any token");
        Ok(stage)
    }

    fn start_verifier(&self, index: usize) -> Result<(Talker, usize)> {
        // every other machine's time of day is wrong by minutes, one way or the other
        let wrong_by = [0, 300, 0, -300][index % 4];
        let name = format!("verifier {index} ({wrong_by:+} s)");
        let number = self.history.lock().join(name);
        let mut own = vec!["verifier".to_owned(), "--wrong-by".to_owned(), wrong_by.to_string()];
        if self.args.silent {
            own.push("--silent".to_owned());
        }
        let history = self.history.clone();
        let talker =
            Talker::start(self.args, &own, move |line| history.lock().verifier_says(number, line))?;
        Ok((talker, number))
    }

    fn start_revoker(&self) -> Result<Talker> {
        let next = self.history.lock().acknowledged.keys().next_back().map_or(0, |last| last + 1);
        let history = self.history.clone();
        Talker::start(
            self.args,
            &["revoker".to_owned(), "--from".to_owned(), next.to_string()],
            move |line| history.lock().revoker_says(line),
        )
    }

    /// One piece of harm, and its end.
    fn harm(&mut self, rig: &mut dyn Rig, turn: usize) -> Result<()> {
        let pause = 2 * self.args.bound;
        let victim = turn % self.verifiers.len().max(1);
        let own = rig.faults();
        match turn % (OWN_FAULTS + own.len()) {
            0 => {
                say("the revoker is killed in the middle of a burst");
                if let Some(revoker) = self.revoker.take() {
                    revoker.kill()?;
                }
                self.revoker = Some(self.start_revoker()?);
            }
            1 => {
                say(&format!("verifier {victim} is frozen"));
                self.freeze(self.verifiers[victim].as_ref(), pause)?;
            }
            2 => {
                say(&format!("verifier {victim} is killed and started again"));
                if let Some(verifier) = self.verifiers[victim].take() {
                    verifier.kill()?;
                }
                let (verifier, number) = self.start_verifier(victim)?;
                (self.verifiers[victim], self.numbers[victim]) = (Some(verifier), number);
            }
            3 => {
                say("the revoker is frozen, perhaps with a lock in its hand");
                self.freeze(self.revoker.as_ref(), pause)?;
            }
            other => {
                let fault = own[other - OWN_FAULTS];
                say(fault);
                rig.harm(fault)?;
                // for as long as the fault lasts
                std::thread::sleep(pause);
                rig.mend(fault)?;
            }
        }
        Ok(())
    }

    fn freeze(&self, talker: Option<&Talker>, pause: Duration) -> Result<()> {
        if let Some(talker) = talker {
            talker.signal(Signal::Stop)?;
            // for as long as the fault lasts
            std::thread::sleep(pause);
            talker.signal(Signal::Continue)?;
        }
        Ok(())
    }

    /// Stops the writing, waits until every verifier denies what was acknowledged, and hears them out.
    fn finish(mut self) -> Result<Shared> {
        if let Some(revoker) = self.revoker.take() {
            revoker.kill()?;
        }
        let agreed = wait_until(|| {
            let history = self.history.lock();
            self.numbers.iter().all(|&number| {
                let denied = &history.verifiers[number].denied;
                history.acknowledged.keys().all(|token| denied.contains_key(token))
            })
        });
        for verifier in self.verifiers.drain(..).flatten() {
            verifier.finish()?;
        }
        ensure!(
            agreed,
            "half a minute after the last write a verifier still does not deny all tokens"
        );
        Ok(self.history)
    }
}

fn say(what: &str) {
    println!("· {what}");
}
