//! Assertions: tokens that a client signs to say who it is ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{Algorithm, Cache, ClaimRule, Issuer, Keys, Rejection, Verified, Verifier};
use portcullis_core::{BoxError, Clock};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::clients::ClientRegistry;
use super::replay::ReplayStore;

/// What an assertion is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The client says who it is ([§2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    Authentication,
    /// The client asks for a token by it ([§2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
    Grant,
}

/// What every assertion is held to.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) max_lifetime: Duration,
    pub(super) leeway: Duration,
}

/// Who signed, and for whom.
#[derive(Debug)]
pub(super) struct Asserted {
    pub(super) client: String,
    pub(super) subject: String,
}

/// Why an assertion is none.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is no good. The text is fit for the client.
    Refused(String),
    /// Nobody can tell.
    Unavailable(BoxError),
}

/// The longest `jti` that is remembered.
const LONGEST_ID: usize = 256;

impl Rules {
    /// Verifies an assertion and uses it up.
    pub(super) async fn verify(
        &self,
        assertion: &str,
        purpose: Purpose,
        clients: &impl ClientRegistry,
        replays: &impl ReplayStore,
        clock: &Arc<dyn Clock>,
    ) -> Result<Asserted, Failure> {
        let unknown = || refused("the client is not known");
        // not verified: it selects whose keys are looked at
        let client = untrusted_issuer(assertion)
            .ok_or_else(|| refused("the assertion is no signed JWT with an iss"))?;
        let keys =
            clients.keys(&client).await.map_err(|error| Failure::Unavailable(error.into()))?;
        let keys = keys.filter(|keys| !keys.is_empty()).ok_or_else(unknown)?;

        let mut issuer = Issuer::new(&*client)
            .keys(Keys::from(keys))
            .algorithms(self.algorithms.iter().copied())
            .leeway(self.leeway)
            .require_claim("jti")
            .may_assert_nothing();
        for audience in &self.audiences {
            issuer = issuer.audience(audience);
        }
        issuer = match purpose {
            Purpose::Authentication => issuer
                .accept_types(["JWT", "client-authentication+jwt"])
                .check_claim(ClaimRule::one_of("sub", [&*client])),
            Purpose::Grant => issuer.accept_types(["JWT"]).require_claim("sub"),
        };
        let verifier = Verifier::builder()
            .trust(issuer.accept_untyped())
            .clock(Arc::clone(clock))
            .cache(Cache::off())
            .build::<IgnoredAny>()
            .map_err(|error| Failure::Unavailable(error.into()))?;
        let verified = verifier.verify(assertion).map_err(rejected)?.without_revocation();
        self.check(&client, &verified, replays, clock).await
    }

    /// What is asked of an assertion beyond what is asked of any token.
    async fn check(
        &self,
        client: &str,
        verified: &Verified<IgnoredAny>,
        replays: &impl ReplayStore,
        clock: &Arc<dyn Clock>,
    ) -> Result<Asserted, Failure> {
        let (Some(subject), Some(id), Some(expires_at)) = (
            Verified::subject(verified),
            Verified::token_id(verified),
            Verified::expires_at(verified),
        ) else {
            return Err(refused("the assertion lacks sub, jti or exp"));
        };
        // whom else it is for could use it here
        if Verified::audience(verified).count() != 1 {
            return Err(refused("the assertion must be for this server alone"));
        }
        let now = clock.now();
        if expires_at > now.saturating_add(self.max_lifetime).saturating_add(self.leeway) {
            return Err(refused("the assertion lives too long"));
        }
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(refused("the jti of the assertion is empty or too long"));
        }
        let until = expires_at.saturating_add(self.leeway);
        let first = replays.first_use(client, id, until, now).await;
        if !first.map_err(|error| Failure::Unavailable(error.into()))? {
            return Err(refused("the assertion was used before"));
        }
        Ok(Asserted { client: client.to_owned(), subject: subject.to_owned() })
    }
}

fn refused(why: &str) -> Failure {
    Failure::Refused(why.to_owned())
}

/// The log has the diagnosis, the client the kind.
fn rejected(rejection: Rejection) -> Failure {
    if rejection.kind().is_outage() {
        return Failure::Unavailable(rejection.into());
    }
    tracing::debug!(target: "portcullis", "an assertion is refused: {rejection}");
    Failure::Refused(rejection.kind().title().replace("token", "assertion"))
}

fn untrusted_issuer(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Payload {
        iss: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Payload>(&payload).ok().map(|payload| payload.iss)
}
