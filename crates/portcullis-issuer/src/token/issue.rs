//! Issuing: minting, after what revocation asks for is done.

use std::future::Future;
use std::time::Duration;

use portcullis_core::Target;
use serde::Serialize;

use super::claims::Written;
use super::{Minted, TokenBuilder};
use crate::cutoff::wait_past;
use crate::error::IssuerError;

impl<C: Serialize> TokenBuilder<'_, C> {
    /// Signs it once it will not be refused for a cutoff of this very second, sleeping with `sleep`, and
    /// with the generation that is in force.
    ///
    /// A whole-second `iat` stands for any moment of its second, so somebody who signs in within the
    /// second of a sign-out would get a token that is refused. This waits for the next second where, and
    /// only where, the [cutoffs](super::TokenIssuerBuilder::cutoffs) of the subject, its session, client
    /// or issuer ask for that. Without a store of cutoffs it never waits; without one of
    /// [generations](super::TokenIssuerBuilder::generations) it writes the generation that was
    /// [set](Self::generation), if one was.
    ///
    /// # Errors
    ///
    /// As [`mint`](Self::mint). If a store can't be asked
    /// ([`StoreUnavailable`](crate::IssuerErrorKind::StoreUnavailable)), or if the cutoff lies more than five
    /// seconds ahead ([`CutoffAhead`](crate::IssuerErrorKind::CutoffAhead)).
    pub async fn issue_with<F: Future<Output = ()>>(
        mut self,
        sleep: impl FnMut(Duration) -> F,
    ) -> Result<Minted, IssuerError> {
        let settings = self.issuer.settings();
        let claims = Written::new(self.claims)?;
        let own =
            |set: Option<&str>, name: &str| set.map(str::to_owned).or_else(|| claims.text(name));
        let subject = own(self.subject, "sub");
        let client = own(self.client, "client_id").or_else(|| settings.client.clone());
        let session = own(self.session, "sid");
        if let Some(cutoffs) = &settings.cutoffs {
            let name = &*settings.name;
            let mut targets = vec![Target::issuer_wide(name), Target::everything()];
            targets.extend(subject.as_deref().map(|subject| Target::subject(name, subject)));
            targets.extend(client.as_deref().map(|client| Target::client(name, client)));
            targets.extend(session.as_deref().map(|session| Target::session(name, session)));
            targets.retain(|target| cutoffs.kinds().contains(&target.kind()));
            if !targets.is_empty() {
                wait_past(&**cutoffs, &targets, &*settings.clock, sleep).await?;
            }
        }
        if let (Some(generations), Some(subject), None) =
            (&settings.generations, subject.as_deref(), self.generation)
        {
            let target = Target::subject(&settings.name, subject);
            let generation = generations.min_generation(target).await?;
            self.generation = Some(generation.unwrap_or(0));
        }
        self.mint_written(&claims)
    }

    /// [`issue_with`](Self::issue_with) on tokio's clock: the way to sign somebody in.
    ///
    /// # Errors
    ///
    /// As [`issue_with`](Self::issue_with).
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::{Algorithm, MemoryStore};
    /// use portcullis_issuer::{SigningKey, TokenIssuer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let revocations = MemoryStore::new();
    /// let issuer = TokenIssuer::builder("https://me.example", SigningKey::generate(Algorithm::ES256)?)
    ///     .audience("payroll")
    ///     .client_id("payroll-web")
    ///     .cutoffs(revocations.clone())
    ///     .build()?;
    ///
    /// let claims = serde_json::json!({"roles": ["reader"]});
    /// let minted = issuer.token(&claims).subject("bob").session("s-1").issue().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tokio")]
    pub async fn issue(self) -> Result<Minted, IssuerError> {
        self.issue_with(tokio::time::sleep).await
    }
}
