//! The keys that sign tokens: kept in the database, rotated on demand.

use std::sync::Arc;

use portcullis_axum::{Algorithm, Clock as _, Keys, SystemClock, Timestamp};
use portcullis_issuer::{IssuerError, KeyEntry, Minted, SigningKey, SigningKeys, TokenIssuer};
use tokio::sync::Mutex;

use crate::auth::{AUDIENCE, ISSUER, LEEWAY, LIFETIME, Payroll};
use crate::db::{Db, Earlier, StoredKey};
use crate::problem::Problem;
use crate::revocation::Revocations;

const ALGORITHM: Algorithm = Algorithm::ES256;

/// Signs tokens. Clones share the keys.
#[derive(Clone)]
pub(crate) struct KeyRing {
    keys: SigningKeys,
    issuer: TokenIssuer,
    db: Db,
    /// Held while the keys change in the database and then in memory.
    rotating: Arc<Mutex<()>>,
}

impl KeyRing {
    /// The keys of the database; a first one if there are none.
    pub(crate) async fn load(db: Db) -> anyhow::Result<Self> {
        let mut stored = db.signing_keys().await?;
        if stored.is_empty() {
            let key = SigningKey::generate(ALGORITHM)?;
            write(&db, &key, Earlier::Withdraw).await?;
            stored = db.signing_keys().await?;
        }
        let entries = stored.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let overlap = LIFETIME + LEEWAY;
        let keys = SigningKeys::builder().overlap(overlap).entries(entries).build()?;
        let issuer = TokenIssuer::builder(ISSUER, keys.clone())
            .audience(AUDIENCE)
            // its own users sign in here, with nothing in between
            .client_id(AUDIENCE)
            .lifetime(LIFETIME)
            .build()?;
        Ok(Self { keys, issuer, db, rotating: Arc::default() })
    }

    /// The keys that verify. They follow every rotation.
    pub(crate) fn verification_keys(&self) -> Keys {
        self.keys.verification_keys()
    }

    /// A token for this user, which works at once.
    pub(crate) async fn mint(
        &self,
        name: &str,
        role: &str,
        revocations: &Revocations,
    ) -> Result<Minted, Problem> {
        // a user who has just signed out everywhere waits for the next second
        self.issuer.wait_past_cutoff(revocations.store(), name).await?;
        let minted = self.issuer.mint(&Payroll { sub: name.into(), roles: vec![role.into()] })?;
        // listed before it is handed out
        revocations.listed(&minted, name).await?;
        Ok(minted)
    }

    /// Puts a new key in place; with `withdraw` no earlier one verifies any more.
    pub(crate) async fn rotate(&self, withdraw: bool) -> Result<(), Problem> {
        let ring = self.clone();
        // A task, which goes on if the client hangs up: what stands in the database must come to
        // hold in memory too.
        let rotation = tokio::spawn(async move { ring.rotate_in_order(withdraw).await });
        rotation.await.unwrap_or_else(|error| Err(Problem::unavailable(&error)))
    }

    async fn rotate_in_order(&self, withdraw: bool) -> Result<(), Problem> {
        let _one_at_a_time = self.rotating.lock().await;
        let key = SigningKey::generate(ALGORITHM)?;
        // written down before it signs: a token must not outlive the memory of its key
        if withdraw {
            write(&self.db, &key, Earlier::Withdraw).await?;
            self.keys.rotate_and_revoke(key)?;
        } else {
            write(&self.db, &key, Earlier::Keep { overlap: self.keys.overlap() }).await?;
            self.keys.rotate(key)?;
        }
        Ok(())
    }
}

fn entry(stored: StoredKey) -> Result<KeyEntry, IssuerError> {
    let key = SigningKey::from_private_bytes(ALGORITHM, stored.private)?;
    let entry = KeyEntry::new(key, Timestamp::from_secs(stored.created_at));
    Ok(match stored.retired_at {
        Some(retired_at) => entry.with_retired_at(Timestamp::from_secs(retired_at)),
        None => entry,
    })
}

async fn write(db: &Db, key: &SigningKey, earlier: Earlier) -> Result<(), Problem> {
    let private = key.to_private_bytes()?.to_vec();
    Ok(db.add_signing_key(private, SystemClock::new().now().as_secs(), earlier).await?)
}
