//! What the gate counts, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis::RejectionKind;

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

    /// `issuers`: by name, how many keys there are, and whether they may be relied on.
    pub(super) fn render(&self, issuers: &[(String, usize, bool)]) -> String {
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
        text += "# HELP portcullis_gate_keys Keys of an issuer that are known.\n\
                 # TYPE portcullis_gate_keys gauge\n";
        for (issuer, keys, _) in issuers {
            let _ = writeln!(text, "portcullis_gate_keys{{issuer=\"{}\"}} {keys}", label(issuer));
        }
        text += "# HELP portcullis_gate_keys_ready 1 if the keys of an issuer may be relied on.\n\
                 # TYPE portcullis_gate_keys_ready gauge\n";
        for (issuer, _, ready) in issuers {
            let ready = u8::from(*ready);
            let _ = writeln!(
                text,
                "portcullis_gate_keys_ready{{issuer=\"{}\"}} {ready}",
                label(issuer)
            );
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
        let text = metrics.render(&[("https://a.example\"\\".into(), 2, true)]);
        for line in [
            "portcullis_gate_verifications_total{outcome=\"accepted\",status=\"200\"} 1",
            "portcullis_gate_verifications_total{outcome=\"expired\",status=\"401\"} 2",
            "portcullis_gate_verifications_total{outcome=\"keys-unavailable\",status=\"503\"} 0",
            "portcullis_gate_keys{issuer=\"https://a.example\\\"\\\\\"} 2",
            "portcullis_gate_keys_ready{issuer=\"https://a.example\\\"\\\\\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("_total{").count(), RejectionKind::ALL.len() + 1);
    }
}
