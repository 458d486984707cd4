//! Those who mint, revoke and rotate while the clients ask.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{Algorithm, Entry, Revoke, Target};
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use portcullis_sqlite::SqliteStore;
use tokio::time::sleep;

use super::model::{Model, Pool, Token};
use super::random::Random;
use super::server::{Claims, ISSUER};

/// How many users there are.
const SUBJECTS: u64 = 200;

/// Mints tokens for users by turns, for ever.
pub(crate) async fn mint(issuer: TokenIssuer, pool: Arc<Pool>) -> Result<()> {
    let mut random = Random::new(1);
    loop {
        // the pace: 200 a second
        sleep(Duration::from_millis(5)).await;
        let subject = format!("user-{}", random.below(SUBJECTS));
        let minted = issuer.mint(&Claims { sub: subject.clone() })?;
        let kid = kid_of(minted.token()).context("a minted token has a `kid`")?;
        let times = [minted.issued_at(), minted.expires_at()];
        pool.add(Token::new(
            minted.token().to_owned(),
            minted.id().to_owned(),
            subject,
            kid,
            times,
        ));
    }
}

fn kid_of(token: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    Some(header.get("kid")?.as_str()?.to_owned())
}

/// Denies tokens and cuts off users, for ever. A store that is out is told again later, as a service
/// would; until it acknowledges, either answer is right.
pub(crate) async fn revoke(model: Arc<Model>, pool: Arc<Pool>, store: SqliteStore) -> Result<()> {
    let mut random = Random::new(2);
    loop {
        // the pace: 50 a second
        sleep(Duration::from_millis(20)).await;
        // a young one, so that it is not expired anyway
        let Some(token) = pool.draw(1.0 - random.share() / 8.0) else { continue };
        if random.below(10) > 0 {
            model.deny_begins(&token);
            let entry = Entry::deny(Target::token(ISSUER, &token.id)).expiring_at(token.expires);
            if store.revoke(entry).await.is_ok() {
                model.deny_done(&token);
            }
        } else {
            let at = model.cutoff_begins(&token.subject);
            let entry = Entry::not_before_now(Target::subject(ISSUER, &token.subject));
            if let Ok(done) = store.revoke(entry).await {
                let cutoff = done.cutoff().context("a cutoff is told")?;
                model.cutoff_done(&token.subject, at, cutoff);
            }
        }
    }
}

/// Rotates the signing keys, for ever; every third time the earlier ones are withdrawn at once.
pub(crate) async fn rotate(model: Arc<Model>, keys: SigningKeys) -> Result<()> {
    for turn in 1u64.. {
        // the pace: tokens of several keys are about at a time
        sleep(Duration::from_secs(3)).await;
        let algorithm = [Algorithm::ES256, Algorithm::EdDSA][usize::from(turn % 2 == 0)];
        let key = SigningKey::generate(algorithm)?;
        let earlier: Vec<_> =
            keys.entries().iter().map(|entry| entry.key().key_id().to_owned()).collect();
        if turn % 3 == 0 {
            model.withdrawal_begins(&earlier);
            keys.rotate_and_revoke(key)?;
            model.withdrawal_done(&earlier);
        } else {
            keys.rotate(key)?;
        }
        // those that retired for good meanwhile: their tokens are long expired
        let left: Vec<_> =
            keys.entries().iter().map(|entry| entry.key().key_id().to_owned()).collect();
        let gone: Vec<_> = earlier.into_iter().filter(|kid| !left.contains(kid)).collect();
        model.withdrawal_begins(&gone);
        model.withdrawal_done(&gone);
    }
    Ok(())
}
