//! What the gate counts, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis::RejectionKind;
use portcullis_oidc::KeyStatus;

/// Counts of answers by their kind.
#[derive(Debug)]
pub(super) struct Metrics {
    accepted: AtomicU64,
    /// As in [`RejectionKind::ALL`].
    rejected: Vec<AtomicU64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let rejected = RejectionKind::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self { accepted: AtomicU64::new(0), rejected }
    }

    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rejected(&self, kind: RejectionKind) {
        let at = RejectionKind::ALL.iter().position(|known| *known == kind);
        if let Some(count) = at.and_then(|at| self.rejected.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// With how the keys of each issuer are that fetches them.
    pub(super) fn render(&self, issuers: &[(String, KeyStatus)]) -> String {
        let mut text = String::from(
            "# HELP portcullis_gate_verifications_total Requests judged, by what came of them.\n\
             # TYPE portcullis_gate_verifications_total counter\n",
        );
        let mut count = |outcome: &str, status: u16, count: &AtomicU64| {
            // writing to a String does not fail
            let _ = writeln!(
                text,
                "portcullis_gate_verifications_total{{outcome=\"{outcome}\",status=\"{status}\"}} {}",
                count.load(Ordering::Relaxed)
            );
        };
        count("accepted", 200, &self.accepted);
        for (kind, rejected) in RejectionKind::ALL.iter().zip(&self.rejected) {
            count(kind.code(), kind.status().as_u16(), rejected);
        }
        type Gauge = fn(&KeyStatus) -> u64;
        let gauges: [(&str, &str, Gauge); 4] = [
            ("keys", "Keys of an issuer that are known.", |status| status.keys() as u64),
            ("keys_ready", "1 if the keys of an issuer may be relied on.", |status| {
                u64::from(status.is_ready())
            }),
            (
                "keys_trusted_seconds",
                "For how long the keys are trusted if no fetch succeeds.",
                |status| status.trusted_for().as_secs(),
            ),
            ("keys_failures", "Fetches that failed since one succeeded.", |status| {
                u64::from(status.failures())
            }),
        ];
        for (name, help, value) in gauges {
            let _ = writeln!(
                text,
                "# HELP portcullis_gate_{name} {help}\n# TYPE portcullis_gate_{name} gauge"
            );
            for (issuer, status) in issuers {
                let (issuer, value) = (label(issuer), value(status));
                let _ = writeln!(text, "portcullis_gate_{name}{{issuer=\"{issuer}\"}} {value}");
            }
        }
        text
    }
}

/// As the format escapes the values of labels.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_line() {
        let metrics = Metrics::new();
        metrics.accepted();
        metrics.rejected(RejectionKind::Expired);
        metrics.rejected(RejectionKind::Expired);
        let text = metrics.render(&[]);
        for line in [
            "portcullis_gate_verifications_total{outcome=\"accepted\",status=\"200\"} 1",
            "portcullis_gate_verifications_total{outcome=\"expired\",status=\"401\"} 2",
            "portcullis_gate_verifications_total{outcome=\"keys-unavailable\",status=\"503\"} 0",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
        assert_eq!(label("a\"\\\n"), "a\\\"\\\\\\n");
        assert_eq!(text.matches("_total{").count(), RejectionKind::ALL.len() + 1);
    }
}
