//! What the processes have said, put together.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// What is known of one verifier, until it was stopped or killed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verifier {
    pub(crate) name: String,
    /// When each token was first denied.
    pub(crate) denied: BTreeMap<u64, u64>,
    /// When the last check began that allowed each token.
    pub(crate) allowed: BTreeMap<u64, u64>,
    pub(crate) checks: [u64; 3],
}

#[derive(Debug, Default)]
pub(crate) struct History {
    /// When the revocation of each token was acknowledged.
    pub(crate) acknowledged: BTreeMap<u64, u64>,
    pub(crate) refused: u64,
    pub(crate) verifiers: Vec<Verifier>,
}

impl History {
    /// Another verifier; its number.
    pub(crate) fn join(&mut self, name: String) -> usize {
        self.verifiers.push(Verifier { name, ..Verifier::default() });
        self.verifiers.len() - 1
    }

    /// A whole line of the revoker's.
    pub(crate) fn revoker_says(&mut self, line: &str) -> Result<()> {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["acknowledged", number, time] => {
                // one that was acknowledged twice counts from the first time on
                self.acknowledged.entry(number.parse()?).or_insert(time.parse()?);
            }
            ["refused", _] => self.refused += 1,
            _ => anyhow::bail!("the revoker says {line:?}"),
        }
        Ok(())
    }

    /// A whole line of a verifier's.
    pub(crate) fn verifier_says(&mut self, verifier: usize, line: &str) -> Result<()> {
        let verifier = self.verifiers.get_mut(verifier).context("nobody of that number")?;
        let mut words = line.split(' ');
        let what = words.next();
        let numbers: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>()?;
        match (what, &numbers[..]) {
            (Some("denied"), &[number, allowed, denied]) => {
                verifier.denied.insert(number, denied);
                verifier.allow(number, allowed);
            }
            (Some("allowed"), &[number, allowed]) => verifier.allow(number, allowed),
            (Some("checks"), &[allowed, denied, unavailable]) => {
                verifier.checks = [allowed, denied, unavailable];
            }
            _ => anyhow::bail!("{} says {line:?}", verifier.name),
        }
        Ok(())
    }
}

impl Verifier {
    fn allow(&mut self, number: u64, began: u64) {
        let latest = self.allowed.entry(number).or_default();
        *latest = began.max(*latest);
    }
}
