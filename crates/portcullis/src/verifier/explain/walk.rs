//! Walks the way of [`Verifier::verify`] and does not stop where that stops. The checks are the same
//! functions in the same order; a property holds that the two agree.

use std::any::Any;
use std::sync::Arc;

use portcullis_core::{AccessClaims, Clock as _};
use serde::de::DeserializeOwned;

use super::super::pipeline::Inner;
use super::super::{TrustedIssuer, Verifier, header_rules, key_issuer, rules};
use super::{Explanation, Rule, report};
use crate::claims::{self, Capturing};
use crate::error::{Rejection, RejectionKind};
use crate::jws::{Compact, Decoder, Header, Parts, check_signature, decode, find_signer};
use crate::keys::{Refusal, VerificationKey};
use crate::source::Source;

impl<C: DeserializeOwned + Send + Sync + 'static> Verifier<C> {
    /// Says of every rule whether this token keeps it, where [`verify`](Self::verify) stops at the first
    /// that is broken. It is for people who wonder why a token is refused, and costs more than
    /// verifying. Whether the token was revoked is not looked at, as in `verify`.
    ///
    /// Beyond a signature that is not good, what is told about the claims is what a stranger wrote.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::{Rule, RuleOutcome, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = "a secret that is shared, of 32 bytes or more";
    /// let verifier = Verifier::from_secret::<()>("https://me.example", "payroll", secret)?;
    /// let explanation = verifier.explain("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3lvdSJ9.");
    ///
    /// assert!(!explanation.is_accepted());
    /// let broken = explanation.rules().iter().filter(|r| r.outcome() == RuleOutcome::Broken);
    /// let broken: Vec<_> = broken.map(|report| report.rule()).collect();
    /// assert_eq!(broken, [Rule::Algorithm, Rule::Issuer, Rule::Expiry, Rule::Audience]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn explain(&self, token: impl AsRef<[u8]>) -> Explanation {
        let mut explanation = Explanation::new();
        self.inner.explain(None, token.as_ref(), &mut explanation);
        explanation
    }

    /// As [`explain`](Self::explain), for a token that was taken from this place of a request: see
    /// [`verify_from`](Self::verify_from).
    #[must_use]
    pub fn explain_from(&self, source: &Source, token: impl AsRef<[u8]>) -> Explanation {
        let mut explanation = Explanation::new();
        self.inner.explain(Some(source), token.as_ref(), &mut explanation);
        explanation
    }
}

/// The rules after the choice of the issuer, whose settings they need.
const OF_THE_ISSUER: [Rule; 5] =
    [Rule::Algorithm, Rule::Key, Rule::Signature, Rule::Type, Rule::Claims];
const OF_THE_CLAIMS: [Rule; 8] = [
    Rule::Issuer,
    Rule::RequiredClaims,
    Rule::Expiry,
    Rule::NotBefore,
    Rule::IssuedAt,
    Rule::Audience,
    Rule::Binding,
    Rule::Event,
];

impl<C: DeserializeOwned + Send + Sync + 'static> Inner<C> {
    fn explain(&self, source: Option<&Source>, token: &[u8], to: &mut Explanation) {
        let compact = match self.split(source, token) {
            Ok(compact) => compact,
            Err(rejection) => {
                to.broken(Rule::Form, rejection);
                to.unknown(&[Rule::Header], "the token can't be taken apart");
                to.unknown(&OF_THE_ISSUER, "the token can't be taken apart");
                return to.unknown(&OF_THE_CLAIMS, "the token can't be taken apart");
            }
        };
        to.kept(Rule::Form, ("three parts".into(), format!("three parts, {} bytes", token.len())));
        let header = match Header::read(&compact) {
            Ok(header) => {
                to.kept(Rule::Header, report::header(&header));
                Some(header)
            }
            Err(rejection) => {
                to.broken(Rule::Header, rejection);
                None
            }
        };
        let issuer = match self.choose(&compact, source) {
            Ok(issuer) => issuer,
            Err(rejection) => {
                to.broken(Rule::TrustedIssuer, rejection);
                let why = "what is asked depends on the issuer";
                to.unknown(&OF_THE_ISSUER, why);
                return to.unknown(&OF_THE_CLAIMS, why);
            }
        };
        to.judged_by(issuer.name());
        if self.trust.len(source) > 1 {
            let expected = format!("one of {} trusted issuers", self.trust.len(source));
            to.kept(Rule::TrustedIssuer, (expected, crate::error::quoted(issuer.name())));
        }
        let signer = match header {
            Some(header) => {
                let decoder = &self.scratch.decoder;
                explain_signature(&issuer, &compact, &header, decoder, to)
            }
            None => {
                let rules = [Rule::Algorithm, Rule::Key, Rule::Signature, Rule::Type];
                to.unknown(&rules, "the header can't be used");
                None
            }
        };
        self.explain_claims(&issuer, &compact, signer.as_deref(), to);
    }

    fn choose(
        &self,
        compact: &Compact<'_>,
        source: Option<&Source>,
    ) -> Result<Arc<TrustedIssuer>, Rejection> {
        match self.trust.only(source) {
            Some(only) => Ok(Arc::clone(only)),
            None => self.trust.select(compact, &decode(compact.payload, "payload")?, source),
        }
    }

    fn explain_claims(
        &self,
        issuer: &TrustedIssuer,
        compact: &Compact<'_>,
        signer: Option<&VerificationKey>,
        to: &mut Explanation,
    ) {
        let payload = match decode(compact.payload, "payload") {
            Ok(payload) => payload,
            Err(rejection) => {
                to.broken(Rule::Claims, rejection);
                return to.unknown(&OF_THE_CLAIMS, "the payload can't be read");
            }
        };
        let mut capturing = Capturing::new(issuer.claim_names());
        let (claims, fault, capturing) =
            match claims::read::<C>(&payload, &mut capturing, &issuer.places()) {
                Ok(claims) => {
                    let texts = ("distinct claims, each of its type".into(), "an object".into());
                    to.kept(Rule::Claims, texts);
                    (Some(claims), None, Some(capturing))
                }
                Err(rejection) => {
                    let kind = rejection.kind();
                    to.broken(Rule::Claims, rejection);
                    (None, Some(kind), claims::read_in_spite(&payload, issuer.claim_names()))
                }
            };
        let Some(mut capturing) = capturing else {
            return to.unknown(&OF_THE_CLAIMS, "the payload can't be read");
        };
        let captured = capturing.captured();
        if issuer.reads_header() {
            let verdict = header_rules::check(issuer, compact, captured);
            let texts = || ("the values that are asked for".into(), "these".into());
            to.verdict(Rule::HeaderValues, verdict, texts);
        }
        let now = self.clock.now();
        let heard = rules::each_claim_rule(issuer, captured, Some(now), |rule, verdict| {
            let texts = || report::claim_rule(rule, issuer, captured, now);
            match verdict {
                // one that is there and not of its type has been told about already
                Err(missing)
                    if missing.kind() == RejectionKind::MissingClaim
                        && fault == Some(RejectionKind::InvalidClaim) =>
                {
                    to.unknown(&[rule], "the claim is missing or not of its type");
                }
                verdict => to.verdict(rule, verdict, texts),
            }
            Ok(())
        });
        debug_assert!(heard.is_ok(), "nothing above gives an error");
        if let Some(named) = signer.and_then(VerificationKey::issuer)
            && let Some(signer) = signer.filter(|_| !issuer.settings.key_issuers.is_empty())
        {
            let verdict = key_issuer::check(issuer, signer, captured.issuer.as_deref());
            let texts =
                || ("a key that may sign for the issuer".into(), crate::error::quoted(named));
            to.verdict(Rule::KeyIssuer, verdict, texts);
        }
        if let Some(mut claims) = claims
            && let Some(access) = (&mut claims as &mut dyn Any).downcast_mut::<AccessClaims>()
        {
            let texts = || ("lists of names".into(), "read".into());
            to.verdict(Rule::Grants, issuer.fill(access, captured), texts);
        }
    }
}

/// Algorithm, key, signature and type: what the header decides.
fn explain_signature(
    issuer: &TrustedIssuer,
    compact: &Compact<'_>,
    header: &Header,
    decoder: &Decoder,
    to: &mut Explanation,
) -> Option<Arc<VerificationKey>> {
    let parts = Parts::of(compact, decoder);
    let checked = issuer.check_keys().and_then(|()| {
        let found = find_signer(
            || issuer.keys(),
            |keys| {
                let allowed = |algorithm| issuer.allows(algorithm);
                check_signature(compact, header, keys, &parts, allowed)
            },
            |wanted, rejection| issuer.seek(wanted, rejection),
        );
        found.map_err(Refusal::now)
    });
    let algorithm =
        || ("one that the issuer uses".into(), crate::error::quoted(header.algorithm()));
    let key = || {
        let found = header.key_id().map_or_else(
            || "no kid: a key of the algorithm".to_owned(),
            |kid| format!("kid {}", crate::error::quoted(kid)),
        );
        ("a key of the issuer".into(), found)
    };
    let signer = match checked {
        Ok(signer) => {
            to.kept(Rule::Algorithm, algorithm());
            to.kept(Rule::Key, key());
            let found = format!("{} ({})", signer.describe(), signer.algorithm());
            to.kept(Rule::Signature, ("made with a key of the issuer".into(), found));
            Some(signer)
        }
        Err(rejection) => {
            let rejection: Rejection = rejection.prefer_hint(|| issuer.hint_of_another(compact));
            match rejection.kind() {
                RejectionKind::AlgorithmNotAllowed => {
                    to.broken(Rule::Algorithm, rejection);
                    to.unknown(&[Rule::Key, Rule::Signature], "there is no key for the algorithm");
                }
                RejectionKind::KeysUnavailable => {
                    let why = "the keys of the issuer are out of reach";
                    to.unknown(&[Rule::Algorithm], why);
                    to.broken(Rule::Key, rejection);
                    to.unknown(&[Rule::Signature], why);
                }
                RejectionKind::UnknownKey => {
                    to.kept(Rule::Algorithm, algorithm());
                    to.broken(Rule::Key, rejection);
                    to.unknown(&[Rule::Signature], "there is no key to check it with");
                }
                _ => {
                    to.kept(Rule::Algorithm, algorithm());
                    to.kept(Rule::Key, key());
                    to.broken(Rule::Signature, rejection);
                }
            }
            None
        }
    };
    let texts = || report::typ(&issuer.settings, header);
    to.verdict(Rule::Type, rules::check_type(issuer, header), texts);
    signer
}
